"""Whether nobody is at the gate: for what need not be done while people come and go."""

from ledger_sync.feed import at_of
from ledger_sync.shelf import MAX_ENTRIES
from ledger_sync.store import Store

_LAST = """
SELECT e.body FROM feed_entry e JOIN feed f ON f.id = e.id / 4294967296
WHERE f.own = 1 ORDER BY e.id DESC LIMIT 16"""
assert MAX_ENTRIES == 1 << 32


def last_at(store: Store) -> int:
    """When this terminal recorded something last, Unix seconds; 0 for never. Raises
    `Unavailable`."""
    return max((at_of(bytes(body)) for (body,) in store.rows(_LAST)), default=0)


def is_quiet(last: int, now: int, minutes: int) -> bool:
    """Whether nothing was recorded for so long. A record of another time, before the clock was
    set, says nothing."""
    return abs(now - last) >= 60 * minutes
