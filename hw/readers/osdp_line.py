"""The wire to an OSDP reader: a serial port of an RS-485 adapter. Knows no frame."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hw.errors import Unavailable

_STEP = "plug the RS-485 adapter in and look at 'ls -l /dev/serial/by-id'"


class SerialLine:
    """A channel for libosdp. Raises `Unavailable` when the port cannot be opened; after that
    nothing raises: `lost` says why the port is gone, empty while it is there.

    `heard` and `sent` are the ticks of the last byte that came and went. 8 bits, no parity, one
    stop bit (SIA OSDP 2.2). The port is locked, so two terminals cannot talk at once.
    """

    id = 0

    def __init__(
        self, port: str, baud: int, *, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        try:
            import serial
        except ImportError as error:
            raise Unavailable(
                f"pyserial cannot be loaded ({error}); run pip install 'yardpass[osdp]'"
            ) from error
        self.lost = ""
        self.has_answered = False
        self._clock = clock
        self.heard = self.sent = clock()
        try:
            self._device: Any = serial.Serial(
                port, baud, timeout=0, write_timeout=0, exclusive=True
            )
        except (OSError, ValueError) as error:  # pyserial's own errors are OSErrors
            raise Unavailable(f"{port} cannot be opened ({error}); {_STEP}") from error

    def read(self, max_bytes: int) -> bytes:
        data: bytes = self._tried(lambda: self._device.read(max_bytes), b"")
        if data:
            self.heard, self.has_answered = self._clock(), True
        return data

    def write(self, buf: bytes) -> int:
        count = self._tried(lambda: self._device.write(buf), 0)
        if count:
            self.sent = self._clock()
        return count or 0

    def flush(self) -> None:
        """Forget what came in before the next command goes out."""
        self._tried(self._device.reset_input_buffer, None)

    def close(self) -> None:
        with suppress(OSError):
            self._device.close()

    def _tried(self, act: Callable[[], Any], otherwise: Any) -> Any:
        if self.lost:
            return otherwise
        try:
            return act()
        except Exception as error:  # noqa: BLE001 - C calls this, and termios has its own root
            self.lost = f"the serial port is gone ({error}); {_STEP}"
            return otherwise
