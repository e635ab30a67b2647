"""A card held to a reader twice, to be enrolled: what both taps agree on. Enrols nothing itself.

A card that has a key must prove it, both times, over bytes drawn for that moment. Twice, because
a second card in the same wallet, or a number that a phone draws anew, would be enrolled unseen.
"""

import contextlib
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from hw.errors import Unavailable as HardwareUnavailable
from hw.ports import CardRead, Health, Reader
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ES256, PublicKey

ASK_BYTES = 32
MAX_ASKED = 64  # what was asked last; readers ask ahead
MAX_WAITING = 64  # events; what comes beyond them while nobody looks is lost
SHORT_BYTES = 16  # of what was asked, that PKOC SE V1 signs
NOTHING = "nothing was enrolled"
Say: TypeAlias = Callable[[str], object]
Random: TypeAlias = Callable[[int], bytes]
_Event: TypeAlias = CardRead | Health | HardwareUnavailable
_Events: TypeAlias = "queue.Queue[_Event | None]"


class Tapped(NamedTuple):
    """A card: its P-256 key (65 bytes, empty without one), whether its maker's certificate came
    along, its number where it is the same each time, and the length of that in bits."""

    point: bytes
    is_certified: bool
    number: bytes
    bits: int

    @property
    def name(self) -> str:
        """How it is called in a message: a public key, or a number."""
        if self.point:
            return f"a card with the key {self.point.hex()[:16]}..."
        return f"a card with the number {self.number.hex()} ({self.bits} bits)"


def twice(reader: Reader, say: Say, *, seconds: float, random: Random = os.urandom) -> Tapped:
    """Asks for a card, and for the same once more; `seconds` is the time for each.

    Raises `Refused` if it did not come in time, if another one came, or if it is no card that can
    be enrolled; `Unavailable` if the reader ends.
    """
    asked: deque[bytes] = deque(maxlen=MAX_ASKED)

    def ask() -> bytes:
        asked.append(random(ASK_BYTES))
        return asked[-1]

    with _events(reader, ask) as events:
        _await_reader(events, say, seconds)
        say("hold the card to the reader")
        first = _tapped(_next(events, say, seconds), asked)
        say(f"{first.name}; take it away, then hold it there once more")
        second = _tapped(_next(events, say, seconds), asked)
    return _agreed(first, second)


def _agreed(first: Tapped, second: Tapped) -> Tapped:
    if first.point != second.point or (not first.point and first != second):
        what = f"{first.name} at first, {second.name} then; {NOTHING}"
        raise Refused(f"{what}: hold the same card there twice", reason="R-CARD")
    is_same = (first.number, first.bits) == (second.number, second.bits)
    number, bits = (first.number, first.bits) if is_same else (b"", 0)
    return Tapped(first.point, first.is_certified and second.is_certified, number, bits)


def _tapped(read: CardRead, asked: deque[bytes]) -> Tapped:
    """What one tap says. Raises `Refused` for a key that is not proven, and what is no card."""
    proof = read.proof
    if proof is None:
        if not read.number:
            what = f"{read.reader} read a code, and no card; {NOTHING}"
            raise Refused(f"{what}: give a reader for cards", reason="R-CARD")
        return Tapped(b"", False, read.number, read.bits)
    is_asked = any(proof.transaction in (one, one[:SHORT_BYTES]) for one in asked)
    key = PublicKey(ES256, proof.point)
    if not is_asked or not key.holds(-7, proof.signature, proof.transaction):
        raise Refused(f"the card did not prove its key; {NOTHING}: try another", reason="R-SIG")
    return Tapped(proof.point, bool(proof.certificate), read.number, read.bits)


def _await_reader(events: _Events, say: Say, seconds: float) -> None:
    """Returns once the reader says that it is well, which it does first. Raises as `twice`."""
    for event in _until(events, seconds):
        if isinstance(event, Health) and not event.fault:
            return
        _card_in(event, say)
    what = f"the reader is not there after {seconds:g} seconds; {NOTHING}"
    raise Unavailable(f"{what}: look at its cable and options")


def _next(events: _Events, say: Say, seconds: float) -> CardRead:
    """The next card that said all it has to say."""
    for event in _until(events, seconds):
        found = _card_in(event, say)
        if found is not None:
            return found
    raise Refused(f"no card in {seconds:g} seconds; {NOTHING}", reason="R-CARD")


def _until(events: _Events, seconds: float) -> Iterator[_Event | None]:
    """What comes in this time."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        with contextlib.suppress(queue.Empty):
            yield events.get(timeout=left)


def _card_in(event: _Event | None, say: Say) -> CardRead | None:
    match event:
        case None:
            raise Unavailable("the reader has ended; look at its cable and try again")
        case HardwareUnavailable():
            raise event
        case Health(fault=fault):
            if fault:
                say(f"the reader: {fault}")
            return None
        case CardRead(fault=fault) if fault:
            say(f"the card {fault}; hold it still and try again")
            return None
        case CardRead():
            return event


@contextlib.contextmanager
def _events(reader: Reader, ask: Callable[[], bytes]) -> Iterator[_Events]:
    """What the reader tells, from a thread of its own, which ends when the reader is closed."""
    events: _Events = queue.Queue(MAX_WAITING)

    def put(event: _Event | None) -> None:
        with contextlib.suppress(queue.Full):
            events.put_nowait(event)

    def listen() -> None:
        try:
            for event in reader.events(ask):
                put(event)
            put(None)
        except HardwareUnavailable as error:
            put(error)

    thread = threading.Thread(target=listen, name="card reader", daemon=True)
    thread.start()
    try:
        yield events
    finally:
        reader.close()
        thread.join(1.0)  # the port ends within half a second
