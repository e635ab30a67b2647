"""A reader made of memory: what was held to it, and when. Knows no device and no pass."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hw.ports import Ask, CardRead, Health, KeyProof

MAX_HISTORY = 10_000
"""Events kept; the oldest go first."""
MAX_WAITING = 1_000
"""Events that wait to be asked for; the oldest go first."""
UNPLUGGED = "the simulated reader is unplugged; plug it in again"


@dataclass(frozen=True, slots=True)
class SimReaderOptions:
    """What the reader made of memory is called."""

    name: str = "sim"


@dataclass(frozen=True, slots=True)
class HeldCard:
    """What is held to it. `prove` signs 32 bytes as a card with a key does."""

    number: bytes = b""
    bits: int | None = None  # None: 8 for each byte
    text: bytes = b""
    prove: Callable[[bytes], KeyProof] | None = None
    fault: str = ""


class SimReaderEvent(NamedTuple):
    """What happened: "show" a card, "remove", "unplug", "plug", "closed"."""

    event: str
    ticks: int
    card: HeldCard | None = None


class SimReader:
    """The Reader port without a device. Cards are shown from any thread; one that stays is told
    once, also when it is shown again without being removed."""

    def __init__(
        self,
        options: SimReaderOptions | None = None,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._name = (options or SimReaderOptions()).name
        self._clock = clock
        self._changed = threading.Condition()  # guards all below
        self._events: deque[SimReaderEvent] = deque(maxlen=MAX_HISTORY)
        self._waiting: deque[SimReaderEvent] = deque(maxlen=MAX_WAITING)
        self._held: HeldCard | None = None
        self._is_plugged = True
        self._closed = False

    @property
    def history(self) -> tuple[SimReaderEvent, ...]:
        """Everything that happened, oldest first, at most MAX_HISTORY events."""
        with self._changed:
            return tuple(self._events)

    def show(self, card: HeldCard) -> None:
        with self._changed:
            is_new = self._is_plugged and card != self._held
            self._held = card
            self._note("show", card, is_told=is_new)

    def remove(self) -> None:
        with self._changed:
            self._held = None
            self._note("remove")

    def unplug(self) -> None:
        with self._changed:
            was_plugged, self._is_plugged = self._is_plugged, False
            self._note("unplug", is_told=was_plugged)

    def plug(self) -> None:
        with self._changed:
            was_plugged, self._is_plugged = self._is_plugged, True
            self._note("plug", is_told=not was_plugged)
            if not was_plugged and self._held is not None:
                self._note("show", self._held, is_told=True)

    def events(self, ask: Ask) -> Iterator[CardRead | Health]:
        with self._changed:
            fault = "" if self._is_plugged else UNPLUGGED
        if not self._closed:
            yield Health(self._name, self._clock(), fault)
        while (event := self._next()) is not None:
            told = self._told(event, ask)
            if isinstance(told, CardRead) or told.fault != fault:
                yield told
            fault = told.fault if isinstance(told, Health) else fault

    def close(self) -> None:
        with self._changed:
            if not self._closed:
                self._closed = True
                self._note("closed")
                self._changed.notify_all()

    def _next(self) -> SimReaderEvent | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return None if self._closed else self._waiting.popleft()

    def _told(self, event: SimReaderEvent, ask: Ask) -> CardRead | Health:
        card = event.card
        if card is None:
            fault = UNPLUGGED if event.event == "unplug" else ""
            return Health(self._name, event.ticks, fault)
        bits = 8 * len(card.number) if card.bits is None else card.bits
        proof = card.prove(ask()) if card.prove is not None else None
        return CardRead(self._name, event.ticks, card.number, bits, card.text, proof, card.fault)

    def _note(self, event: str, card: HeldCard | None = None, *, is_told: bool = False) -> None:
        entry = SimReaderEvent(event, self._clock(), card)
        self._events.append(entry)
        if is_told:
            self._waiting.append(entry)
            self._changed.notify_all()
