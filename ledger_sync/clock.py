"""What a terminal may believe about the time: a floor that never falls, and a grade.

Pure: readings of clocks come in as numbers. All times are Unix seconds UTC. FORMAT.md section 9.
"""

import enum
from dataclasses import dataclass

GOOD_ERROR_SECONDS = 2
PLAUSIBLE_SECONDS = 20 * 365 * 86_400  # a clock this far past the floor is not believed


class Grade(enum.IntEnum):
    """How far a time stamp can be trusted; stands in every check."""

    GOOD = 0  # synchronised, error bound within 2 s
    FAIR = 1  # kept by a clock chip, not synchronised now
    POOR = 2  # before the floor, far beyond it, or never set


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the system clock, and what is known of it.

    `synchronised`: a time source disciplines it now, to within `error_seconds`. `has_chip`: a
    battery-backed clock chip kept it over the last power cut.
    """

    now: int
    synchronised: bool
    error_seconds: int
    has_chip: bool


def floor_of(*, stored: int, quorum_time: int, build_time: int) -> int:
    """The latest moment that is certainly past. Only a quorum or a new build raises it."""
    return max(stored, quorum_time, build_time)


def believed(now: int, floor: int) -> int:
    """What a clock says if it can be right, else the floor: it is wrong before the floor and far
    beyond it, whatever it says of itself."""
    return now if floor <= now <= floor + PLAUSIBLE_SECONDS else floor


def grade_of(reading: Reading, floor: int) -> Grade:
    """GOOD, FAIR or POOR, which a clock that cannot be right is."""
    if believed(reading.now, floor) != reading.now:
        return Grade.POOR
    if reading.synchronised and reading.error_seconds <= GOOD_ERROR_SECONDS:
        return Grade.GOOD
    return Grade.FAIR if reading.synchronised or reading.has_chip else Grade.POOR


class Hybrid:
    """A hybrid logical clock: never back, never behind what was heard, close to the wall clock.

    A value is milliseconds of Unix time in the upper 48 bits and a counter in the lower 16. It
    orders what readers see; no verdict depends on it. Kulkarni et al., Logical Physical Clocks,
    2014.
    """

    __slots__ = ("last",)

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def next(self, now: int) -> int:
        """The value of an event at `now` (Unix seconds), above every one before."""
        following, clock = self.last + 1, now * 1_000 << 16
        self.last = min(clock if clock > following else following, _LAST_HYBRID)
        return self.last

    def heard(self, value: int) -> None:
        """Takes over a value from elsewhere, if it is later."""
        self.last = max(self.last, value)


_LAST_HYBRID = 2**63 - 1
