"""What the relay's process needs at its start, though it is not there yet: settings, pins.

A process that ended each time would start a new Python several times a second, ahead of everything
else on the machine. Under systemd this one stays, is up for who starts after it, answers nobody,
and says once why. Who starts it by hand is told at once, by the error.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from hw.errors import Refused, Unavailable
from ledger_sync.errors import Refused as FileRefused
from ledger_sync.errors import Unavailable as FileUnavailable

FIRST_SECONDS, LONGEST_SECONDS = 0.2, 2.0  # pauses between two tries; each doubles the one before

_NOT_YET = (Refused, Unavailable, FileRefused, FileUnavailable)
_log = logging.getLogger("yardpass.relay")
Made = TypeVar("Made")


class LateStart:
    """Calls what makes a thing until it is made, with `beat` before each pause. `wait` takes
    seconds."""

    def __init__(
        self,
        beat: Callable[[], object],
        *,
        is_patient: bool,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._beat = beat
        self._is_patient = is_patient
        self._wait = wait

    def of(self, make: Callable[[], Made]) -> Made:
        """What `make` returns; without patience, what it raises. A new reason is logged once."""
        seconds, said = FIRST_SECONDS, ""
        while True:
            try:
                return make()
            except _NOT_YET as error:
                if not self._is_patient:
                    raise
                if str(error) != said:
                    said = str(error)
                    _log.warning("the gate cannot be opened: %s", said)
            self._beat()
            self._wait(seconds)
            seconds = min(2 * seconds, LONGEST_SECONDS)
