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


def grade_of(reading: Reading, floor: int) -> Grade:
    """GOOD, FAIR or POOR. A clock before the floor is wrong, whatever it says of itself."""
    if not floor <= reading.now <= floor + PLAUSIBLE_SECONDS:
        return Grade.POOR
    if reading.synchronised and reading.error_seconds <= GOOD_ERROR_SECONDS:
        return Grade.GOOD
    return Grade.FAIR if reading.synchronised or reading.has_chip else Grade.POOR
