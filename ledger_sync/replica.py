"""The replica: what a terminal knows of its authority's ledger, and one read per check.

Filled only with what accept.py accepted. FORMAT.md sections 5 and 7.
"""

import sqlite3
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ledger_sync.accept import Accepted, Position
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.history import History
from ledger_sync.keys import PublicKey
from ledger_sync.kinds import MAY_ISSUE, USUAL_RIGHTS
from ledger_sync.materialise import Writer, known_of
from ledger_sync.merkle import Frontier, hashed
from ledger_sync.restore import restore
from ledger_sync.snapshot import Image
from ledger_sync.store import Store, unavailable
from ledger_sync.tiles import WIDTH, entries_of, spans
from ledger_sync.trust import Trust

_number_of = struct.Struct(">q").unpack  # the key of a handle, as state.number_of


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
    """How a holder stands now. `status` is 0..3 of the status list, -1 where no list is known,
    4 more for a place that was denied.

    `last_at` is the highest code time accepted from this holder at any gate that was heard, 0 for
    none; `last_way` (0 in, 1 out, -1 never) and `seen_at` are of the last use, `uses` is how many
    entries there were, `places` the last move in each zone (`places.last_in` reads it). `version`
    is that of the ledger: whoever keeps parts of it in memory reads them again when it changed.
    """

    status: int
    last_at: int
    last_way: int
    seen_at: int
    uses: int
    places: str
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
    last_way: int
    seen_at: int
    uses: int
    places: str
    version: int


_BY_HANDLE = """
SELECT p.kid, p.klass, p.zones, CASE p.assurance WHEN 6 THEN 1 ELSE p.assurance END,
  p.issued_at, p.expires_at, p.key, p.holder, coalesce(s.value, 0), coalesce(m.code_at, 0),
  coalesce(m.way, -1), coalesce(m.seen_at, 0), coalesce(m.uses, 0), coalesce(m.places, '{}'),
  l.version FROM pass p CROSS JOIN ledger l ON l.id = 1
LEFT JOIN status s ON s.slot = p.slot LEFT JOIN holder_mark m ON m.holder = p.holder
WHERE p.handle = ? AND p.key IS NOT NULL AND p.assurance NOT IN (4, 5)"""  # cards tap

_STANDING = """
SELECT CASE WHEN t.id IS NULL THEN -1 ELSE coalesce(s.value, 0) END, coalesce(m.code_at, 0),
  coalesce(m.way, -1), coalesce(m.seen_at, 0), coalesce(m.uses, 0), coalesce(m.places, '{}'),
  l.version
FROM ledger l LEFT JOIN status_list t ON t.uri = ?1
LEFT JOIN status s ON s.slot = t.id * 131072 + ?2 LEFT JOIN holder_mark m ON m.holder = ?3
WHERE l.id = 1"""

_ISSUERS = """
SELECT kid, alg, key, since, until, classes, name FROM issuer WHERE coalesce(rights, ?2) & ?1"""
_DENIED_HANDLE = "SELECT until FROM denial NATURAL JOIN pass WHERE handle = ?"
_DENIED_PLACE = """
SELECT until FROM denial JOIN status_list ON slot = id * 131072 + ?2 WHERE uri = ?1"""

_MOVED = "UPDATE ledger SET version = version + 1, size = ?, root = ?, peaks = ? WHERE id = 1"
_SIGNED = """
UPDATE ledger SET note = ?1, quorum_time = max(quorum_time, ?2), floor = max(floor, ?2)
WHERE id = 1"""


class Replica:
    """The ledger side of a store. Reads for the gate, writes for what was accepted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._execute = store.db.execute
        self.history = History(store)

    def ledger(self) -> Ledger:
        row = self._store.row(
            "SELECT version, origin, size, root, quorum_time, floor, critical FROM ledger"
        )
        if row is None:
            raise Unavailable(f"{self._store.path} has no ledger; run: yardpass ledger fsck")
        return Ledger(*row)

    @property
    def store(self) -> Store:
        return self._store

    @property
    def folder(self) -> Path:
        """Where the store lies, and a ledger on its way to it."""
        return self._store.path.absolute().parent

    def look(self) -> None:
        """Opens a view ahead of the next check, see `Store.look`."""
        self._store.look()

    def position(self) -> Position:
        ledger = self.ledger()
        return Position(ledger.size, ledger.root)

    def apply(
        self,
        accepted: Accepted,
        *,
        trust: Trust,
        base: Image | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Step 9: makes `accepted` the state, rows, checkpoint and frontier in one transaction.

        `trust` is that before it, `base` the snapshot that an empty store begins with. Raises
        `Refused` for an entry that may not stand where it does, or when another process moved the
        ledger since `accepted` was computed from it; `Unavailable` when the disk refuses. The old
        state stands then.
        """
        with self._writing(trust, base) as writer:
            if writer.size != accepted.start:
                why = f"the ledger went from {accepted.start} to {writer.size} entries"
                raise Refused(f"{why} meanwhile; retry", reason="R-LEDGER")
            writer.write(accepted.chunks, progress)
            if writer.size != accepted.frontier.size:
                raise Refused("the entries changed after they were verified", reason="R-LEDGER")
            self._move_to(accepted.frontier)
            self._store.db.execute(_SIGNED, (accepted.note, accepted.quorum_time))
            if accepted.trust.version > trust.version:
                self.history.keep_bridge(trust.version, accepted.note)

    def append(
        self,
        new: Iterable[bytes],
        *,
        trust: Trust,
        base: Image | None = None,
        within: Callable[[sqlite3.Connection], object] | None = None,
    ) -> int:
        """Adds entries of one's own log, all or none, durably; the size of the log after them.

        For the sequencer: nobody has signed them yet. What `within` writes becomes durable with
        them or not at all. Raises `Refused` for an entry that a gate would refuse: a log takes
        nothing back, and no gate would accept it any more.
        """
        frontier = self.frontier() if base is None else base.frontier.copy()
        with self._writing(trust, base) as writer:
            if writer.size != frontier.size:
                raise Refused("another process is adding; retry", reason="R-LEDGER")
            writer.write(hashed(_bundled(new), frontier))
            self._move_to(frontier)
            if within:
                within(self._store.db)
        return frontier.size

    @contextmanager
    def _writing(self, trust: Trust, base: Image | None = None) -> Iterator[Writer]:
        """One transaction, with what the rules must know at its start."""
        db = self._store.db
        with self._store.transaction(), self._store.spacious():
            size = self.ledger().size
            if base is not None and size == 0:
                restore(db, base)
                size = base.frontier.size
            if not self.history.is_newest(trust):
                raise Refused("another process changed the policy; retry", reason="R-LEDGER")
            yield Writer(db, known_of(db, trust), size)

    def _move_to(self, frontier: Frontier) -> None:
        row = (frontier.size, frontier.root(), b"".join(frontier.peaks))
        self._store.db.execute(_MOVED, row)

    def enrolled(self, handle: bytes) -> Enrolled | None:
        """The one read of a check by reference; None if nobody with this handle is enrolled."""
        key = (_number_of(handle)[0],)
        try:
            row = self._execute(_BY_HANDLE, key).fetchone()
        except sqlite3.Error as error:
            raise unavailable(self._store.path, error) from error
        return None if row is None else tuple.__new__(Enrolled, row)

    def standing(self, uri: str, index: int, holder: int | None) -> Standing:
        """The one read of a check that brings its pass along."""
        try:
            row = self._execute(_STANDING, (uri, index, holder)).fetchone()
        except sqlite3.Error as error:
            raise unavailable(self._store.path, error) from error
        if row is None:
            raise Unavailable(f"{self._store.path} has no ledger; run: yardpass ledger fsck")
        return tuple.__new__(Standing, row)

    def denied_until(self, handle: bytes) -> int:
        """When the denial of this pass lapses, 0 if there is none. Asked when a status has 4."""
        row = self._store.row(_DENIED_HANDLE, _number_of(handle)[0])
        return int(row[0]) if row else 0

    def place_denied_until(self, uri: str, index: int) -> int:
        """The same for a place in a status list."""
        row = self._store.row(_DENIED_PLACE, uri, index)
        return int(row[0]) if row else 0

    def issuers(self) -> dict[bytes, tuple[IssuerKey, ...]]:
        """All keys that may issue passes, by kid; a kid is a hint, so several may share one."""
        found: dict[bytes, tuple[IssuerKey, ...]] = {}
        rows = self._store.rows(_ISSUERS, MAY_ISSUE, USUAL_RIGHTS)
        for kid, alg, raw, since, until, classes, name in rows:
            issuer = IssuerKey(PublicKey(alg, bytes(raw)), since, until, classes, name)
            found[bytes(kid)] = (*found.get(bytes(kid), ()), issuer)
        return found

    def rule(self, name: str) -> bytes | None:
        """The newest text of the rule of this name."""
        row = self._store.row("SELECT text FROM rule WHERE name = ?", name)
        return None if row is None else bytes(row[0])

    def bundles(self, start: int = 0, size: int | None = None) -> Iterator[list[bytes]]:
        """The entries from `start` on, up to `size` of the ledger, in lists of one bundle."""
        for number, width, skip in spans(start, self.ledger().size if size is None else size):
            yield self.bundle(number)[skip:width]

    def bundle(self, number: int) -> list[bytes]:
        """All entries of one bundle. Raises `Unavailable` if the store has lost it."""
        row = self._store.row(
            "SELECT body, (SELECT size FROM ledger) FROM bundle WHERE number = ?", number
        )
        if row is None:
            what = f"bundle {number} is not in {self._store.path}"
            raise Unavailable(f"{what}; fetch it with: yardpass ledger import SOURCE --replay")
        return entries_of(bytes(row[0]), min(WIDTH, row[1] - number * WIDTH))

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


def _bundled(flat: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(flat)
    while chunk := list(islice(rest, WIDTH)):
        yield chunk
