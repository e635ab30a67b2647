"""A terminal that is none any more: it has its keys, and says whatever hurts.

Bad bundles, replays of what others sent, frames of 4 GiB, rubbish, checkpoints without a quorum,
orders by who may give none, and two histories of its own feed, one for each half of its peers.
"""

import random

from ledger_sync import feed as feeds
from ledger_sync import frames
from ledger_sync.batch import Batch
from ledger_sync.feed import Feed, Opening
from ledger_sync.frames import Row
from ledger_sync.gossip import Link
from ledger_sync.order import ALL_ZONES, Kind
from ledger_sync.sim import ground as earth
from ledger_sync.sim.ground import Box, Ground
from ledger_sync.tiles import bundle_of


class Adversary:
    """Speaks over links like a node, and keeps nothing."""

    def __init__(self, box: Box, ground: Ground, chance: random.Random) -> None:
        self.box = box
        self._ground = ground
        self._chance = chance
        self._links: dict[str, Link] = {}
        self._overheard: list[bytes] = []
        self._incarnation = chance.randbytes(8)
        self._histories = [self._history(word) for word in (b"one", b"other")]

    @property
    def name(self) -> str:
        return self.box.name

    def _history(self, word: bytes) -> list[frames.Parts]:
        """Two batches of a feed of three entries, the last of which says `word`."""
        kid, key = self.box.feed.public.kid, self.box.feed
        origin = feeds.origin_of(earth.SITE, self.name, self._incarnation)
        opening = Opening(key.public.raw, 0, b"", 0, "sim", 0).to_bytes()
        feed, made = Feed(origin=origin, key=key), []
        for start, entries in ((0, [opening, b"\x09first"]), (2, [b"\x09" + word])):
            for entry in entries:
                feed.append(entry)
            text, bundle = feed.head().note, bundle_of(entries)
            batch = Batch(kid, self._incarnation, start, len(entries), text, bundle, b"")
            made.append(frames.Parts(batch))
        return made

    def meet(self, other: str, link: Link) -> None:
        self._links[other] = link
        checkpoint = self._chance.choice([b"", self._ground.rogue, self._ground.ledgers[0][0]])
        hello = frames.Hello(self.box.feed.public.kid, checkpoint, (), (), (), ())
        link.send(hello.to_bytes())
        for part in self._histories[int(other[1:]) % 2]:
            link.send(part.to_bytes())

    def part(self, other: str) -> None:
        self._links.pop(other, None)

    def hear(self, data: bytes) -> None:
        if len(self._overheard) < 50:
            self._overheard.append(data)

    def act(self) -> None:
        """One evil thing to one peer."""
        if self._links:
            link = self._links[self._chance.choice(sorted(self._links))]
            link.send(self._chance.choice(self._tricks)())

    @property
    def _tricks(self) -> tuple:  # type: ignore[type-arg]  # of bound methods
        reading = (self._huge, self._rubbish, self._replay, self._flipped)
        return (*reading, self._greedy, self._gap, self._order)

    def _huge(self) -> bytes:
        return b"\xff\xff\xff\xff\x02"

    def _rubbish(self) -> bytes:
        return self._chance.randbytes(40)

    def _replay(self) -> bytes:
        return self._chance.choice(self._overheard or [b"\x00"])

    def _flipped(self) -> bytes:
        data = bytearray(self._replay())
        data[self._chance.randrange(len(data))] ^= 1 << self._chance.randrange(8)
        return bytes(data)

    def _greedy(self) -> bytes:
        row = Row(self._chance.randbytes(8), bytes(8), 1, bytes(8))
        return frames.WantFeed(row).to_bytes() * 30

    def _order(self) -> bytes:
        """Everything stands open, says a key that may only issue passes."""
        return frames.Deny(
            self._ground.order(Kind.FREE, ALL_ZONES, earth.START, signer="office")
        ).to_bytes()

    def _gap(self) -> bytes:
        part = self._histories[0][1]
        return frames.Parts(part.batch._replace(start=200)).to_bytes()
