"""The system's clock as the kernel describes it. The kernel is a function here."""

from types import SimpleNamespace

import pytest

from hw import wall_clock
from hw.wall_clock import MAX_ERROR_SECONDS, TIME_ERROR, WallClock, WallTime

NOW = 1_800_000_000


@pytest.fixture
def clock(monkeypatch, tmp_path):
    """A clock whose kernel answers `state`, with a bound of so many microseconds."""
    monkeypatch.setattr(wall_clock, "time", SimpleNamespace(time=lambda: NOW + 0.999))

    def with_kernel(state, microseconds):
        def adjtimex(pointer):
            assert pointer._obj.modes == 0  # asks, and sets nothing
            pointer._obj.maxerror = microseconds
            return state

        made = WallClock(tmp_path)
        monkeypatch.setattr(made, "_adjtimex", adjtimex)
        return made

    return with_kernel


@pytest.mark.parametrize(
    ("microseconds", "seconds"),
    [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2), (2_000_001, 3)],
)
def test_a_disciplined_clock_has_the_kernels_bound_rounded_up(clock, microseconds, seconds):
    assert clock(0, microseconds).read() == WallTime(NOW, True, seconds, False)


@pytest.mark.parametrize("state", range(TIME_ERROR))
def test_a_leap_second_under_way_does_not_unsettle_the_clock(clock, state):
    assert clock(state, 5).read().synchronised


@pytest.mark.parametrize("state", [TIME_ERROR, TIME_ERROR + 1, -1])
def test_a_clock_nobody_disciplines_has_the_widest_bound_whatever_the_kernel_says(clock, state):
    assert clock(state, 5).read() == WallTime(NOW, False, MAX_ERROR_SECONDS, False)


def test_a_clock_chip_is_one_that_the_kernel_lists(tmp_path):
    assert not WallClock(tmp_path / "no such folder").read().has_chip
    assert not WallClock(tmp_path).read().has_chip

    (tmp_path / "rtc0").mkdir()

    assert WallClock(tmp_path).read().has_chip


def test_the_kernel_of_this_machine_answers_within_its_own_bounds():
    read = WallClock().read()

    assert 0 <= read.error_seconds <= MAX_ERROR_SECONDS
    assert type(read.now) is int
    assert read.synchronised or read.error_seconds == MAX_ERROR_SECONDS
