"""An OSDP reader for the contract suite: driver, wire and a reader made of memory."""

import random
import secrets
import threading
import time

from hw.ports import CardRead, Health
from hw.readers.osdp import OsdpOptions, OsdpReader
from hw.readers.osdp_key import text_of
from hw.sim.osdp import SimOsdp
from hw.sim.osdp_wire import Wire

ADDRESS = 101
REPEAT_MS = 700
SPOILS = 60  # pieces of noise of which one spoils a frame; more often a reader is honestly gone
WAIT = 10.0  # seconds after which a test gives up
NEXT_S = 10.5  # a card is read within this after a fault: the requirement's own figure


def until(condition, seconds=WAIT):
    """Whether the condition came true in time; for what tells nobody."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        pause.wait(0.01)
    return bool(condition())


def key_file(folder, key, *, name="reader.key", mode=0o600):
    path = folder / name
    path.write_bytes(text_of(key))
    path.chmod(mode)
    return path


def no_ask():
    raise AssertionError("an OSDP reader asks for nothing to be signed")


class Listener:
    """Takes the events of a reader in a thread, so that a test can wait for one with a limit."""

    def __init__(self, reader):
        self.told = []
        self._changed = threading.Condition()
        self._events = reader.events(no_ask)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        for event in self._events:
            with self._changed:
                self.told.append(event)
                self._changed.notify_all()

    def wait(self, count, seconds=NEXT_S):
        """The first `count` events, or all there are by then."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.told) >= count, seconds)
            return list(self.told)

    @property
    def faults(self):
        return [event.fault for event in self.told if isinstance(event, Health)]

    @property
    def cards(self):
        return [(e.number, e.bits) for e in self.told if isinstance(e, CardRead)]


class OsdpRig:
    """`reader` is the driver. The rest is what hands and weather do to it.

    A card is (number, bits), or has a `uid`. What is between the two ends is `wire`; the far end
    is `sim`, which has `sim_key` if it is another key than the reader's.
    """

    tells_gone = True

    def __init__(self, folder, *, key=None, sim_key=None, sim=True, **options):
        self.key = key or secrets.token_bytes(16)
        self.wire = Wire(folder / "tty")
        self.sim = SimOsdp(self.wire, address=ADDRESS, key=sim_key or self.key) if sim else None
        path = key_file(folder, self.key)
        given = {"repeat_ms": REPEAT_MS} | options
        self._passed = 0
        self._noises = 0
        self._last = None
        self.reader = OsdpReader(
            OsdpOptions(port=str(self.wire.port), address=ADDRESS, key=str(path), **given),
            clock=lambda: time.monotonic_ns() + self._passed,
        )

    def reads(self, card):
        number, bits = self._card(card)
        return number, bits, b""

    def show(self, card):
        self._last = self._card(card)
        self.sim.show(*self._last)

    def stay(self):
        """Some readers tell a card again and again while it lies there."""
        repeated = self.reader.repeated
        self.sim.show(*self._last)
        assert until(lambda: self.reader.repeated > repeated)

    def remove(self):
        """An OSDP reader says nothing of it. Time passes."""
        self._passed += REPEAT_MS * 1_000_000

    def unplug(self):
        self.wire.unplug()

    def plug(self):
        self.wire.plug()

    def noise(self):
        """Stray bytes; some of them hit a frame."""
        if self._noises % SPOILS == 0:
            self.wire.spoil()
            assert until(lambda: self.wire.is_clean)
        self._noises += 1
        self.wire.noise(random.Random(self._noises).randbytes(64))

    def close(self):
        self.reader.close()
        if self.sim is not None:
            self.sim.close()
        self.wire.unplug()

    @staticmethod
    def _card(card):
        uid = getattr(card, "uid", None)
        return card if uid is None else (uid, 8 * len(uid))
