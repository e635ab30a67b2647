"""Watches the feeds in a terminal's store: what its own gate and all others logged since the last
look. Reads only; owned by one thread."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from appliance.console.seen import Seen, seen_act, seen_of
from ledger_sync.acts import Acts
from ledger_sync.duress import Duress, holders
from ledger_sync.errors import Refused
from ledger_sync.feed import use_of
from ledger_sync.shelf import MAX_ENTRIES, Shelf
from ledger_sync.software import made_by
from ledger_sync.store import Store

BACKLOG = 200  # entries of a feed that the first look goes back
FEEDS = 64  # newest feeds that the first look goes through; there may be 20,000
EARLY_SECONDS = 300  # how far ahead a terminal's time may be
MOST = 500  # entries of a feed that one look reads: of a day that a peer was cut off, the last

_FEEDS = "SELECT id, origin, size, own FROM feed ORDER BY id"
_LAST_ROW = "SELECT max(id) FROM feed_entry WHERE id >= ? AND id < ?"


class Watch:
    """Of a terminal whose store this is; the site's secret opens what guards wrote."""

    def __init__(
        self,
        store: Store,
        secret: bytes = b"",
        *,
        now: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        self._now = now
        self._store = store
        self._shelf = Shelf(store)
        self._acts = Acts(store, secret)
        self._next: dict[int, int] = {}  # feed -> its entry that was not read yet
        self._makers: dict[int, str] = {}  # feed -> the software of its entries
        self._version = -1
        self._secret = secret
        self._holders: set[int] = set()
        self._calls: list[Duress] = []

    def calls(self) -> list[Duress]:
        """Calls for help among what the last looks read, each once; none of this terminal, whose
        screen somebody may watch."""
        found, self._calls = self._calls, []
        return found

    def look(self) -> list[Seen]:
        """What is new, in the order in which it happened. Raises `Unavailable`."""
        row = self._store.row("PRAGMA data_version")  # moves when another process commits
        version = row[0] if row else 0
        if version == self._version:
            return []
        feeds = list(self._store.rows(_FEEDS))
        if self._secret:
            self._holders = holders(self._store)
        if not self._next:
            for number, _, size, own in feeds[:-FEEDS]:
                self._next[number] = self._end(number, size, own)
        found = [
            seen
            for number, origin, size, own in feeds
            for seen in self._read(
                number, origin.split("/")[-2], self._end(number, size, own), is_own=bool(own)
            )
        ]
        self._version = version
        return sorted(found, key=lambda seen: seen.order)

    def _end(self, number: int, size: int, own: int) -> int:
        """How many entries a feed has; of this terminal's own some may be behind its head."""
        first = number * MAX_ENTRIES
        row = self._store.row(_LAST_ROW, first, first + MAX_ENTRIES) if own else None
        return max(size, row[0] - first + 1) if row and row[0] is not None else size

    def _read(self, number: int, terminal: str, end: int, *, is_own: bool) -> Iterator[Seen]:
        start = self._next.get(number)
        if start is None:
            start = max(0, end - BACKLOG)
        start = max(start, end - MOST)
        pairs: list[tuple[bytes, bytes]] = []
        if start < end:
            with suppress(Refused):  # a damaged bundle is for fsck to tell
                pairs = self._shelf.pairs(number, start, end)
        self._next[number] = max(end, start)
        maker = self._maker(number) if pairs else ""
        latest = (self._now() + EARLY_SECONDS) * 1_000 << 16  # a clock ahead comes before nobody
        for entry, sealed in pairs:
            done = self._acts.done(terminal, entry, sealed)
            seen = seen_act(done) if done else seen_of(terminal, entry, maker)
            if seen is None:
                continue
            seen = seen._replace(hlc=min(seen.hlc, latest))
            if not is_own and self._is_call(seen, entry):
                self._calls.append(Duress(terminal, seen.gate, seen.at))
            yield seen

    def _maker(self, number: int) -> str:
        if not self._makers.get(number):
            self._makers[number] = made_by(self._shelf, number)
        return self._makers[number]

    def _is_call(self, seen: Seen, entry: bytes) -> bool:
        if seen.act is not None:
            return seen.act.is_forced
        use = use_of(entry, self._secret) if self._holders else None
        return use is not None and use.holder in self._holders
