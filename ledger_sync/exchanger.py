"""The exchanger: the daemon that keeps one terminal in step with its peers.

One asyncio loop owns the store's connection, the gossip, all lines, the doorbell of the gate. It
holds no device and writes no check.
"""

import asyncio
import contextlib
import functools
import logging
import random
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ledger_sync import sockets, wire
from ledger_sync.complaints import Complaints
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.gossip import Gossip, Self
from ledger_sync.peers import Peer, Peers
from ledger_sync.sockets import Listener
from ledger_sync.store import Store
from ledger_sync.trust import Trust
from ledger_sync.wire import Line

CALL_SECONDS = 1.0  # for a peer to answer a call
TICK_SECONDS = 0.1
LOOK_SECONDS = 0.25  # between two looks at what other processes wrote
SETTLE_SECONDS = 1.0
REFRESH_SECONDS = 5.0  # between two looks at all feeds: a stick may have been read in
MAX_LINES = 128
MAX_HANDSHAKES = 32  # at once; who comes when all are busy is turned away
MAX_RING = 4_096  # bytes of what the gate says

_log = logging.getLogger("yardpass.sync")


def _unwatched() -> None:
    """Nobody asks whether the loop lives."""


class Exchanger:
    """`ring` is the socket the gate rings at, `report` is told the peers every now and then."""

    def __init__(
        self,
        store: Store,
        me: Self,
        der: bytes,
        *,
        pinned: Trust,
        now: Callable[[], int],
        chance: random.Random,
        ring: socket.socket | None = None,
        report: Callable[[Sequence[Peer], float], None] | None = None,
    ) -> None:
        self._store = store
        self._me = me
        self._der = der
        self._ring = ring
        self._report = report
        self.gossip = Gossip(store, me, pinned=pinned, now=now, chance=chance)
        self.peers = Peers(store, me.name, chance)
        self._lines: dict[str, Line] = {}
        self.handshakes = 0
        self._is_held = False
        self._complain = Complaints(_log, self._ticks).say
        self._versions = ((-1, 0), -1, -1)
        self._refreshed_at = float("-inf")
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self._contexts()

    @property
    def name(self) -> str:
        return self._me.name

    def _ticks(self) -> float:
        return asyncio.get_running_loop().time()

    def _contexts(self) -> None:
        """Anew when the ledger names other terminals: 1,000 of them take 0.15 s."""
        der, seed, peers = self._der, self._me.link.seed, self.peers.certificates()
        self.server_context = wire.context(server=True, der=der, seed=seed, peers=peers)
        self.client_context = wire.context(server=False, der=der, seed=seed, peers=peers)

    async def run(
        self, listen: str, stop: asyncio.Event, beat: Callable[[], None] = _unwatched
    ) -> None:
        """Works until `stop` is set; `beat` is called at each turn. Raises `Unavailable` if the
        address cannot be listened at."""
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            if listen:
                address, failed = wire.address_of(listen), self._no_more
                listener = stack.enter_context(Listener(*address, self._taken, failed))
                self.port = listener.port
            if self._ring is not None:
                loop.add_reader(self._ring, self._rang)
                stack.callback(loop.remove_reader, self._ring)
            stack.push_async_callback(self._close)
            await self._work(stop, beat)

    async def _work(self, stop: asyncio.Event, beat: Callable[[], None]) -> None:
        looked_at = settled_at = float("-inf")
        while not stop.is_set():
            ticks = self._ticks()
            try:
                self.gossip.tick(ticks)
                if ticks - looked_at >= LOOK_SECONDS:
                    looked_at = ticks
                    self._look()
                if ticks - settled_at >= SETTLE_SECONDS:
                    settled_at = ticks
                    self.gossip.settle()
                    if self._report:
                        self._report(self.peers.all(), ticks)
            except (Unavailable, Refused) as error:
                self._complain("%s", error)
            for line in list(self._lines.values()):
                line.watch(ticks)
            self._call_due(ticks)
            beat()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), TICK_SECONDS)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _close(self) -> None:
        """Leaves no connection behind, not even one whose handshake is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for line in list(self._lines.values()):
            line.close()
        await sockets.let_go()

    def _look(self) -> None:
        """What other processes changed in the store: the ledger, denials, orders and withdrawals
        (which move the version), feeds signed off; and a ledger that a peer brought."""
        row = self._store.row("PRAGMA data_version")  # which this connection's own do not move
        version = (int(row[0]) if row else 0, self.gossip.takeovers)
        if version == self._versions[0]:
            return
        row = self._store.row("SELECT version, (SELECT count(*) FROM denial) FROM ledger")
        before, self._versions = self._versions, (version, *(row or (0, 0)))
        self.gossip.own_changed()
        if self._ticks() - self._refreshed_at >= REFRESH_SECONDS:
            self._refreshed_at = self._ticks()
            self.gossip.feeds_changed()
        if before[1] != self._versions[1]:
            self.gossip.ledger_changed()
        if before[1:] != self._versions[1:]:
            self.gossip.denials_changed()
        self.refresh()

    def hold(self, is_held: bool) -> None:
        """Neither calls nor answers while it is held: an outage, for measuring what follows it."""
        self._is_held = is_held
        for line in list(self._lines.values()) if is_held else ():
            line.close()
        for peer in self.peers.all():
            peer.next_call = 0.0
        self._call_due(self._ticks())

    def hint(self, name: str, address: str) -> None:
        """An address that somebody announced for a peer: it is called at once."""
        self.peers.hint(name, address)
        self._call_due(self._ticks())

    def _call_due(self, ticks: float) -> None:
        for peer in self.peers.due(ticks) if not self._is_held else ():
            peer.next_call = ticks + 2 * CALL_SECONDS
            self._spawn(self._call(peer))

    def refresh(self) -> None:
        """The terminals of the ledger may be others: who is none any more is cut off."""
        before = self.peers.certificates()
        self.peers.reload()
        if self.peers.certificates() == before:
            return
        self._contexts()
        for name, line in list(self._lines.items()):
            if self.peers.get(name) is None:
                line.close()

    def _rang(self) -> None:
        assert self._ring is not None
        text = b""
        with contextlib.suppress(BlockingIOError):
            while data := self._ring.recv(MAX_RING):
                text = data  # the newest head covers the others
        if not text:
            return
        try:
            self.gossip.rang(text.decode())
        except (Refused, Unavailable, UnicodeDecodeError) as error:
            self._complain("what rang is no head of this terminal: %s", error)

    # --- lines -----------------------------------------------------------------------------------

    def _no_more(self, error: OSError) -> None:
        self._complain("no more calls can be taken: %s", error)

    def _taken(self, sock: socket.socket) -> None:
        if self.handshakes >= MAX_HANDSHAKES or len(self._lines) >= MAX_LINES:
            sock.close()
            self._complain("calls are turned away: %d at once", self.handshakes)
            return
        self.handshakes += 1
        self._spawn(self._answer(sock)).add_done_callback(functools.partial(self._answered, sock))

    def _answered(self, sock: socket.socket, task: asyncio.Task[None]) -> None:
        self.handshakes -= 1
        if task.cancelled():  # perhaps before it began: then nobody else closes it
            sock.close()

    async def _answer(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                lambda: Line(self.gossip, self, self._ticks),
                sock,
                ssl=self.server_context,
                ssl_handshake_timeout=wire.HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=1.0,
            )
        except ssl.SSLError as error:
            self._complain("a caller was turned away: %s", wire.why(error))
        except (OSError, TimeoutError):
            pass  # it hung up, or said nothing

    async def _call(self, peer: Peer) -> None:
        for address in peer.all_addresses:
            try:
                await self._dial(peer, address)
            except ssl.SSLError as error:
                self._complain("%s at %s is another: %s", peer.name, address, wire.why(error))
            except (OSError, TimeoutError, Refused):
                continue
            else:
                return
        self.peers.failed(peer, self._ticks())

    async def _dial(self, peer: Peer, address: str) -> None:
        """Raises `OSError` and its kind where nobody answers."""
        await asyncio.get_running_loop().create_connection(
            lambda: Line(self.gossip, self, self._ticks, peer.name),
            sock=await sockets.reached(*wire.address_of(address), seconds=CALL_SECONDS),
            ssl=self.client_context,
            server_hostname=peer.name,
            ssl_handshake_timeout=wire.HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=1.0,
        )

    def peer_of(self, der: bytes) -> tuple[str, bytes] | None:
        peer = self.peers.of_certificate(der)
        return (peer.name, peer.kid) if peer else None

    def connected(self, line: Line) -> bool:
        """One line for each peer: of two that were called at once, that of the lesser name; of
        two called by the same side, the newer, for the older may be dead."""
        peer = self.peers.get(line.name)
        if self._is_held or peer is None or not self.peers.may_talk(peer, self._ticks()):
            return False
        other = self._lines.get(line.name)
        if other is not None:
            is_better = bool(line.wanted) == (self._me.name < line.name)
            if bool(other.wanted) != bool(line.wanted) and not is_better:
                return False
            self._lines.pop(line.name)
            other.close()
        self._lines[line.name] = line
        if not peer.is_up:
            _log.info("%s is here", line.name)
        self.peers.came(peer, self._ticks())
        return True

    def ended(self, line: Line, fault: str) -> None:
        peer = self.peers.get(line.name or line.wanted)
        if peer is None:
            if fault:
                self._complain("a caller was turned away: %s", fault)
            return
        if self._lines.get(line.name) is not line:
            if line.wanted and not peer.is_up:
                self.peers.went(peer, self._ticks(), fault)
            return
        del self._lines[line.name]
        if fault:
            _log.warning("%s is cut off: %s", line.name, fault)
        else:
            _log.info("%s is gone", line.name)
        self.peers.went(peer, self._ticks(), fault)
