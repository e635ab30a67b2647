"""Terminals that talk over real TLS on loopback, all in one process and one asyncio loop.

Ledger and keys are those of the simulated ground; stores are files, gates are the simulated ones.
Every pair speaks through a proxy that can be cut. For the bench and for tests of the real wire.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from ledger_sync import certificate, sockets
from ledger_sync.exchanger import Exchanger
from ledger_sync.gossip import Self
from ledger_sync.sim import ground as earth
from ledger_sync.sim.disk import Disk, Fuse
from ledger_sync.sim.ground import ground
from ledger_sync.sim.mistakes import Variant
from ledger_sync.sim.node import Node, Truth
from ledger_sync.sim.proxy import Proxy
from ledger_sync.store import Store

NOW = earth.START + 10
POLL_SECONDS = 0.002


class FileDisk(Disk):
    """A disk as the simulated gate wants it, in a file."""

    def __init__(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self.fuse = Fuse()  # which nothing burns: a real disk fails by itself
        self.store = Store(path)

    def recover(self) -> None:
        """Files recover by themselves."""

    def image(self) -> bytes:
        return self.store.db.serialize()


class Terminal:
    """One terminal: its gate and its exchanger, each with a connection of its own."""

    def __init__(self, number: int, count: int, folder: Path) -> None:
        base = ground(count)
        self.box = base.boxes[number]
        self.truth = Truth()
        folder.mkdir(parents=True)
        self.disk = FileDisk(folder / "store.db", base.disk)
        self.gate = Node(self.box, base, self.disk, random.Random(number), Variant())  # noqa: S311 - no secret
        self.gate.set_time(NOW)
        self.gate.start(self.truth)
        self.gate.stop()  # the exchanger has a gossip of its own
        self.store = Store(folder / "store.db")
        link = self.box.link
        me = Self(earth.SITE, self.name, self.box.feed.public.raw, link, earth.SECRET)
        self.exchanger = Exchanger(
            self.store,
            me,
            certificate.make(self.name, link.seed),
            pinned=base.pinned,
            now=lambda: NOW,
            chance=random.Random(number),  # noqa: S311 - as above
        )

    @property
    def name(self) -> str:
        return self.box.name

    def ring(self) -> None:
        """As the doorbell does it."""
        self.exchanger.gossip.rang(self.gate.head())

    def check(self, code: int) -> None:
        """A check is recorded and told."""
        self.gate.check(self.truth, code)
        self.ring()

    def held(self) -> dict[tuple[bytes, bytes], int]:
        """How much it holds of each feed."""
        feeds = self.exchanger.gossip.feeds()
        return {(row.kid, row.incarnation): row.size for rows in feeds.values() for row in rows}

    def close(self) -> None:
        self.store.close()
        self.disk.store.close()


class Ring:
    """Terminals at work, and the ways between them."""

    def __init__(self, terminals: Sequence[Terminal]) -> None:
        self.terminals = list(terminals)
        self.ways: dict[tuple[str, str], Proxy] = {}

    async def introduce(self, *, through_proxies: bool = True) -> None:
        """Each is told where the others are: as the ledger's addresses would."""
        for one in self.terminals:
            for other in self.terminals:
                if one is other:
                    continue
                port = other.exchanger.port
                if through_proxies:
                    way = Proxy(lambda port=port: ("127.0.0.1", port))  # type: ignore[misc]  # bound now
                    await way.open()
                    self.ways[one.name, other.name] = way
                    port = way.port
                one.exchanger.hint(other.name, f"127.0.0.1:{port}")

    def cut(self, group: set[str]) -> None:
        """These terminals from the others."""
        for (one, other), way in self.ways.items():
            if (one in group) != (other in group):
                way.cut()

    def heal(self) -> None:
        for way in self.ways.values():
            way.heal()

    def is_equal(self) -> bool:
        """Whether all hold the same, and all that was recorded."""
        held = [terminal.held() for terminal in self.terminals]
        whole = {
            place: len(entries)
            for terminal in self.terminals
            for place, entries in terminal.truth.entries.items()
        }
        return all(one == whole for one in held)

    def is_met(self) -> bool:
        """Whether everybody talks to everybody."""
        return all(
            peer.is_up
            for terminal in self.terminals
            for peer in terminal.exchanger.peers.all()
            if any(peer.name == other.name for other in self.terminals)
        )


@asynccontextmanager
async def running(terminals: Sequence[Terminal]) -> AsyncIterator[Ring]:
    """The exchangers at work until the block ends; then everything is closed."""
    stop, ring = asyncio.Event(), Ring(terminals)
    tasks = []
    for one in terminals:
        one.exchanger.gossip.own_changed()
        one.ring()
        tasks.append(asyncio.ensure_future(one.exchanger.run("127.0.0.1:0", stop)))
    try:
        await until(lambda: all(one.exchanger.port for one in terminals))
        yield ring
    finally:
        stop.set()
        for way in ring.ways.values():
            way.close()
        await asyncio.gather(*tasks)
        await sockets.let_go()
        for one in terminals:
            one.close()


async def until(is_so: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Waits for what other tasks bring about. Raises `TimeoutError` if it does not come."""
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(POLL_SECONDS)
