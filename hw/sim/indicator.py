"""An indicator made of memory: which signals it was told, and when. Knows no pin."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from hw.errors import Unavailable
from hw.ports import Signal

MAX_HISTORY = 10_000
"""Events kept; the oldest go first."""


class IndicatorEvent(NamedTuple):
    """One thing that happened. `signal` is None when it was closed."""

    signal: Signal | None
    ticks: int  # ns of the indicator's clock


@dataclass(frozen=True, slots=True)
class SimIndicatorOptions:
    """Nothing can be chosen."""


class SimIndicator:
    """The Indicator port without lamps. Dark when made; `history` tells the whole rest.

    `unplug` makes every later `show` raise `Unavailable`, `plug` mends it.
    """

    def __init__(
        self,
        _options: SimIndicatorOptions | None = None,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._clock = clock
        self._events: deque[IndicatorEvent] = deque(maxlen=MAX_HISTORY)
        self._unplugged = False
        self._closed = False

    @property
    def history(self) -> tuple[IndicatorEvent, ...]:
        """Everything that happened, oldest first, at most MAX_HISTORY events."""
        return tuple(self._events)

    def show(self, signal: Signal) -> None:
        if self._closed:
            raise Unavailable("the indicator is closed; make a new one")
        if self._unplugged:
            raise Unavailable("the simulated indicator is unplugged; plug it in again")
        self._events.append(IndicatorEvent(signal, self._clock()))

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._events.append(IndicatorEvent(None, self._clock()))

    def unplug(self) -> None:
        self._unplugged = True

    def plug(self) -> None:
        self._unplugged = False
