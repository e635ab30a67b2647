"""Instants of CertLogic 1.3: text to milliseconds, calendar arithmetic, and back. Knows no clock.

    2021-08-01T00:00:00.1+1:00  is  2021-07-31T23:00:00.100Z

Docstrings cite the headings of certlogic/specification/README.md, version 1.3.2.
"""

import functools
import re

MAX_TEXT = 1_000  # characters of a date-time; its decimals may be many
MAX_MILLISECONDS = 8_640_000_000_000_000  # on both sides of 1970: the range of an ECMAScript Date
HOUR = 3_600_000  # milliseconds
DAY = 24 * HOUR
UNITS = ("year", "month", "day", "hour")

_PARTIAL = r"(\d{4})(?:-(\d{2})(?:-(\d{2})"
_OFFSET = r"Z|([+-])(\d{1,2})(?::?(\d{2}))?"
_TIME = rf"T(\d{{2}}):(\d{{2}}):(\d{{2}})(?:\.(\d+))?(?:{_OFFSET})?"
_DATE_TIME = re.compile(rf"{_PARTIAL}(?:{_TIME})?)?)?", re.ASCII)
_DATE = re.compile(rf"{_PARTIAL})?)?", re.ASCII)
_CYCLE_DAYS = 146_097  # of 400 years
_EPOCH_DAY = 719_468  # from 0000-03-01 to 1970-01-01


class Instant(int):
    """Milliseconds since 1970-01-01T00:00:00Z. Its text is that of an ECMAScript Date in JSON."""

    __slots__ = ()

    def __str__(self) -> str:
        days, milliseconds = divmod(int(self), DAY)
        year, month, day = _civil(days)
        seconds, milliseconds = divmod(milliseconds, 1_000)
        minutes, second = divmod(seconds, 60)
        shown = f"{year:04d}" if 0 <= year <= 9_999 else f"{year:+07d}"
        clock = f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{milliseconds:03d}"
        return f"{shown}-{month:02d}-{day:02d}T{clock}Z"


def plus_time(text: str, amount: int, unit: str) -> Instant | None:
    """`text` as an instant, moved by `amount` of a unit of `UNITS`; None if it is no date-time or
    leaves the range. A partial date is its last day (plusTime)."""
    return _plus_time(text, amount, unit) if len(text) <= MAX_TEXT else None


@functools.lru_cache(maxsize=256)  # the same date of a pass, the same time of a check in each rule
def _plus_time(text: str, amount: int, unit: str) -> Instant | None:
    start = _milliseconds(_DATE_TIME, text)
    if start is None:
        return None
    if unit == "hour":
        moved = start + amount * HOUR
    elif unit == "day":
        moved = start + amount * DAY
    else:
        moved = _plus_months(start, amount if unit == "month" else 12 * amount)
    return Instant(moved) if abs(moved) <= MAX_MILLISECONDS else None


def date_of_birth(text: str) -> Instant | None:
    """The last day that `text` (YYYY, YYYY-MM or YYYY-MM-DD) may mean, None if it is no such date
    (dccDateOfBirth)."""
    start = _milliseconds(_DATE, text)
    return None if start is None else Instant(start)


def _milliseconds(form: re.Pattern[str], text: str) -> int | None:
    match = form.fullmatch(text)
    if match is None:
        return None
    year, month, day, *clock = match.groups()
    days = _last_day(int(year), int(month or 12), int(day) if day else None)
    since_midnight = _since_midnight(*clock) if clock and clock[0] else 0
    return None if days is None or since_midnight is None else days * DAY + since_midnight


def _last_day(year: int, month: int, day: int | None) -> int | None:
    """The day's number from 1970, that of the month's last day without a day; None for no date."""
    if not 1 <= month <= 12:
        return None
    first, after = _days(year, month, 1), _days(year, month + 1, 1)
    if day is None:
        return after - 1
    return first + day - 1 if 1 <= day <= after - first else None


def _since_midnight(
    hour: str,
    minute: str,
    second: str,
    decimals: str | None,
    sign: str | None,
    offset_hour: str | None,
    offset_minute: str | None,
) -> int | None:
    """Milliseconds from midnight UTC; decimals beyond the third are ignored, no offset is Z."""
    minutes = 60 * int(hour) + int(minute)
    offset = 60 * int(offset_hour or 0) + int(offset_minute or 0)
    if int(minute) > 59 or int(second) > 59 or int(offset_minute or 0) > 59:
        return None
    if minutes >= 24 * 60 or offset >= 24 * 60:
        return None
    minutes += offset if sign == "-" else -offset
    return (60 * minutes + int(second)) * 1_000 + int((decimals or "")[:3].ljust(3, "0"))


def _plus_months(start: int, months: int) -> int:
    """As setUTCMonth and setUTCFullYear: a day that the month lacks runs into the next month."""
    days, milliseconds = divmod(start, DAY)
    year, month, day = _civil(days)
    return (_days(year, month + months, 1) + day - 1) * DAY + milliseconds


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01, Gregorian; months beyond 1 to 12 run into other years."""
    years, month = divmod(month - 3, 12)  # years begin in March, so that leap days are last
    year += years
    return (
        365 * year
        + year // 4
        - year // 100
        + year // 400
        + (153 * month + 2) // 5
        + (day - 1 - _EPOCH_DAY)
    )


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of `_days`."""
    cycle, day = divmod(days + _EPOCH_DAY, _CYCLE_DAYS)
    year = (day - day // 1_460 + day // 36_524 - day // (_CYCLE_DAYS - 1)) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    date = day - (153 * month + 2) // 5 + 1
    years, month = divmod(month + 2, 12)
    return 400 * cycle + year + years, month + 1, date
