"""A disk that runs low is told once, and once when it is well again, whatever it does between."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.gate.disk_watch import (
    LOOK_SECONDS,
    LOW,
    LOW_BYTES,
    WELL,
    WELL_BYTES,
    DiskWatch,
    free_bytes,
)


def told(*sizes):
    """What a disk of these sizes tells, a look a minute."""
    left, said, now = list(sizes), [], [0.0]
    watch = DiskWatch(lambda: left.pop(0), said.append, lambda: now[0])
    while left:
        watch.look()
        watch.look()  # too early
        now[0] += LOOK_SECONDS
    return said


def test_it_is_told_once_and_once_when_it_is_well():
    assert told(10**12, 9, 9, LOW_BYTES, WELL_BYTES - 1, WELL_BYTES, 10**12) == [LOW, WELL]


def test_a_disk_that_does_not_tell_is_none_that_is_low():
    assert told(-1, -1, 10**12) == []
    assert told(9, -1) == [LOW]


@given(st.lists(st.integers(-1, WELL_BYTES * 2), max_size=30))
def test_what_is_told_takes_turns(sizes):
    said = told(*sizes)
    assert said == [LOW, WELL] * (len(said) // 2) + [LOW] * (len(said) % 2)


def test_the_bytes_are_those_of_the_disk(tmp_path):
    assert free_bytes(tmp_path) > 0
    assert free_bytes(tmp_path / "nowhere") == -1
