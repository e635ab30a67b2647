"""The time floor and the grade of a clock."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yard import NOW

from ledger_sync.clock import Grade, Reading, floor_of, grade_of

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
