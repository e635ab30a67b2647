"""Which software made the entries of a feed: what its opening names (FORMAT.md 8.1).

A start of the process is a feed of its own, so no feed goes over an update. For people: what a
terminal says of itself under its own key, and no decision rests on it.
"""

from collections.abc import Iterable
from contextlib import suppress

from ledger_sync.errors import Refused
from ledger_sync.feed import opening_of
from ledger_sync.shelf import Shelf

MAX_SHOWN = 64  # characters; an opening may name more


def software_in(entry: bytes) -> str:
    """`yardpass 0.1.0-1795305600`; empty for an entry that is no opening."""
    with suppress(Refused):
        return opening_of(entry).software[:MAX_SHOWN]
    return ""


def made_by(shelf: Shelf, number: int) -> str:
    """The software of a feed's entries; empty where its beginning is damaged, which fsck tells.
    Raises `Unavailable`."""
    entries: list[bytes] = []
    with suppress(Refused):
        entries = shelf.bodies(number, 0, 1)
    return software_in(entries[0]) if entries else ""


def makers_of(shelf: Shelf, origins: Iterable[str]) -> dict[str, str]:
    """Origin -> the software of its feed's first history; none for a feed that is not held."""
    wanted, found = set(origins), dict[str, str]()
    for held in shelf.feeds() if wanted else ():
        if held.origin in wanted and held.origin not in found:
            found[held.origin] = made_by(shelf, held.number)
    return found
