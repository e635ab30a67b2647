"""A wire that can be cut, spoilt and pulled out: a pseudo terminal. Knows no frame."""

import os
import pty
import threading
import tty
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

MAX_PIECES = 100_000
"""Pieces of traffic kept; the oldest go first."""


class Piece(NamedTuple):
    """Bytes that went over the wire at once, `to` the terminal or to the reader."""

    to: Literal["terminal", "reader"]
    data: bytes


class Wire:
    """The reader's end of a wire; the terminal opens `port`, as it would a serial adapter.

    A channel for libosdp. `history` is all that went over it. `spoil` changes a bit in each of the
    next pieces to the terminal. `alter` may change what goes to the terminal, as somebody would
    who has cut in. `unplug` makes the port vanish, `plug` brings it back under the same name.
    """

    id = 0

    def __init__(self, port: Path) -> None:
        self.port = port
        self.alter: Callable[[bytes], bytes] = bytes
        self._pieces: deque[Piece] = deque(maxlen=MAX_PIECES)
        self._turn = threading.RLock()
        self._ends: tuple[int, ...] = ()
        self._is_cut = False
        self._to_spoil = 0
        self.plug()

    @property
    def history(self) -> tuple[Piece, ...]:
        with self._turn:
            return tuple(self._pieces)

    @property
    def is_clean(self) -> bool:
        """Whether all that was to be spoilt is spoilt."""
        with self._turn:
            return self._to_spoil == 0

    def read(self, max_bytes: int) -> bytes:
        with self._turn, suppress(OSError):
            data = os.read(self._ends[0], max_bytes) if self._ends else b""
            if data and not self._is_cut:
                self._pieces.append(Piece("reader", data))
                return data
        return b""

    def write(self, buf: bytes) -> int:
        with self._turn, suppress(OSError):
            if self._ends and not self._is_cut:
                data = self._spoilt(self.alter(bytes(buf)))
                self._pieces.append(Piece("terminal", data))
                os.write(self._ends[0], data)
        return len(buf)  # whoever sends does not see that a wire is cut

    def flush(self) -> None:
        """Nothing is kept back."""

    def cut(self) -> None:
        with self._turn:
            self._is_cut = True

    def mend(self) -> None:
        with self._turn:
            self._is_cut = False

    def spoil(self, count: int = 1) -> None:
        with self._turn:
            self._to_spoil += count

    def noise(self, data: bytes) -> None:
        """Stray bytes, as a long cable without its resistors brings them."""
        with self._turn, suppress(OSError):
            if self._ends:
                os.write(self._ends[0], data)

    def unplug(self) -> None:
        with self._turn:
            self.port.unlink(missing_ok=True)
            for end in self._ends:
                os.close(end)
            self._ends = ()

    def plug(self) -> None:
        with self._turn:
            if self._ends:
                return
            ends = pty.openpty()
            for end in ends:
                tty.setraw(end)
            os.set_blocking(ends[0], False)
            self.port.symlink_to(os.ttyname(ends[1]))
            self._ends = ends

    def _spoilt(self, data: bytes) -> bytes:
        if not self._to_spoil or not data:
            return data
        self._to_spoil -= 1
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]
