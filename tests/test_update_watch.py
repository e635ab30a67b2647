"""An update that did not work is noticed within a minute, whatever stands in its file."""

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from appliance.gate.update_watch import LOOK_SECONDS, UpdateWatch
from appliance.update import outcome_file
from appliance.update.outcome import Outcome, State

NOW = 1_796_000_000


def watched(read):
    ticks = [0.0]
    return UpdateWatch(read, lambda: NOW, lambda: ticks[0]), ticks


@given(st.lists(st.one_of(st.none(), st.sampled_from(State)), max_size=20))
def test_it_is_looked_at_once_a_minute(states):
    left = [None if one is None else Outcome("9", "stick", one, NOW) for one in states]
    given_ = list(left)
    watch, ticks = watched(lambda: left.pop(0))
    seen = []
    for _ in given_:
        watch.look()
        seen.append(watch.is_wrong)
        ticks[0] += LOOK_SECONDS - 1
        watch.look()  # too early
        ticks[0] += 1

    assert seen == [one is not None and one.is_wrong(NOW) for one in given_]
    assert left == []


def test_a_slot_that_was_given_up_is_wrong_until_an_update_is_kept(tmp_path):
    watch, ticks = watched(partial(outcome_file.read, tmp_path))
    seen = []
    for state in (None, State.GIVEN_UP, State.KEPT, State.FAILED, b"nonsense"):
        if isinstance(state, State):
            outcome_file.write(tmp_path, Outcome("9", "hand", state, NOW))
        elif state:
            (tmp_path / outcome_file.NAME).write_bytes(state)
        watch.look()
        seen.append(watch.is_wrong)
        ticks[0] += LOOK_SECONDS

    assert seen == [False, True, False, True, False]
