"""What was done to a recorded disk, and what a power cut may leave of it (pure).

A disk may keep what was written since its last flush, lose it, or keep any sectors of it, in any
order: a device with a write cache promises nothing else. A cut is a moment between two events and
a choice of sectors.

    W 0000000000200000 00001000 <4096 bytes>     a write; little-endian, 13 bytes of head
    F 0000000000000000 00000000                  a flush that has returned
"""

import random
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from mmap import mmap
from typing import NamedTuple

HEAD = struct.Struct("<cQI")
SECTOR = 512
ACK_BYTES = 4_096  # the disk's last block lies behind the filesystem: there it is told what counts


class Event(NamedTuple):
    """A write of `data` at `at`, or a flush where `data` is None."""

    at: int
    data: bytes | memoryview | None


class Cut(NamedTuple):
    """A disk after a power cut, and the last thing that was acknowledged before it."""

    image: bytes
    acknowledged: bytes


def events_of(journal: bytes | memoryview) -> list[Event]:
    """Parses a journal; a view gives events whose data are views of it. Raises `ValueError` for
    one that ends in the middle of an event."""
    found, at = list[Event](), 0
    while at < len(journal):
        if at + HEAD.size > len(journal):
            raise ValueError(f"journal ends inside the head of event {len(found)}")
        kind, offset, size = HEAD.unpack_from(journal, at)
        at += HEAD.size
        if kind not in (b"W", b"F") or at + size > len(journal):
            raise ValueError(f"event {len(found)} of the journal is damaged")
        found.append(Event(offset, journal[at : at + size] if kind == b"W" else None))
        at += size
    return found


def cuts(base: bytes, events: list[Event], count: int, chance: random.Random) -> Iterator[Cut]:
    """`count` torn disks at moments spread evenly over the events behind the first
    acknowledgement, or fewer if there are fewer events."""
    ack_at = len(base) - ACK_BYTES
    later = moments_of(len(base), events)
    moments = set(chance.sample(later, min(count, len(later))))
    disk, pending, acknowledged = bytearray(base), list[Event](), b""
    for number in range(len(events) + 1):
        if number in moments:
            yield Cut(torn(disk, pending, chance), acknowledged)
        if number == len(events):
            return
        event = events[number]
        if event.data is None:
            _settle(disk, pending)
        elif event.at >= ack_at:
            acknowledged = bytes(event.data)
        else:
            pending.append(event)


def moments_of(size: int, events: Sequence[Event]) -> range:
    """The moments behind the first acknowledgement on a disk of that size, each by the number of
    events before it."""
    at = size - ACK_BYTES
    first = next((n for n, one in enumerate(events) if one.data and one.at >= at), len(events))
    return range(first + 1, len(events) + 1)


class Replay:
    """A disk in place, brought from one moment of its recording to a later one.

    `beside` is what was told beside it until then, see recorder.py: no cut takes that back. A disk
    that lies about flushes (`is_lying`) has kept nothing for sure.
    """

    def __init__(
        self, disk: bytearray | mmap, events: Sequence[Event], *, is_lying: bool = False
    ) -> None:
        self._disk = disk
        self._events = events
        self._is_lying = is_lying
        self._pending = list[Event]()
        self._number = 0
        self.beside = b""

    def go_to(self, number: int) -> None:
        """The moment behind so many events, which is not before the one that it is at."""
        for event in self._events[self._number : number]:
            if event.data is None:
                if not self._is_lying:
                    _settle(self._disk, self._pending)
            elif event.at >= len(self._disk) - ACK_BYTES:
                self.beside = bytes(event.data)
            else:
                self._pending.append(event)
        self._number = number

    @contextmanager
    def cut(self, chance: random.Random) -> Iterator[None]:
        """Meanwhile the disk is what a power cut left: of what was not flushed a random half of
        the sectors."""
        before = list[tuple[int, bytes]]()
        try:
            for at, sector in _kept(self._pending, chance):
                before.append((at, bytes(self._disk[at : at + len(sector)])))
                self._disk[at : at + len(sector)] = sector
            yield
        finally:
            for at, sector in reversed(before):
                self._disk[at : at + len(sector)] = sector


def spread(phases: Sequence[range], count: int, chance: random.Random) -> list[tuple[int, int]]:
    """`count` moments, (number of events before it, number of its phase), in their order: as many
    in each phase, give or take one, and of a short phase the same more than once."""
    found = list[tuple[int, int]]()
    for number in range(count):
        phase = number % len(phases)
        found.append((chance.choice(phases[phase]), phase))
    return sorted(found)


def _settle(disk: bytearray | mmap, pending: list[Event]) -> None:
    for at, data in pending:
        assert data is not None
        disk[at : at + len(data)] = data
    pending.clear()


def torn(disk: bytearray, pending: list[Event], chance: random.Random) -> bytes:
    """The disk with a random half of the sectors that were not flushed."""
    made = bytearray(disk)
    for at, sector in _kept(pending, chance):
        made[at : at + len(sector)] = sector
    return bytes(made)


def _kept(pending: list[Event], chance: random.Random) -> Iterator[tuple[int, bytes]]:
    for at, data in pending:
        assert data is not None
        for sector in range(0, len(data), SECTOR):
            if chance.random() < 0.5:
                yield at + sector, bytes(data[sector : sector + SECTOR])
