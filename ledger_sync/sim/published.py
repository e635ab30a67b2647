"""The simulated authority's public folder, as a source of a ledger."""

from ledger_sync.errors import Refused
from ledger_sync.sim.ground import ROTATION, Ground
from ledger_sync.sources import Absence, Found
from ledger_sync.tiles import WIDTH, bundle_of, parse_path


class Published:
    """What was published after so many changes; see `sources.Source`."""

    def __init__(self, ground: Ground, number: int) -> None:
        self.where = "the authority"
        self.received = 0
        self._note, self._entries = ground.ledgers[number]
        self._bridge = ground.ledgers[ROTATION][0] if number >= ROTATION else b""

    def get(self, path: str, *, most: int, tag: str = "") -> Found | Absence:
        data = self._data(path)
        return Found(data, "") if data else Absence.MISSING

    def _data(self, path: str) -> bytes:
        if path == "checkpoint":
            return self._note
        if path == "bridge/1":
            return self._bridge
        try:
            level, number, width = parse_path(path)
        except Refused:
            return b""
        entries = self._entries[number * WIDTH : number * WIDTH + width]
        return bundle_of(entries) if level is None and len(entries) == width else b""
