"""What a service tells systemd: sd_notify(3), one datagram to $NOTIFY_SOCKET.

Without that variable nobody is told, and all is well. Knows nothing of what the service does.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"


class Notify:
    """The line to systemd of the process that `environment` was given to."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self.is_heard = bool(path)
        self._path = "\0" + path[1:] if path.startswith("@") else path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.interval_ms = _half_of(environment)  # between WATCHDOG messages; 0 if nobody watches

    def tell(self, message: str) -> None:
        """Never waits: a message that is not taken is lost, as if systemd were not there."""
        if self._path:
            with suppress(OSError):
                self._socket.sendto(message.encode(), self._path)

    def close(self) -> None:
        self._socket.close()


class Beat:
    """Tells systemd that the loop lives. For the loop to call at each turn and for nobody
    else: one that hangs is silent. The first beat says that the service is ready."""

    def __init__(self, notify: Notify, ticks: Callable[[], int] = time.monotonic_ns) -> None:
        self._notify = notify
        self._ticks = ticks
        self._next = 0
        self._is_ready = False

    def __call__(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._notify.tell(READY)
        now = self._ticks()
        if self._notify.interval_ms and now >= self._next:
            self._next = now + self._notify.interval_ms * 1_000_000
            self._notify.tell(WATCHDOG)


@contextmanager
def told(environment: Mapping[str, str]) -> Iterator[Beat]:
    """The beat of the service that `environment` was given to; at the end it says goodbye."""
    line = Notify(environment)
    try:
        yield Beat(line)
    finally:
        line.tell(STOPPING)
        line.close()


def _half_of(environment: Mapping[str, str]) -> int:
    """Half of WatchdogSec in ms, as sd_watchdog_enabled(3) advises; 0 if it is for another."""
    given, watched = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not given.isdecimal() or len(given) > 18 or watched not in ("", str(os.getpid())):
        return 0
    return int(given) // 2_000
