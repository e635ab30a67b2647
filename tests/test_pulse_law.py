"""Whatever is asked in whatever order, the contact keeps to its limits, and off is never far."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.gate.pulse_law import MAX_KEPT, WINDOW_MS, Denied, Granted, PulseLaw, Why
from appliance.relay_limits import Limits

LIMITS = Limits(max_pulse_ms=1_000, gap_ms=200, pulses_a_minute=5, duty_percent=5, lease_ms=500)
START = 1_000_000


def law_of(**limits):
    """A law that began long ago, so that its own start is no gap."""
    law = PulseLaw(Limits(**{"gap_ms": 0, "duty_percent": 100} | limits), START)
    return law


def pulse(law, ms, now, *, owner="a", way_out=False):
    return law.pulse(owner, ms, START + now, way_out=way_out)


def hold(law, now, *, owner="a", way_out=False):
    return law.hold(owner, START + now, way_out=way_out)


def at(law, now):
    """How many ms the contact stays on from `now`; 0 if it is off."""
    law.tick(START + now)
    end = law.deadline()
    return 0 if end is None else end - START - now


def why(answer):
    assert isinstance(answer, Denied), answer
    assert answer.sentence.isascii() and 10 < len(answer.sentence) < 100
    return answer.why


def test_a_contact_is_off_until_somebody_asks():
    law = PulseLaw(LIMITS, START)
    assert [at(law, now) for now in (0, 1, 10**9)] == [0, 0, 0]


def test_a_pulse_ends_at_its_own_time():
    law = law_of()
    assert pulse(law, 700, 10) == Granted(START + 710)
    assert [at(law, now) for now in (10, 709, 710, 711)] == [700, 1, 0, 0]


@pytest.mark.parametrize("ms", [0, -1, 1_001, 10**9])
@pytest.mark.parametrize("way_out", [False, True])
def test_a_length_beyond_the_longest_pulse_is_refused_on_every_way(ms, way_out):
    law = law_of(max_pulse_ms=1_000)
    assert why(pulse(law, ms, 10, way_out=way_out)) is Why.LENGTH
    assert at(law, 10) == 0
    assert pulse(law, 1_000, 10, way_out=way_out) == Granted(START + 1_010)


def test_a_pulse_asked_for_while_another_runs_makes_one_opening_of_both():
    law = law_of(max_pulse_ms=1_000)
    pulse(law, 600, 0)
    assert pulse(law, 600, 300, owner="b") == Granted(START + 900)
    assert pulse(law, 10, 400, owner="c") == Granted(START + 410)
    assert at(law, 400) == 500


def test_pulses_that_overlap_are_never_on_longer_than_the_longest_pulse_from_the_rise():
    law = law_of(max_pulse_ms=1_000, pulses_a_minute=600)
    for now in range(0, 1_000, 50):
        pulse(law, 1_000, now, way_out=True)
    assert [at(law, now) for now in (999, 1_000)] == [1, 0]


def test_the_contact_rests_for_the_gap_before_it_opens_again():
    law = law_of(gap_ms=200)
    assert why(pulse(law, 100, 199)) is Why.GAP
    assert pulse(law, 100, 200) == Granted(START + 300)
    denied = pulse(law, 100, 450)
    assert (why(denied), denied.sentence) == (
        Why.GAP,
        "the contact was on just now; ask again in 50 ms",
    )
    assert pulse(law, 100, 500) == Granted(START + 600)


def test_the_gap_counts_from_when_a_pulse_really_ended_however_late_that_was_seen():
    law = law_of(gap_ms=200)
    pulse(law, 100, 300)
    assert pulse(law, 100, 600) == Granted(START + 700)
    law.end("a", START + 620)
    assert why(pulse(law, 100, 819)) is Why.GAP
    assert pulse(law, 100, 820) == Granted(START + 920)


def test_so_many_openings_a_minute_and_no_more():
    law = law_of(pulses_a_minute=3)
    for now in (0, 1_000, 2_000):
        assert isinstance(pulse(law, 10, now), Granted)
    denied = pulse(law, 10, 3_000)
    assert (why(denied), denied.sentence) == (
        Why.RATE,
        "3 openings in a minute; ask again in 57000 ms",
    )
    assert isinstance(pulse(law, 10, WINDOW_MS), Granted)
    assert why(pulse(law, 10, WINDOW_MS + 999)) is Why.RATE


def test_a_contact_is_on_for_no_more_than_its_share_of_a_minute():
    law = law_of(duty_percent=5)  # 3 s
    assert isinstance(pulse(law, 2_000, 0), Granted)
    assert why(pulse(law, 1_001, 10_000)) is Why.DUTY
    assert isinstance(pulse(law, 1_000, 10_000), Granted)
    assert why(pulse(law, 1, 20_000)) is Why.DUTY
    assert isinstance(pulse(law, 2_000, WINDOW_MS), Granted)


def test_what_was_given_back_does_not_count_as_duty():
    law = law_of(duty_percent=5)
    pulse(law, 3_000, 0)
    law.end("a", START + 100)
    assert isinstance(pulse(law, 2_900, 1_000), Granted)


def test_making_an_opening_longer_counts_as_duty_once():
    law = law_of(duty_percent=5)
    pulse(law, 2_000, 0)
    assert isinstance(pulse(law, 2_000, 1_000), Granted)
    assert why(pulse(law, 2_001, 1_000)) is Why.DUTY
    assert isinstance(pulse(law, 500, 1_100), Granted)


def test_the_way_out_is_blocked_by_neither_gap_rate_nor_duty():
    law = law_of(gap_ms=10_000, pulses_a_minute=1, duty_percent=1, max_pulse_ms=5_000)
    for now in range(0, 2 * WINDOW_MS, 5_000):
        assert pulse(law, 5_000, now, way_out=True) == Granted(START + now + 5_000)
    assert why(pulse(law, 10, 2 * WINDOW_MS)) is Why.GAP
    assert hold(law, 2 * WINDOW_MS, way_out=True) == Granted(START + 2 * WINDOW_MS + 2_000)


def test_what_went_out_counts_against_what_comes_in():
    law = law_of(pulses_a_minute=1)
    pulse(law, 10, 0, way_out=True)
    assert why(pulse(law, 10, 100)) is Why.RATE


def test_the_memory_of_a_way_out_is_bounded():
    law = law_of()
    for now in range(2 * MAX_KEPT):
        pulse(law, 1, 2 * now, way_out=True)
    assert len(law._starts) == len(law._openings) == MAX_KEPT


def test_a_hold_lasts_one_lease_unless_it_is_renewed():
    law = law_of(lease_ms=500)
    assert hold(law, 0) == Granted(START + 500)
    assert law.renew("a", START + 499) == Granted(START + 999)
    assert [at(law, now) for now in (998, 999)] == [1, 0]


def test_a_lease_that_ran_out_cannot_be_renewed():
    law = law_of(lease_ms=500)
    hold(law, 0)
    assert why(law.renew("a", START + 500)) is Why.LEASE
    assert why(law.renew("b", START + 500)) is Why.LEASE
    assert at(law, 500) == 0


def test_holding_again_renews_and_counts_once():
    law = law_of(pulses_a_minute=1, lease_ms=500)
    assert hold(law, 0) == Granted(START + 500)
    assert hold(law, 300) == Granted(START + 800)
    assert why(hold(law, 300, owner="b")) is Why.RATE
    assert law.granted == {"hold": 1} and law.denied == {"rate": 1}


def test_a_hold_is_no_duty_but_keeps_to_the_gap():
    law = law_of(duty_percent=5, gap_ms=100, lease_ms=50_000)
    hold(law, 100)
    law.release("a", START + 50_000)
    assert why(hold(law, 50_099)) is Why.GAP
    assert isinstance(pulse(law, 3_000, 50_100), Granted)


def test_a_lost_owner_takes_its_hold_along_and_leaves_its_pulse():
    law = law_of(lease_ms=500)
    hold(law, 0)
    law.lost("a", START + 100)
    assert at(law, 100) == 0
    pulse(law, 300, 1_000)
    hold(law, 1_000)
    law.lost("a", START + 1_100)
    assert at(law, 1_100) == 200
    law.lost("nobody", START + 1_100)
    law.end("a", START + 1_200)
    assert [at(law, now) for now in (1_200, 1_300)] == [100, 0]


def test_what_one_owner_ends_another_still_needs():
    law = law_of(lease_ms=5_000)
    hold(law, 0)
    hold(law, 0, owner="b")
    law.release("a", START + 10)
    pulse(law, 500, 20)
    law.end("a", START + 30)
    assert at(law, 30) == 4_970
    law.release("b", START + 40)
    assert at(law, 40) == 0


def test_clearing_ends_everything():
    law = law_of()
    pulse(law, 500, 0)
    law.lost("a", START)
    hold(law, 0, owner="b")
    law.clear(START + 1)
    assert at(law, 1) == 0


def test_new_limits_cut_what_runs_and_make_nothing_longer():
    law = law_of(max_pulse_ms=5_000, lease_ms=5_000)
    pulse(law, 4_000, 0)
    hold(law, 0, owner="b")
    law.change(Limits(max_pulse_ms=1_000, lease_ms=500), START + 100)
    assert at(law, 100) == 900
    law.change(Limits(max_pulse_ms=5_000, lease_ms=60_000), START + 200)
    assert at(law, 200) == 800
    law.change(Limits(max_pulse_ms=100), START + 300)
    assert at(law, 300) == 300
    law.change(LIMITS, START + 10_000)
    assert at(law, 10_000) == 0


def test_a_clock_that_goes_back_neither_opens_nor_prolongs():
    law = law_of()
    pulse(law, 500, 1_000)
    law.tick(START + 1_400)
    law.tick(START)
    assert law.deadline() == START + 1_500
    assert pulse(law, 50, 0) == Granted(START + 1_450)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["pulse", "pulse", "hold", "renew", "end", "release", "lost", "tick"]),
        st.sampled_from("ab"),
        st.integers(-1, 1_100),  # ms of a pulse
        st.integers(0, 1_500),  # ms that pass before it
        st.booleans(),  # the way out
    ),
    max_size=60,
)


def run(law, acts, *, ways=(False, True)):
    """Lets it all happen; gives [(ms, on for a pulse, on for anything)], one entry a ms."""
    now, seen = START, []
    for act, owner, ms, passed, way_out in acts:
        for _ in range(passed):
            now += 1
            law.tick(now)
            seen.append((now, law._is_pulsed(), law.deadline() is not None))
        way = way_out if way_out in ways else ways[0]
        match act:
            case "pulse":
                answer = law.pulse(owner, ms, now, way_out=way)
            case "hold":
                answer = law.hold(owner, now, way_out=way)
            case "tick":
                answer = law.tick(now)
            case _:
                answer = getattr(law, act)(owner, now)
        if isinstance(answer, Granted):
            assert now < answer.until <= law.deadline()
            assert answer.until <= now + max(LIMITS.max_pulse_ms, LIMITS.lease_ms)
        if way and act == "pulse" and 1 <= ms <= LIMITS.max_pulse_ms:
            assert isinstance(answer, Granted)
    return seen


@settings(max_examples=40, deadline=None)
@given(acts=ACTS)
def test_no_order_of_requests_keeps_a_pulse_on_beyond_the_longest(acts):
    run_of = 0
    for _, pulsed, _ in run(PulseLaw(LIMITS, START), acts):
        run_of = run_of + 1 if pulsed else 0
        assert run_of <= LIMITS.max_pulse_ms


@settings(max_examples=40, deadline=None)
@given(acts=ACTS)
def test_no_order_of_requests_from_the_way_in_breaks_gap_rate_or_duty(acts):
    law = PulseLaw(LIMITS, START)
    seen = run(law, acts, ways=(False,))
    levels = [(START, False, False), *seen]
    rises = [now for (_, _, before), (now, _, after) in pairwise(levels) if after and not before]
    for first in range(len(rises) - LIMITS.pulses_a_minute):
        assert rises[first + LIMITS.pulses_a_minute] - rises[first] >= WINDOW_MS - 1
    off_for = LIMITS.gap_ms
    for _, _, on in seen:
        if on and off_for:
            assert off_for >= LIMITS.gap_ms - 1
        off_for = 0 if on else off_for + 1
    pulsed = [after for _, after, _ in seen]
    on_time = sum(pulsed[:WINDOW_MS])
    for index in range(len(pulsed)):
        assert on_time <= LIMITS.duty_percent * WINDOW_MS // 100
        on_time -= pulsed[index]
        on_time += pulsed[index + WINDOW_MS] if index + WINDOW_MS < len(pulsed) else 0


@settings(max_examples=40, deadline=None)
@given(acts=ACTS)
def test_an_owner_who_asks_no_more_is_off_within_a_pulse_or_a_lease(acts):
    law = PulseLaw(LIMITS, START)
    seen = run(law, acts)
    now = seen[-1][0] if seen else START
    law.tick(now + max(LIMITS.max_pulse_ms, LIMITS.lease_ms))
    assert law.deadline() is None
