"""A simulated terminal: a gate that records, and the real gossip, on one disk."""

import hashlib
import random
from dataclasses import dataclass, field

from ledger_sync import feed as feeds
from ledger_sync import masks
from ledger_sync.checklog import CheckLog
from ledger_sync.clock import Hybrid
from ledger_sync.feed import Check, Feed, Opening, Use
from ledger_sync.gossip import Gossip, Link, Self, Talk
from ledger_sync.intake import Intake
from ledger_sync.merkle import Frontier, leaf_hash
from ledger_sync.shelf import Shelf
from ledger_sync.sim import ground as earth
from ledger_sync.sim.disk import Disk
from ledger_sync.sim.ground import Box, Ground
from ledger_sync.sim.mistakes import AcksFirst, DropsShorter, Variant

Place = tuple[bytes, bytes]  # of a feed: kid and incarnation


@dataclass(slots=True)
class Truth:
    """What honest gates recorded durably: (kid, incarnation) -> the first 8 bytes of the root at
    each size, from 0 on; the same feeds as entries; which code counted at which entries, and those
    that did so ahead of time, of which a gate whose clock is right knows nothing; who moved where
    (holder, zone, at * 2 + way) at which entry, but those ahead of time."""

    roots: dict[Place, list[bytes]] = field(default_factory=dict)
    entries: dict[Place, list[bytes]] = field(default_factory=dict)
    codes: dict[int, list[tuple[Place, int]]] = field(default_factory=dict)
    ahead: set[int] = field(default_factory=set)
    moves: dict[tuple[Place, int], tuple[int, int, int]] = field(default_factory=dict)


class Node:
    """One terminal. `start` is a process start, `stop` its death; the disk stays."""

    def __init__(
        self, box: Box, ground: Ground, disk: Disk, chance: random.Random, variant: Variant
    ) -> None:
        self.box = box
        self.ground = ground
        self.disk = disk
        self.chance = chance
        self.variant = variant
        self.clock_error = 0  # seconds its clock is off
        self.gossip: Gossip | None = None
        self.talks: dict[str, Talk] = {}
        self._feed: Feed | None = None
        self._number = 0
        self._hybrid = Hybrid()
        self._now = earth.START

    @property
    def name(self) -> str:
        return self.box.name

    @property
    def kid(self) -> bytes:
        return self.ground.kids[self.box.name]

    @property
    def is_up(self) -> bool:
        return self.gossip is not None

    @property
    def feed(self) -> Feed:
        """The feed of the running gate."""
        assert self._feed is not None
        return self._feed

    @property
    def number(self) -> int:
        """Its local number."""
        return self._number

    def set_time(self, now: int) -> None:
        self._now = max(0, now + self.clock_error)

    def start(self, truth: Truth) -> None:
        """Both processes begin: the gate opens an incarnation, the gossip its index."""
        self.disk.recover()
        log = CheckLog(self.disk.store)
        log.sign_off(self.box.feed)
        tail = log.tail()
        previous = bytes.fromhex(tail.origin.rpartition("/")[2])
        if self.variant.one_feed_a_key and previous:
            self._go_on(log, tail.origin)
        else:
            self._open(log, previous, tail.size, truth)
        me = Self(earth.SITE, self.name, self.box.feed.public.raw, self.box.link, earth.SECRET)
        made = AcksFirst if self.variant.ack_first else Gossip
        self.gossip = made(
            self.disk.store,
            me,
            pinned=self.ground.pinned,
            now=lambda: self._now,
            chance=self.chance,
            in_memory=True,
            intake=DropsShorter if self.variant.drop_shorter else Intake,
        )
        self.gossip.own_changed()
        self.ring()

    def _open(self, log: CheckLog, previous: bytes, size: int, truth: Truth) -> None:
        incarnation = self.chance.randbytes(8)
        origin = feeds.origin_of(earth.SITE, self.name, incarnation)
        key = self.box.feed.public
        opening = Opening(key.raw, log.tail().feed_count, previous, size, "sim", 0).to_bytes()
        self._number = log.open_feed(origin, opening, self._now, kid=self.kid, previous=previous)
        self._feed = Feed(origin=origin, key=self.box.feed)
        self._feed.append(opening)
        self._peaks = ()
        self._note(truth, opening)

    def _go_on(self, log: CheckLog, origin: str) -> None:
        """The known mistake: a process goes on with the feed of the one before."""
        held = Shelf(self.disk.store).newest_own()
        assert held is not None
        self._number = held.number
        self._feed = Feed(origin=origin, key=self.box.feed)
        for entry in log.entries(origin):
            self._feed.append(entry)

    def stop(self) -> None:
        gossip, self.gossip = self.gossip, None
        if gossip:
            for talk in gossip.talks:
                gossip.end(talk)
        self.talks.clear()

    def close(self) -> None:
        """The world is over."""
        self.stop()
        self.disk.store.close()

    def check(self, truth: Truth, code: int, *, counted: bool = True) -> None:
        """The gate records a check of the holder and the code of this number: five people of three
        zones who come and go, one of them for three entries."""
        assert self._feed is not None
        digest = hashlib.sha256(code.to_bytes(8, "big")).digest()[:16]
        holder, code_at = code % 5, self._now
        key = masks.day_key(earth.SECRET, self._now)
        way, zone, quota = code // 7 % 2, holder % 3, 0 if holder else 3
        use = None
        if counted:
            use = Use(digest, holder, code_at, way, self._now, 0, zone, quota)
        sealed = hashlib.sha512(digest).digest() if code % 2 else b""
        entry = Check(
            0,
            0,
            way,
            counted,
            zone,
            self._now,
            self._hybrid.next(self._now),
            1,
            0,
            masks.pseudonym(key, digest[:8]),
            digest,
            masks.masked(holder, key, digest) if use else 0,
            code_at if use else 0,
            quota if use else 0,
            hashlib.sha256(sealed).digest() if sealed else feeds.NOTHING_SEALED,
            "gate",
            (),
            b"",
        ).to_bytes()
        log = CheckLog(self.disk.store)
        log.append(self._number, self._feed.size, entry, sealed=sealed, use=use)
        if use and self.clock_error > 0:
            truth.ahead.add(code)
        if use and code_at:
            truth.codes.setdefault(code, []).append((self._place, self._feed.size))
        if use and self.clock_error <= 0:
            move = holder, zone, self._now * 2 + way
            truth.moves[self._place, self._feed.size] = move
        self._take(log, truth, entry)

    def prune(self, truth: Truth) -> None:
        """The gate forgets what is sealed beside old records; here all of them are old enough."""
        assert self._feed is not None
        log = CheckLog(self.disk.store)
        entry = log.forget(self._number, self._feed.size, self._now, self._now + 1)
        if entry:
            self._take(log, truth, entry)

    def _take(self, log: CheckLog, truth: Truth, entry: bytes) -> None:
        """An entry that is durable goes to the feed, and peers are told."""
        assert self._feed is not None
        self._feed.append(entry)
        self._note(truth, entry)
        if self._feed.has_full_bundle:
            log.save_heads(self._number, self._feed.full_heads())
        self.ring()

    @property
    def _place(self) -> Place:
        assert self._feed is not None
        return self.kid, bytes.fromhex(self._feed.origin.rpartition("/")[2])

    def _note(self, truth: Truth, entry: bytes) -> None:
        """What is durable now is what must never be lost while one copy is left."""
        place = self._place
        truth.entries.setdefault(place, []).append(entry)
        frontier = Frontier(len(truth.entries[place]) - 1, self._peaks)
        frontier.append(leaf_hash(entry))
        self._peaks = frontier.peaks
        roots = truth.roots.setdefault(place, [b""])
        roots.append(frontier.root()[:8])

    _peaks: tuple[bytes, ...] = ()

    def head(self) -> str:
        """The signed head over all that the gate recorded."""
        assert self._feed is not None
        return self._feed.head().note

    def ring(self) -> None:
        if self.gossip:
            self.gossip.rang(self.head())

    def meet(self, other: str, kid: bytes, link: Link, ticks: float) -> None:
        """A link to another terminal is up."""
        assert self.gossip is not None
        self.talks[other] = self.gossip.begin(other, kid, link, ticks)

    def part(self, other: str) -> None:
        talk = self.talks.pop(other, None)
        if talk and self.gossip:
            self.gossip.end(talk)
