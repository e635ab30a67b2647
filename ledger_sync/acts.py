"""The acts of guards in the feeds of one store, opened: who did what at which terminal.

Reads only. What a terminal logged under a guard's name that no guard signed is told as such.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ledger_sync import act, remark
from ledger_sync.act import Act
from ledger_sync.act_record import ACT, act_record_of
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey
from ledger_sync.kinds import MAY_ACT, Issuer
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store

LOOKED_AT = 16_384  # last entries of each feed: weeks of a busy gate
_GUARDS = """
SELECT name, alg, key, since, until, classes, rights FROM issuer WHERE rights & ? ORDER BY name"""
_IS_ACT = bytes((ACT,))


class Done(NamedTuple):
    """An act as the terminal of this name logged it, at `at` (Unix seconds), `hlc` hybrid time.

    `act` is None if no guard of the ledger signed it. `said` is the remark beside it, empty where
    there is none, it was forgotten, or it cannot be read here.
    """

    hlc: int
    terminal: str
    at: int
    act: Act | None
    said: str = ""


def guards(store: Store) -> list[Issuer]:
    """The keys that may act, by name; also those whose time is over. Raises `Unavailable`."""
    return [
        Issuer(name, PublicKey(alg, bytes(raw)), since, until, classes, rights)
        for name, alg, raw, since, until, classes, rights in store.rows(_GUARDS, MAY_ACT)
    ]


class Acts:
    """Opens what feeds say of guards. Owned by one thread."""

    def __init__(self, store: Store, site_secret: bytes) -> None:
        """Without the site's secret nothing that was written beside acts can be read."""
        self._store = store
        self._secret = site_secret
        self._version = -1
        self._origin = ""
        self._guards: list[Issuer] = []

    def done(self, terminal: str, entry: bytes, sealed: bytes = b"") -> Done | None:
        """The act in an entry of the feed of this terminal; None for another kind of entry.
        Raises `Unavailable`."""
        if entry[:1] != _IS_ACT:
            return None
        self._look()
        try:
            record = act_record_of(entry)
        except Refused:
            return None
        try:
            found = act.opened(record.note, origin=self._origin, issuers=self._guards)
        except Refused:
            return Done(record.hlc, terminal, record.at, None)
        if found.deed.terminal != terminal:  # taken from another log
            return Done(record.hlc, terminal, record.at, None)
        said = self._said(sealed, found)
        return Done(record.hlc, terminal, record.at, found, said)

    def since(self, at: int) -> list[Done]:
        """All that was done from `at` on, oldest first. Raises `Unavailable`."""
        return sorted(self._since(at), key=lambda one: (one.hlc, one.terminal))

    def _since(self, at: int) -> Iterator[Done]:
        shelf = Shelf(self._store)
        for held in shelf.feeds():
            name = held.origin.split("/")[-2]
            for entry, sealed in shelf.pairs(held.number, max(0, held.size - LOOKED_AT), 2**32):
                found = self.done(name, entry, sealed)
                if found is not None and found.at >= at:
                    yield found

    def _look(self) -> None:
        row = self._store.row("SELECT origin, version FROM ledger WHERE id = 1")
        if row is not None and row[1] != self._version:
            self._origin, self._version = row
            self._guards = guards(self._store)

    def _said(self, sealed: bytes, found: Act) -> str:
        if not self._secret:
            return ""
        try:
            return remark.unsealed(sealed, self._secret, digest=found.deed.remark)
        except Refused:
            return ""
