"""The days that a report is of, by the clocks of the site. Pure."""

from typing import NamedTuple

from appliance.policy.schedule import Zone, day_of, moment
from ledger_sync.errors import Refused

DAY = 86_400
MAX_DAYS = 400  # of one report


class Span(NamedTuple):
    """From the first second of one day up to, not including, the last one's end; Unix seconds."""

    begin: int
    end: int

    def __contains__(self, at: object) -> bool:
        return isinstance(at, int) and self.begin <= at < self.end


def begin_of(zone: Zone, day: int) -> int:
    """The first second of a local day (days since 1970-01-01). Where the clocks go forward at
    midnight, the day begins with the first minute that there is."""
    guess = day * DAY - zone.offsets[0]
    for offset in {*zone.offsets}:
        at = day * DAY - offset
        if moment(zone, at).day == day and moment(zone, at - 1).day < day:
            return at
    changes = (at for at in zone.changes if moment(zone, at).day == day)
    return next(changes, guess)


def today(zone: Zone, now: int) -> int:
    """Which day it is at the site."""
    return moment(zone, now).day


def day_named(text: str) -> int:
    """The day of `2026-01-31`. Raises `Refused`."""
    day = day_of(text)
    if day is None:
        raise Refused(f"{text[:40]!r} is no day such as 2026-01-31")
    return day


def span_of(zone: Zone, now: int, first: str | None, last: str | None, days: int) -> Span:
    """From the day `first` to the day `last`, both counted; without them the last `days` days,
    today counted. Raises `Refused` for what is no day, or the wrong way round."""
    end = day_named(last) if last else today(zone, now)
    begin = day_named(first) if first else end - days + 1
    if not 0 <= end - begin < MAX_DAYS:
        what = f"from {first} to {last or 'today'}"
        raise Refused(f"{what} is no span of 1 to {MAX_DAYS} days; give the earlier day first")
    return Span(begin_of(zone, begin), begin_of(zone, end + 1))
