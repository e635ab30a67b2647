"""Readers with the emulator at their other end, for the contract of the Reader port.

A rig has `reader` and these acts: `show` a `Card`, `remove` it, `stay` (what a reader goes through
while a card stays), `unplug`, `plug`, `noise`, `close`. `reads` says what a card is told as:
(number, bits, text). `tells_gone` is false where an unplugged reader looks like an idle one.
"""

import os
import random
import threading
from dataclasses import dataclass

from pcsc_rig import PcscRig
from rigs.osdp_rig import OsdpRig
from senders import strokes, wiegand_bits

from hw.readers.pn532 import MISSES, Pace, Pn532Options, Pn532Reader
from hw.readers.serial_qr import SerialQrOptions, SerialQrReader
from hw.readers.wedge import INPUT_EVENT, WedgeOptions, WedgeReader
from hw.readers.wiegand import WiegandOptions, WiegandReader
from hw.sim.pn532 import SimCard, SimPn532
from hw.sim.qr_module import SimQrModule
from hw.sim.reader import HeldCard, SimReader

SECOND = 1_000_000_000
FAST = 0.02  # seconds from one try to the next, for readers that are tested in a hurry
WAIT = 30.0  # seconds after which a test gives up


@dataclass(frozen=True)
class Card:
    """A card by all that some reader may read of it."""

    uid: bytes
    text: bytes


ANNA = Card(bytes.fromhex("04a1b2c3d4e5f6"), b"YP1:ANNA-7:/%*")
BO = Card(bytes.fromhex("0499887766554f"), b"YP1:BO $+-.")


class Time:
    """A clock that is moved by hand, in ticks, and knows how often it was looked at."""

    def __init__(self):
        self.ticks = SECOND
        self._looks = 0
        self._changed = threading.Condition()

    def __call__(self):
        with self._changed:
            self._looks += 1
            self._changed.notify_all()
        return self.ticks

    def wait_look(self, act):
        """Do `act`, then wait until somebody looked."""
        with self._changed:
            wanted = self._looks + 1
        act()
        with self._changed:
            assert self._changed.wait_for(lambda: self._looks >= wanted, WAIT)


class Cabled:
    """A reader and its emulator on a simulated cable."""

    tells_gone = True

    def unplug(self):
        self.sim.line.unplug()

    def plug(self):
        self.sim.line.plug()

    def close(self):
        self.reader.close()
        self.sim.close()


class Pn532Rig(Cabled):
    def __init__(self, tmp_path, pace=None):
        self.sim = SimPn532(tmp_path / "port")
        pace = pace or Pace(look_s=FAST, patience_s=0.2, retry_s=FAST)
        self.reader = Pn532Reader(Pn532Options(self.sim.path), pace=pace)

    def reads(self, card):
        return card.uid, 8 * len(card.uid), b""

    def show(self, card):
        self.sim.show(SimCard(card.uid))

    def stay(self):
        assert self.sim.wait_looks(4, WAIT)

    def remove(self):
        self.sim.remove()
        assert self.sim.wait_looks(MISSES + 1, WAIT)

    def noise(self):
        self.sim.line.send(random.Random(1).randbytes(500))


class CutPn532Rig(Pn532Rig):
    """On the Pi's own pins: the port stays, the chip is silent."""

    def unplug(self):
        self.sim.line.cut()

    def plug(self):
        self.sim.line.mend()


class CorruptPn532Rig(Pn532Rig):
    """Every answer is damaged for a while."""

    def unplug(self):
        self.sim.line.corrupt(1_000_000)

    def plug(self):
        self.sim.line.corrupt(0)


class SerialQrRig(Cabled):
    def __init__(self, tmp_path, retry_s=FAST):
        self.sim = SimQrModule(tmp_path / "port")
        self.clock = Time()
        options = SerialQrOptions(self.sim.path)
        self.reader = SerialQrReader(options, retry_s=retry_s, clock=self.clock)

    def reads(self, card):
        return b"", 0, card.text

    def show(self, card):
        self.sim.show(card.text)

    def stay(self):
        for _ in range(3):
            self.clock.ticks += SECOND
            self.clock.wait_look(self.sim.stay)

    def remove(self):
        self.sim.remove()
        self.clock.ticks += 3 * SECOND

    def noise(self):
        wild = random.Random(2)
        self.sim.line.send(bytes(wild.randrange(128, 256) for _ in range(1500)) + b"\r")


class WedgeRig:
    """A pipe with a name stands for the device; a new one is put in place with its writer open."""

    tells_gone = True

    def __init__(self, tmp_path, retry_s=FAST):
        self.path = tmp_path / "event0"
        self.grabbed = []
        self.ticks = SECOND
        self._writer = None
        self.plug()
        options = WedgeOptions(str(self.path))
        self.reader = WedgeReader(options, grab=self.grabbed.append, retry_s=retry_s)

    def reads(self, card):
        return b"", 0, card.text

    def write(self, kind, code, value):
        seconds, rest = divmod(self.ticks, SECOND)
        os.write(self._writer, INPUT_EVENT.pack(seconds, rest // 1_000, kind, code, value))

    def type(self, text, step=1_000_000):
        for code, value in strokes(text):
            self.ticks += step
            self.write(1, code, value)
            self.write(0, 0, 0)

    def show(self, card):
        self._held = card
        self.type(card.text.decode() + "\n")

    def stay(self):
        for _ in range(3):
            self.ticks += SECOND
            self.show(self._held)

    def remove(self):
        self.ticks += 3 * SECOND

    def unplug(self):
        os.close(self._writer)
        self._writer = None
        self.path.unlink()

    def plug(self):
        hidden = self.path.with_suffix(".new")
        os.mkfifo(hidden)
        self._writer = os.open(hidden, os.O_RDWR)
        hidden.rename(self.path)

    def noise(self):
        wild = random.Random(3)
        for _ in range(200):
            self.write(wild.randrange(2, 20), wild.randrange(600), wild.randrange(-9, 9))

    def close(self):
        self.reader.close()
        if self._writer is not None:
            os.close(self._writer)


class WiegandRig:
    """Mock pins, moved by hand, and a clock that is moved with them."""

    tells_gone = False

    def __init__(self, tmp_path):
        self.ticks = SECOND
        self.reader = WiegandReader(
            WiegandOptions(allow_unencrypted=True, factory="mock"),
            pause_s=0.3,
            stamp=lambda seconds: self.ticks,
        )

    def reads(self, card):
        return card.uid[-3:], 24, b""

    def pulse(self, bits):
        for bit in bits:
            self.ticks += SECOND // 1000
            self.reader.pins[bit].drive_low()
            self.reader.pins[bit].drive_high()

    def show(self, card):
        self.ticks += SECOND
        self.pulse(wiegand_bits(int.from_bytes(card.uid[-3:]), 24))

    def stay(self):
        """Such a reader sends a card once."""

    def remove(self):
        """And does not say when it goes."""

    def unplug(self):
        self.ticks += SECOND
        self.pulse([1, 0, 1])

    def plug(self):
        """Nothing is seen of it."""

    def noise(self):
        self.ticks += SECOND
        self.pulse([0, 1] * 4)
        for pin in self.reader.pins:
            pin.clear_states()  # the mock's own record has no bound

    def close(self):
        self.reader.close()


class SimRig:
    tells_gone = True

    def __init__(self, tmp_path):
        self.reader = SimReader()

    def reads(self, card):
        return card.uid, 56, card.text

    def show(self, card):
        self._held = HeldCard(card.uid, text=card.text)
        self.reader.show(self._held)

    def stay(self):
        self.reader.show(self._held)

    def remove(self):
        self.reader.remove()

    def unplug(self):
        self.reader.unplug()

    def plug(self):
        self.reader.plug()

    def noise(self):
        self.reader.plug()

    def close(self):
        self.reader.close()


RIGS = {
    "pn532": Pn532Rig,
    "pn532 cut": CutPn532Rig,
    "pn532 corrupted": CorruptPn532Rig,
    "serial_qr": SerialQrRig,
    "wedge": WedgeRig,
    "wiegand": WiegandRig,
    "sim": SimRig,
    "pcsc": PcscRig,
    "osdp": OsdpRig,
}
