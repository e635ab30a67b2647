"""The last entries of a feed, newest bundle first: what people are told of the last hours or days.

For people, not for a decision: a damaged bundle is passed over, fsck tells it.
"""

from collections.abc import Iterator
from contextlib import suppress

from ledger_sync.errors import Refused
from ledger_sync.feed import BUNDLE, at_of
from ledger_sync.shelf import MAX_ENTRIES, Held, Shelf

LOOKED_AT = 16_384  # entries of one feed at most: weeks of a busy gate
Pair = tuple[bytes, bytes]
"""An entry and what is sealed beside it."""


def recent(shelf: Shelf, held: Held, since: int) -> Iterator[Pair]:
    """The entries of a feed back to a bundle that was over before `since` (Unix seconds), the
    newest bundle first, each in its order. Of a feed that is written now, also what is behind its
    head. Raises `Unavailable`."""
    stop, first = held.size, max(0, held.size - LOOKED_AT)
    newest = _pairs(shelf, held, stop, MAX_ENTRIES) if held.own else []
    yield from newest
    while stop > first:
        start = max(first, (stop - 1) // BUNDLE * BUNDLE)
        pairs = _pairs(shelf, held, start, stop)
        yield from pairs
        if pairs and max(at_of(entry) for entry, _ in pairs) <= since and start:
            return
        stop = start


def _pairs(shelf: Shelf, held: Held, start: int, stop: int) -> list[Pair]:
    with suppress(Refused):
        return shelf.pairs(held.number, start, stop)
    return []
