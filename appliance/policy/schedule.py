"""Local time: which minute of which day a moment is at a site, and windows of the day. Pure.

    >>> moment(Zone((), (28_800,)), 1_767_225_600)   # 2026-01-01T00:00Z in Shanghai
    Moment(minute=480, weekday=4, day=20454)

A zone is a table of its changes, made from the system's data by appliance/zones.py: rules and
replays know no time zone, and the minute stands in the check.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

MINUTES = 1_440  # of a day; summer time makes some days longer, not their last minute later
_DAY = 86_400
_CLOCK = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Zone(NamedTuple):
    """Seconds east of UTC: `offsets[0]` before the first of `changes` (Unix seconds, rising),
    `offsets[n]` from the n-th on."""

    changes: tuple[int, ...]
    offsets: tuple[int, ...]


UTC = Zone((), (0,))


class Moment(NamedTuple):
    """Minute of the day (0 to 1439), ISO weekday (1 Monday), days since 1970-01-01; all local."""

    minute: int
    weekday: int
    day: int


class Window(NamedTuple):
    """From minute `begin` up to, not including, `end`, on weekdays of a mask (bit 1 Monday)."""

    begin: int
    end: int
    days: int = 0b1111_1110


def moment(zone: Zone, now: int) -> Moment:
    """What the clocks on the wall show at `now` (Unix seconds)."""
    local = now + zone.offsets[bisect_right(zone.changes, now)]
    day, second = divmod(local, _DAY)
    return Moment(second // 60, (day + 3) % 7 + 1, day)


def is_within(windows: Sequence[Window], at: Moment) -> bool:
    """Whether a moment is in one of these windows."""
    return any(one.begin <= at.minute < one.end and one.days >> at.weekday & 1 for one in windows)


def minute_of(text: object) -> int | None:
    """`"22:30"` as a minute of the day; `"24:00"` is its end. None for anything else."""
    found = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    minute = int(found[1]) * 60 + int(found[2]) if found else MINUTES + 1
    return minute if minute <= MINUTES else None


def day_of(text: object) -> int | None:
    """`"2026-10-01"` as days since 1970-01-01; None for anything that is no date."""
    found = _DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day = map(int, found.groups())
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= _length(year, month)):
        return None
    before = year - 1
    leaps = before // 4 - before // 100 + before // 400
    months = sum(_length(year, one) for one in range(1, month))
    return 365 * before + leaps + months + day - 719_163  # days to 1970-01-01


def _length(year: int, month: int) -> int:
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _MONTHS[month - 1] + (month == 2 and is_leap)
