"""Moves: what must be kept of uses to find whom a split let in twice, or too often.

Two entries into one zone without a way out between, or more entries than a credential is good
for, which no gate could know before it had heard of the others. Written when it is quiet, never
on the way of a check. FORMAT.md section 8.7.
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger_sync.feed import NO_ZONE, Use
from ledger_sync.places import IN, OUT, QUOTA, Move, Pair, contradictions
from ledger_sync.store import Store
from ledger_sync.uses import EARLY_SECONDS, KEEP_SECONDS

PASSBACK_SECONDS = 48 * 3_600  # before the time floor: since then two entries may contradict
_PUT = "INSERT OR IGNORE INTO move VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_MOVES = """
SELECT m.at, m.digest, coalesce(f.origin, ''), m.place % 4294967296, m.place,
  m.holder, m.zone, m.way, m.code_at, m.quota
FROM move m LEFT JOIN feed f ON f.id = m.place / 4294967296"""
_OF_HOLDERS = " WHERE m.holder IN (SELECT value FROM json_each(?))"
_HELD = """
SELECT c.kind, c.second, c.first FROM move m JOIN presence_conflict c ON c.second = m.place
WHERE m.holder IN (SELECT value FROM json_each(?))"""
_TOLD = """
SELECT 1 FROM move m JOIN presence_conflict c ON c.first = m.place
WHERE m.holder = ? AND m.zone = ? AND m.at <= ? AND c.kind = 'passback' LIMIT 1"""
_KEEP = """
INSERT INTO presence_conflict VALUES (?, ?, ?, ?)
ON CONFLICT (second, kind) DO UPDATE SET first = excluded.first"""
_DROP = "DELETE FROM presence_conflict WHERE kind = ? AND second = ?"
_FORGET = """
DELETE FROM move WHERE at < ?1 AND (quota = 0 OR way = 1 OR at < ?2)
AND NOT EXISTS (SELECT 1 FROM presence_conflict WHERE first = place)
AND NOT EXISTS (SELECT 1 FROM presence_conflict WHERE second = place)
AND NOT (quota > 0 AND EXISTS (SELECT 1 FROM presence_conflict c JOIN move m ON m.place = c.second
  WHERE c.kind = 'quota' AND m.holder = move.holder))"""
_CONFLICTS = """
SELECT c.kind, a.origin, c.first % 4294967296, b.origin, c.second % 4294967296, c.found_at
FROM presence_conflict c JOIN feed a ON a.id = c.first / 4294967296
JOIN feed b ON b.id = c.second / 4294967296 ORDER BY c.found_at, c.second, c.kind"""


class PresenceConflict(NamedTuple):
    """Two checks of one holder that cannot both be right: `kind` is `passback` or `quota`; the
    feeds and the numbers of the checks in them."""

    kind: str
    first: str
    first_seq: int
    second: str
    second_seq: int
    found_at: int


class Moves:
    """The moves one store knows of. `put` and `forget` happen inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._db = store.db

    def put(self, feed: int, uses: Sequence[tuple[int, Use]], *, now: int) -> None:
        """Takes over the uses in the checks of a feed, by their numbers, and looks again at
        everybody they are of. Twice is as good as once."""
        limit, at, sure = now + EARLY_SECONDS, feed << 32, self._sure()
        rows = [
            (at + seq, one.holder, one.zone, one.at, one.way, one.digest, one.code_at, one.quota)
            for seq, one in uses
            if one.at <= limit and one.code_at <= limit and self._is_kept(one, sure)
        ]
        if rows:
            self._db.executemany(_PUT, rows)
            self._look({row[1] for row in rows}, sure, now)

    def _sure(self) -> int:
        """A time that is certainly past: by a clock that is ahead nothing would be kept."""
        row = self._store.row("SELECT floor FROM ledger")
        return int(row[0]) if row else 0

    def _is_kept(self, use: Use, sure: int) -> bool:
        """Whether a use can contradict another one, or take back that two others did."""
        if use.quota and use.way == IN and use.at >= sure - KEEP_SECONDS:
            return True
        if use.zone == NO_ZONE or use.at >= sure - PASSBACK_SECONDS:
            return use.zone != NO_ZONE
        asked = (use.holder, use.zone, use.at)
        return use.way == OUT and self._db.execute(_TOLD, asked).fetchone() is not None

    def _look(self, holders: set[int], sure: int, now: int) -> None:
        """Whether moves of these holders contradict each other, and what did and does no more.

        A pair that begins too long ago is not told any more: what was between may be forgotten.
        """
        asked = json.dumps(sorted(holders))
        held = {row[:2]: row[2] for row in self._db.execute(_HELD, (asked,))}
        pairs = contradictions(self.all(asked))
        since = sure - PASSBACK_SECONDS
        found = {
            key: pair.first.place
            for key, pair in pairs.items()
            if key in held or _is_told(key[0], pair, since)
        }
        self._db.executemany(_DROP, list(held.keys() - found.keys()))
        self._db.executemany(
            _KEEP,
            [
                (kind, first, second, now)
                for (kind, second), first in sorted(found.items())
                if held.get((kind, second)) != first
            ],
        )

    def all(self, asked: str = "") -> Iterator[Move]:
        """The moves of the holders in this JSON array, or of all."""
        rows = self._store.rows(_MOVES + _OF_HOLDERS, asked) if asked else self._store.rows(_MOVES)
        return map(Move._make, rows)

    def forget(self, *, sure: int) -> None:
        """Forgets moves of before `sure`, a time that is certainly past, that will contradict none
        any more; not those that do, which people settle."""
        self._db.execute(_FORGET, (sure - PASSBACK_SECONDS, sure - KEEP_SECONDS))

    def conflicts(self) -> list[PresenceConflict]:
        """Checks that contradict each other, oldest first."""
        return [PresenceConflict._make(row) for row in self._store.rows(_CONFLICTS)]


def _is_told(kind: str, pair: Pair, since: int) -> bool:
    return kind == QUOTA or pair.first.at >= since
