"""A card or code reader that acts as a USB keyboard. Knows no pass and no rule.

Only with the keyboard grabbed for itself (EVIOCGRAB of <linux/input.h>): else whatever a stranger
has typed by a reader would also be typed into the console, and the other way round. Whoever gets
at its cable can type any badge.
"""

import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hw.errors import Refused, Unavailable
from hw.ports import Ask, CardRead, Health
from hw.readers.keystrokes import Keystrokes
from hw.readers.line import Line
from hw.readers.presence import Repeats
from hw.readers.serial_qr import AGAIN_MS, IDLE_S, check_again
from hw.readers.watch import RETRY_S, watch

INPUT_EVENT = struct.Struct("llHHi")
"""struct input_event: seconds, microseconds, type, code, value; 24 bytes on 64 bit."""
EVENTS = 64
"""Events of one read."""
MAX_HEX = 64
"""Digits of a number in hex; the longest are the 32 bytes of a key."""
EVIOCGRAB = 0x40044590
EVIOCSCLOCKID = 0x400445A0


@dataclass(frozen=True, slots=True)
class WedgeOptions:
    """Which keyboard, and what it types."""

    device: str = ""  # such as /dev/input/by-id/usb-...-event-kbd
    types: str = field(default="code", metadata={"one_of": ("code", "decimal", "hex")})
    again_ms: int = field(default=AGAIN_MS, metadata={"least": 0, "most": 60_000})


def grab(descriptor: int) -> None:
    """Take the keyboard away from everybody else, and its time from the monotonic clock.

    Raises `OSError` when somebody else has it, or when it is no input device."""
    fcntl.ioctl(descriptor, EVIOCGRAB, 1)
    fcntl.ioctl(descriptor, EVIOCSCLOCKID, struct.pack("i", time.CLOCK_MONOTONIC))


class WedgeReader:
    """The Reader port on a keyboard. Raises `Unavailable` when it is there and cannot be grabbed;
    one that is not there yet may come."""

    def __init__(
        self,
        options: WedgeOptions,
        *,
        grab: Callable[[int], None] = grab,
        retry_s: float = RETRY_S,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        if not options.device or "\0" in options.device:
            raise Refused(
                f"device {options.device!r}; give a path: ls /dev/input/by-id/*-event-kbd",
                reason="R-SETTINGS",
            )
        if options.types not in _READS:
            raise Refused(
                f"types {options.types!r}; give one of {', '.join(_READS)}", reason="R-SETTINGS"
            )
        check_again(options.again_ms)
        self._path = options.device
        self._grab = grab
        self._read = _READS[options.types]
        self._again_ticks = options.again_ms * 1_000_000
        self._retry_s = retry_s
        self._clock = clock
        self._line = Line(options.device, self._open)
        if os.path.exists(options.device):  # noqa: PTH110 - a path that may be odd
            try:
                self._line.open()
            except Unavailable:
                self._line.close()
                raise

    def events(self, ask: Ask) -> Iterator[CardRead | Health]:
        return watch(self._line, self._reads, clock=self._clock, retry_s=self._retry_s)

    def close(self) -> None:
        self._line.close()

    def _open(self) -> int:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            self._grab(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise Unavailable(
                f"{self._path} cannot be grabbed ({error.strerror}), and a keyboard that others "
                "read too is no reader; stop what else uses it"
            ) from error
        return descriptor

    def _reads(self) -> Iterator[CardRead | None]:
        yield None
        keys, repeats = Keystrokes(), Repeats(self._again_ticks)
        while not self._line.is_closed:
            for badge, ticks in self._badges(keys):
                number, text = self._read(badge)
                if (number or text) and repeats.is_new(badge, ticks):
                    yield CardRead(self._line.name, self._clock(), number, 8 * len(number), text)

    def _badges(self, keys: Keystrokes) -> Iterator[tuple[bytes, int]]:
        """Badges of one read, each with its time by the clock of the events."""
        data = self._line.read(IDLE_S, EVENTS * INPUT_EVENT.size)
        if len(data) % INPUT_EVENT.size:
            raise Unavailable(f"{self._path} gives half an event; plug it in again")
        for seconds, micros, kind, code, value in INPUT_EVENT.iter_unpack(data):
            ticks = seconds * 1_000_000_000 + micros * 1_000
            if badge := keys.feed(kind, code, value, ticks):
                yield badge, ticks


def _code(badge: bytes) -> tuple[bytes, bytes]:
    return b"", badge


def _decimal(badge: bytes) -> tuple[bytes, bytes]:
    """0123456789 is the card number 075BCD15: 32 bits if they hold it, else 64."""
    if not badge.isdigit() or len(badge) > 19:
        return b"", b""
    number = int(badge)
    return number.to_bytes(4 if number < 2**32 else 8), b""


def _hex(badge: bytes) -> tuple[bytes, bytes]:
    try:
        return (bytes.fromhex(badge.decode()), b"") if len(badge) <= MAX_HEX else (b"", b"")
    except ValueError:
        return b"", b""


_READS: dict[str, Callable[[bytes], tuple[bytes, bytes]]] = {
    "code": _code,
    "decimal": _decimal,
    "hex": _hex,
}
"""What a wedge types -> the card's number and text in it; both empty when it is neither."""
