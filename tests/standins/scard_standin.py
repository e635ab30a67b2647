"""pcscd and its readers in memory, behind the calls of pyscard's `smartcard.scard` that we make.

Where the real pcscd cannot run: it needs root and Debian's packages (tests/test_pcsc_real.py has
it). A reader counts each coming and going of a card in the upper half of its state, as pcscd does.
"""

import sys
import threading
import types
from dataclasses import dataclass

from hw.errors import Unavailable

PRESENT, EMPTY, UNKNOWN, CHANGED, MUTE = 0x20, 0x10, 0x04, 0x02, 0x200
CODES = {
    "SCARD_S_SUCCESS": 0,
    "SCARD_E_INVALID_HANDLE": 0x80100003,
    "SCARD_E_UNKNOWN_READER": 0x80100009,
    "SCARD_E_TIMEOUT": 0x8010000A,
    "SCARD_E_SHARING_VIOLATION": 0x8010000B,
    "SCARD_E_NO_SMARTCARD": 0x8010000C,
    "SCARD_E_PROTO_MISMATCH": 0x8010000F,
    "SCARD_E_NOT_TRANSACTED": 0x80100016,
    "SCARD_E_NO_SERVICE": 0x8010001D,
    "SCARD_E_SERVICE_STOPPED": 0x8010001E,
    "SCARD_E_NO_READERS_AVAILABLE": 0x8010002E,
    "SCARD_W_UNSUPPORTED_CARD": 0x80100065,
    "SCARD_W_UNRESPONSIVE_CARD": 0x80100066,
    "SCARD_W_UNPOWERED_CARD": 0x80100067,
    "SCARD_W_RESET_CARD": 0x80100068,
    "SCARD_W_SECURITY_VIOLATION": 0x8010006A,
    "SCARD_W_REMOVED_CARD": 0x80100069,
    "SCARD_STATE_CHANGED": CHANGED,
    "SCARD_STATE_UNKNOWN": UNKNOWN,
    "SCARD_STATE_UNAVAILABLE": 0x08,
    "SCARD_STATE_PRESENT": PRESENT,
    "SCARD_STATE_MUTE": MUTE,
    "SCARD_SCOPE_USER": 0,
    "SCARD_SHARE_EXCLUSIVE": 1,
    "SCARD_PROTOCOL_T0": 1,
    "SCARD_PROTOCOL_T1": 2,
    "SCARD_LEAVE_CARD": 0,
}
LONGEST_S = 10.0  # no test waits longer


@dataclass
class Slot:
    """One reader: the card on it, and how often one came or went."""

    card: object = None
    counter: int = 0
    is_mute: bool = False

    @property
    def state(self):
        mute = MUTE if self.is_mute else 0
        return self.counter << 16 | (PRESENT | mute if self.card is not None else EMPTY)


class Pcscd:
    """The daemon and its readers; `contexts` are those in use."""

    def __init__(self, *readers):
        self.contexts = set()
        self.handles = {}
        self.faults = {}  # name of a call -> the code it ends with
        self.looks = 0  # how often the state was asked for
        self._slots = {name: Slot() for name in readers}
        self._numbers = iter(range(1, 10**9))
        self._is_up = True
        self._changed = threading.Condition()

    def install(self, monkeypatch):
        module = types.ModuleType("smartcard")
        module.scard = self
        monkeypatch.setitem(sys.modules, "smartcard", module)
        monkeypatch.setitem(sys.modules, "smartcard.scard", self)
        return self

    def __getattr__(self, name):
        if name in CODES:
            return CODES[name]
        raise AttributeError(name)

    # -- what a test does

    def show(self, card, *, reader=None, is_mute=False):
        self._change(reader, card=card, is_mute=is_mute)

    def remove(self, reader=None):
        slot = self._slots[reader or next(iter(self._slots))]
        if slot.card is not None and hasattr(slot.card, "reset"):
            slot.card.reset()
        self._change(reader, card=None, is_mute=False)

    def swap(self, card):
        """One card goes and another comes before anybody looks."""
        with self._changed:
            slot = next(iter(self._slots.values()))
            slot.card, slot.counter = card, slot.counter + 2
            self._changed.notify_all()

    def plug(self, *readers):
        with self._changed:
            self._slots.update({name: Slot() for name in readers})
            self._changed.notify_all()

    def unplug(self):
        with self._changed:
            self._slots.clear()
            self._changed.notify_all()

    def stop(self):
        """The daemon dies; what it knew of contexts and of cards dies with it."""
        with self._changed:
            self._is_up = False
            self.contexts.clear()
            self.handles.clear()
            self._slots = {name: Slot(slot.card) for name, slot in self._slots.items()}
            self._changed.notify_all()

    def start(self):
        with self._changed:
            self._is_up = True

    def _change(self, reader, *, card, is_mute):
        with self._changed:
            slot = self._slots[reader or next(iter(self._slots))]
            slot.card, slot.is_mute, slot.counter = card, is_mute, slot.counter + 1
            self._changed.notify_all()

    def wait_for_looks(self, count):
        """Until the state was asked for so many times more."""
        with self._changed:
            until = self.looks + count
            assert self._changed.wait_for(lambda: self.looks >= until, LONGEST_S)

    # -- what pyscard offers

    def SCardEstablishContext(self, scope):
        if not self._is_up or "establish" in self.faults:
            return self.faults.get("establish", self.SCARD_E_NO_SERVICE), 0
        context = next(self._numbers)
        self.contexts.add(context)
        return 0, context

    def SCardReleaseContext(self, context):
        if context not in self.contexts:
            return self.SCARD_E_INVALID_HANDLE
        self.contexts.remove(context)
        return 0

    def SCardListReaders(self, context, groups):
        if fault := self._fault(context):
            return fault, []
        return (0, list(self._slots)) if self._slots else (self.SCARD_E_NO_READERS_AVAILABLE, [])

    def SCardGetStatusChange(self, context, milliseconds, states):
        assert 0 <= milliseconds <= 500, "an endless wait outlives pcscd"
        ((name, known),) = states
        with self._changed:
            self.looks += 1
            self._changed.notify_all()
            if fault := self._fault(context):
                return fault, []
            self._changed.wait_for(lambda: self._news(context, name, known), milliseconds / 1000)
            if fault := self._fault(context):
                return fault, []
            state = self._slots[name].state if name in self._slots else UNKNOWN
            if state == known:
                return self.SCARD_E_TIMEOUT, [(name, state, [])]
            return 0, [(name, state | CHANGED, [])]

    def _news(self, context, name, known):
        gone = name not in self._slots or self._fault(context)
        return gone or self._slots[name].state != known

    def _fault(self, context):
        if not self._is_up:
            return self.SCARD_E_SERVICE_STOPPED
        return 0 if context in self.contexts else self.SCARD_E_INVALID_HANDLE

    def SCardConnect(self, context, name, mode, protocols):
        assert mode == self.SCARD_SHARE_EXCLUSIVE
        if fault := self._fault(context) or self.faults.get("connect"):
            return fault, 0, 0
        if name not in self._slots:
            return self.SCARD_E_UNKNOWN_READER, 0, 0
        if self._slots[name].card is None:
            return self.SCARD_E_NO_SMARTCARD, 0, 0
        handle = next(self._numbers)
        self.handles[handle] = self._slots[name].card
        return 0, handle, self.SCARD_PROTOCOL_T1

    def SCardTransmit(self, handle, protocol, sent):
        assert protocol == self.SCARD_PROTOCOL_T1
        if not self._is_up:
            return self.SCARD_E_SERVICE_STOPPED, []
        card = self.handles.get(handle)
        if card not in [slot.card for slot in self._slots.values()]:
            return self.SCARD_W_REMOVED_CARD, []
        if "transmit" in self.faults:
            return self.faults["transmit"], []
        try:
            answer = list(card.answer(bytes(sent)))
        except Unavailable:
            return self.SCARD_E_NOT_TRANSACTED, []
        return (0, answer) if self._is_up else (self.SCARD_E_SERVICE_STOPPED, [])

    def SCardDisconnect(self, handle, disposition):
        assert disposition == self.SCARD_LEAVE_CARD
        return 0 if self.handles.pop(handle, None) else self.SCARD_E_INVALID_HANDLE

    def SCardGetErrorMessage(self, code):
        return f"{next(name for name, value in CODES.items() if value == code)}."
