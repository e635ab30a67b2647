"""The wire: one TLS 1.3 connection to a peer, both ends known to the ledger by their certificate.

Only moves bytes between sockets and the gossip. Whose certificate is not in the ledger byte for
byte, does not get as far as a frame. FORMAT.md section 8.8.
"""

import asyncio
import logging
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from ledger_sync import certificate
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.frames import Done
from ledger_sync.gossip import Gossip, Talk

HANDSHAKE_SECONDS = 5.0
GREETING_SECONDS = 10.0  # from the handshake to HELLO
SILENT_SECONDS = 12.0  # without a byte: the peer is gone
FRAME_SECONDS = 30.0  # for one frame to come whole
PULSE_SECONDS = 1.0  # between two signs of life
UNHEARD_MS = 4_000  # TCP_USER_TIMEOUT: what is not acknowledged for so long ends the connection
MUCH = 1 << 16  # bytes at once: more are on their way
TOGETHER_SECONDS = 0.02  # that batches wait for others then
HIGH_WATER = 1 << 20  # bytes in a connection's buffer before more is held back

_log = logging.getLogger("yardpass.sync")


def context(*, server: bool, der: bytes, seed: bytes, peers: Iterable[bytes]) -> ssl.SSLContext:
    """TLS 1.3, both sides with a certificate, trusting just those of `peers` (DER)."""
    purpose = ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT
    made = ssl.SSLContext(purpose)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    if server:
        made.num_tickets = 0  # who was taken out of the ledger must not come back by a ticket
    anchors = b"".join(peers)
    if anchors:
        made.load_verify_locations(cadata=anchors)
    with tempfile.NamedTemporaryFile(prefix="yardpass-", mode="wb") as file:  # mode 0600
        file.write(certificate.pem_of(der, seed))
        file.flush()
        made.load_cert_chain(file.name)
    return made


def aborted(transport: asyncio.Transport) -> None:
    """Ends a connection at once. One over TLS that was closed twice has let go of
    its protocol, and in Python 3.11.2 cannot be aborted: it is ending already."""
    with suppress(AttributeError):
        transport.abort()


def why(error: ssl.SSLError) -> str:
    """What is said of a handshake that failed: OpenSSL calls a certificate that nobody named
    "self-signed", as all of them are."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the ledger here does not name its key; has it, or this terminal, an older ledger?"
    return str(error)


class Switchboard(Protocol):
    """Who knows the terminals and which conversations there are; see peers.py."""

    def peer_of(self, der: bytes) -> tuple[str, bytes] | None:
        """(name, kid of its feed key) of the terminal with this certificate."""
        ...

    def connected(self, line: "Line") -> bool:
        """Whether this connection may stay: there is one for each peer."""
        ...

    def ended(self, line: "Line", fault: str) -> None:
        """The connection is over; `fault` says what the peer did wrong, if it did."""
        ...


class Line(asyncio.Protocol):
    """One connection. `wanted` is whom it was dialled for, empty for one that was accepted."""

    def __init__(
        self,
        gossip: Gossip,
        board: Switchboard,
        ticks: Callable[[], float],
        wanted: str = "",
    ) -> None:
        self.name = ""
        self.wanted = wanted
        self.began_at = self.heard_at = self.said_at = ticks()
        self._frame_at = 0.0  # when the unfinished frame began, 0 for none
        self._gossip = gossip
        self._board = board
        self._ticks = ticks
        self._transport: asyncio.Transport | None = None
        self._talk: Talk | None = None
        self._is_full = False
        self._waits_for = -1  # the transaction that batches wait for, to be made durable together
        self._fault = ""

    # --- asyncio's side --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        _tune(transport.get_extra_info("socket"))
        secured = transport.get_extra_info("ssl_object")
        der = secured.getpeercert(binary_form=True) if secured else None
        found = self._board.peer_of(der) if der else None
        if found is None:
            self._fault = "a certificate that the ledger does not name"
        elif self.wanted not in ("", found[0]):
            self._fault = f"{self.wanted} was called, {found[0]} answered"
        if found is None or self._fault:
            transport.abort()
            return
        self.name = found[0]
        if not self._board.connected(self):
            transport.abort()
            return
        self._talk = self._gossip.begin(self.name, found[1], self, self._ticks())

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._ticks()
        self._hear(data, more=len(data) >= MUCH)
        talk = self._talk
        if talk is not None and talk.pending and self._waits_for != talk.flushed:
            self._waits_for = talk.flushed
            loop = asyncio.get_running_loop()
            loop.call_later(TOGETHER_SECONDS, self._come_again, talk.flushed)

    def _come_again(self, flushed: int) -> None:
        """For batches that nothing has made durable since. What came behind a full transaction has
        a time of its own: each transaction is a flush of the disk."""
        if self._talk is not None and self._talk.flushed == flushed:
            self._hear(b"", more=False)

    def _hear(self, data: bytes, *, more: bool) -> None:
        if self._talk is None:
            return
        try:
            self._gossip.hear(self._talk, data, self.heard_at, more=more)
        except Refused as refused:
            self.close(str(refused) or "a fault")
        except Unavailable as error:
            _log.error("%s", error)
            self.close()
        else:
            held = self._talk.session.held
            self._frame_at = (self._frame_at or self.heard_at) if held else 0.0

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        if self._talk is not None:
            try:
                self._gossip.pump(self._talk)
            except Unavailable as error:
                _log.error("%s", error)
                self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._talk is not None:
            self._gossip.end(self._talk)
            self._talk = None
        self._transport = None
        self._board.ended(self, self._fault)

    # --- the gossip's side -----------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        self.said_at = self._ticks()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def has_room(self) -> bool:
        return self._transport is not None and not self._is_full

    # --- ours ------------------------------------------------------------------------------------

    def close(self, fault: str = "") -> None:
        """Ends the connection at once; `fault` is the peer's."""
        self._fault = self._fault or fault
        if self._transport is not None:
            aborted(self._transport)

    def watch(self, ticks: float) -> None:
        """Ends a connection that is silent, or that never comes to the point; else shows life."""
        if self._talk is None:
            return
        if ticks - self.heard_at > SILENT_SECONDS:
            self.close()
        elif not self._talk.session.was_greeted and ticks - self.began_at > GREETING_SECONDS:
            self.close("no HELLO")
        elif self._frame_at and ticks - self._frame_at > FRAME_SECONDS:
            self.close("a frame that does not end")
        elif ticks - self.said_at > PULSE_SECONDS:
            self.send(Done().to_bytes())


def _tune(sock: socket.socket | None) -> None:
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD_MS)


def address_of(text: str) -> tuple[str, int]:
    """Host and port of an address such as `10.0.0.7:7461` or `[fe80::1]:7461`. Raises
    `Refused` (R-SETTINGS) for another spelling."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) < 65_536:
        raise Refused(f"{text[:80]!r} is no address; write host:port", reason="R-SETTINGS")
    return host, int(port)
