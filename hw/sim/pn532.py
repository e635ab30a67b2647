"""A PN532 that is made of memory, on a pty. Knows cards only by what they answer.

Speaks what UM0701-02 asks of a chip on HSU, well enough for libnfc. Commands come in one thread,
cards are shown and removed from any other.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hw.errors import Refused
from hw.readers.pn532_frame import (
    ACK,
    FROM_CHIP,
    SPEAKS_APDU,
    TO_CHIP,
    UID_BYTES,
    FrameReader,
    Kind,
    frame_of,
)
from hw.sim.line import PtyLine

MAX_HISTORY = 10_000
"""Events kept; the oldest go first."""
MAX_PART = 262
"""Bytes of a card's answer in one frame."""
MAX_MESSAGE = 65_536
"""Longest message to a card, in bytes."""

_FIRMWARE = bytes.fromhex("32010607")
_SENS_RES, _ATS = bytes.fromhex("0344"), bytes.fromhex("0578807002")
_MORE = 0x40
_OK, _TIMEOUT, _WRONG_CONTEXT = b"\x00", b"\x01", b"\x27"
_SYNTAX_ERROR = b"\x7f"


@dataclass(frozen=True, slots=True)
class SimCard:
    """What lies in the field. `answer` takes an APDU and gives the card's answer; a card without
    one has only a UID. A card that is pulled away amid a talk answers b""."""

    uid: bytes
    sak: int = 0x08
    answer: Callable[[bytes], bytes] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if len(self.uid) not in UID_BYTES:
            raise Refused(
                f"a UID of {len(self.uid)} bytes; cards have 4, 7 or 10", reason="R-CARD"
            )


class Pn532Event(NamedTuple):
    """What happened: "show" with the UID, "remove", "command" with its code and data, "field"
    with 00 or 01."""

    event: str
    data: bytes


class SimPn532:
    """The chip and the cable to it: `line` takes the faults. `history` tells all, oldest first.

    `wait_looks` waits until the terminal looked for a card so many times more.
    """

    def __init__(self, link: Path | None = None) -> None:
        self.line = PtyLine(link)
        self._events: deque[Pn532Event] = deque(maxlen=MAX_HISTORY)
        self._changed = threading.Condition()
        self._looks = 0
        self._card: SimCard | None = None
        self._selected: SimCard | None = None
        self._registers: dict[bytes, int] = {}
        self._message = b""  # parts of an APDU that is not complete
        self._answer = b""  # what is left of an answer
        self._sent = b""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def path(self) -> str:
        return self.line.path

    @property
    def history(self) -> tuple[Pn532Event, ...]:
        with self._changed:
            return tuple(self._events)

    def show(self, card: SimCard) -> None:
        self._note("show", card.uid)
        self._card = card

    def remove(self) -> None:
        self._note("remove", b"")
        self._card = self._selected = None

    def wait_looks(self, count: int, seconds: float) -> bool:
        """Whether the terminal looked `count` times more within `seconds`."""
        with self._changed:
            wanted = self._looks + count
            return self._changed.wait_for(lambda: self._looks >= wanted, seconds)

    def close(self) -> None:
        self.line.close()
        self._thread.join(timeout=5)

    def _note(self, event: str, data: bytes) -> None:
        with self._changed:
            self._events.append(Pn532Event(event, data))

    def _run(self) -> None:
        frames = FrameReader()
        while not self.line.is_closed:
            for frame in frames.feed(self.line.receive()):
                if frame.kind is Kind.NACK:
                    self.line.send(self._sent)
                elif frame.kind is Kind.DATA and frame.inside[0] == TO_CHIP:
                    self._obey(frame.inside[1:])

    def _obey(self, command: bytes) -> None:
        self._note("command", command)
        self.line.send(ACK)
        code, data = command[:1], command[1:]
        act = self._ACTS.get(code)
        if act is None:
            self._sent = frame_of(_SYNTAX_ERROR)
        else:
            answer = act(self, data)
            self._sent = frame_of(bytes((FROM_CHIP, code[0] + 1)) + answer)
        self.line.send(self._sent)
        if code == b"\x4a":
            with self._changed:
                self._looks += 1
                self._changed.notify_all()

    def _diagnose(self, data: bytes) -> bytes:
        return data[:MAX_PART]

    def _firmware(self, _: bytes) -> bytes:
        return _FIRMWARE

    def _status(self, _: bytes) -> bytes:
        return bytes.fromhex("00000080")

    def _read_register(self, data: bytes) -> bytes:
        places = [data[at : at + 2] for at in range(0, len(data), 2)]
        return bytes(self._registers.get(place, 0) for place in places)

    def _write_register(self, data: bytes) -> bytes:
        for at in range(0, len(data) - 2, 3):
            self._registers[data[at : at + 2]] = data[at + 2]
        return b""

    def _set_up(self, _: bytes) -> bytes:
        return b""

    def _configure_field(self, data: bytes) -> bytes:
        if data[:1] == b"\x01":
            self._note("field", data[1:2])
            self._selected = None
        return b""

    def _list(self, data: bytes) -> bytes:
        card = self._card
        if card is None or data[1:2] != b"\x00":
            return b"\x00"
        self._note("field", b"\x01")
        self._selected, self._message, self._answer = card, b"", b""
        found = b"\x01\x01" + _SENS_RES + bytes((card.sak, len(card.uid))) + card.uid
        return found + _ATS if card.sak & SPEAKS_APDU else found

    def _exchange(self, data: bytes) -> bytes:
        card = self._selected
        if card is None:
            return _WRONG_CONTEXT if self._card else _TIMEOUT
        self._message = (self._message + data[1:])[:MAX_MESSAGE]
        if data[:1] and data[0] & _MORE:
            return _OK
        if self._message:
            self._answer = card.answer(self._message) if card.answer else b""
            self._message = b""
        part, self._answer = self._answer[:MAX_PART], self._answer[MAX_PART:]
        if not part:
            return _TIMEOUT
        return (bytes((_MORE,)) if self._answer else _OK) + part

    def _hear_nothing(self, _: bytes) -> bytes:
        """InCommunicateThru: there are no cards of other kinds."""
        return _TIMEOUT

    def _release(self, _: bytes) -> bytes:
        self._selected = None
        return _OK

    _ACTS: dict[bytes, Callable[["SimPn532", bytes], bytes]] = {  # noqa: RUF012 - never changed
        b"\x00": _diagnose,
        b"\x02": _firmware,
        b"\x04": _status,
        b"\x06": _read_register,
        b"\x08": _write_register,
        b"\x12": _set_up,
        b"\x14": _set_up,
        b"\x16": _release,  # power down
        b"\x32": _configure_field,
        b"\x40": _exchange,
        b"\x42": _hear_nothing,
        b"\x44": _release,
        b"\x4a": _list,
        b"\x52": _release,
        b"\x54": _set_up,
    }
