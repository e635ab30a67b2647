"""Lamps, sounds and inputs that may come later: one that is not there at the start is a state.

A wrong setting still stops the start. What is missing says so whenever it is used, and is looked
for again, so that a gate goes on deciding without it.
"""

import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from hw.errors import Unavailable
from hw.ports import DoorSensors, Indicator, Level, Signal

RETRY_SECONDS = 30.0  # between two tries to make a device: each may take a second of the gate's

Device = TypeVar("Device", Indicator, DoorSensors)


class _Late(Generic[Device]):
    """Made now if it can be, else when it is asked for. Raises what `make` raises, but never
    `Unavailable` when made."""

    def __init__(
        self, make: Callable[[], Device], ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._make: Callable[[], Device] = make
        self._ticks = ticks
        self._device: Device | None = None
        self._is_closed = False
        try:
            self._device = make()
        except Unavailable as error:
            self._missing(error)

    def close(self) -> None:
        self._is_closed = True
        if self._device is not None:
            self._device.close()

    def _found(self) -> Device:
        """Raises `Unavailable` while it is missing."""
        if self._device is not None:
            return self._device
        if self._is_closed or self._ticks() - self._tried_at < RETRY_SECONDS:
            raise Unavailable(self._fault)
        try:
            self._device = self._make()
        except Unavailable as error:
            self._missing(error)
            raise
        return self._device

    def _missing(self, error: Unavailable) -> None:
        self._fault, self._tried_at = str(error), self._ticks()


class LateIndicator(_Late[Indicator]):
    """The Indicator port. Owned by the gate's thread."""

    def show(self, signal: Signal) -> None:
        self._found().show(signal)


class LateSensors(_Late[DoorSensors]):
    """The DoorSensors port. `levels` runs in a thread of its own, `close` in another."""

    def levels(self) -> Iterator[Level]:
        return self._found().levels()
