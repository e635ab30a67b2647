"""Pins whose levels outlive the process, kept in a file. Knows no relay and no pulse.

Raspberry Pi kernels keep an output driven after the process that drove it died. gpiozero's mock
pins die with it, so they cannot show what a killed process leaves behind; these can. Each edge is
one line, `<monotonic ns> <pin> <level> <pid>`, such as `81234567890123 17 1 4711`, written with
one call, so that no kill leaves half of it. The file may be read while others write.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gpiozero.pins.mock import MockFactory, MockPin

MAX_BYTES = 16 << 20  # of a file; a longer one is put aside as NAME.old at the next start
TAIL_BYTES = 4_096  # what is read of it to learn the levels; a hundred edges at least


class Edge(NamedTuple):
    """One change of one pin's level, and the process that made it."""

    ticks: int
    pin: int
    level: int
    pid: int


def edges_of(data: bytes) -> list[Edge]:
    """The edges of whole lines, oldest first; what is no such line is passed over."""
    found = []
    for line in data.split(b"\n"):
        words = line.split(b" ")
        if len(words) == len(Edge._fields) and all(word.isdigit() for word in words):
            found.append(Edge(*map(int, words)))
    return found


class FilePin(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """A mock pin that begins at the level its last process left, and writes down its edges."""

    def __init__(self, factory: "FileFactory", info: Any) -> None:
        super().__init__(factory, info)
        self._number = int(info.name.removeprefix("GPIO"))
        self._state = bool(factory.level_of(self._number))
        self.clear_states()

    def _change_state(self, value: bool) -> bool:
        if self._state == value:
            return False
        self.factory.write(Edge(time.monotonic_ns(), self._number, int(value), os.getpid()))
        return bool(super()._change_state(value))


class FileFactory(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """gpiozero's mock board with its levels in a file."""

    def __init__(self, path: str) -> None:
        super().__init__(pin_class=FilePin)
        self._path = Path(path)
        self._file = os.open(
            self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640
        )
        self._levels = {edge.pin: edge.level for edge in self._tail()}
        if os.fstat(self._file).st_size > MAX_BYTES:
            self._begin_anew()

    def level_of(self, number: int) -> int:
        """The level the pin was left at; 0 if nobody ever drove it."""
        return self._levels.get(number, 0)

    def write(self, edge: Edge) -> None:
        os.write(self._file, b"%d %d %d %d\n" % edge)
        self._levels[edge.pin] = edge.level

    def close(self) -> None:
        super().close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _tail(self) -> Sequence[Edge]:
        size = os.fstat(self._file).st_size
        start = max(0, size - TAIL_BYTES)
        data = os.pread(self._file, TAIL_BYTES, start)
        return edges_of(data if start == 0 else data.partition(b"\n")[2])

    def _begin_anew(self) -> None:
        os.close(self._file)
        self._path.replace(self._path.with_name(self._path.name + ".old"))
        self._file = os.open(
            self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640
        )
        for pin, level in self._levels.items():
            self.write(Edge(time.monotonic_ns(), pin, level, os.getpid()))
