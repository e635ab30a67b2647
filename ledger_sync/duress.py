"""Duress: who came to a gate, or sat at its console, with a key that asks for help, as the other
terminals see it.

The gate itself lets such a key do as any other and shows nothing. FORMAT.md sections 5.3, 7.11
and 8.2.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ledger_sync.acts import Acts, guards
from ledger_sync.errors import Refused
from ledger_sync.feed import check_of, use_of
from ledger_sync.keys import ED25519, PublicKey
from ledger_sync.kinds import CALLS_HELP, DURESS
from ledger_sync.recent import recent
from ledger_sync.shelf import Held, Shelf
from ledger_sync.store import Store

SHOWN_SECONDS = 86_400
_HOLDERS = "SELECT DISTINCT holder FROM pass WHERE assurance = ? AND holder IS NOT NULL"


class Duress(NamedTuple):
    """A check of a duress key that counted, or an act of a guard by one: at whose gate, which,
    when (Unix seconds)."""

    terminal: str
    gate: str
    at: int


def kid_of(store: Store, terminal: str) -> bytes:
    """The kid of a terminal by its name, empty if the ledger has none. Raises `Unavailable`."""
    row = store.row("SELECT key FROM terminal WHERE name = ?", terminal)
    return PublicKey(ED25519, bytes(row[0])).kid if row else b""


def holders(store: Store) -> set[int]:
    """Whose passes call for help. Raises `Unavailable`."""
    return {holder for (holder,) in store.rows(_HOLDERS, DURESS)}


def duresses(store: Store, site_secret: bytes, own: bytes, *, now: int) -> list[Duress]:
    """Those of the last day, oldest first; none in the feeds of this terminal, whose kid is `own`:
    whoever forces somebody to a gate looks at its screen. Raises `Unavailable`."""
    called = holders(store)
    has_guards = any((one.rights or 0) & CALLS_HELP for one in guards(store))
    if not called and not has_guards:
        return []
    shelf, acts = Shelf(store), Acts(store, b"")
    theirs = [held for held in shelf.feeds() if not held.own and held.kid != own]
    found = {
        Duress(held.origin.split("/")[-2], gate, at)
        for held in theirs
        for gate, at in _of_feed(shelf, held, site_secret, called, acts, now - SHOWN_SECONDS)
    }
    return sorted(found, key=lambda one: (one.at, one))


def _of_feed(
    shelf: Shelf, held: Held, secret: bytes, called: set[int], acts: Acts, since: int
) -> Iterator[tuple[str, int]]:
    """(gate, when) of each check of one of these holders after `since`, and of acts likewise."""
    name = held.origin.split("/")[-2]
    for entry, _ in recent(shelf, held, since):
        done = acts.done(name, entry)
        if done is not None and done.act is not None and done.act.is_forced and done.at > since:
            yield name, done.at
        use = use_of(entry, secret)
        if use is None or use.holder not in called or use.at <= since:
            continue
        try:
            gate = check_of(entry).gate
        except Refused:  # of a later version: who came can be read, where cannot
            gate = ""
        yield gate, use.at
