"""Inputs of a gate made of memory: `drive` moves them, `history` tells how. Knows no pin."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hw.errors import Refused, Unavailable
from hw.level_queue import LevelQueue
from hw.ports import Level, Sensor

MAX_HISTORY = 10_000
"""Levels kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class SimSensorsOptions:
    """Which inputs the gate made of memory has."""

    wired: tuple[str, ...] = tuple(sensor.value for sensor in Sensor)


class SimSensors:
    """The DoorSensors port without pins. Every input is at rest when made.

    `unplug` makes the next look raise `Unavailable`, `plug` mends it.
    """

    def __init__(
        self,
        options: SimSensorsOptions | None = None,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._clock = clock
        self._state = {sensor: False for sensor in _wired(options or SimSensorsOptions())}
        self._events: deque[Level] = deque(maxlen=MAX_HISTORY)
        self._unplugged = False
        self._queue = LevelQueue(self._look, clock)

    @property
    def history(self) -> tuple[Level, ...]:
        """Every level driven, oldest first, at most MAX_HISTORY."""
        return tuple(self._events)

    def drive(self, sensor: Sensor, is_active: bool) -> None:
        """Sets an input, as a hand or a wire would. Raises `Refused` if it is not wired."""
        if sensor not in self._state:
            raise Refused(
                f"{sensor.value} is not wired; it has {self._names()}", reason="R-SETTINGS"
            )
        self._state[sensor] = is_active
        self._events.append(Level(sensor, is_active, self._clock()))
        self._queue.put(sensor, is_active)

    def levels(self) -> Iterator[Level]:
        return self._queue.levels()

    def close(self) -> None:
        self._queue.close()

    def unplug(self) -> None:
        self._unplugged = True

    def plug(self) -> None:
        self._unplugged = False

    def _look(self) -> Mapping[Sensor, bool]:
        if self._unplugged:
            raise Unavailable("the simulated inputs are unplugged; plug them in again")
        return dict(self._state)

    def _names(self) -> str:
        return ", ".join(sensor.value for sensor in self._state) or "nothing"


def _wired(options: SimSensorsOptions) -> list[Sensor]:
    names = [sensor.value for sensor in Sensor]
    unknown = [name for name in options.wired if name not in names]
    if unknown:
        raise Refused(
            f"wired = {', '.join(unknown)}; there is {', '.join(names)}", reason="R-SETTINGS"
        )
    return [sensor for sensor in Sensor if sensor.value in options.wired]
