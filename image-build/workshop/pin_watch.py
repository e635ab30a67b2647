"""A pin of an emulated Pi, looked at from outside by its registers, again and again."""

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger_sync.errors import Unavailable
from workshop.line_history import Change, changes
from workshop.monitor import Monitor
from workshop.pins import Pin, addresses_of, pin_of

PAUSE_SECONDS = 0.002


class PinWatch:
    """While it is entered, `history` grows by each change of whether the pin is driven high, in ns
    of this machine's monotonic clock; `last` is the pin as it was last seen."""

    def __init__(self, path: Path, pin: int) -> None:
        self.history: list[Change] = []
        self.last: Pin | None = None
        self._path = path
        self._pin = pin
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="pin", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        try:
            with Monitor(self._path) as line:
                for change in changes(lambda: self._level(line), time.monotonic_ns):
                    if change:
                        self.history.append(change)
                    if self._is_over.wait(PAUSE_SECONDS):
                        return
        except Unavailable:
            return  # the emulator has ended; what was seen stands

    def _level(self, line: Monitor) -> int:
        function, level = (line.word(address) for address in addresses_of(self._pin))
        self.last = pin_of(self._pin, function, level)
        return int(self.last.is_driven_high)
