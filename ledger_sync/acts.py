"""The acts of guards in the feeds of one store, opened: who did what at which terminal.

Reads only. A terminal can write an act down again, or at another time; that counts for nothing,
and is told, like what no guard signed. FORMAT.md sections 7.11 and 8.2.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from ledger_sync import act, remark
from ledger_sync.act import WINDOW_SECONDS, Act, Unread
from ledger_sync.act_record import ACT, ActRecord, act_record_of
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey
from ledger_sync.kinds import MAY_ACT, Issuer
from ledger_sync.recent import recent
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store

MAX_OPENED = 4_096  # notes whose opening is remembered, and acts that were met
UNREAD, FORGED = "unread", "forged"
_GUARDS = """
SELECT name, alg, key, since, until, classes, rights FROM issuer WHERE rights & ? ORDER BY name"""
_IS_ACT = bytes((ACT,))


class Done(NamedTuple):
    """An act as the terminal of this name logged it, at `at` (Unix seconds), `hlc` hybrid time.

    `act` is None where none counts, and `fault` says why: `UNREAD`, signed by nobody whom the
    ledger here names yet, or of a later version; `FORGED`, or written down again. `said` is the
    remark beside it, empty where there is none, it was forgotten, or it cannot be read here.
    """

    hlc: int
    terminal: str
    at: int
    act: Act | None
    said: str = ""
    fault: str = ""


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
        self._opened: OrderedDict[bytes, Act | str] = OrderedDict()  # note -> act, or the fault
        self._met: OrderedDict[tuple[str, Act], int] = OrderedDict()  # at whose log -> hybrid time

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
        found = self._act_in(record, terminal)
        if isinstance(found, str):
            return Done(record.hlc, terminal, record.at, None, fault=found)
        return Done(record.hlc, terminal, record.at, found, self._said(sealed, found))

    def since(self, at: int) -> list[Done]:
        """All that was done from `at` on, oldest first. Raises `Unavailable`."""
        return sorted(self._since(at), key=lambda one: (one.hlc, one.terminal))

    def _since(self, at: int) -> Iterator[Done]:
        shelf = Shelf(self._store)
        for held in shelf.feeds():
            name = held.origin.split("/")[-2]
            for entry, sealed in recent(shelf, held, at):
                found = self.done(name, entry, sealed)
                if found is not None and found.at >= at:
                    yield found

    def _act_in(self, record: ActRecord, terminal: str) -> Act | str:
        found = self._opened.get(record.note)
        if found is None:
            found = self._open(record.note)
            _keep(self._opened, record.note, found)
        if isinstance(found, str):
            return found
        is_here = found.deed.terminal == terminal
        is_then = abs(record.at - found.deed.issued_at) <= WINDOW_SECONDS
        first = self._met.get((terminal, found), record.hlc)
        if first >= record.hlc:
            _keep(self._met, (terminal, found), record.hlc)
        return found if is_here and is_then and first >= record.hlc else FORGED

    def _open(self, note: bytes) -> Act | str:
        try:
            return act.opened(note, origin=self._origin, issuers=self._guards)
        except Unread:
            return UNREAD
        except Refused:
            return FORGED

    def _look(self) -> None:
        row = self._store.row("SELECT origin, version FROM ledger WHERE id = 1")
        if row is not None and row[1] != self._version:
            self._origin, self._version = row
            self._guards = guards(self._store)
            self._opened.clear()

    def _said(self, sealed: bytes, found: Act) -> str:
        if not self._secret:
            return ""
        try:
            return remark.unsealed(sealed, self._secret, digest=found.deed.remark)
        except Refused:
            return ""


def _keep(kept: OrderedDict, key: object, value: object) -> None:  # type: ignore[type-arg]  # two kinds of keys
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > MAX_OPENED:
        kept.popitem(last=False)
