"""Card readers that pcscd drives (USB CCID, such as ACR1252U). Knows no pass.

Calls to PC/SC may block for as long as a card or pcscd likes, so they are made in a thread of
their own; whoever asks for events waits beside it, sees when it hangs, and can be stopped at once.
The loop makes a new context whenever pcscd or the reader went, and follows both back.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from hw.cards.apdu import MAX_PART, answer_of, command
from hw.cards.tap import TORN, tap
from hw.errors import Refused, Unavailable
from hw.ports import Ask, CardRead, Health
from hw.readers.scard import Card, CardGone, Link, load

GET_UID = command("FFCA0000", expects=MAX_PART)  # PC/SC part 3, 3.2.2.1.3
NUMBER_BYTES = {4, 7, 8, 10}  # ISO/IEC 14443-3 single, double, triple; 8 of ISO/IEC 15693
RANDOM = 0x08  # first of four bytes that are drawn anew each time; ISO/IEC 14443-3, 6.5.4
NO_BEEP = bytes.fromhex("FF00520000")  # ACR122U API, "set buzzer output for card detection"

HANGS = "pcscd or the card does not answer; take the card away, or unplug the reader"
JOIN_S = 0.3  # until a worker that does not hang has ended
NS = 1_000_000_000  # in a second

Event: TypeAlias = CardRead | Health


@dataclass(frozen=True, slots=True)
class PcscOptions:
    """Which reader, and whether it makes sounds of its own."""

    name: str = ""  # part of the name that `pcsc_scan -r` shows; empty takes the first reader
    feedback: bool = True  # False: an ACR122U does not beep at a card before there is a verdict


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what, in seconds."""

    look: float = 0.2  # for a card to come or go, before looking whether to stop
    retry: float = 0.5  # before a reader that is gone is looked for again
    tap: float = 3.0  # for all that one card says
    hang: float = 5.0  # without a sign of life from pcscd, before that is told


class PcscReader:
    """The Reader port on PC/SC. `ask` is called in another thread, only while an event is waited
    for. A second `events` ends the first."""

    def __init__(
        self,
        options: PcscOptions | None = None,
        *,
        patience: Patience | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._options = options or PcscOptions()
        self._patience = patience or Patience()
        self._clock = clock
        self._scard = load()
        self._lock = threading.Lock()
        self._watch: _Watch | None = None  # under the lock
        self._closed = False  # under the lock

    def events(self, ask: Ask) -> Iterator[Event]:
        watch = _Watch(self._scard, self._options, self._patience, self._clock, ask)
        with self._lock:
            if self._closed:
                return
            earlier, self._watch = self._watch, watch
        if earlier is not None:
            earlier.stop()
        yield from watch.events()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()


class _Watch:
    """One run of the loop: a thread that works, and the events of it in the thread that asks.

    The worker goes on only when its last event was taken, so that no card is read before someone
    waits for it.
    """

    def __init__(
        self,
        scard: Any,
        options: PcscOptions,
        patience: Patience,
        clock: Callable[[], int],
        ask: Ask,
    ) -> None:
        self.device = f"pcsc {options.name}".rstrip()
        self._scard = scard
        self._options = options
        self._patience = patience
        self._clock = clock
        self._ask = ask
        self._stopped = threading.Event()
        self._out: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()
        self._taken = threading.Semaphore(0)
        self._worker = threading.Thread(target=self._work, name=self.device, daemon=True)
        self._alive_at = self._clock()  # written by the worker

    # -- in the thread that asks

    def events(self) -> Iterator[Event]:
        """All events, each state of health once."""
        is_well: bool | None = None
        self._worker.start()
        try:
            for event in self._all():
                if isinstance(event, Health):
                    if is_well == (not event.fault):
                        continue
                    is_well = not event.fault
                yield event
        finally:
            self.stop()
            if not self._is_hanging():
                self._worker.join(timeout=JOIN_S)

    def stop(self) -> None:
        """Ends the loop soon, from any thread. SCardCancel would wake the worker earlier, but it
        waits for pcscd, which may hang."""
        self._stopped.set()
        self._out.put(None)
        self._taken.release()

    def _all(self) -> Iterator[Event]:
        """What the worker tells; a fault while it hangs, and its last health after that."""
        last: Health | None = None
        while True:
            event = self._next()
            if self._stopped.is_set():
                return
            if isinstance(event, Exception):
                raise event
            if isinstance(event, Health):
                last = event
            elif event is None and self._is_hanging():
                yield Health(self.device, self._clock(), HANGS)
            elif last is not None:
                yield replace(last, ticks=self._clock())
            if event is not None:
                yield event
                self._taken.release()

    def _next(self) -> Event | Exception | None:
        try:
            return self._out.get(timeout=self._patience.look)
        except queue.Empty:
            return None

    def _is_hanging(self) -> bool:
        return self._clock() - self._alive_at > self._patience.hang * NS

    # -- in the thread that works

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                try:
                    self._follow()
                except Unavailable as gone:
                    self._tell(Health(self.device, self._clock(), str(gone)))
                    self._stopped.wait(self._patience.retry)
                    self._alive_at = self._clock()
        except Exception as error:  # noqa: BLE001 - raised again where the events are asked for
            self._out.put(error)

    def _follow(self) -> None:
        """One reader, until it goes or the loop is stopped. Raises `Unavailable` when it goes."""
        with closing(Link(self._scard, self._options.name)) as link:
            self._tell(Health(self.device, self._clock()))
            known, told = 0, -1
            while not self._stopped.is_set():
                self._alive_at = self._clock()
                status = link.look(known, self._patience.look)
                if status is None:
                    continue
                known = status.raw
                if status.is_present and status.counter != told:
                    told = status.counter
                    self._tell(self._read(link))

    def _tell(self, event: Event) -> None:
        """Hands it over, and waits until it was taken."""
        self._out.put(event)
        while not self._stopped.is_set():
            self._alive_at = self._clock()
            if self._taken.acquire(timeout=self._patience.look):
                return

    def _read(self, link: Link) -> CardRead:
        """All that the card on the reader says. Raises `Unavailable` when the reader goes amid
        it: then nobody knows whose fault it was."""
        ticks = self._clock()
        number = b""
        try:
            with closing(link.connect()) as card:
                transmit = self._bounded(card, ticks)
                if "ACR122" in link.name and not self._options.feedback:
                    transmit(NO_BEEP)
                number = number_of(transmit(GET_UID))
                found = tap(transmit, self._ask)
                if card.lost is not None:
                    raise card.lost
        except CardGone:
            return CardRead(self.device, ticks, number, 8 * len(number), fault=TORN)
        return CardRead(
            self.device, ticks, number, 8 * len(number), found.text, found.proof, found.fault
        )

    def _bounded(self, card: Card, since: int) -> Callable[[bytes], bytes]:
        """`card.transmit`, until the time for one card is up."""

        def transmit(sent: bytes) -> bytes:
            self._alive_at = self._clock()
            answer = card.transmit(sent)
            if self._clock() - since > self._patience.tap * NS:
                raise CardGone(f"the card took more than {self._patience.tap:g} s; try another")
            return answer

        return transmit


def number_of(response: bytes) -> bytes:
    """The number in the reader's answer to GET_UID, as it gives it; empty if the card has none, or
    one of four bytes that it draws anew each time, as phones do."""
    try:
        answer = answer_of(response)
    except Refused:
        return b""
    number = answer.data
    if not answer.is_ok or len(number) not in NUMBER_BYTES:
        return b""
    return b"" if len(number) == 4 and number[0] == RANDOM else number
