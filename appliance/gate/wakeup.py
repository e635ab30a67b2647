"""Signals that wake a loop: one that comes just before the loop waits is heard as well."""

import signal
from collections.abc import Iterator
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
