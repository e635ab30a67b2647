"""The senses: camera, readers and inputs, each in a thread of its own, told one after the other.

What they tell goes through one bounded queue to the gate's thread, which alone judges, records and
moves. Where it is full, whoever tells waits: an eye that waits looks at the newest picture then.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from appliance.gate.console_socket import Asked, ConsoleSocket
from hw.errors import Unavailable
from hw.eye import Sighting
from hw.ports import Ask, CardRead, DoorSensors, Health, Level, Reader

MAX_WAITING = 64
ROOM_SECONDS = 0.2  # between two looks whether to go on waiting for room
JOIN_SECONDS = 5.0  # for a thread to end; it is a daemon
HANG_NS = 90_000_000_000  # ticks; a pause of the camera's loop and a decoder's start take 50 s
SETTLE_NS = 10_000_000_000  # ticks a camera has for its first look before the gate is called ready
RETRY_SECONDS = 1.0  # between two looks for inputs that are gone


class Ended(NamedTuple):
    """A sense that is used up or failed for good; `error` is what it raised, None at its end."""

    name: str
    error: Exception | None


class Lost(NamedTuple):
    """The inputs of the gate are gone, and why."""

    why: str


Sense: TypeAlias = Sighting | CardRead | Health | Level | Lost | Asked | Ended


class Senses:
    """Starts threads as senses are added; `next` is for the gate's thread."""

    def __init__(self, ticks: Callable[[], int] = time.monotonic_ns) -> None:
        self._ticks = ticks
        self._turned_at: int | None = None  # written by the camera's thread, as the next
        self._turns = 0
        self._told: queue.Queue[Sense] = queue.Queue(MAX_WAITING)
        self._threads: list[threading.Thread] = []
        self._stops: list[Callable[[], None]] = []
        self._stopped = threading.Event()

    def add(
        self, name: str, sense: Callable[[], Iterator[Sense]], stop: Callable[[], None]
    ) -> None:
        """Tells what `sense` yields until it ends; `stop` makes it end, from another thread."""
        self._stops.append(stop)
        thread = threading.Thread(target=self._run, args=(name, sense), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(thread.name for thread in self._threads)

    def add_reader(self, name: str, reader: Reader, ask: Ask) -> None:
        self.add(name, lambda: iter(reader.events(ask)), reader.close)

    def add_sensors(self, sensors: DoorSensors) -> None:
        self.add("inputs", lambda: self._levels(sensors), sensors.close)

    def add_consoles(self, consoles: ConsoleSocket) -> None:
        self.add("consoles", lambda: iter(consoles.asked()), consoles.close)

    def next(self, seconds: float) -> Sense | None:
        """What was told next, None if nothing is within `seconds`."""
        try:
            return self._told.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def tell(self, sense: Sense) -> None:
        """For any thread; waits for room until it is closed."""
        while not self._stopped.is_set():
            try:
                self._told.put(sense, timeout=ROOM_SECONDS)
                return
            except queue.Full:
                pass

    def turned(self) -> None:
        """The camera's loop has turned, first at its start; for its thread."""
        self._turned_at = self._ticks()
        self._turns += 1

    def ended(self) -> None:
        """It turns no more, and should not; for its thread."""
        self._turned_at = None

    def is_settled(self) -> bool:
        """Whether the camera has been looked through once, is gone, or has had its time for that.
        What was seen in that look was told before."""
        at = self._turned_at
        return at is None or self._turns > 1 or self._ticks() - at > SETTLE_NS

    def is_hung(self) -> bool:
        """Whether the camera's loop should turn and does not: a library that hangs cannot be left
        but with the process."""
        at = self._turned_at
        return at is not None and self._ticks() - at > HANG_NS

    def close(self) -> None:
        """Stops all of them, and waits for a moment."""
        self._stopped.set()
        for stop in self._stops:
            stop()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    def _run(self, name: str, sense: Callable[[], Iterator[Sense]]) -> None:
        error: Exception | None = None
        try:
            for one in sense():
                self.tell(one)
                if self._stopped.is_set():
                    return
        except Exception as raised:  # noqa: BLE001 - told to the gate's thread, which decides
            error = raised
        if not self._stopped.is_set():
            self.tell(Ended(name, error))

    def _levels(self, sensors: DoorSensors) -> Iterator[Sense]:
        """Levels, and again from the start after the inputs were gone: told once when they go,
        once when they are back."""
        gone = ""
        while not self._stopped.is_set():
            try:
                for level in sensors.levels():
                    if gone:
                        yield Health("inputs", self._ticks(), "")
                        gone = ""
                    yield level
                return
            except Unavailable as error:
                if gone != str(error):
                    gone = str(error)
                    yield Lost(gone)
                self._stopped.wait(RETRY_SECONDS)
