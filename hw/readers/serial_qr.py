"""A QR module on a serial port (GM65 class), which sends what it reads as text. Knows no pass.

9600 baud, 8N1 as these modules come; each text ends with CR, LF or a pause. A module whose port
stays, such as one on the Pi's own pins, is silent when it is idle and when it is unplugged: only
the vanishing of a USB port is seen.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hw.errors import Refused
from hw.ports import Ask, CardRead, Health
from hw.readers.presence import Repeats
from hw.readers.serial_port import serial_line
from hw.readers.text_lines import TextLines
from hw.readers.watch import RETRY_S, watch

GAP_S = 0.15
"""A pause that ends a text, in seconds. At 9600 baud a byte takes 1 ms."""
IDLE_S = 60.0
"""Longest wait for the first byte, in seconds; then it is waited for again."""
AGAIN_MS = 2_000
"""The same text within this time is one presentation, in milliseconds."""


@dataclass(frozen=True, slots=True)
class SerialQrOptions:
    """Where the module is, and how it is set up."""

    port: str = "/dev/ttyACM0"  # path of the serial port
    baud: int = field(default=9_600, metadata={"least": 9_600, "most": 115_200})
    again_ms: int = field(default=AGAIN_MS, metadata={"least": 0, "most": 60_000})


class SerialQrReader:
    """The Reader port on a QR module."""

    def __init__(
        self,
        options: SerialQrOptions | None = None,
        *,
        retry_s: float = RETRY_S,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        options = options or SerialQrOptions()
        check_again(options.again_ms)
        self._line = serial_line(options.port, options.baud)
        self._again_ticks = options.again_ms * 1_000_000
        self._retry_s = retry_s
        self._clock = clock

    def events(self, ask: Ask) -> Iterator[CardRead | Health]:
        return watch(self._line, self._reads, clock=self._clock, retry_s=self._retry_s)

    def close(self) -> None:
        self._line.close()

    def _reads(self) -> Iterator[CardRead | None]:
        yield None
        lines, repeats = TextLines(), Repeats(self._again_ticks)
        is_amid = False
        while not self._line.is_closed:
            data = self._line.read(GAP_S if is_amid else IDLE_S)
            is_amid = bool(data)
            for text in lines.feed(data) if data else lines.pause():
                ticks = self._clock()
                if repeats.is_new(text, ticks):
                    yield CardRead(self._line.name, ticks, text=text)


def check_again(again_ms: int) -> None:
    """Raise `Refused` for a time that cannot be meant."""
    if type(again_ms) is not int or not 0 <= again_ms <= 60_000:
        raise Refused(f"again_ms {again_ms!r}; give 0 to 60000", reason="R-SETTINGS")
