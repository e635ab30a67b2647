"""A QR module (GM65 class) that is made of memory, on a pty. Knows no code.

It sends each text it sees, and again while it is held, as these modules do.
"""

from collections import deque
from pathlib import Path
from typing import NamedTuple

from hw.sim.line import PtyLine

MAX_HISTORY = 10_000
"""Events kept; the oldest go first."""
TAIL = b"\r"
"""What the module puts behind a text by default."""


class QrEvent(NamedTuple):
    """What happened: "show" or "stay" with the text, "remove"."""

    event: str
    text: bytes


class SimQrModule:
    """The module and its cable: `line` takes the faults. `history` tells all, oldest first."""

    def __init__(self, link: Path | None = None, *, tail: bytes = TAIL) -> None:
        self.line = PtyLine(link)
        self._tail = tail
        self._held = b""
        self._events: deque[QrEvent] = deque(maxlen=MAX_HISTORY)

    @property
    def path(self) -> str:
        return self.line.path

    @property
    def history(self) -> tuple[QrEvent, ...]:
        return tuple(self._events)

    def show(self, text: bytes) -> None:
        self._held = text
        self._events.append(QrEvent("show", text))
        self.line.send(text + self._tail)

    def stay(self) -> None:
        """The text is still held: it is read and sent once more."""
        if self._held:
            self._events.append(QrEvent("stay", self._held))
            self.line.send(self._held + self._tail)

    def remove(self) -> None:
        self._held = b""
        self._events.append(QrEvent("remove", b""))

    def close(self) -> None:
        self.line.close()
