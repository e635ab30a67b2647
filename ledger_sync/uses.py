"""Uses: what the checks of all terminals tell a gate about a holder, and codes used twice.

A use moves the holder's marks (the time of the newest code, the way taken last, how many entries,
the last move in each zone), which the gate's one read brings along; a code that counted at two
places is a conflict, reported once. FORMAT.md section 8.7.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ledger_sync.feed import NO_ZONE, Use
from ledger_sync.places import key_of
from ledger_sync.store import Store

KEEP_SECONDS = 30 * 86_400  # how long it is known which code counted where
SLICES = 4_096  # parts of the table of codes, of which one at a time is looked through
EARLY_SECONDS = 300  # how far ahead of this terminal's time a use may be and count
_MARK = """
INSERT INTO holder_mark VALUES (?1, ?2, ?3, ?4, ?5, iif(?6 = '', '{}', '{' || ?6 || ?7 || '}'))
ON CONFLICT (holder) DO UPDATE SET
  code_at = max(code_at, excluded.code_at),
  way = CASE WHEN (excluded.seen_at, excluded.way) > (seen_at, way) THEN excluded.way ELSE way END,
  seen_at = max(seen_at, excluded.seen_at), uses = uses + excluded.uses,
  places = CASE WHEN ?6 = '' THEN places WHEN places = '{}' THEN excluded.places
    WHEN NOT instr(places, ?6) THEN
      substr(places, 1, length(places) - 1) || ',' || substr(excluded.places, 2)
    WHEN CAST(substr(places, instr(places, ?6) + length(?6)) AS INTEGER) >= ?7 THEN places
    ELSE replace(places, ?6 || CAST(substr(places, instr(places, ?6) + length(?6)) AS INTEGER),
      ?6 || ?7) END"""
"""As the trigger `mark` of the schema, with the key of the zone and the move in it beside."""
_CODE = "INSERT OR IGNORE INTO used VALUES (?, ?, ?)"
_FORGET = """
DELETE FROM used WHERE code BETWEEN ? AND ? AND at < ?
AND NOT EXISTS (SELECT 1 FROM conflict WHERE first = place OR second = place)"""
_CONFLICT = "INSERT OR IGNORE INTO conflict VALUES (?, ?, ?)"
_CONFLICTS = """
SELECT a.origin, c.first % 4294967296, b.origin, c.second % 4294967296, c.found_at
FROM conflict c JOIN feed a ON a.id = c.first / 4294967296
JOIN feed b ON b.id = c.second / 4294967296 ORDER BY c.found_at, c.first, c.second"""


class Conflict(NamedTuple):
    """One code that counted at two places: the feeds and the numbers of the checks in them."""

    first: str
    first_seq: int
    second: str
    second_seq: int
    found_at: int


def code_of(use: Use) -> int:
    """What stands for the code of a use where codes are looked up: the begin of its digest."""
    return int.from_bytes(use.digest[:8], "big", signed=True)


def is_entry(way: int, zone: int) -> bool:
    """Who was let into a zone; who waits before a gate is not."""
    return way == 0 and zone != NO_ZONE


class Uses:
    """The uses one store knows of. `put`s happen inside a transaction of the caller."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._db = store.db

    def put(self, uses: Sequence[Use], *, now: int, count: bool = True) -> None:
        """Takes over the uses in a peer's checks. Those of ahead of time count for nothing: who
        sets a clock forward must lock nobody out. Without `count` they move what may be moved
        twice, the newest of everything, but not the number: for what is counted later."""
        limit = now + EARLY_SECONDS
        timely = [one for one in uses if one.at <= limit and one.code_at <= limit]
        marks: dict[tuple[int, int], tuple[int, int, int, int]] = {}
        for _, holder, code_at, way, at, _, zone, _ in timely:
            key = holder, zone
            newest, last_way, seen_at, entries = marks.get(key, (0, -1, -1, 0))
            seen_at, last_way = max((seen_at, last_way), (at, way))
            marks[key] = (max(newest, code_at), last_way, seen_at, entries + is_entry(way, zone))
        rows = [
            (holder, *mark[:3], mark[3] if count else 0, key_of(zone), mark[2] * 2 + mark[1])
            for (holder, zone), mark in marks.items()
        ]
        self._db.executemany(_MARK, rows)

    def put_codes(self, feed: int, uses: Sequence[tuple[int, Use]], *, now: int) -> None:
        """Remembers which codes counted where; one that counted elsewhere is a conflict."""
        first, limit = feed << 32, now + EARLY_SECONDS
        rows = sorted(
            (code_of(use), first + seq, use.at)
            for seq, use in uses
            if use.code_at and use.at <= limit and use.code_at <= limit
        )
        before = self._db.total_changes
        self._db.executemany(_CODE, rows)
        if self._db.total_changes - before == len(rows):
            return
        for code, place, _ in rows:
            (held,) = self._db.execute("SELECT place FROM used WHERE code = ?", (code,)).fetchone()
            if held != place:
                self._db.execute(_CONFLICT, (min(held, place), max(held, place), now))

    def forget_codes(self, number: int, *, sure: int) -> None:
        """Forgets the codes of a slice (0 to SLICES - 1) that counted more than `KEEP_SECONDS`
        before `sure`, a time that is certainly past: but for conflicts, which people settle. Who
        was cut off for longer brings codes that were used twice, and nobody notices."""
        width = (1 << 64) // SLICES
        begin = -(1 << 63) + number * width
        self._db.execute(_FORGET, (begin, begin + width - 1, sure - KEEP_SECONDS))

    def conflicts(self) -> list[Conflict]:
        """Codes that counted at two places, oldest first."""
        return [Conflict._make(row) for row in self._store.rows(_CONFLICTS)]

    def raise_hlc(self, hlc: int, now: int) -> None:
        """The highest hybrid time seen; none from ahead of time."""
        if hlc >> 16 <= (now + EARLY_SECONDS) * 1_000:
            self._db.execute("UPDATE hybrid SET hlc = max(hlc, ?)", (hlc,))
