"""Time zones by name, from the system's data or the package `tzdata`, as plain tables.

Beside appliance/policy, which is pure and takes the table.
"""

import functools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appliance.policy.schedule import Zone
from ledger_sync.errors import Refused

FIRST_YEAR, LAST_YEAR = 2020, 2100  # before and after them the nearest offset stands
_STEP = timedelta(days=7)  # no zone changes twice within it and is back


@functools.cache
def zone_of(name: str) -> Zone:
    """The zone of an IANA name such as `Asia/Shanghai`. Raises `Refused` (R-SETTINGS)."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        why = f"time_zone: {name[:60]!r} is no IANA time zone such as 'Asia/Shanghai'"
        raise Refused(why, reason="R-SETTINGS") from None
    at, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    changes, offsets = [], [_offset(zone, at)]
    while at < end:
        if _offset(zone, at + _STEP) != offsets[-1]:
            changes.append(_change(zone, at, at + _STEP))
            offsets.append(_offset(zone, at + _STEP))
        at += _STEP
    return Zone(tuple(changes), tuple(offsets))


def _offset(zone: ZoneInfo, at: datetime) -> int:
    found = at.astimezone(zone).utcoffset()
    return int(found.total_seconds()) if found else 0


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> int:
    """The second in which the offset of `before` ends."""
    low, high, old = int(before.timestamp()), int(after.timestamp()), _offset(zone, before)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == old:
            low = middle
        else:
            high = middle
    return high
