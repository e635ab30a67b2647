"""The logbook of a site: what all terminals recorded, as the replica of one of them holds it.

Reads only, for people: goes through every feed, so not for a decision.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from appliance.office.reports.record import Record, record_of
from appliance.office.reports.span import Span
from appliance.office.reports.standing import Post
from ledger_sync.acts import Acts, Done
from ledger_sync.errors import Refused
from ledger_sync.feed import BUNDLE, at_of
from ledger_sync.gate_alarm import ALARM, GateAlarm, alarm_of
from ledger_sync.shelf import MAX_ENTRIES, Held, Shelf
from ledger_sync.software import made_by
from ledger_sync.store import Store

LAST = 64  # entries of a feed that are looked at for its newest record
_LAST_ROW = "SELECT max(id) FROM feed_entry WHERE id >= ? AND id < ?"
_TERMINALS = "SELECT name, gate FROM terminal ORDER BY name"


class Entry(NamedTuple):
    """One entry of the feed of a terminal: its name for good, its bytes, what is sealed beside,
    the software that made it."""

    terminal: str
    name: str
    body: bytes
    sealed: bytes
    software: str


class Logbook:
    """Of the site whose store this is. `unread` names the bundles that are damaged: those are
    left out, and for `yardpass ledger fsck` to tell."""

    def __init__(self, store: Store, site_secret: bytes) -> None:
        self._store = store
        self._shelf = Shelf(store)
        self._secret = site_secret
        self.unread: list[str] = []

    def records(self, span: Span) -> dict[str, Record]:
        """All checks of these days by the names of their entries; whose they are is not known
        yet."""
        found = {
            entry.name: record_of(entry.terminal, entry.body, self._secret, entry.software)
            for entry in self.entries()
            if at_of(entry.body) in span
        }
        return {name: one for name, one in found.items() if one is not None}

    def alarms(self, span: Span) -> Iterator[tuple[str, GateAlarm]]:
        """(terminal, alarm) of these days, in no order."""
        for entry in self.entries():
            if entry.body[:1] == bytes((ALARM,)) and at_of(entry.body) in span:
                with suppress(Refused):  # of a later version, or of a broken terminal
                    yield entry.terminal, alarm_of(entry.body)

    def acts(self, span: Span) -> list[Done]:
        """What guards did by hand in these days, oldest first."""
        acts = Acts(self._store, self._secret)
        found = [
            acts.done(entry.terminal, entry.body, entry.sealed)
            for entry in self.entries()
            if at_of(entry.body) in span
        ]
        done = [one for one in found if one is not None]
        return sorted(done, key=lambda one: (one.hlc, one.terminal))

    def gates(self) -> dict[str, str]:
        """The gate of each terminal of the ledger."""
        return dict(self._store.rows(_TERMINALS))

    def entries(self) -> Iterator[Entry]:
        """Every entry of every feed; of a second history of one, what the first has not. Raises
        `Unavailable`."""
        for held in self._shelf.feeds():
            terminal = held.origin.split("/")[-2]
            feed = f"{held.origin}~{held.branch}" if held.branch else held.origin
            software = made_by(self._shelf, held.number)
            for start in range(0, self._end(held), BUNDLE):
                first = self._first_history(held, start)
                for seq, (body, sealed) in enumerate(self._pairs(held, start), start):
                    if body not in first:
                        yield Entry(terminal, f"{feed}:{seq}", body, sealed, software)

    def _first_history(self, held: Held, start: int) -> frozenset[bytes]:
        if not held.branch:
            return frozenset()
        number = self._shelf.histories(held.kid, held.incarnation)[0].number
        return frozenset(self._shelf.bodies(number, start, start + BUNDLE))

    def _pairs(self, held: Held, start: int) -> list[tuple[bytes, bytes]]:
        try:
            return self._shelf.pairs(held.number, start, start + BUNDLE)
        except Refused:
            self.unread.append(f"{held.origin} from entry {start}")
            return []

    def _end(self, held: Held) -> int:
        """How many entries a feed has; of this terminal's own some may be behind its head."""
        first = held.number * MAX_ENTRIES
        row = self._store.row(_LAST_ROW, first, first + MAX_ENTRIES) if held.own else None
        newest = row[0] - first + 1 if row and row[0] is not None else 0
        return max(held.size, newest)

    def posts(self, links: dict[str, str]) -> list[Post]:
        """The terminals of the ledger with their newest records; `links` as sync finds them."""
        found = {
            name: Post(name, gate, link=links.get(name, "")) for name, gate in self.gates().items()
        }
        for held in self._shelf.feeds():
            name = held.origin.split("/")[-2]
            if name in found:
                found[name] = self._newer(held, found[name])
        return list(found.values())

    def _newer(self, held: Held, post: Post) -> Post:
        """The post with what the end of this feed says of it, if that is newer."""
        end = self._end(held)
        entries: list[bytes] = []
        with suppress(Refused):  # a damaged bundle, for fsck to tell
            entries = self._shelf.bodies(held.number, max(0, end - LAST), end)
        newest = max(held.opened_at, post.last_at, *map(at_of, entries))
        checks = [record_of(post.name, body, self._secret) for body in entries]
        last = max((one for one in checks if one), key=lambda one: one.at, default=None)
        if last is None or last.at < post.checked_at:
            return post._replace(last_at=newest)
        ledger = (last.at, last.heard_at, last.ledger_size)
        made = made_by(self._shelf, held.number)
        return Post(post.name, post.gate, newest, *ledger, post.link, made)
