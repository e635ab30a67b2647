"""A descriptor that one thread reads and any thread may shut. Knows no device and no bytes.

The descriptor is only touched under a lock, and never released while the reader waits on it: a
number that was released too early would be another file's by then. A pipe ends each wait.
"""

import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from hw.errors import Unavailable

CHUNK = 4096
"""Most bytes of one read."""
WRITE_S = 1.0
"""Longest time a write may take, in seconds."""

Result = TypeVar("Result")


class Line:
    """Opened by `opener` as often as need be; closed once. `name` is what messages call it.

    `opener` gives a descriptor that does not block, or raises `Unavailable`. `shut` lets go of the
    device, `close` ends the line for good; both may come from any thread, and end a wait.
    """

    def __init__(self, name: str, opener: Callable[[], int]) -> None:
        self.name = name
        self._opener = opener
        self._lock = threading.Lock()  # guards all below
        self._device: int | None = None
        self._wake = os.pipe()
        self._doomed: list[int] = []  # descriptors to be released once nobody waits on them
        self._waiting = False
        self._closed = False

    @property
    def is_closed(self) -> bool:
        return self._closed

    def open(self) -> None:
        """Open the device anew. Raises `Unavailable`, also for a closed line."""
        self.shut()
        with self._lock:
            if self._closed:
                raise self._lost("it is closed")
            try:
                self._device = self._opener()
            except OSError as error:
                if isinstance(error, Unavailable):
                    raise
                raise self._lost(error.strerror or str(error)) from error

    def read(self, seconds: float, size: int = CHUNK) -> bytes:
        """What came within `seconds`, b"" for nothing or a closed line.

        Raises `Unavailable` when the device is gone."""
        if not self._wait(seconds, select.POLLIN):
            return b""
        data = self._with(lambda device: os.read(device, size))
        if data == b"":
            raise self._lost("it hung up")
        return data or b""

    def write(self, data: bytes) -> None:
        """Write all of `data`, or raise `Unavailable`; nothing on a closed line."""
        ends = time.monotonic() + WRITE_S
        while data and not self._closed:
            data = data[self._with(partial(_written, data)) or 0 :]
            if data and time.monotonic() > ends:
                raise self._lost("it takes no more bytes")
            if data:
                self._wait(WRITE_S, select.POLLOUT)

    def pause(self, seconds: float) -> None:
        """Wait; `close` and `shut` end it."""
        self._wait(seconds, None)

    def shut(self) -> None:
        """Let go of the device."""
        with self._lock:
            if self._device is not None:
                self._doom()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._doom()

    def _wait(self, seconds: float, event: int | None) -> bool:
        """Whether the device is ready for `event` within `seconds`."""
        with self._lock:
            if self._closed:
                return False
            if event is not None and self._device is None:
                raise self._lost("it is not open")
            device, self._waiting = self._device, True
        try:
            poll = select.poll()
            poll.register(self._wake[0], select.POLLIN)
            if event is not None and device is not None:
                poll.register(device, event)
            ready = poll.poll(max(0, seconds) * 1000)
        finally:
            with self._lock:
                self._waiting = False
                gone = self.is_closed or bool(self._doomed)
                if gone:
                    self._release()
        return not gone and any(number == device for number, _ in ready)

    def _doom(self) -> None:
        """Give up the device, so that another may be opened at once; whoever waits on it is woken
        and releases it."""
        if self._device is not None:
            self._doomed.append(self._device)
            self._device = None
        if self._waiting:
            os.write(self._wake[1], b"\0")
        else:
            self._release()

    def _release(self) -> None:
        for device in self._doomed:
            with suppress(OSError):  # an unplugged device may fail to close
                os.close(device)
        self._doomed.clear()
        if self._closed:
            for descriptor in self._wake:
                os.close(descriptor)
        else:
            self._drain()

    def _drain(self) -> None:
        poll = select.poll()
        poll.register(self._wake[0], select.POLLIN)
        while poll.poll(0):
            os.read(self._wake[0], CHUNK)

    def _with(self, act: Callable[[int], Result]) -> Result | None:
        """Act on the device; None when it would block or the line is closed."""
        with self._lock:
            if self._closed:
                return None
            if self._device is None:
                raise self._lost("it is not open")
            try:
                return act(self._device)
            except (BlockingIOError, InterruptedError):
                return None
            except OSError as error:
                raise self._lost(error.strerror or str(error)) from error

    def _lost(self, why: str) -> Unavailable:
        return Unavailable(f"{self.name}: {why}; check its cable, its power and its path")


def _written(data: bytes, device: int) -> int:
    return os.write(device, data)
