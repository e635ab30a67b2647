"""Where consoles ask the gate: one packet, one answer, for user and group only.

The gate's thread answers; here it is only carried. A console gets its next turn when its last
packet was answered, so none can fill the gate's queue. Beside the store.
"""

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from appliance.gate.listener import Listener
from appliance.gate.remote import MAX_PACKET

NAME = "gate.sock"  # beside the store
MAX_CONSOLES = 8  # at once; for the next one the one that asked last longest ago is hung up on
PAUSE_SECONDS = 1.0  # before calls are taken again when there was no descriptor for one
ANSWER_SECONDS = 5.0  # for the gate to answer, before the next packet of anybody


class Asked(NamedTuple):
    """A packet of a console; `answer` sends the answer, from any thread, and never waits."""

    packet: bytes
    answer: Callable[[bytes], None]


class ConsoleSocket:
    """`asked` is for one thread, `close` for another. Raises `Unavailable` if it cannot listen."""

    def __init__(self, path: Path) -> None:
        self._listener = Listener(path, owner="yardpass gate", shorten="folder for files.store")
        self._ended, self._end = socket.socketpair()
        self._is_closed = False
        self._pause = threading.Event()
        self._turns = selectors.DefaultSelector()
        self._asked: dict[socket.socket, None] = {}  # consoles, who asked last longest ago first
        for one in (self._listener.socket, self._ended):
            self._turns.register(one, selectors.EVENT_READ)

    def close(self) -> None:
        """Ends `asked`; the socket goes with it."""
        self._is_closed = True
        self._pause.set()
        with suppress(OSError):
            self._end.send(b".")

    def asked(self) -> Iterator[Asked]:
        """What consoles ask, one after the other, until it is closed."""
        try:
            while not self._is_closed:
                for key, _ in self._turns.select():
                    if key.fileobj is self._listener.socket:
                        self._take()
                    elif key.fileobj in self._asked and not self._is_closed:
                        yield from self._heard(key.fileobj)
        finally:
            self._hang_up()

    def _take(self) -> None:
        try:
            client, _ = self._listener.socket.accept()
        except BlockingIOError:  # it hung up meanwhile
            return
        except OSError:  # no descriptor for it: others must end first
            self._pause.wait(PAUSE_SECONDS)
            return
        if len(self._asked) >= MAX_CONSOLES:
            self._drop(next(iter(self._asked)))
        client.setblocking(False)
        self._turns.register(client, selectors.EVENT_READ)
        self._asked[client] = None

    def _drop(self, client: socket.socket) -> None:
        self._asked.pop(client, None)
        self._turns.unregister(client)
        client.close()

    def _heard(self, client: socket.socket) -> Iterator[Asked]:
        try:
            packet = client.recv(MAX_PACKET + 1)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet or len(packet) > MAX_PACKET:  # it left, or says what nobody has to say
            self._drop(client)
            return
        self._asked[client] = self._asked.pop(client, None)
        is_answered = threading.Event()
        yield Asked(packet, partial(_answer, client, is_answered))
        is_answered.wait(ANSWER_SECONDS)

    def _hang_up(self) -> None:
        for client in list(self._asked):
            self._drop(client)
        self._turns.close()
        self._end.close()
        self._ended.close()
        self._listener.close()


def _answer(client: socket.socket, is_answered: threading.Event, answer: bytes) -> None:
    with suppress(OSError):  # it left without waiting
        client.send(answer, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
    is_answered.set()


def path_beside(store: Path) -> Path:
    """Where the gate of this store listens."""
    return store.parent / NAME
