"""A relay made of memory: what it was told to do, and when. Knows no pin and no time of day."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hw.errors import Refused, Unavailable
from hw.gate_io import check_pulse

MAX_HISTORY = 10_000
LEASE_MS = 2_000  # of a hold; nobody but the caller watches it here
"""Events kept; the oldest go first."""

Event = Literal["on", "off", "closed"]


class RelayEvent(NamedTuple):
    """One thing that happened to the contact. `ms` is the length asked for, 0 when closed."""

    event: Event
    ticks: int  # ns of the relay's clock
    ms: int


@dataclass(frozen=True, slots=True)
class SimRelayOptions:
    """How the relay made of memory behaves."""

    real_time: bool = False  # True: a pulse takes as long as it says


class SimRelay:
    """The Relay port without a pin. Off when made; `history` tells the whole rest.

    `unplug` makes every later pulse raise `Unavailable`, `plug` mends it.
    """

    def __init__(
        self,
        options: SimRelayOptions | None = None,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        real_time = (options or SimRelayOptions()).real_time
        self._wait = wait or (time.sleep if real_time else _at_once)
        self._clock = clock
        self._events: deque[RelayEvent] = deque(maxlen=MAX_HISTORY)
        self._unplugged = False
        self._closed = False
        self._held = False

    @property
    def history(self) -> tuple[RelayEvent, ...]:
        """Everything that happened, oldest first, at most MAX_HISTORY events."""
        return tuple(self._events)

    def pulse(self, milliseconds: int, *, way_out: bool = False) -> None:
        check_pulse(milliseconds)
        self._check()
        self._note("on", milliseconds)
        try:
            self._wait(milliseconds / 1000)
        finally:
            self._note("off", milliseconds)

    def hold(self, *, way_out: bool = False) -> float:
        self._check()
        if not self._held:
            self._held = True
            self._note("on", LEASE_MS)
        return LEASE_MS / 1_000

    def renew(self) -> float:
        self._check()
        if not self._held:
            raise Refused("the simulated relay is not held", reason="R-PULSE")
        return LEASE_MS / 1_000

    def release(self) -> None:
        if self._held:
            self._held = False
            self._note("off", LEASE_MS)

    def _check(self) -> None:
        if self._closed:
            raise Unavailable("the relay is closed; make a new one")
        if self._unplugged:
            raise Unavailable("the simulated relay is unplugged; plug it in again")

    def close(self) -> None:
        if not self._closed:
            self.release()
            self._closed = True
            self._note("closed", 0)

    def unplug(self) -> None:
        self._unplugged = True

    def plug(self) -> None:
        self._unplugged = False

    def _note(self, event: Event, milliseconds: int) -> None:
        self._events.append(RelayEvent(event, self._clock(), milliseconds))


def _at_once(_seconds: float) -> None:
    """A wait that is over already."""
