"""Signals that wake a loop: one that comes just before the loop waits is heard as well."""

import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def woken_by_signals(descriptor: int) -> Iterator[None]:
    """Every signal with a handler writes a byte to this non-blocking descriptor, at once and by
    whatever thread: Python's own handlers wait until the main thread does something again."""
    before = signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)


@contextmanager
def naps() -> Iterator[Callable[[float], None]]:
    """A pause of some seconds that every signal with a handler ends, even one that came just
    before it began."""
    waker, wakes = socket.socketpair()
    with waker, wakes:
        waker.setblocking(False)
        with woken_by_signals(waker.fileno()):
            yield lambda seconds: _nap(wakes, seconds)


def _nap(wakes: socket.socket, seconds: float) -> None:
    if select.select([wakes], [], [], seconds)[0]:
        wakes.recv(4_096)
