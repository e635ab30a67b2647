"""The frames of a PN532, and the card it names in one. Knows no port. (pure)

NXP UM0701-02 section 6.2.1: `00 00 FF LEN LCS TFI data DCS 00`, where LEN counts TFI and data,
LEN + LCS = 0 and TFI + data + DCS = 0 modulo 256. The firmware's version is asked for by
`00 00 FF 02 FE D4 02 2A 00`. Longer frames carry `FF FF LENM LENL LCS` instead of `LEN LCS`.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from hw.errors import Refused

TO_CHIP, FROM_CHIP = 0xD4, 0xD5
"""TFI, the first byte inside a frame: who sent it."""
MAX_INSIDE = 265
"""Most bytes inside a frame, TFI included (UM0701-02, 6.2.1.2)."""
ACK = bytes.fromhex("0000ff00ff00")
NACK = bytes.fromhex("0000ffff0000")

_START = b"\x00\xff"
_SYNTAX_ERROR = b"\x7f"  # the one byte inside an error frame, 6.2.1.5
UID_BYTES = (4, 7, 10)
"""Lengths a card's UID may have (ISO/IEC 14443-3, 6.5.4)."""
RANDOM_UID = 0x08
"""First byte of a UID of 4 bytes that the card draws anew each time (ISO/IEC 14443-3, 6.5.4)."""
SPEAKS_APDU = 0x20
"""Bit of SAK: the card speaks ISO/IEC 14443-4."""


class Kind(enum.Enum):
    """What a frame is."""

    ACK = "ack"
    NACK = "nack"
    ERROR = "error"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame without damage. `inside` begins with TFI; it is empty for ACK and NACK."""

    kind: Kind
    inside: bytes = b""


def frame_of(inside: bytes) -> bytes:
    """The frame around `inside`, TFI first. Raises `Refused` when it is too long or empty."""
    count = len(inside)
    if not 1 <= count <= MAX_INSIDE:
        raise Refused(f"{count} bytes in a PN532 frame; give 1 to {MAX_INSIDE}", reason="R-CARD")
    if count <= 0xFF:
        length = bytes((count, -count & 0xFF))
    else:
        high, low = divmod(count, 256)
        length = b"\xff\xff" + bytes((high, low, -(high + low) & 0xFF))
    return b"\x00" + _START + length + inside + bytes((-sum(inside) & 0xFF, 0))


class FrameReader:
    """Finds frames in bytes that come in pieces, whatever lies between them.

    `damaged` counts the frames that began but did not hold. Keeps less than one frame of bytes.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._bytes = b""

    def feed(self, data: bytes) -> list[Frame]:
        self._bytes += data
        return list(self._taken())

    def _taken(self) -> Iterator[Frame]:
        while (at := self._bytes.find(_START)) >= 0:
            frame, used = _first(self._bytes[at:])
            self._bytes = self._bytes[at + used :]
            if frame is not None:
                yield frame
            elif used:
                self.damaged += 1
            else:
                return
        self._bytes = self._bytes[-1:]  # it may be the first half of a start code


def _first(data: bytes) -> tuple[Frame | None, int]:
    """The frame at the start code that `data` begins with, and the bytes it takes. Without a
    frame: how many bytes to skip, 0 while bytes are missing."""
    if data[2:4] == ACK[3:5]:
        return Frame(Kind.ACK), 4
    if data[2:4] == NACK[3:5]:
        return Frame(Kind.NACK), 4
    begin, size = (4, 7) if data[2:4] == b"\xff\xff" else (2, 4)
    if len(data) < size:
        return None, 0
    length = data[begin:size]  # its check byte is the last
    count = int.from_bytes(length[:-1])
    if sum(length) & 0xFF or not 1 <= count <= MAX_INSIDE:
        return None, 1
    inside = data[size : size + count + 1]  # its check byte is the last
    if len(inside) <= count:
        return None, 0
    if sum(inside) & 0xFF:
        return None, 1
    kind = Kind.ERROR if inside[:-1] == _SYNTAX_ERROR else Kind.DATA
    return Frame(kind, inside[:-1]), size + count + 1


@dataclass(frozen=True, slots=True)
class Target:
    """A card in the field: the number the chip calls it by, its SAK and its UID."""

    number: int
    sak: int
    uid: bytes

    @property
    def speaks_apdu(self) -> bool:
        return bool(self.sak & SPEAKS_APDU)

    @property
    def is_random(self) -> bool:
        """Whether the UID says nothing: the card draws another one each time."""
        return len(self.uid) == 4 and self.uid[0] == RANDOM_UID


def target_of(answer: bytes) -> Target | None:
    """The card in an answer to InListPassiveTarget (7.3.5), None for no card.

    `01 01 00 44 20 07 04 A1 B2 C3 D4 E5 F6 05 78 80 70 02`: one card, number 1, SENS_RES 0044,
    SAK 20, UID of 7 bytes, ATS. Raises `Refused` for anything else.
    """
    if answer == b"\x00":
        return None
    if len(answer) < 6 or answer[0] != 1 or answer[5] not in UID_BYTES:
        raise Refused(f"a PN532 names a card by {answer[:16].hex()}; read again", reason="R-CARD")
    uid = answer[6 : 6 + answer[5]]
    if len(uid) < answer[5]:
        raise Refused(f"a PN532 cut a UID after {uid.hex()}; read again", reason="R-CARD")
    return Target(answer[1], answer[4], uid)
