"""Complaints: lines in the log that anybody on the network can cause, and so are limited."""

import logging
import math
from collections.abc import Callable

PAUSE_SECONDS = 60.0  # between two lines of one kind


class Complaints:
    """At most a line a minute for each text, whatever its values are: one caller's noise hides no
    other fault. `ticks` are seconds of a monotonic clock."""

    def __init__(self, log: logging.Logger, ticks: Callable[[], float]) -> None:
        self._log = log
        self._ticks = ticks
        self._said: dict[str, float] = {}

    def say(self, text: str, *values: object) -> None:
        ticks = self._ticks()
        if ticks - self._said.get(text, -math.inf) >= PAUSE_SECONDS:
            self._said[text] = ticks
            self._log.warning(text, *values)
