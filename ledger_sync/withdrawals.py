"""Withdrawals: invites that their hosts took back, as a store holds them and tells them on.

What a host signs is read by whoever knows passes; here stands what came of it, once for each
invite, and of a host only so many. No part of the state that follows from the ledger. FORMAT.md
section 7.10.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ledger_sync.clock import believed
from ledger_sync.errors import Refused
from ledger_sync.replica import Replica
from ledger_sync.store import Store
from ledger_sync.urgent import EARLY_SECONDS, refused

KEEP_SECONDS = 400 * 86_400  # an invite that is to begin later than that is made anew
MAX_OF_HOST = 128  # withdrawals that are kept of one host, the newest
BEGIN = b"YP1:"  # how every text begins that takes an invite back, and no signed note
_HELD = "SELECT issued_at, note FROM withdrawal WHERE credential = ?"
_IS_HELD = "SELECT 1 FROM withdrawal WHERE credential = ?"
_KEEP = "INSERT OR REPLACE INTO withdrawal VALUES (?, ?, ?, ?)"
_BEHIND = """
SELECT 1 FROM withdrawal WHERE host = ? AND (issued_at, credential) > (?, ?) LIMIT 1 OFFSET ?"""
_FORGET = "DELETE FROM withdrawal WHERE issued_at <= ?"
_TRIM = """
DELETE FROM withdrawal WHERE credential IN (
  SELECT credential FROM withdrawal WHERE host = ?
  ORDER BY issued_at DESC, credential DESC LIMIT -1 OFFSET ?)"""
_TOUCH = "UPDATE ledger SET version = version + 1 WHERE id = 1"
_NOTES = """
SELECT w.note FROM withdrawal w, ledger WHERE w.issued_at + ? > floor
ORDER BY row_number() OVER (PARTITION BY w.host ORDER BY w.issued_at DESC, w.credential DESC) DESC,
  w.issued_at, w.credential"""


class Withdrawn(NamedTuple):
    """The invite of this name was taken back at `issued_at`, by the holder of the pass of this
    handle. Names and handles are as `state.number_of` gives them."""

    credential: int
    issued_at: int
    host: int


Verify: TypeAlias = Callable[[bytes], Withdrawn]
"""A text `YP1:...` to what its host took back. Raises `Refused` for whatever else it is."""
_Rank: TypeAlias = tuple[int, bytes]


class Withdrawals:
    """The withdrawals of one store."""

    def __init__(self, store: Store, verify: Verify | None = None) -> None:
        """Without `verify` it takes in nothing, and still tells what is held."""
        self._store = store
        self._verify = verify

    def add(self, data: bytes, *, now: int) -> Withdrawn:
        """Takes an invite back, durably; one that is held already changes nothing. Raises
        `Refused` for what no host signed, or not in its time; `Unavailable` when the disk refuses.

        The ledger's version moves with it, as with an order. Of several texts about one invite
        the one of the later time is kept, and of a host the `MAX_OF_HOST` that he took back
        last, so that all terminals keep the same, and nobody crowds out others.
        """
        found = self._opened(data, now)
        rank, floor = _rank_of(found.issued_at, data), self._floor()
        with self._store.transaction():
            held = self._store.row(_HELD, found.credential)
            if (held is None or _rank_of(*held) < rank) and not self._is_behind(found):
                self._store.db.execute(_FORGET, (floor - KEEP_SECONDS,))
                self._store.db.execute(_KEEP, (*found, data))
                self._store.db.execute(_TRIM, (found.host, MAX_OF_HOST))
                self._store.db.execute(_TOUCH)
        return found

    def _opened(self, data: bytes, now: int) -> Withdrawn:
        if self._verify is None:
            raise refused("nobody here can tell whether a host took an invite back")
        try:
            found = self._verify(data)
        except Refused as why:
            raise refused(f"no invite is taken back: {why}") from None
        floor = self._floor()
        at = believed(now, floor)
        if found.issued_at > at + EARLY_SECONDS:
            raise refused(f"an invite taken back at {found.issued_at}, it is {at} here")
        if found.issued_at + KEEP_SECONDS <= floor:
            raise refused("an invite that was taken back over a year ago")
        return found

    def _is_behind(self, found: Withdrawn) -> bool:
        """Whether as many as are kept of its host were taken back after it."""
        newer = (found.host, found.issued_at, found.credential, MAX_OF_HOST - 1)
        return self._store.row(_BEHIND, *newer) is not None

    def _floor(self) -> int:
        return Replica(self._store).ledger().floor

    def is_withdrawn(self, credential: int) -> bool:
        """Whether the invite of this name was taken back. For a gate: one read."""
        return self._store.row(_IS_HELD, credential) is not None

    def notes(self) -> list[bytes]:
        """Every text that still counts, to be told to others: those last that their hosts took
        back last, so that whoever reads from there hears of all hosts first."""
        return [bytes(data) for (data,) in self._store.rows(_NOTES, KEEP_SECONDS)]


def is_withdrawal(data: bytes) -> bool:
    """Whether a note means to take an invite back: it begins as no signed note does."""
    return data.startswith(BEGIN)


def _rank_of(issued_at: int, data: bytes) -> _Rank:
    """The greater one is kept, whichever came first."""
    return issued_at, hashlib.sha256(data).digest()
