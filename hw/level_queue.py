"""Levels on their way from the pins to who reads them. Knows no pin.

Bounded by input: an input that chatters (a vandal at the button, a loose wire) fills its own share
and never drowns the fire input. An edge beyond the share is dropped; when the backlog is read, the
input is looked at, so that the last level told is always the true one.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping

from hw.ports import Level, Sensor

MAX_PENDING = 64
"""Edges of one input that wait to be read; a bouncing contact makes about a dozen."""
LOOK_S = 1.0
"""Seconds without an edge after which the inputs are looked at: the kernel drops edges when its
buffer of 16 a line is full, and nobody would hear of it."""

Look = Callable[[], Mapping[Sensor, bool]]
"""Reads every wired input. May raise `Unavailable`."""


class LevelQueue:
    """One writer a sensor, any number of readers; what one reader is told no other one is."""

    def __init__(self, look: Look, clock: Callable[[], int]) -> None:
        self._look = look
        self._clock = clock
        self._changed = threading.Condition()
        self._pending: deque[Level] = deque()  # guarded by _changed, as all below
        self._counts: Counter[Sensor] = Counter()
        self._has_dropped = False
        self._closed = False

    def put(self, sensor: Sensor, is_active: bool) -> None:
        """An edge, from any thread; dropped if this sensor's share is full."""
        with self._changed:
            if self._closed:
                return
            if self._counts[sensor] >= MAX_PENDING:
                self._has_dropped = True
            else:
                self._counts[sensor] += 1
                self._pending.append(Level(sensor, is_active, self._clock()))
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._pending.clear()
            self._changed.notify_all()

    def levels(self) -> Iterator[Level]:
        """Every wired input as it is, then each change, until closed."""
        told: dict[Sensor, bool] = {}
        batch = self._begin()
        while batch is not None:
            for level in batch:
                if told.get(level.sensor) is not level.is_active:
                    told[level.sensor] = level.is_active
                    yield level
            batch = self._next()

    def _begin(self) -> list[Level] | None:
        """The first look; edges of before it are part of it."""
        with self._changed:
            if self._closed:
                return None
            self._pending.clear()
            self._counts.clear()
            return self._seen()

    def _next(self) -> list[Level] | None:
        """One edge, or after a quiet while or a drop what a look shows; None when closed."""
        with self._changed:
            if not (self._pending or self._has_dropped or self._closed):
                self._changed.wait(LOOK_S)
            if self._closed:
                return None
            if not self._pending:
                return self._seen()
            level = self._pending.popleft()
            self._counts[level.sensor] -= 1
            return [level]

    def _seen(self) -> list[Level]:
        self._has_dropped = False
        return [Level(sensor, is_on, self._clock()) for sensor, is_on in self._look().items()]
