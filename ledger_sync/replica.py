"""The replica: what a terminal knows of its authority's ledger, and one read per check.

Filled only with what accept.py accepted. FORMAT.md sections 5 and 7.
"""

import sqlite3
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ledger_sync.accept import Accepted, Position
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import PublicKey
from ledger_sync.merkle import Frontier
from ledger_sync.state import effects_of
from ledger_sync.store import Store, unavailable

_number_of = struct.Struct(">q").unpack  # the key of a handle, as state.number_of
PROGRESS_EVERY = 1_000  # entries between two calls of a progress function


class Ledger(NamedTuple):
    """The accepted ledger: `floor` and `quorum_time` in Unix seconds, `critical` a class mask.

    `version` counts the changes to this row, from whatever process.
    """

    version: int
    origin: str
    size: int
    root: bytes
    quorum_time: int
    floor: int
    critical: int


class IssuerKey(NamedTuple):
    """A key that may sign passes of `classes` (bit mask) with `iat` in `since`..`until`."""

    key: PublicKey
    since: int
    until: int
    classes: int
    name: str


class Standing(NamedTuple):
    """How a holder stands now. `status` is 0..3 of the status list, -1 where no list is known.

    `last_at` is the highest code time accepted from this holder, 0 for none. `version` is that of
    the ledger: whoever keeps parts of the ledger in memory reads them again when it has changed.
    """

    status: int
    last_at: int
    version: int


class Enrolled(NamedTuple):
    """A pass known here by its handle, and how its holder stands (the fields of `Standing`)."""

    kid: bytes
    klass: int
    zones: int
    assurance: int
    issued_at: int
    expires_at: int
    key: bytes
    holder: int
    status: int
    last_at: int
    version: int


_BY_HANDLE = """
SELECT p.kid, p.klass, p.zones, p.assurance, p.issued_at, p.expires_at, p.key, p.holder,
  coalesce(s.value, 0), coalesce(m.code_at, 0), l.version
FROM pass p CROSS JOIN ledger l ON l.id = 1
LEFT JOIN status s ON s.slot = p.slot
LEFT JOIN holder_mark m ON m.holder = p.holder
WHERE p.handle = ? AND p.key IS NOT NULL"""

_STANDING = """
SELECT CASE WHEN t.id IS NULL THEN -1 ELSE coalesce(s.value, 0) END, coalesce(m.code_at, 0),
  l.version
FROM ledger l
LEFT JOIN status_list t ON t.uri = ?1
LEFT JOIN status s ON s.slot = t.id * 131072 + ?2
LEFT JOIN holder_mark m ON m.holder = ?3
WHERE l.id = 1"""

_WRITES = {
    "issuer": "INSERT OR REPLACE INTO issuer VALUES (?, ?, ?, ?, ?, ?, ?)",
    "list": "INSERT INTO status_list (uri, issued_at) VALUES (?, 0) ON CONFLICT DO NOTHING",
    "list_time": "UPDATE status_list SET issued_at = max(issued_at, ?) WHERE uri = ?",
    "pass": "INSERT OR REPLACE INTO pass VALUES"
    " (?, ?, ?, (SELECT id FROM status_list WHERE uri = ?) * 131072 + ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "unpass": "DELETE FROM pass WHERE handle = ?",
    "status": "INSERT OR REPLACE INTO status VALUES"
    " ((SELECT id FROM status_list WHERE uri = ?) * 131072 + ?, ?)",
    "rule": "INSERT OR REPLACE INTO rule VALUES (?, ?, ?)",
    "critical": "UPDATE ledger SET critical = critical | ? WHERE id = 1",
}


class Replica:
    """The ledger side of a store. Reads for the gate, writes for what was accepted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._execute = store.db.execute

    def ledger(self) -> Ledger:
        row = self._store.row(
            "SELECT version, origin, size, root, quorum_time, floor, critical FROM ledger"
        )
        if row is None:
            raise Unavailable(f"{self._store.path} has no ledger; run: yardpass ledger fsck")
        return Ledger(*row)

    def look(self) -> None:
        """Opens a view ahead of the next check, see `Store.look`."""
        self._store.look()

    def position(self) -> Position:
        ledger = self.ledger()
        return Position(ledger.size, ledger.root)

    def apply(self, accepted: Accepted, *, progress: Callable[[int], None] | None = None) -> None:
        """Makes `accepted` the state: rows, checkpoint and frontier in one transaction.

        Raises `Unavailable` when the disk refuses, `Refused` when another process moved the
        ledger since `accepted` was computed from it; the old state stands then.
        """
        start = accepted.checkpoint.size - len(accepted.new_entries)
        with self._store.transaction():
            if (size := self.ledger().size) != start:
                why = f"the ledger went from {start} to {size} entries meanwhile; retry"
                raise Refused(why, reason="R-LEDGER")
            execute = self._store.db.execute
            for seq, raw, entry in accepted.new_entries:
                execute("INSERT INTO ledger_entry VALUES (?, ?)", (seq, raw))
                for effect in effects_of(entry, seq):
                    execute(_WRITES[effect.name], effect.row)
                if progress and seq % PROGRESS_EVERY == 0:
                    progress(seq)
            self._move_to(accepted)

    def _move_to(self, accepted: Accepted) -> None:
        checkpoint, quorum_time = accepted.checkpoint, accepted.quorum_time
        self._store.write(
            "UPDATE ledger SET version = version + 1, size = ?1, root = ?2, peaks = ?3, note = ?4,"
            " quorum_time = max(quorum_time, ?5), floor = max(floor, ?5) WHERE id = 1",
            checkpoint.size,
            checkpoint.root,
            b"".join(accepted.frontier.peaks),
            accepted.note,
            quorum_time,
        )

    def enrolled(self, handle: bytes) -> Enrolled | None:
        """The one read of a check by reference; None if nobody with this handle is enrolled."""
        key = (_number_of(handle)[0],)
        try:
            row = self._execute(_BY_HANDLE, key).fetchone()
        except sqlite3.Error as error:
            raise unavailable(self._store.path, error) from error
        return None if row is None else Enrolled(*row)

    def standing(self, uri: str, index: int, holder: int | None) -> Standing:
        """The one read of a check that brings its pass along."""
        try:
            row = self._execute(_STANDING, (uri, index, holder)).fetchone()
        except sqlite3.Error as error:
            raise unavailable(self._store.path, error) from error
        if row is None:
            raise Unavailable(f"{self._store.path} has no ledger; run: yardpass ledger fsck")
        return Standing(*row)

    def issuers(self) -> dict[bytes, tuple[IssuerKey, ...]]:
        """All issuer keys by kid; a kid is a hint, so several keys may share one."""
        found: dict[bytes, tuple[IssuerKey, ...]] = {}
        rows = self._store.rows("SELECT kid, alg, key, since, until, classes, name FROM issuer")
        for kid, alg, raw, since, until, classes, name in rows:
            issuer = IssuerKey(PublicKey(alg, bytes(raw)), since, until, classes, name)
            found[bytes(kid)] = (*found.get(bytes(kid), ()), issuer)
        return found

    def rule(self, name: str) -> bytes | None:
        """The newest text of the rule of this name."""
        row = self._store.row("SELECT text FROM rule WHERE name = ?", name)
        return None if row is None else bytes(row[0])

    def entries(self) -> Iterator[bytes]:
        """All accepted ledger entries, oldest first."""
        for (body,) in self._store.rows("SELECT body FROM ledger_entry ORDER BY seq"):
            yield bytes(body)

    def frontier(self) -> Frontier:
        """The stored frontier of the accepted ledger."""
        row = self._store.row("SELECT size, peaks FROM ledger WHERE id = 1")
        size, peaks = row if row else (0, b"")
        return Frontier(size, [peaks[at : at + 32] for at in range(0, len(peaks), 32)])

    def note(self) -> bytes:
        """The signed checkpoint accepted last, empty before the first."""
        row = self._store.row("SELECT note FROM ledger WHERE id = 1")
        return bytes(row[0]) if row else b""

    def pass_count(self) -> int:
        row = self._store.row("SELECT count(*) FROM pass")
        return int(row[0]) if row else 0
