"""What fsck.py holds against the checks of all feeds: marks of holders, codes that were used,
conflicts, the hybrid clock. FORMAT.md section 8.7.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ledger_sync import feed as feeds
from ledger_sync.feed import NO_ZONE, Use
from ledger_sync.fsck_moves import Walk
from ledger_sync.places import NOWHERE, key_of, last_in
from ledger_sync.shelf import MAX_ENTRIES, Held, Shelf
from ledger_sync.store import Store
from ledger_sync.uses import code_of, is_entry

MAX_FEEDS = 1 << 30  # more than a store will ever hold: a number beyond is damage
_USED = "SELECT place, code, at FROM used ORDER BY place"
_MARKS = "SELECT holder, code_at, way, seen_at, uses, places FROM holder_mark"
_TOO_LOW = """
SELECT DISTINCT e.holder FROM feed_entry e LEFT JOIN holder_mark m ON m.holder = e.holder
WHERE e.holder IS NOT NULL AND (m.holder IS NULL OR e.code_at > m.code_at
  OR (e.seen_at, e.way) > (m.seen_at, m.way))
UNION SELECT e.holder FROM feed_entry e LEFT JOIN holder_mark m ON m.holder = e.holder
WHERE e.holder IS NOT NULL AND e.way = 0 AND e.zone <> 255
GROUP BY e.holder HAVING count(*) > coalesce(max(m.uses), 0)"""
"""Holders whose marks let a code pass twice that this terminal has accepted."""
_LAST = """
SELECT e.holder, e.zone, max(e.seen_at * 2 + e.way), m.places
FROM feed_entry e JOIN holder_mark m ON m.holder = e.holder
WHERE e.zone <> 255 GROUP BY e.holder, e.zone"""
"""The last move of each holder in each zone that this terminal has seen itself."""


@dataclass(slots=True)
class _Mark:
    """What is kept of a holder, and what of it was found in checks."""

    code_at: int
    last: tuple[int, int]
    uses: int
    places: str
    has_code: bool = False
    has_last: bool = False
    count: int = 0
    found: dict[int, int] = field(default_factory=dict)  # zone -> the move that is kept

    def find(self, use: Use, *, is_counted: bool) -> None:
        """What a check says of the holder."""
        self.count += is_counted and is_entry(use.way, use.zone)
        self.has_code = self.has_code or self.code_at == use.code_at
        self.has_last = self.has_last or self.last == (use.at, use.way)
        if use.zone != NO_ZONE and last_in(self.places, use.zone) == (use.way, use.at):
            self.found[use.zone] = use.at * 2 + use.way

    @property
    def follows(self) -> bool:
        """Whether all of it was found; the places in some order, and nothing beside them."""
        stated = self.places[1:-1].split(",") if self.places != NOWHERE else []
        said = [f"{key_of(zone)}{move}" for zone, move in self.found.items()]
        is_spelt = self.places[:1] + self.places[-1:] == NOWHERE and sorted(stated) == sorted(said)
        return self.has_code and self.has_last and is_spelt and 0 <= self.uses <= self.count


class Tally:
    """Goes through all feeds in the order of their numbers."""

    def __init__(self, store: Store, site_secret: bytes) -> None:
        """Without the site's secret no check says whose it is."""
        self._store = store
        self._shelf = Shelf(store)
        self._secret = site_secret
        self._passed: set[int] = set()
        self._walk = Walk(store, self._passed, has_secret=bool(site_secret))
        self._used = store.rows(_USED)
        self._next = next(self._used, None)
        rows = store.rows(_MARKS) if site_secret else ()
        self._marks = {row[0]: _Mark(row[1], (row[3], row[2]), *row[4:]) for row in rows}
        self._hlc = [hlc for (hlc,) in store.rows("SELECT hlc FROM hybrid WHERE id = 1")]
        self._has_hlc = self._hlc == [0]

    def pass_over(self, number: int) -> None:
        """A feed that cannot be read: what may follow from it is not told as damage, too."""
        self._passed.add(number)

    def look(self, held: Held, name: str, entries: list[bytes]) -> Iterator[str]:
        """What contradicts the checks of one feed."""
        uses: dict[int, Use] = {}
        for seq, entry in enumerate(entries):
            self._has_hlc = self._has_hlc or feeds.hlc_of(entry) in self._hlc
            use = feeds.use_of(entry, self._secret)
            if use is not None:
                uses[seq] = use
                mark = self._marks.get(use.holder)
                if mark is not None:
                    mark.find(use, is_counted=bool(held.own) or seq < held.taken)
        yield from self._codes(held, name, uses)
        yield from self._walk.look(held, name, uses)

    def _codes(self, held: Held, name: str, uses: dict[int, Use]) -> Iterator[str]:
        """Codes that were used in this feed, each of which one of its checks must show."""
        for place, code, at in self._up_to((held.number + 1) * MAX_ENTRIES):
            number, seq = divmod(place, MAX_ENTRIES)
            if number in self._passed:
                continue
            use = uses.get(seq) if number == held.number else None
            if use is None or (code_of(use), use.at) != (code, at) or not use.code_at:
                yield f"feed: the code that was used at {place} is in no check there"
            elif seq >= held.taken:
                yield f"feed {name}: entry {seq}: its code is known and was not looked at"

    def _up_to(self, end: int) -> Iterator[tuple[int, int, int]]:
        while self._next is not None and self._next[0] < end:
            yield self._next[0], self._next[1], self._next[2]
            self._next = next(self._used, None)

    def finish(self) -> Iterator[str]:
        """What is left when all feeds were gone through."""
        for place, _, _ in self._up_to(1 << 63):
            if place // MAX_ENTRIES not in self._passed:
                yield f"feed: the code that was used at {place} is in no check there"
        yield from self._too_low()
        yield from self._conflicts()
        yield from self._walk.finish()
        if len(self._hlc) != 1 or not (self._has_hlc or self._passed):
            yield "feed: the hybrid time that was heard is in no check"
        for holder, mark in () if self._passed else self._marks.items():
            if not mark.follows:
                yield f"feed: the marks of holder {holder} follow from no checks"

    def _too_low(self) -> Iterator[str]:
        """Marks that are behind what this terminal has seen itself."""
        for (holder,) in self._store.rows(_TOO_LOW):
            yield f"feed: the high-water mark is too low for holder {holder}"
        for holder, zone, move, places in self._store.rows(_LAST):
            way, at = last_in(places, zone)
            if at * 2 + way < move:
                yield f"feed: the mark of holder {holder} is too low in zone {zone}"

    def _conflicts(self) -> Iterator[str]:
        for first, second in list(self._store.rows("SELECT first, second FROM conflict")):
            if self._passed & {first // MAX_ENTRIES, second // MAX_ENTRIES}:
                continue
            code = self._shown(first)
            used = self._store.row("SELECT place FROM used WHERE code = ?", code)
            is_twice = code is not None and first < second and code == self._shown(second)
            if not is_twice or used not in ((first,), (second,)):
                yield f"feed: the conflict of {first} and {second} is in no checks"

    def _shown(self, place: int) -> int | None:
        """The code that counted at a place."""
        number, seq = divmod(place, MAX_ENTRIES)
        if not 0 < number < MAX_FEEDS:
            return None
        for entry in self._shelf.bodies(number, seq, seq + 1):
            use = feeds.use_of(entry, self._secret)
            return code_of(use) if use and use.code_at else None
        return None
