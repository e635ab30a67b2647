"""The commands of a PN532 on a serial line, each answered or `Unavailable`. Knows no gate.

NXP UM0701-02 section 7. The chip acknowledges a command, then answers it; a command that was not
acknowledged is sent again, a damaged answer is asked for again.
"""

import time
from contextlib import suppress

from hw.errors import Refused, Unavailable
from hw.readers.line import Line
from hw.readers.pn532_frame import (
    FROM_CHIP,
    NACK,
    TO_CHIP,
    Frame,
    FrameReader,
    Kind,
    Target,
    frame_of,
    target_of,
)

WAKE = b"\x55\x55" + bytes(14)
"""Rising edges that wake the chip, then time for it to start its clock (UM0701-02, 3.1.3.4)."""
PATIENCE_S = 0.4
"""Longest wait for an acknowledgement or an answer, in seconds; the chip takes 15 ms and, for a
card, 100 ms."""
ATTEMPTS = 3
"""Times a command is sent before the chip counts as gone."""
CHUNK = 252
"""Bytes of an APDU in one command: all that a frame without extension holds."""
MAX_ANSWER = 4096
"""Longest answer of a card, in bytes."""
MAX_STALE = 64
"""Reads that throw away what came before a command."""

_FIRMWARE, _SAM, _RF, _LIST, _EXCHANGE, _RELEASE = 0x02, 0x14, 0x32, 0x4A, 0x40, 0x52
_IC = 0x32
_NORMAL_MODE = bytes((0x01, 0x14, 0x01))  # no SAM, its time-out, with IRQ (7.2.10)
_RETRIES = bytes((0x05, 0x00, 0x01, 0x01))  # for a card: once more, then "none" (7.3.1)
_FIELD_OFF = bytes((0x01, 0x00))
_MORE = 0x40  # of a target number and of a status: more of this message follows
_ERROR = 0x3F


class CardGone(Unavailable):
    """The card left the field or stopped answering; the chip is well."""


class Chip:
    """One PN532. All methods raise `Unavailable` when it does not answer."""

    def __init__(self, line: Line, *, patience_s: float = PATIENCE_S) -> None:
        self._line = line
        self._patience_s = patience_s
        self._is_acknowledged = False  # whether the chip took the command sent last

    def start(self) -> None:
        """Wake the chip and set it up, whatever it was doing."""
        self._line.write(WAKE)
        self._command(_SAM, _NORMAL_MODE)
        firmware = self._command(_FIRMWARE)
        if firmware[:1] != bytes((_IC,)):
            raise self._lost(f"something else than a PN532 answers ({firmware[:4].hex()})")
        self._command(_RF, _RETRIES)

    def find(self) -> Target | None:
        """The card in the field, if there is one; of type A, 106 kbit/s. Turns the field on."""
        answer = self._command(_LIST, b"\x01\x00")
        with suppress(Refused):  # a card that the chip itself misread: the next look is better
            return target_of(answer)
        return None

    def exchange(self, target: Target, apdu: bytes, seconds: float) -> bytes:
        """What the card answers within about `seconds`. Raises `CardGone`, too."""
        while len(apdu) > CHUNK:
            self._exchanged(target.number | _MORE, apdu[:CHUNK], seconds)
            apdu = apdu[CHUNK:]
        more, answer = self._exchanged(target.number, apdu, seconds)
        while more:
            more, part = self._exchanged(target.number, b"", seconds)
            answer += part
            if not part or len(answer) > MAX_ANSWER:
                raise CardGone(f"the card sends over {MAX_ANSWER} bytes or none; try another one")
        return answer

    def rest(self) -> None:
        """Let the card go and turn the field off, which is most of what the chip consumes."""
        self._command(_RELEASE, b"\x00")
        self._command(_RF, _FIELD_OFF)

    def _exchanged(self, number: int, data: bytes, seconds: float) -> tuple[bool, bytes]:
        """Whether more follows, and what came. A card may count what it is sent."""
        answer = self._command(_EXCHANGE, bytes((number,)) + data, seconds)
        if not answer or answer[0] & _ERROR:
            status = answer[:1].hex() or "none"
            raise CardGone(f"the card is gone (PN532 status {status}); hold it still")
        return bool(answer[0] & _MORE), answer[1:]

    def _command(self, code: int, data: bytes = b"", seconds: float = 0.0) -> bytes:
        """The answer to a command, without its code. One with `seconds` for its answer is not
        sent again once the chip took it."""
        frame = frame_of(bytes((TO_CHIP, code)) + data)
        for _ in range(ATTEMPTS):
            self._forget()
            self._line.write(frame)
            answer = self._answer(code, max(seconds, self._patience_s))
            if answer is not None:
                return answer
            if seconds and self._is_acknowledged:
                break
        raise self._lost(f"the PN532 does not answer command {code:02x}")

    def _forget(self) -> None:
        """Throw away what came late; it answers nothing that is asked now."""
        for _ in range(MAX_STALE):
            if not self._line.read(0):
                return

    def _answer(self, code: int, seconds: float) -> bytes | None:
        """The answer to a command just sent; None when it is to be sent again."""
        frames = FrameReader()
        self._is_acknowledged = False
        ends = time.monotonic() + self._patience_s
        asked = 0  # times that a damaged answer was asked for again
        while data := self._line.read(ends - time.monotonic()):
            damaged = frames.damaged
            for frame in frames.feed(data):
                if frame.kind is Kind.ACK and not self._is_acknowledged:
                    self._is_acknowledged = True
                    ends = time.monotonic() + seconds
                elif frame.kind in (Kind.NACK, Kind.ERROR):
                    return None
                elif _answers(frame, code):
                    return frame.inside[2:]
            if frames.damaged > damaged and self._is_acknowledged and asked < ATTEMPTS:
                asked += 1
                self._line.write(NACK)  # send that again (6.2.1.4)
            if time.monotonic() > ends:
                break
        return None

    def _lost(self, why: str) -> Unavailable:
        return Unavailable(
            f"{self._line.name}: {why}; check its cable, its power and its switches"
        )


def _answers(frame: Frame, code: int) -> bool:
    return frame.kind is Kind.DATA and frame.inside[:2] == bytes((FROM_CHIP, code + 1))
