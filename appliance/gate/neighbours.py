"""What the other terminals of a zone tell: whether all are heard, how many people are inside.

Looked up in quiet moments and kept: a check waits for none of it. Owned by the checker's thread.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from appliance.gate import doorbell
from ledger_sync import feed as feeds
from ledger_sync import peers_file
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.presence import Inside, Presence
from ledger_sync.shelf import Held, Shelf
from ledger_sync.store import Store

LOOK_SECONDS = 5  # between two looks; a compound's marks take milliseconds
LOOKED_AT = 16  # last entries of a terminal's feed that may say for which zone it counts
MAX_LOOKED_AT = 256  # newest feeds of all terminals, of which there may be 20,000
MAX_FEEDS = 8  # newest feeds of a terminal that are looked through; each start makes one
NO_ZONE = feeds.NO_ZONE
SECOND = 1_000_000_000

_NEWEST = "SELECT id, origin FROM feed ORDER BY id DESC LIMIT ?"

Heard = Callable[[], list[str]]
"""The names of the terminals that are connected now; none while nobody listens."""


class Here(NamedTuple):
    """How the zone stands, as of the last look."""

    heard_for: int  # seconds since the terminal of the zone that is silent longest was heard
    inside: Inside


def connected(folder: Path) -> list[str]:
    """As the sync process of this terminal last wrote, if it is running."""
    if not doorbell.is_answered(folder / doorbell.NAME):
        return []
    return [peer["name"] for peer in peers_file.read(folder) if peer["state"] == "here"]


class Neighbours:
    """Of the terminal of this name, which counts for `zone`."""

    def __init__(
        self,
        store: Store,
        terminal: str,
        zone: int,
        *,
        heard: Heard,
        ticks: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._store = store
        self._name = terminal
        self._zone = zone
        self._heard = heard
        self._ticks = ticks
        self._at: dict[str, int] = {}
        self._looked_at = -LOOK_SECONDS * SECOND
        self._started_at = ticks()
        self._others: set[str] = set()
        self._inside = Inside(0, 0)

    def look(self, now: int) -> None:
        """Looks again if the last look is old. Raises `Unavailable`."""
        ticks = self._ticks()
        if ticks - self._looked_at < LOOK_SECONDS * SECOND or self._zone == NO_ZONE:
            return
        self._looked_at = ticks
        self._at |= dict.fromkeys(self._heard(), ticks)
        self._others = self._of_the_zone()
        self._inside = Presence(self._store).inside(self._zone, now)

    def here(self) -> Here:
        """How the zone stands. Who was never heard is silent since this process began."""
        ticks = self._ticks()
        since = [self._at.get(name, self._started_at - 86_400 * SECOND) for name in self._others]
        oldest = min(since, default=ticks)
        return Here((ticks - oldest) // SECOND, self._inside)

    def _of_the_zone(self) -> set[str]:
        """The other terminals that count for this zone, or of which nobody can tell."""
        named = {name for (name,) in self._store.rows("SELECT name FROM terminal")}
        zones = self._zones(named)
        return {
            name
            for name in named - {self._name}
            if zones.get(name, self._zone) in (self._zone, NO_ZONE)
        }

    def _zones(self, named: set[str]) -> dict[str, int]:
        """Terminal -> the zone its newest checks count for."""
        shelf, found = Shelf(self._store), {}
        tried = dict.fromkeys(named, 0)
        for number, origin in list(self._store.rows(_NEWEST, MAX_LOOKED_AT)):
            name = origin.split("/")[-2]
            if name in found or tried.get(name, MAX_FEEDS) >= MAX_FEEDS:
                continue
            tried[name] += 1
            zone = _zone_in(shelf, shelf.feed(number))
            if zone is not None:
                found[name] = zone
        return found


def _zone_in(shelf: Shelf, held: Held) -> int | None:
    entries: list[bytes] = []
    with suppress(Refused, Unavailable):  # a damaged bundle is for fsck to tell
        entries = shelf.bodies(held.number, max(0, held.size - LOOKED_AT))
    for entry in reversed(entries):
        with suppress(Refused, Unavailable):
            return feeds.check_of(entry).zone
    return None
