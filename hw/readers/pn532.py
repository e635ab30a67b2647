"""The card reader chip PN532 on a serial port (HSU). Knows no pass and no rule.

A card that speaks ISO/IEC 14443-4 is asked for its proof or its text (`hw.cards.tap`), any other
one gives its UID. The chip's field is off between two looks.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from hw.cards.tap import Found, tap
from hw.errors import Refused, Unavailable
from hw.ports import Ask, CardRead, Health
from hw.readers.pn532_chip import PATIENCE_S, CardGone, Chip
from hw.readers.pn532_frame import Target
from hw.readers.presence import Presence
from hw.readers.serial_port import serial_line
from hw.readers.watch import RETRY_S, watch

BAUD = 115_200
"""Rate of the chip's serial port after power-on (UM0701-02, 3.1.3)."""
TAP_S = 4.0
"""Longest time one card may take for all its answers, in seconds."""
Tap: TypeAlias = Callable[[Callable[[bytes], bytes], Ask], Found]
"""Talks to a card through a function that takes an APDU and gives the answer."""
MISSES = 2
"""Looks without a card after which it is gone."""


@dataclass(frozen=True, slots=True)
class Pn532Options:
    """Where the chip is wired. Its two switches stand on HSU (both 0 on most boards)."""

    port: str = "/dev/serial0"  # path of the serial port


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the reader looks, in seconds."""

    look_s: float = 0.2  # from one look to the next
    patience_s: float = PATIENCE_S
    retry_s: float = RETRY_S


class Pn532Reader:
    """The Reader port on a PN532. A phone that draws a new UID each time has no number.

    `tap` is what talks to a card that speaks ISO/IEC 14443-4.
    """

    def __init__(
        self,
        options: Pn532Options | None = None,
        *,
        pace: Pace | None = None,
        tap: Tap = tap,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._pace = pace or Pace()
        self._tap = tap
        self._clock = clock
        self._line = serial_line((options or Pn532Options()).port, BAUD)
        self._chip = Chip(self._line, patience_s=self._pace.patience_s)

    def events(self, ask: Ask) -> Iterator[CardRead | Health]:
        return watch(
            self._line,
            lambda: self._reads(ask),
            clock=self._clock,
            retry_s=self._pace.retry_s,
        )

    def close(self) -> None:
        self._line.close()

    def _reads(self, ask: Ask) -> Iterator[CardRead | None]:
        self._chip.start()
        yield None
        presence = Presence(MISSES)
        while not self._line.is_closed:
            target = self._chip.find()
            read = None
            if presence.is_new(_identity(target)) and target is not None:
                read = self._read(target, ask)
            self._chip.rest()
            if read is not None:
                yield read
            self._line.pause(self._pace.look_s)

    def _read(self, target: Target, ask: Ask) -> CardRead:
        ticks = self._clock()
        found = Found()
        if target.speaks_apdu:
            found = _Talk(self._chip, target).found(self._tap, ask)
        number = b"" if target.is_random else target.uid
        return CardRead(
            self._line.name, ticks, number, 8 * len(number), found.text, found.proof, found.fault
        )


class _Talk:
    """One card's answers, within TAP_S. What ended it is kept: a card is not to be blamed for the
    chip's cable."""

    def __init__(self, chip: Chip, target: Target) -> None:
        self._chip = chip
        self._target = target
        self._ends = time.monotonic() + TAP_S
        self._lost: Unavailable | None = None

    def found(self, tap: Tap, ask: Ask) -> Found:
        try:
            found = tap(self._transmit, ask)
        except CardGone:
            found = Found(fault="the card went away before it was read; hold it longer")
        except Refused as error:
            found = Found(fault=str(error))
        if self._lost is not None:
            raise self._lost
        return found

    def _transmit(self, apdu: bytes) -> bytes:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise CardGone(f"the card takes over {TAP_S} s; try another one")
        try:
            return self._chip.exchange(self._target, apdu, left)
        except CardGone:
            raise
        except Unavailable as error:
            self._lost = error
            raise


def _identity(target: Target | None) -> bytes:
    """By what a card is known again while it stays. The field goes off between two looks, so a
    phone comes back with another UID: then any such card is the same."""
    if target is None:
        return b""
    return b"random" if target.is_random else target.uid
