"""A Wiegand reader on two GPIO pins, through gpiozero. Off unless the settings insist.

Anybody on the two wires reads every card and can send it again, and nothing tells a reader that is
unplugged from one that is idle: so there is one Health, at the start, and never a fault.
"""

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hw.board import FACTORIES, factory_of
from hw.errors import Refused, Unavailable
from hw.ports import Ask, CardRead, Health
from hw.readers.wiegand_bits import WiegandBits

MIN_PIN, MAX_PIN = 2, 27
"""Pins (BCM numbers) that a header has; 0 and 1 belong to its identity memory."""
MAX_EDGES = 1024
"""Edges kept until they are looked at; more are thrown away."""
PAUSE_S = 0.1
"""Time without an edge after which a number is complete, in seconds: more than the gap that ends
it, as edges may be handed over late."""
IDLE_S = 60.0
"""Longest wait for the first edge, in seconds; then it is waited for again."""


@dataclass(frozen=True, slots=True)
class WiegandOptions:
    """Where D0 and D1 arrive, brought down to 3.3 V."""

    allow_unencrypted: bool = False  # whoever writes true here has read why it is off
    d0: int = field(default=23, metadata={"least": MIN_PIN, "most": MAX_PIN})  # BCM number
    d1: int = field(default=24, metadata={"least": MIN_PIN, "most": MAX_PIN})  # BCM number
    factory: str = field(default="lgpio", metadata={"one_of": tuple(FACTORIES)})  # or "mock"


class WiegandReader:
    """The Reader port on two pins. `pins` are gpiozero's pin objects of D0 and D1.

    `stamp` makes ticks of what a pin factory says of an edge: seconds of the monotonic clock.
    """

    def __init__(
        self,
        options: WiegandOptions,
        *,
        pause_s: float = PAUSE_S,
        stamp: Callable[[float], int] = lambda seconds: int(seconds * 1_000_000_000),
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        _check(options)
        self._device = f"wiegand {options.d0},{options.d1}"
        self._pause_s = pause_s
        self._stamp = stamp
        self._clock = clock
        self._edges: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()
        self._closed = False
        self._factory: Any = factory_of(options.factory)
        self.pins: list[Any] = []
        try:
            self._factory.reserve_pins(self, options.d0, options.d1)
            for number, heard in ((options.d0, self._zero), (options.d1, self._one)):
                pin = self._factory.pin(number)
                self.pins.append(pin)
                pin.function, pin.pull = "input", "up"
                pin.edges = "falling"  # both would fill the kernel's 16 events twice as fast
                pin.when_changed = heard
        except Exception as error:  # gpiozero and lgpio have no common root
            self.close()
            raise Unavailable(
                f"{self._device} cannot be set up ({type(error).__name__}: {error}); check that "
                "nothing else uses the pins and that the user is in group gpio"
            ) from error

    def events(self, ask: Ask) -> Iterator[CardRead | Health]:
        if not self._closed:
            yield Health(self._device, self._clock())
        bits = WiegandBits()
        while not self._closed:
            try:
                edge = self._edges.get(timeout=self._pause_s if bits.is_amid else IDLE_S)
            except queue.Empty:
                found = bits.pause()
            else:
                found = bits.edge(*edge) if edge is not None else None
            if found is not None:
                yield CardRead(self._device, found.ticks, found.number, found.bits)

    def _conflicts_with(self, other: object) -> bool:
        """What gpiozero asks of a device whose pins are reserved: nobody shares these."""
        return True

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for pin in self.pins:
            pin.close()
        self._factory.release_all(self)
        self._edges.put(None)

    def _zero(self, seconds: float, _state: object) -> None:
        self._note(0, seconds)

    def _one(self, seconds: float, _state: object) -> None:
        self._note(1, seconds)

    def _note(self, bit: int, seconds: float) -> None:
        if self._edges.qsize() < MAX_EDGES:
            self._edges.put((bit, self._stamp(seconds)))


def _check(options: WiegandOptions) -> None:
    if options.allow_unencrypted is not True:
        raise Refused(
            "a Wiegand reader is off by default: anybody on its two wires can read and replay "
            "every card, and its parity misses half of all double errors; take an OSDP reader, "
            "or set allow_unencrypted = true",
            reason="R-SETTINGS",
        )
    if options.d0 == options.d1:
        raise Refused(f"d0 and d1 are both {options.d0}; give two pins", reason="R-SETTINGS")
    for pin in (options.d0, options.d1):
        if not MIN_PIN <= pin <= MAX_PIN:
            raise Refused(f"pin {pin!r}; give {MIN_PIN} to {MAX_PIN}", reason="R-SETTINGS")
