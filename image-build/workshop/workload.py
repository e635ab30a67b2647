"""A terminal at work on a disk that will lose its power: the product's own store and log.

Checks are recorded as the gate does it, a growing ledger is accepted, the process starts again in
between. What is durable by the product's promise is acknowledged to the recorder at once.

    python -m workshop.workload FOLDER DEVICE ACK-OFFSET --checks 300 --synchronous FULL
"""

import hashlib
import mmap
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from ledger_sync.accept import accept, checked
from ledger_sync.checklog import CheckLog
from ledger_sync.replica import Replica
from ledger_sync.sim import ground as earth
from ledger_sync.sim.disk import Disk, Fuse
from ledger_sync.sim.ground import Ground, ground
from ledger_sync.sim.mistakes import Variant
from ledger_sync.sim.node import Node, Truth
from ledger_sync.store import Store

STORE = "store.db"
TERMINALS = 2
CHECKS_A_LEDGER = 24  # between two checkpoints that are taken in
STARTS = 3  # of the gate process, over all the checks
_ACK = struct.Struct("<8sII32s")
_MAGIC = b"yardpass"


class Ack(NamedTuple):
    """What was acknowledged: so many entries of own feeds with this hash, so large a ledger."""

    entries: int
    ledger: int
    digest: bytes

    def to_bytes(self) -> bytes:
        return _ACK.pack(_MAGIC, *self)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Ack":
        magic, *rest = _ACK.unpack_from(data)
        if magic != _MAGIC:
            raise ValueError("no acknowledgement of the workload")
        return cls(*rest)


def chained(entries: list[bytes]) -> bytes:
    """One hash over entries in their order."""
    whole = hashlib.sha256()
    for entry in entries:
        whole.update(hashlib.sha256(entry).digest())
    return whole.digest()


def own_entries(store: Store) -> list[bytes]:
    """All that this terminal recorded, in its order."""
    log = CheckLog(store)
    rows = store.rows("SELECT origin FROM feed WHERE own = 1 ORDER BY id")
    return [entry for (origin,) in list(rows) for entry in log.entries(origin)]


class _FileDisk(Disk):
    """A disk as the simulated gate wants it, in a file."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self.fuse = Fuse()
        self.store = Store(path, synchronous=synchronous)

    def recover(self) -> None:
        """Files recover by themselves."""


class _Work:
    """The gate of one terminal on this disk. Owned by its one thread."""

    def __init__(self, disk: Disk, base: Ground, tell: Callable[[bytes], None]) -> None:
        self._base, self._disk, self._tell = base, disk, tell
        self._truth = Truth()
        self._replica = Replica(disk.store)
        self._node = Node(base.boxes[0], base, disk, random.Random(1), Variant())  # noqa: S311 - no secret
        self._now, self._ledger = earth.START, 0

    def run(self, checks: int) -> None:
        """So many checks, each acknowledged when it is durable."""
        for number in range(checks):
            if number % max(1, checks // STARTS) == 0:
                self._node.stop()
                self._node.start(self._truth)
            self._now += 1
            self._node.set_time(self._now)
            self._node.check(self._truth, number)
            if self._node.feed.size % 256 == 0:
                CheckLog(self._disk.store).checkpoint()  # as the recorder does at rest
            if number % CHECKS_A_LEDGER == CHECKS_A_LEDGER - 1:
                self._take_ledger()
            self._acknowledge()

    def _take_ledger(self) -> None:
        self._ledger = min(self._ledger + 1, len(self._base.ledgers) - 1)
        signed, bodies = self._base.ledgers[self._ledger]
        replica, pinned = self._replica, self._base.pinned
        held = replica.ledger().size
        if len(bodies) <= held:
            return
        trust = replica.history.trust(pinned)
        candidate = checked(signed, trust=trust, known=replica.position())
        new = [list(bodies[held:])]
        replica.apply(
            accept(candidate, new, trust=trust, frontier=replica.frontier()), trust=trust
        )

    def _acknowledge(self) -> None:
        entries = [entry for feed in self._truth.entries.values() for entry in feed]
        ack = Ack(len(entries), self._replica.ledger().size, chained(entries))
        self._tell(ack.to_bytes())


def work(folder: Path, tell: Callable[[bytes], None], *, checks: int, synchronous: str) -> None:
    """Makes a store in `folder` and records `checks` checks; `tell` gets each acknowledgement."""
    base = ground(TERMINALS)
    path = folder / STORE
    path.write_bytes(base.disk)
    disk = _FileDisk(path, synchronous)
    os.sync()
    try:
        _Work(disk, base, tell).run(checks)
    finally:
        disk.store.close()


def teller(device: Path, offset: int) -> Callable[[bytes], None]:
    """Writes acknowledgements past every cache, to the block of the device that is for them."""
    handle = os.open(device, os.O_RDWR | os.O_DIRECT)
    block = mmap.mmap(-1, mmap.PAGESIZE)  # aligned, as O_DIRECT demands

    def tell(data: bytes) -> None:
        block[: len(data)] = data
        os.pwrite(handle, block, offset)

    return tell


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("device", type=click.Path(path_type=Path))
@click.argument("offset", type=int)
@click.option("--checks", default=300)
@click.option("--synchronous", default="FULL", type=click.Choice(["FULL", "NORMAL", "OFF"]))
def main(folder: Path, device: Path, offset: int, checks: int, synchronous: str) -> None:
    """Work on the recorded disk that is mounted at FOLDER."""
    work(folder, teller(device, offset), checks=checks, synchronous=synchronous)


if __name__ == "__main__":
    main()
