"""A child of relayd that outlives it by one act: drives the pin low when relayd dies.

A Raspberry Pi keeps an output driven after its process died, and a new Python takes its time to
start, more so on a busy machine. The heir is forked before the pin is touched and before there is
a thread; it holds the end of a pipe and sleeps. The kernel closes the other end with relayd,
however it ends. It writes to the pin only when relayd, the only writer, is no more.
"""

import os
import signal
import time
from collections.abc import Callable
from typing import NoReturn

from hw.errors import Unavailable

TRY_SECONDS = 2.0  # how long it tries; the dead process may still hold the pin for a moment
PAUSE_SECONDS = 0.005
MAX_FILES = 1_024
_DEAF_TO = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)  # a stop is for relayd


class Heir:
    """The parent's side. `act` runs in the child when the parent dies, not when it dismisses it.

    What `act` needs must be loaded before: there is no time for it then. As a context, it
    dismisses the child when all went well, and lets it act when not.
    """

    def __init__(self, act: Callable[[], object]) -> None:
        line, self._line = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _inherit(line, act)
        os.close(line)
        self._is_alive = True

    def __enter__(self) -> "Heir":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self.is_alive():
            os.write(self._line, b".")
        os.close(self._line)
        if self._is_alive:
            os.waitpid(self._pid, 0)

    def is_alive(self) -> bool:
        """Whether the child still waits."""
        if self._is_alive:
            self._is_alive = os.waitpid(self._pid, os.WNOHANG)[0] == 0
        return self._is_alive


def _inherit(line: int, act: Callable[[], object]) -> NoReturn:
    """The child's whole life. It keeps no other file: not the parent's lock, not its socket."""
    code = 1
    try:
        for number in _DEAF_TO:
            signal.signal(number, signal.SIG_IGN)
        os.closerange(3, line)
        os.closerange(line + 1, MAX_FILES)
        if not os.read(line, 1):
            _insist(act)
        code = 0
    finally:
        os._exit(code)


def _insist(act: Callable[[], object]) -> None:
    end = time.monotonic_ns() + int(TRY_SECONDS * 1e9)
    while True:
        try:
            act()
            return
        except Unavailable:
            if time.monotonic_ns() > end:
                raise
            time.sleep(PAUSE_SECONDS)
