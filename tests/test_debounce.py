"""Invariant: whatever an input does, a level counts exactly when it was stable for long enough, at
that very time, and what counts never repeats itself."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from appliance.door_config import GateConfig
from appliance.gate.debounce import Debounce
from appliance.gate.events import Event
from appliance.gate.inputs import EVENTS, NAMES, Inputs

CONFIG = GateConfig(debounce_ms=50, exit_debounce_ms=20)
GAPS = st.lists(st.tuples(st.integers(0, 120), st.booleans()), max_size=60)


def changes(edges, stable_ms, looks=()):
    """What counts, and when, of raw `edges`; `looks` are times at which somebody looks, too."""
    input_, found = Debounce(stable_ms), []
    for now, raw in sorted([*edges, *((look, None) for look in looks)], key=lambda one: one[0]):
        due, after = input_.due(), input_.settled(now)
        if after.level is not input_.level:
            found.append((due, after.level))
        input_ = after if raw is None else after.seen(raw, now)
    return found


def by_definition(edges, stable_ms, end):
    """The same by the definition, from the whole history at once."""
    runs = []
    for now, raw in edges:
        if not runs or runs[-1][1] is not raw:
            runs.append((now, raw))
    found = []
    for (start, raw), (stop, _) in pairwise([*runs, (end, None)]):
        if stop - start >= stable_ms and (not found or found[-1][1] is not raw):
            found.append((start + stable_ms, raw))
    return found


def timeline(gaps):
    now, edges = 0, []
    for gap, raw in gaps:
        now += gap
        edges.append((now, raw))
    return edges, now


@given(GAPS, st.integers(1, 100), st.lists(st.integers(0, 4_000), max_size=20))
def test_a_level_counts_exactly_when_it_was_stable_for_long_enough(gaps, stable_ms, looks):
    edges, last = timeline(gaps)
    end = max([last, *looks]) + stable_ms

    found = changes(edges, stable_ms, [*looks, end])

    assert found == by_definition(edges, stable_ms, end)
    assert all(before[1] is not after[1] for before, after in pairwise(found))


@given(GAPS, st.lists(st.integers(0, 4_000), max_size=20))
def test_how_often_somebody_looks_changes_nothing(gaps, looks):
    edges, last = timeline(gaps)
    end = max([last, *looks]) + 50

    assert changes(edges, 50, [*looks, end]) == changes(edges, 50, [end])


def test_an_input_of_the_standards_length_is_heard_with_the_slowest_setting():
    slowest = Inputs(GateConfig(debounce_ms=200))
    for name in NAMES:
        inputs, _ = slowest.seen(name, False, 0)
        inputs, _ = inputs.passed(1_000)
        inputs, _ = inputs.seen(name, True, 2_000)
        inputs, heard = inputs.seen(name, False, 2_400)

        assert heard == ((EVENTS[name, False, True], 2_000 + (20 if name == "exit" else 200)),)


def test_the_first_level_is_how_an_input_was_found_and_asks_for_nothing():
    inputs = Inputs(CONFIG)
    for name in NAMES:
        inputs, heard = inputs.seen(name, True, 0)
        assert heard == ()
    inputs, heard = inputs.passed(50)

    assert heard == (
        (Event.FIRE_ON, 50),
        (Event.CONTACT_FOUND_OPEN, 50),
        (Event.TAMPER_ON, 50),
    )
    inputs, heard = inputs.seen("exit", False, 60)
    assert heard == ()
    inputs, heard = inputs.seen("exit", True, 100)
    assert heard == ((Event.EXIT_RELEASED, 80),)
    assert inputs.passed(120)[1] == ((Event.EXIT_PRESSED, 120),)


def test_inputs_found_at_rest_end_what_may_have_been_left_over():
    inputs = Inputs(CONFIG)
    for name in NAMES:
        inputs, _ = inputs.seen(name, False, 0)

    assert inputs.passed(50)[1] == (
        (Event.EXIT_RELEASED, 20),
        (Event.FIRE_OFF, 50),
        (Event.CONTACT_FOUND_CLOSED, 50),
        (Event.TAMPER_OFF, 50),
    )


def test_nothing_is_due_while_nothing_is_uncertain():
    inputs = Inputs(CONFIG)
    assert inputs.next_due() is None
    inputs, _ = inputs.seen("contact", True, 10)
    inputs, _ = inputs.seen("exit", True, 15)
    assert inputs.next_due() == 35
    inputs, _ = inputs.passed(60)
    assert inputs.next_due() is None


def test_an_input_that_is_not_debounced_is_heard_at_once():
    inputs = Inputs(GateConfig(debounce_ms=0, exit_debounce_ms=0))
    _, heard = inputs.seen("contact", True, 7)
    assert heard == ((Event.CONTACT_FOUND_OPEN, 7),)


def test_a_bounce_shorter_than_the_setting_is_never_heard():
    inputs, _ = Inputs(CONFIG).seen("contact", False, 0)
    inputs, _ = inputs.passed(50)
    heard = []
    for now in range(100, 10_000, 49):
        inputs, events = inputs.seen("contact", (now // 49) % 2 == 0, now)
        heard += events
    assert heard == []
