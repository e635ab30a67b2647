"""The outbox: what peers are sent of feeds, as long as their links take it.

The feed that the gate writes now ends with the head that the gate rang with; all others are as
they stand on the shelf. FORMAT.md section 8.6.
"""

from dataclasses import dataclass

from ledger_sync import frames
from ledger_sync.batch import Batch, has_its_sealed, root_of
from ledger_sync.errors import Refused
from ledger_sync.exchange import Range
from ledger_sync.feed import BUNDLE
from ledger_sync.frames import MARK_BYTES, Row
from ledger_sync.merkle import Frontier
from ledger_sync.roster import Roster
from ledger_sync.shelf import Held, Shelf
from ledger_sync.takeover import Takeover
from ledger_sync.talk import Talk
from ledger_sync.tiles import entries_of


@dataclass(frozen=True, slots=True)
class Live:
    """The feed that the gate writes now, up to its newest head."""

    held: Held
    size: int
    note: str


class Outbox:
    """Owned by one thread."""

    def __init__(self, shelf: Shelf, roster: Roster, takeover: Takeover) -> None:
        self._shelf = shelf
        self._roster = roster
        self._takeover = takeover
        self.live: Live | None = None

    def rang(self, text: str, key: bytes) -> tuple[int, int, int]:
        """The newest head of the gate's feed: (number, size before, size now). Raises `Refused`
        for what is none of this terminal's."""
        origin = text.partition("\n")[0]
        held = self._shelf.newest_own()
        if held is None or held.origin != origin:
            raise Refused(f"a head of {origin[:80]}, which this store does not hold")
        head = root_of(text, origin=origin, key=key)
        is_same = self.live is not None and self.live.held.number == held.number
        before = self.live.size if self.live and is_same else 0
        if head.size > before:
            row = Row(held.kid, held.incarnation, head.size, head.root[:MARK_BYTES])
            self._roster.put(held.number, row)
            self.live = Live(held, head.size, text)
        return held.number, before, max(before, head.size)

    def signed_off(self) -> list[tuple[int, int, int]]:
        """Feeds of earlier runs that the gate has signed off: (number, size before, size now)."""
        found = []
        for held in self._shelf.own_feeds():
            before = self._roster.size(held.number)
            is_live = self.live is not None and self.live.held.number == held.number
            if held.size > before and not is_live:
                root = Frontier(held.size, held.peaks).root()[:MARK_BYTES]
                self._roster.put(held.number, Row(held.kid, held.incarnation, held.size, root))
                found.append((held.number, before, held.size))
        return found

    def pump(self, talk: Talk) -> None:
        """Sends what was promised, as long as the link takes it."""
        session = talk.session
        while session.is_sending and talk.link.has_room():
            if session.files:
                self._takeover.give(talk, session.files.popleft())
            one = session.next_range()
            if one is not None:
                self._send(talk, one)
        if session.is_done():
            talk.link.send(frames.Done().to_bytes())

    def _send(self, talk: Talk, one: Range) -> None:
        number, start, stop = one
        held = self._shelf.feed(number)
        live = self.live
        is_live = live is not None and live.held.number == number and stop == live.size
        text = live.note if live and is_live else self._shelf.head_at(held, stop)
        if not text:  # its head is on the way from the gate
            return
        bundle, sealed = self._shelf.part(number, start, stop)
        count = stop - start
        if count < BUNDLE and not has_its_sealed(entries_of(bundle, count), sealed):
            sealed = b""  # it came so, and nobody has looked yet
        batch = Batch(held.kid, held.incarnation, start, count, text, bundle, sealed)
        talk.link.send(frames.Parts(batch).to_bytes())
