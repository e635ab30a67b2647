"""The time floor and the grade of a clock."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yard import NOW

from ledger_sync.clock import Grade, Hybrid, Reading, believed, floor_of, grade_of

GOOD, FAIR, POOR = Grade
YEAR, DAY = 365 * 86_400, 86_400
times = st.integers(0, 2**63 - 1)


@pytest.mark.parametrize(
    ("synchronised", "error", "has_chip", "grade"),
    [
        (True, 0, False, GOOD),
        (True, 2, True, GOOD),
        (True, 3, True, FAIR),
        (True, 3, False, FAIR),
        (False, 0, True, FAIR),
        (False, 99, True, FAIR),
        (False, 0, False, POOR),
        (False, 99, False, POOR),
    ],
)
def test_a_plausible_clock_is_graded_by_what_keeps_it(synchronised, error, has_chip, grade):
    assert grade_of(Reading(NOW, synchronised, error, has_chip), NOW - DAY) == grade


@pytest.mark.parametrize(
    ("now", "grade"),
    [
        (0, POOR),  # never set: 1970
        (NOW - DAY, POOR),  # a day back
        (NOW - 1, POOR),
        (NOW, GOOD),
        (NOW + DAY, GOOD),
        (NOW + 10 * YEAR, GOOD),
        (NOW + 20 * YEAR, GOOD),
        (NOW + 20 * YEAR + 1, POOR),
        (2**63, POOR),
    ],
)
def test_a_clock_before_the_floor_or_far_beyond_it_is_poor_whatever_it_says_of_itself(now, grade):
    assert grade_of(Reading(now, True, 0, True), NOW) == grade


@pytest.mark.parametrize("now", [0, NOW - 1, NOW, NOW + 20 * YEAR, NOW + 20 * YEAR + 1, 2**63])
def test_a_clock_is_believed_within_its_bounds_and_else_the_floor_is(now):
    is_right = NOW <= now <= NOW + 20 * YEAR

    assert believed(now, NOW) == (now if is_right else NOW)


def test_grades_are_logged_as_numbers_from_best_to_worst():
    assert [GOOD, FAIR, POOR] == [0, 1, 2]


@pytest.mark.parametrize("latest", range(3))
def test_the_floor_is_the_latest_of_its_three_sources(latest):
    stored, quorum, build = (NOW + (at == latest) for at in range(3))

    assert floor_of(stored=stored, quorum_time=quorum, build_time=build) == NOW + 1


@settings(max_examples=60, deadline=None)
@given(times, st.lists(st.tuples(times, times), max_size=20))
def test_the_floor_never_falls_whatever_comes_in(stored, readings):
    for quorum, build in readings:
        floor = floor_of(stored=stored, quorum_time=quorum, build_time=build)
        assert floor >= stored
        stored = floor


# The clock that orders checks of several terminals.


def test_a_hybrid_time_is_the_wall_clock_in_milliseconds_over_a_counter():
    hybrid = Hybrid()

    assert hybrid.next(NOW) == NOW * 1_000 << 16
    assert [hybrid.next(NOW) for _ in range(3)] == [(NOW * 1_000 << 16) + n for n in (1, 2, 3)]
    assert hybrid.next(NOW + 1) == (NOW + 1) * 1_000 << 16


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), times), min_size=2))
def test_a_hybrid_time_goes_up_whatever_the_clock_does_and_is_heard(steps):
    hybrid, seen = Hybrid(), [-1]
    for is_heard, value in steps:
        if is_heard:
            hybrid.heard(value % 2**62)
            assert hybrid.last >= value % 2**62
        else:
            seen.append(hybrid.next(value % 2**36))

    assert seen == sorted(set(seen))


def test_what_is_heard_from_before_changes_nothing():
    hybrid = Hybrid(last=9)

    hybrid.heard(8)

    assert (hybrid.next(0), hybrid.last) == (10, 10)


def test_two_clocks_that_hear_each_other_order_what_follows():
    slow, quick = Hybrid(), Hybrid()

    first = quick.next(NOW + 50)
    slow.heard(first)
    second = slow.next(NOW)
    quick.heard(second)

    assert first < second < quick.next(NOW)


@pytest.mark.parametrize("now", [2**48, 2**63 - 1])
def test_a_hybrid_time_stays_within_63_bits(now):
    hybrid = Hybrid()

    assert hybrid.next(now) == hybrid.next(now) == 2**63 - 1
