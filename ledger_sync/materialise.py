"""Writing ledger entries into a store: bundles as they are published, rows as state.py says.

Runs inside one transaction of the caller, which commits only if the root is the signed one.
FORMAT.md sections 5 and 7.
"""

import sqlite3
from collections.abc import Callable
from operator import itemgetter

from ledger_sync import entries
from ledger_sync.accept import Chunks
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey
from ledger_sync.state import Known, ListHead, Row, effects_of
from ledger_sync.state_digest import state_digest
from ledger_sync.tiles import WIDTH, bundle_of, entries_of
from ledger_sync.trust import Trust

BATCH = 32_768  # rows of one kind that are written together
_HANDLE = itemgetter(0)
WRITES: dict[str, tuple[str, ...]] = {
    "issuer": ("INSERT OR REPLACE INTO issuer VALUES (?, ?, ?, ?, ?, ?, ?, ?)",),
    "list": ("INSERT INTO status_list VALUES (?, ?, ?)",),
    "list_time": ("UPDATE status_list SET issued_at = ? WHERE id = ?",),
    "pass": ("INSERT OR REPLACE INTO pass VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",),
    "unpass": ("DELETE FROM pass WHERE handle = ?",),
    "clear": (
        "DELETE FROM status WHERE slot BETWEEN ? AND ? AND value < 4",
        "UPDATE status SET value = 4 WHERE slot BETWEEN ? AND ?",
    ),
    "status": (
        "INSERT INTO status VALUES (?, ?) ON CONFLICT (slot) DO UPDATE"
        " SET value = (value & 4) | excluded.value",
    ),
    "rule": ("INSERT OR REPLACE INTO rule VALUES (?, ?, ?)",),
    "policy": ("INSERT OR IGNORE INTO policy VALUES (?, ?, ?)",),
    "terminal": ("INSERT OR REPLACE INTO terminal VALUES (?, ?, ?, ?, ?, ?, ?)",),
    "gone": ("DELETE FROM terminal WHERE name = ?",),
    "recognise": ("INSERT OR REPLACE INTO recognise VALUES (?, ?, ?, ?, ?, ?)",),
    "unrecognise": ("DELETE FROM recognise WHERE authority = ?",),
    "snapshot": ("INSERT INTO snapshot VALUES (?, ?, ?, ?)",),
    "blob": ("INSERT OR REPLACE INTO blob VALUES (?, ?, ?, ?)",),
    "critical": (
        "UPDATE ledger SET critical = critical | ?1 WHERE id = 1 AND ?2 >= 0",
        "INSERT OR IGNORE INTO skipped SELECT ?2 WHERE ?1 >= 0",
    ),
}
"""Effect name -> its statements, each given the same row. A status of 4 and more is a denial on
top of the ledger's own value, see denials.py."""


def known_of(db: sqlite3.Connection, trust: Trust) -> Known:
    """What the rules must know of the state in this store."""
    known = Known(trust)
    rows = db.execute("SELECT kid, name, alg, key, since, until, classes, rights FROM issuer")
    for kid, name, alg, raw, *terms in rows:
        issuer = entries.Issuer(name, PublicKey(alg, bytes(raw)), *terms)
        known.issuers.setdefault(bytes(kid), []).append(issuer)
    for number, uri, issued_at in db.execute("SELECT id, uri, issued_at FROM status_list"):
        known.lists[uri] = ListHead(number, issued_at)
    return known


class Writer:
    """Takes entries in order, from number `size` on, and writes them down."""

    def __init__(
        self, db: sqlite3.Connection, known: Known, size: int, *, has_bundles: bool = False
    ) -> None:
        """`has_bundles`: the entries are stored already, only their effects are written."""
        self.size = size
        self._has_bundles = has_bundles
        self._db = db
        self._known = known
        self._name = ""
        self._rows: list[Row] = []

    def write(self, chunks: Chunks, progress: Callable[[int], None] | None = None) -> None:
        """Raises `Refused` (R-LEDGER) for an entry that is malformed or may not stand there."""
        known, add, parse = self._known, self._add, entries.parse
        for chunk in chunks:
            if not self._has_bundles:
                self._bundle(self.size, chunk)
            for seq, raw in enumerate(chunk, start=self.size):
                for name, row in effects_of(parse(raw), seq, known):
                    add(name, row)
            self.size += len(chunk)
            if progress:
                progress(self.size)
        self.flush()

    def _bundle(self, seq: int, chunk: list[bytes]) -> None:
        """Puts the entries into the bundles they belong to, behind what stands there."""
        while chunk:
            number, held = divmod(seq, WIDTH)
            part, chunk = chunk[: WIDTH - held], chunk[WIDTH - held :]
            before = self._entries_of(number, held) if held else []
            row = (number, bundle_of([*before, *part]))
            self._db.execute("INSERT OR REPLACE INTO bundle VALUES (?, ?)", row)
            seq += len(part)

    def _entries_of(self, number: int, count: int) -> list[bytes]:
        found = self._db.execute("SELECT body FROM bundle WHERE number = ?", (number,)).fetchone()
        if found is None:
            raise Refused(f"bundle {number} of the store is missing", reason="R-LEDGER")
        return entries_of(bytes(found[0]), count)

    def _add(self, name: str, row: Row) -> None:
        if name != self._name or len(self._rows) >= BATCH:
            self.flush()
            self._name = name
        if name == "snapshot":
            self._check_snapshot(row)
        self._rows.append(row)

    def _check_snapshot(self, row: Row) -> None:
        """A snapshot is a claim about the state before it; whoever replays can tell, unless this
        version had to skip an entry."""
        self.flush()
        if self._db.execute("SELECT count(*) FROM skipped").fetchone()[0]:
            return
        if state_digest(self._db) != row[-1]:
            raise Refused("a snapshot of another state than replaying gives", reason="R-LEDGER")

    def flush(self) -> None:
        if self._rows:
            if self._name == "pass":  # neighbours share a page; the order of equals stays
                self._rows.sort(key=_HANDLE)
            for statement in WRITES[self._name]:
                self._db.executemany(statement, self._rows)
            self._rows.clear()
