"""The shapes every device is seen through. A driver promises what its port's docstring says.

Time in this package is `ticks`: nanoseconds of the monotonic clock, never the time of day.
"""

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
"""A grey picture, uint8, shape [height, width]. Rows may be strided, never columns."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: the luma plane, when the sensor took it, a small copy if there is one."""

    luma: Luma = field(repr=False)
    ticks: int
    preview: Luma | None = field(default=None, repr=False)


class Camera(Protocol):
    """Yields pictures until it is closed or, for a finite source, until it is used up.

    `live` says whether an unread picture loses its worth when a newer one exists. A frame is
    valid until the next one is asked for. Raises `Unavailable` when the device is gone;
    asking again after that raises `Unavailable` again. A single picture that cannot be used
    raises `Refused`, and the next ask goes on behind it. `close` may be called twice.
    """

    live: bool

    def frames(self) -> Iterator[Frame]: ...
    def close(self) -> None: ...


class Relay(Protocol):
    """One contact that opens one gate. Off when made, off when closed, off whenever in doubt.

    `pulse` energises for `milliseconds` (1..MAX_PULSE_MS) and returns when the contact is
    released again, also when it is interrupted. Raises `Unavailable` when the pin cannot be
    driven, `Refused` for a length out of range. `hold` energises it for a lease and gives its
    seconds; without `renew` in that time it ends by itself, and so it does when whoever holds it
    goes away. `release` ends it early, and is fine without one. There is no way to leave it on.
    `way_out`: it lets people out, which no limit on how often may stop.
    """

    def pulse(self, milliseconds: int, *, way_out: bool = False) -> None: ...
    def hold(self, *, way_out: bool = False) -> float: ...
    def renew(self) -> float: ...
    def release(self) -> None: ...
    def close(self) -> None: ...


MAX_PULSE_MS = 5_000
"""Longest pulse any relay driver accepts, in milliseconds."""


@dataclass(frozen=True, slots=True)
class KeyProof:
    """What a PKOC card answered; nothing of it is verified. `point` is its P-256 key, 65 bytes
    from 04 on; `signature` r | s, 64 bytes, over `transaction`: what was asked, of SE V1 its
    first 16 bytes. `certificate` is the whole 7F21 object of SE V2, empty for SE V1."""

    point: bytes
    signature: bytes
    transaction: bytes
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class CardRead:
    """One thing held to a reader: as it came, nothing of it verified.

    `number` is the card's number, most significant byte first, `bits` its length; a card that
    proves a key may have none, for phones draw a new one each time. `text` is the code it carries
    (QR module, NDEF), empty for none. `proof` is what a card that has a key signed.
    `fault` says what a card did that no honest card does, such as stopping amid its proof; then
    nothing else of it counts.
    """

    reader: str
    ticks: int
    number: bytes = b""
    bits: int = 0
    text: bytes = b""
    proof: KeyProof | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """That a device went or came back: `fault` is a sentence with what to do, empty when well."""

    device: str
    ticks: int
    fault: str = ""


Ask: TypeAlias = Callable[[], bytes]
"""Gives the 32 bytes that a card is to sign now, others each time."""


class Reader(Protocol):
    """Tells what is held to it, until it is closed: then `events` ends.

    A reader that is gone is a state, not an end: one `Health` when it goes, one when it is back,
    and within 5 s of that the next card is read (OSDP: 10.5 s). The first event is a `Health`. A
    card that stays is told once. Nothing that a card or a line sends raises. `close` may be called
    twice, and by another thread; `events` ends within half a second then.
    """

    def events(self, ask: Ask) -> Iterator[CardRead | Health]: ...
    def close(self) -> None: ...


class Signal(enum.Enum):
    """What lamps, buzzer and sounds tell the person at the gate."""

    IDLE = "idle"
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    GREY = "grey"
    ALARM = "alarm"
    TROUBLE = "trouble"  # nobody is there, and something of the box needs mending


class Indicator(Protocol):
    """Shows a signal until the next one, by colour, shape and sound, never by colour alone.

    `show` returns at once, however long the sound takes. Raises `Unavailable` when the device
    is gone: whoever calls it goes on without. Everything is off when made and when closed.
    """

    def show(self, signal: Signal) -> None: ...
    def close(self) -> None: ...


class Sensor(enum.Enum):
    """What is wired to a gate's inputs."""

    CONTACT = "contact"  # active while the gate is open
    EXIT = "exit"  # active while the exit button (REX) is pressed
    TAMPER = "tamper"  # active while the box is open
    FIRE = "fire"  # active while the fire panel says so


@dataclass(frozen=True, slots=True)
class Level:
    """One input as it is from `ticks` on; raw, contacts bounce."""

    sensor: Sensor
    is_active: bool
    ticks: int


class DoorSensors(Protocol):
    """Tells the inputs of a gate: first every wired one as it is, then each change.

    `levels` ends when closed, within half a second; `close` may be called twice and by another
    thread. Raises `Unavailable` when the inputs cannot be read.
    """

    def levels(self) -> Iterator[Level]: ...
    def close(self) -> None: ...
