"""Gives an OSDP reader its key, in install mode. The technician's tool calls this, no daemon does.

In install mode libosdp opens the channel with the default key that everybody knows (SCBK-D) and
sends the new one through it (osdp_KEYSET): whoever listens then has it. So the reader is wired
straight to the technician's terminal meanwhile, and the mode ends with a deadline.
"""

import time
from collections.abc import Callable

from hw.errors import Unavailable
from hw.readers.osdp_line import SerialLine
from hw.readers.osdp_link import Link
from hw.readers.osdp_watch import Line, Watch

STEP_S = 0.02
"""Time between two looks at the line."""


class InstallLink(Link):
    """A link that also takes the default key, once, to set the reader's own."""

    def _flags(self) -> int:
        return int(self._lib.FLAG_INSTALL_MODE | self._lib.FLAG_ENABLE_NOTIFICATION)


def install(
    line: SerialLine, *, address: int, key: bytes, seconds: float, say: Callable[[str], object]
) -> None:
    """Set `key`, then prove that the reader opens a secure channel with it and nothing else.

    Raises `Unavailable` when that takes longer than `seconds` or the port goes.
    """
    until = time.monotonic() + seconds
    _secured(InstallLink, line, address, key, until=until)
    say("the reader has taken the key; proving it")
    _secured(Link, line, address, key, until=until)


def _secured(
    kind: type[Link], line: SerialLine, address: int, key: bytes, *, until: float
) -> None:
    """Ask until the secure channel is up."""
    watch = Watch(time.monotonic_ns())
    link = kind(line, address=address, key=key)
    try:
        while not link.is_secure:
            _check(line, address, until)
            link.step()
            now = time.monotonic_ns()
            if watch.is_stuck(now, Line(link.is_secure, line.heard, line.sent)):
                watch.opened(now)
                link.restart()
            time.sleep(STEP_S)
    finally:
        link.close()


def _check(line: SerialLine, address: int, until: float) -> None:
    if line.lost:
        raise Unavailable(line.lost)
    if time.monotonic() >= until:
        what = "answers and takes no key" if line.has_answered else "does not answer"
        step = (
            "put it into install mode (its maker says how) and try again"
            if line.has_answered
            else "check its power, its wires, address and speed"
        )
        raise Unavailable(f"the reader at address {address} {what}; {step}")
