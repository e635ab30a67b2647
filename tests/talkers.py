"""Terminals whose gossip is joined by links in memory, on the ground of the simulator."""

import hashlib
import random

from ledger_sync import feed, masks, note, tiles
from ledger_sync.batch import Batch
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.frame_reader import FrameReader
from ledger_sync.frames import Hello, Parts
from ledger_sync.mirror import Mirror
from ledger_sync.replica import Replica
from ledger_sync.shelf import Shelf
from ledger_sync.sim import ground as earth
from ledger_sync.sim.disk import Disk
from ledger_sync.sim.ground import ground
from ledger_sync.sim.mistakes import Variant
from ledger_sync.sim.net import Cable
from ledger_sync.sim.node import Node, Truth
from ledger_sync.sim.published import Published

GROUND = ground(6)
ROUND_SECONDS = 0.5


class Party:
    """Some terminals t0, t1, ... and the links between those that are `joined`."""

    _open = ()

    @classmethod
    def end_all(cls):
        for party in cls._open:
            for node in party.nodes:
                node.close()
        cls._open = ()

    def __init__(self, count=2, *, pairs=None):
        Party._open = (*Party._open, self)
        self.truth = Truth()
        self.ticks = 0.0
        self.nodes = [self._node(number) for number in range(count)]
        self.cables = {}
        chain = [(number, number + 1) for number in range(count - 1)]
        for one, other in chain if pairs is None else pairs:
            self.join(one, other)

    def _node(self, number):
        box, disk = GROUND.boxes[number], Disk(GROUND.disk)
        node = Node(box, GROUND, disk, random.Random(number), Variant())
        node.set_time(self.now)
        node.start(self.truth)
        return node

    @property
    def now(self):
        return earth.START + int(self.ticks)

    def join(self, one, other):
        a, b = self.nodes[one], self.nodes[other]
        cable = Cable(a.name, b.name)
        cable.connect()
        self.cables[one, other] = cable
        for node, peer in ((a, b), (b, a)):
            node.meet(peer.name, peer.kid, cable.wires[node.name], self.ticks)

    def part(self, one, other):
        cable = self.cables.pop((one, other))
        for name, peer in (cable.ends, cable.ends[::-1]):
            self.named(name).part(peer)

    def named(self, name):
        return next(node for node in self.nodes if node.name == name)

    def turn(self, *, settle=True):
        """Half a second passes; everything on its way arrives. Raises what a node raises."""
        self.ticks += ROUND_SECONDS
        for node in self.nodes:
            node.set_time(self.now)
            node.gossip.tick(self.ticks)
            if settle:
                node.gossip.settle()
        for cable in list(self.cables.values()):
            for sender in cable.ends:
                self.deliver(cable, sender)

    def deliver(self, cable, sender):
        node = self.named(cable.other(sender))
        while (data := cable.take(sender)) is not None:
            try:
                node.gossip.hear(node.talks[sender], data, self.ticks)
            except (Refused, Unavailable):
                ends = tuple(int(name[1:]) for name in cable.ends)
                self.part(*ends)
                raise

    def until(self, is_so, *, rounds=120):
        """Turns until something holds; fails if it never does."""
        for _ in range(rounds):
            if is_so():
                return
            self.turn()
        assert is_so()

    def agree(self):
        """Turns until all hold the same feeds."""
        self.until(lambda: len({str(sorted_rows(node)) for node in self.nodes}) == 1)

    def check(self, number, code, **options):
        self.nodes[number].check(self.truth, code, **options)

    def publish(self, number, count):
        """A terminal takes in the ledger after so many changes."""
        node = self.nodes[number]
        mirror = Mirror(replica_of(node), pinned=GROUND.pinned, now=lambda: self.now)
        mirror.update(Published(GROUND, count))
        node.gossip.ledger_changed()


def sorted_rows(node):
    return sorted(row for rows in node.gossip.feeds().values() for row in rows)


def store_of(node):
    return node.disk.store


def replica_of(node):
    return Replica(store_of(node))


def held_of(node, owner):
    """The feeds of another terminal that a node holds, oldest first."""
    return [held for held in Shelf(store_of(node)).feeds() if held.kid == owner.kid]


def entries_at(node, owner):
    shelf = Shelf(store_of(node))
    return [entry for held in held_of(node, owner) for entry in shelf.bodies(held.number)]


class Ear:
    """A link that goes nowhere and remembers what was sent."""

    def __init__(self, *, room=True):
        self.sent = []
        self.room = room

    def send(self, data):
        self.sent.append(data)

    def has_room(self):
        return self.room


class Stranger:
    """A terminal of the ledger, t5, that says what it likes over a link to one node."""

    def __init__(self, party, *, node=0, room=True, number=5):
        self.box = GROUND.boxes[number]
        self.kid = self.box.feed.public.kid
        self.node = party.nodes[node]
        self.party = party
        self.link = Ear(room=room)
        self.talk = self.node.gossip.begin(self.box.name, self.kid, self.link, party.ticks)

    def say(self, *messages, more=False):
        data = b"".join(one if isinstance(one, bytes) else one.to_bytes() for one in messages)
        self.node.gossip.hear(self.talk, data, self.party.ticks, more=more)

    def greet(self, **changes):
        self.say(Hello(self.kid, b"", (), (), (), ())._replace(**changes))
        return self

    def heard(self, kind=object):
        """What it was sent so far, and takes away."""
        found = [message for data in self.link.sent for message in FrameReader().feed(data)]
        self.link.sent.clear()
        return [message for message in found if isinstance(message, kind)]

    def origin(self, incarnation):
        return feed.origin_of(earth.SITE, self.box.name, incarnation)

    def head(self, text):
        """A note with this text, signed as a head."""
        verifier = feed.verifier_of(text.partition("\n")[0], self.box.feed.public.raw)
        return (text + "\n" + note.sign_note(text, verifier, self.box.feed)).encode()

    def batches(self, entries, *, incarnation=b"stranger", cuts=()):
        """A feed of its own in batches that end at `cuts` and at the end."""
        live = feed.Feed(origin=self.origin(incarnation), key=self.box.feed)
        key = self.box.feed.public.raw
        whole = [feed.Opening(key, 0, b"", 0, "stranger", 0).to_bytes(), *entries]
        made, start = [], 0
        for stop in (*cuts, len(whole)):
            for entry in whole[start:stop]:
                live.append(entry)
            bundle, text = tiles.bundle_of(whole[start:stop]), live.head().note
            batch = Batch(self.kid, incarnation, start, stop - start, text, bundle, b"")
            made.append(Parts(batch))
            start = stop
        return made


def check_of(*, at, code_at=None, way=0, code=b"a code", holder=7):
    """A green check that counts, as a gate records it."""
    digest = hashlib.sha256(code).digest()[:16]
    key = masks.day_key(earth.SECRET, at)
    carrier = masks.masked(holder, key, digest)
    at_code = at if code_at is None else code_at
    record = (0, 0, way, 1, feed.NO_ZONE, at, 0, 1, 0, bytes(16), digest, carrier, at_code, 0)
    return feed.Check(*record, feed.NOTHING_SEALED, "gate", (), b"").to_bytes()
