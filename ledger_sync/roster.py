"""The roster: which feeds are held here, and whose they are, ready for every HELLO.

An index in memory over the shelf and over the terminals of the ledger; one row a feed. Owned by
the process that gossips: nobody else puts in feeds of peers.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress

from ledger_sync import certificate
from ledger_sync.batch import head_in
from ledger_sync.errors import Refused
from ledger_sync.feed import BUNDLE
from ledger_sync.frames import MARK_BYTES, Row
from ledger_sync.keys import ED25519, PublicKey
from ledger_sync.merkle import Frontier, leaf_hash
from ledger_sync.shelf import Owner, Shelf
from ledger_sync.store import Store

MAX_FEEDS = 1 << 16  # of one terminal; more are not taken
_ROOTS = 1 << 14  # roots at earlier sizes that are remembered


class Roster:
    """Feeds by terminal, oldest first, and the terminals' keys."""

    def __init__(self, store: Store, kid: bytes) -> None:
        """`kid` is this terminal's."""
        self.kid = kid
        self._store = store
        self._shelf = Shelf(store)
        self._rows: dict[int, Row] = {}
        self._numbers: dict[bytes, dict[bytes, list[int]]] = {}
        self._owners: dict[bytes, Owner] = {}
        self._roots: dict[tuple[int, int], bytes] = {}
        self._links: dict[str, bytes] = {}
        self.refresh()
        self.reload()

    def refresh(self) -> list[tuple[int, int, int]]:
        """Takes up what other processes put on the shelf, such as from a stick: (number, size
        before, size now) of what grew."""
        found = []
        for held in self._shelf.feeds():
            before = self.size(held.number)
            if held.size > before:
                root = Frontier(held.size, held.peaks).root()
                self.put(held.number, Row(held.kid, held.incarnation, held.size, root[:8]))
                found.append((held.number, before, held.size))
        return found

    def reload(self) -> None:
        """Reads the terminals of the ledger anew."""
        self._owners = self._shelf.owners()
        self._links = {}
        rows = self._store.rows("SELECT name, certificate FROM terminal")
        for name, der in rows:
            with suppress(Refused):
                self._links[name] = certificate.key_of(bytes(der or b""))

    def put(self, number: int, row: Row) -> None:
        """A feed, new or grown."""
        if number not in self._rows:
            known = self._numbers.setdefault(row.kid, {})
            known.setdefault(row.incarnation, []).append(number)
        self._rows[number] = row
        self._remember(number, row.size, row.root)

    def feeds(self) -> dict[bytes, list[Row]]:
        """kid -> the rows of its feeds, oldest first."""
        return {
            kid: [self._rows[number] for numbers in held.values() for number in numbers]
            for kid, held in self._numbers.items()
        }

    def numbers(self, kid: bytes, incarnation: bytes) -> list[int]:
        """The local numbers of a feed, one a history."""
        return self._numbers.get(kid, {}).get(incarnation, [])

    def number_of(self, row: Row) -> int:
        """The local number of a row of `feeds`."""
        numbers = self.numbers(row.kid, row.incarnation)
        return next(number for number in numbers if self._rows[number] == row)

    def row(self, number: int) -> Row:
        return self._rows[number]

    def size(self, number: int) -> int:
        """How much of a feed is held, 0 for one that is not here."""
        return self._rows[number].size if number in self._rows else 0

    def has(self, kid: bytes) -> bool:
        """Whether any feed of this terminal is held."""
        return kid in self._numbers

    def has_room(self, kid: bytes) -> bool:
        """Whether one more feed of this terminal is taken."""
        return len(self._numbers.get(kid, ())) < MAX_FEEDS

    def root_at(self, row: Row, size: int, charge: Callable[[int], None]) -> bytes:
        """The first bytes of the root that a feed of `feeds` had at an earlier size.

        A feed only grows, so what was computed once stays true; `charge` is told how many entries
        must be hashed otherwise.
        """
        number = self.number_of(row)
        found = self._roots.get((number, size))
        if found is None and size % BUNDLE == 0:
            text = self._shelf.head_at(self._shelf.feed(number), size)
            found = head_in(text).root[:MARK_BYTES] if text else None
        if found is None:
            charge(size)
            frontier = Frontier()
            for entry in self._shelf.bodies(number, 0, size):
                frontier.append(leaf_hash(entry))
            found = frontier.root()[:MARK_BYTES]
            self._remember(number, size, found)
        return found

    def _remember(self, number: int, size: int, root: bytes) -> None:
        self._roots[number, size] = root
        if len(self._roots) > _ROOTS:
            del self._roots[next(iter(self._roots))]

    def owner(self, kid: bytes) -> Owner | None:
        return self._owners.get(kid)

    def link_key(self, name: str) -> bytes:
        """The raw key of a terminal's certificate, empty if the ledger names none."""
        return self._links.get(name, b"")


def kid_of(feed_key: bytes) -> bytes:
    """How vectors name the terminal with this feed key."""
    return PublicKey(ED25519, feed_key).kid


def mark_of(data: bytes) -> bytes:
    """How a HELLO names a note that is held."""
    return hashlib.sha256(data).digest()[:MARK_BYTES]
