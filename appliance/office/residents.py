"""The office's book of residents: who holds which pass. Names stand here and nowhere else.

A table of its own in the office's book.db, so that a resident and the ledger entry of his pass
become durable together.
"""

import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from appliance.office.names import nearest
from ledger_sync.entries import MAX_STATUS_INDEX
from ledger_sync.state import LIST_SIZE

REVOKED = 1
DURESS_CARRIER = "duress"  # a second key in a phone: see duress.py
_INSERT = """
INSERT INTO resident
  (resident, handle, subject, uri, idx, klass, zones, expires_at, carrier, token)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


class Resident(NamedTuple):
    """One pass of one person: what the office must know to revoke it, and to issue it again.

    `carrier` is `key` (a phone), `duress`, `card`, `uid` or `print`. `token` is the pass as it
    was issued, empty for a bare card number.
    """

    resident: str
    handle: bytes
    subject: str
    uri: str
    idx: int
    klass: int
    zones: int
    expires_at: int
    carrier: str
    token: bytes


_COLUMNS = ", ".join(Resident._fields)
_VALID = f"FROM resident WHERE status != {REVOKED} AND expires_at > ?"
_IN_FORCE = f"SELECT {_COLUMNS} {_VALID}"
_STANDING = (
    f"SELECT {_COLUMNS}, status {_VALID} AND carrier != '{DURESS_CARRIER}' ORDER BY resident, id"
)


class Listed(NamedTuple):
    """One line of the office's list. `status` as in the status list."""

    resident: str
    klass: int
    expires_at: int
    carrier: str
    status: int


Place: TypeAlias = tuple[int, str, int, int]
"""Row, status list, index in it, status."""


class Residents:
    """The book, on a connection of the caller, who owns the transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def insert(self, new: Iterable[Resident]) -> None:
        self._db.executemany(_INSERT, new)

    def listed(self) -> list[Listed]:
        """Everybody, by name."""
        rows = self._db.execute(
            "SELECT resident, klass, expires_at, carrier, status FROM resident ORDER BY 1, id"
        )
        return [Listed(*row) for row in rows]

    def places_of(self, resident: str, carrier: str | None = None) -> list[Place]:
        """Of each pass of this person, or of those on one carrier: a phone has both its keys."""
        found = self._db.execute(
            "SELECT id, uri, idx, status FROM resident WHERE resident = ?1"
            " AND (?2 IS NULL OR carrier = ?2 OR (?2 = 'key' AND carrier = ?3)) ORDER BY id",
            (resident, carrier, DURESS_CARRIER),
        )
        return [(row, uri, idx, status) for row, uri, idx, status in found]

    def set_status(self, rows: Iterable[int], status: int) -> None:
        changed = [(status, row) for row in rows]
        self._db.executemany("UPDATE resident SET status = ? WHERE id = ?", changed)

    def holder_of(self, handle: bytes) -> str | None:
        """Who has the pass, or the card, of this handle."""
        row = self._db.execute(
            "SELECT resident FROM resident WHERE handle = ?", (handle,)
        ).fetchone()
        return row and str(row[0])

    def holder_in_force(self, handle: bytes, *, now: int) -> str | None:
        """Who holds the pass of this handle, if it is neither revoked nor expired."""
        row = self._db.execute(f"{_IN_FORCE} AND handle = ?", (now, handle)).fetchone()
        return row and str(row[0])

    def newest_of(self, resident: str, *, now: int) -> Resident | None:
        """The pass this person got last of those in force; a bare number only if it is all, a
        duress key's never: it is given out once."""
        order = f"AND carrier != '{DURESS_CARRIER}' ORDER BY token = x'', id DESC LIMIT 1"
        row = self._db.execute(f"{_IN_FORCE} AND resident = ? {order}", (now, resident)).fetchone()
        return Resident(*row) if row else None

    def phone_of(self, resident: str, *, now: int) -> Resident | None:
        """The newest pass of this person's phone that is in force without any condition."""
        order = "AND carrier = 'key' AND status = 0 ORDER BY id DESC LIMIT 1"
        row = self._db.execute(f"{_IN_FORCE} AND resident = ? {order}", (now, resident)).fetchone()
        return Resident(*row) if row else None

    def holdings(self, *, now: int) -> Iterator[tuple[str, str, bytes]]:
        """(resident, carrier, token) of every pass in force, in no order."""
        rows = self._db.execute(f"SELECT resident, carrier, token FROM ({_IN_FORCE})", (now,))  # noqa: S608 - text of ours
        return ((resident, carrier, bytes(issued)) for resident, carrier, issued in rows)

    def newest(self) -> int:
        """The number of the last row: it moves when somebody is enrolled."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM resident").fetchone()[0])

    def in_force(self, *, now: int) -> list[Resident]:
        """All passes that are neither revoked nor expired, by name: cards are printed of them."""
        rows = self._db.execute(f"{_IN_FORCE} ORDER BY resident, id", (now,))
        return [Resident(*row) for row in rows]

    def with_status(self, *, now: int) -> list[tuple[Resident, int]]:
        """All passes that are neither revoked nor expired, by name, each with its status. Without
        duress keys, which end with the phone's first: reports are read by many."""
        return [(Resident(*row), status) for *row, status in self._db.execute(_STANDING, (now,))]

    def names(self) -> list[str]:
        """Everybody who ever held a pass, once."""
        return [name for (name,) in self._db.execute("SELECT DISTINCT resident FROM resident")]

    def hint(self, resident: str) -> str:
        """What to try for a name that has no such pass: the end of a message."""
        near = self.unlike(resident)
        meant = f" (did you mean {near!r}?)" if near else ""
        return f"{meant}; see: yardpass office list"

    def unlike(self, resident: str) -> str | None:
        """Whom a name that nobody has yet may have been meant for; None where all is well."""
        known = self.names()
        return None if resident in known else nearest(resident, known)

    def roll(self) -> list[tuple[bytes, str]]:
        """(handle, resident) of every pass there ever was."""
        rows = self._db.execute("SELECT handle, resident FROM resident")
        return [(bytes(handle), resident) for handle, resident in rows]

    def by_place(self) -> dict[tuple[str, int], str]:
        """Whose place in a status list it is, by list and index."""
        rows = self._db.execute("SELECT uri, idx, resident FROM resident")
        return {(uri, idx): resident for uri, idx, resident in rows}

    def standing(self) -> dict[str, dict[int, int]]:
        """List -> index -> status, for everybody there is."""
        found: dict[str, dict[int, int]] = {}
        for uri, idx, status in self._db.execute("SELECT uri, idx, status FROM resident"):
            found.setdefault(uri, {})[idx] = status
        return found

    def places(self, site: str) -> Iterator[tuple[str, int]]:
        """Free places in status lists, drawn at random, so that lists do not tell who came when.

        Lists stay half empty: the free places are decoys (see `Office.baseline`), and one that
        serves as such is not given away.
        """
        count = self._db.execute("SELECT count(*) FROM resident").fetchone()[0]
        while True:
            number = count // (LIST_SIZE // 2) + 1
            uri, taken = f"{site}/s/{number}", self._taken(f"{site}/s/{number}")
            while count < number * (LIST_SIZE // 2):
                idx = secrets.randbelow(LIST_SIZE)
                if idx not in taken:
                    taken.add(idx)
                    count += 1
                    yield uri, idx

    def _taken(self, uri: str) -> set[int]:
        taken = {
            idx for (idx,) in self._db.execute("SELECT idx FROM resident WHERE uri = ?", (uri,))
        }
        return taken | set(self._changed(uri))

    def decoys(self, uri: str) -> dict[int, int]:
        """The free places of a list that have a status in the ledger: they only look taken."""
        places = self._db.execute("SELECT idx FROM resident WHERE uri = ?", (uri,))
        taken = {idx for (idx,) in places}
        return {idx: at for idx, at in self._changed(uri).items() if idx not in taken}

    def _changed(self, uri: str) -> dict[int, int]:
        row = self._db.execute("SELECT id FROM status_list WHERE uri = ?", (uri,)).fetchone()
        first = row[0] * LIST_SIZE if row else 0
        slots = (first, first + MAX_STATUS_INDEX) if row else (1, 0)
        rows = self._db.execute(
            "SELECT slot, value & 3 FROM status WHERE slot BETWEEN ? AND ? AND value & 3", slots
        )
        return {slot - first: value for slot, value in rows}
