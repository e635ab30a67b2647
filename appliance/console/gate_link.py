"""The console's line to the gate process: how it is, twice a second; what a guard signed, now.

A gate that does not answer is a state: None, and then its State again once it is back.
"""

import socket
import time
from contextlib import suppress
from pathlib import Path

from appliance.gate.inquiry import answered
from appliance.gate.remote import ASK, MAX_ANSWER, Answer, Request, State, Why, answer_of
from ledger_sync.errors import Refused

SILENT_SECONDS = 1.5  # since it was heard, and the gate is gone
ANSWER_SECONDS = 6.0  # for what was signed; the gate does nothing that is older (guard_desk.py)


class GateLink:
    """Owned by the screen's thread, but for `do`."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._line: socket.socket | None = None
        self._asked_at: float | None = None
        self._state: State | None = State()  # at the start it has not been asked yet
        self._heard_at: float | None = None

    def poll(self, ticks: float) -> State | None:
        """How the gate is, as last heard, and asks it anew; never waits. `ticks` are seconds of a
        monotonic clock."""
        if self._heard_at is None:
            self._heard_at = ticks
        if self._line is None:
            self._connect()
        self._hear(ticks)
        if self._line is not None and self._asked_at is None:
            self._ask(ticks)
        if ticks - self._heard_at > SILENT_SECONDS:
            self._state = None
        if self._asked_at is not None and ticks - self._asked_at > SILENT_SECONDS:
            self._drop()
        return self._state

    def do(self, request: Request) -> Answer:
        """Sends what was signed and waits for the answer; for any thread."""

        def packet() -> bytes:
            return request._replace(sent_ms=time.monotonic_ns() // 1_000_000).to_bytes()

        try:
            found = answered(self._path, packet, ANSWER_SECONDS)
        except (OSError, Refused) as error:
            return Answer(False, Why.GONE, str(error))
        return found if isinstance(found, Answer) else Answer(False, Why.GONE)

    def close(self) -> None:
        self._drop()

    def _connect(self) -> None:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            line.connect(self._path)
        except OSError:
            line.close()
            return
        self._line = line

    def _ask(self, ticks: float) -> None:
        assert self._line is not None
        try:
            self._line.send(ASK)
            self._asked_at = ticks
        except OSError:
            self._drop()

    def _hear(self, ticks: float) -> None:
        if self._line is None or self._asked_at is None:
            return
        try:
            packet = self._line.recv(MAX_ANSWER)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        found = None
        with suppress(Refused):
            found = answer_of(packet)
        if not isinstance(found, State):
            self._drop()
            return
        self._state, self._asked_at, self._heard_at = found, None, ticks

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = self._asked_at = None
