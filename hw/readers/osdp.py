"""A card reader that speaks OSDP (SIA OSDP 2.2, IEC 60839-11-5) over RS-485. Knows no pass.

Only the secure channel with the reader's own key counts: a reader that answers in plain text, has
another key or the default one, or says that it knows no secure channel, is a reader that is gone.
There is no install mode here; the key is made by `yardpass osdp-install`.

One reader a line. Keys pressed on a reader and card data as characters are ignored.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from hw.errors import Refused, Unavailable
from hw.ports import Ask, CardRead, Health, Signal
from hw.readers import osdp_lib
from hw.readers.osdp_card import Repeats, number_of
from hw.readers.osdp_inbox import Inbox
from hw.readers.osdp_key import read_key
from hw.readers.osdp_line import SerialLine
from hw.readers.osdp_link import Link
from hw.readers.osdp_watch import SILENT_NS, Line, Told, Watch

BAUDS = (9600, 19200, 38400, 57600, 115200, 230400)
"""Speeds that OSDP knows (SIA OSDP 2.2)."""
STEP_S = 0.02
"""Time between two looks at the line."""
REOPEN_S = 0.5
"""Time between two tries to open a port that is gone."""
_JOIN_S = 0.4
"""Longest wait for the line to be let go of."""
_DARK_STEPS = 8
"""Looks at the line that putting the lamp out takes at most."""


@dataclass(frozen=True, slots=True)
class OsdpOptions:
    """Where the reader is, how it is reached, and where the key is that it shares with us."""

    port: str = "/dev/ttyUSB0"  # path of the serial port; better one of /dev/serial/by-id
    address: int = field(default=0, metadata={"least": 0, "most": 126})
    baud: int = field(default=9600, metadata={"least": min(BAUDS), "most": max(BAUDS)})
    key: str = ""  # path of the key file that yardpass osdp-install made
    feedback: bool = True  # let the reader's lamp and buzzer follow `show`
    repeat_ms: int = field(default=700, metadata={"least": 0, "most": 5000})  # same card, once


class OsdpReader:
    """The Reader port, and `show` of the Indicator port, on one OSDP reader.

    Raises `Refused` when made for a wrong key file or speed, `Unavailable` when the key file or a
    library is missing. A port or reader that is missing is a `Health`. `refused` counts cards that
    came outside of the secure channel; `repeated` those that
    a reader told again while they lay there.
    """

    def __init__(
        self, options: OsdpOptions, *, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        if options.baud not in BAUDS:
            known = ", ".join(map(str, BAUDS))
            raise Refused(f"{options.baud} baud; give one of {known}", reason="R-SETTINGS")
        osdp_lib.load()
        self._key = read_key(options.key)
        self._options = options
        self._clock = clock
        self._name = f"osdp {options.address}"
        self._inbox = Inbox()
        self._repeats = Repeats(options.repeat_ms * 1_000_000)
        self._stop = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._watch = Watch(clock())  # the line's thread's from its start on
        self._signal = Signal.IDLE  # written by `show`
        self._shown: Signal | None = None  # the line's thread's
        self.refused = 0  # the line's thread's, and so is the next
        self.repeated = 0

    def events(self, ask: Ask) -> Iterator[CardRead | Health]:
        """As the port says. An OSDP reader proves no card's key, so `ask` is not called."""
        with self._start:
            if self._thread is None and not self._stop.is_set():
                self._watch = Watch(self._clock())
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        return iter(self._inbox.take, None)

    def close(self) -> None:
        with self._start:
            self._stop.set()
        self._inbox.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def show(self, signal: Signal) -> None:
        """Lamp and buzzer, until the next signal; shown again to a reader that comes back."""
        if self._stop.is_set() or self._watch.told is not Told.WELL:
            self._signal = signal
            raise Unavailable(f"{self._name} is gone; check its cable and power")
        self._signal = signal

    def _run(self) -> None:
        """The line's thread: opens the port, talks, and opens it again when it is gone."""
        while not self._stop.is_set():
            try:
                with closing(self._opened()) as line:
                    self._talk(line)
                fault = line.lost
            except Unavailable as gone:
                fault = str(gone)
            except Exception as error:  # noqa: BLE001 - the outermost loop: a reader never ends
                fault = f"libosdp fails ({type(error).__name__}: {error}); report this"
            if not self._stop.is_set() and self._watch.lost():
                self._tell(fault)
            self._stop.wait(REOPEN_S)

    def _opened(self) -> SerialLine:
        return SerialLine(self._options.port, self._options.baud, clock=self._clock)

    def _talk(self, line: SerialLine) -> None:
        """Until the port is gone or the reader is closed."""
        link = Link(line, address=self._options.address, key=self._key)
        self._begin()
        try:
            while not line.lost and not self._stop.wait(STEP_S):
                if self._looked(link, line):
                    link.restart()
                    self._begin()
            self._darken(link)
        finally:
            link.close()

    def _begin(self) -> None:
        """The reader is asked from the first question on."""
        self._watch.opened(self._clock())
        self._shown = None

    def _looked(self, link: Link, line: SerialLine) -> bool:
        """Asks and listens once, tells what there is. Whether the reader is to be asked anew."""
        cards = link.step()
        self.refused += link.take_refused()
        now = self._clock()
        is_secure = link.is_secure or bool(cards)  # a card came through the channel just now
        seen = Line(is_secure, line.heard, line.sent)
        if self._watch.is_changed(now, seen):
            self._tell("" if self._watch.told is Told.WELL else self._fault(seen, now))
        for card in cards:
            self._on_card(card, now)
        if link.is_secure:
            self._shine(link)
        return self._watch.is_stuck(now, seen)

    def _on_card(self, event: dict[str, object], now: int) -> None:
        card = number_of(event)
        if card is None:
            return
        if self._repeats.is_new(card, now):
            self._inbox.put(CardRead(self._name, now, *card))
        else:
            self.repeated += 1

    def _shine(self, link: Link) -> None:
        signal = self._signal
        if self._options.feedback and signal is not self._shown and link.show(signal):
            self._shown = signal

    def _darken(self, link: Link) -> None:
        """Lamp and buzzer off, if the reader still listens."""
        if self._shown in {None, Signal.IDLE} or not link.is_secure:
            return
        link.show(Signal.IDLE)
        for _ in range(_DARK_STEPS):
            link.step()
            time.sleep(STEP_S)

    def _fault(self, seen: Line, now: int) -> str:
        if now - seen.heard >= SILENT_NS:
            return f"{self._name} does not answer; check its power, its wires, address and speed"
        return (
            f"{self._name} answers and proves no key of ours; see who changed it, or give it one: "
            "yardpass osdp-install"
        )

    def _tell(self, fault: str) -> None:
        self._inbox.put(Health(self._name, self._clock(), fault))
