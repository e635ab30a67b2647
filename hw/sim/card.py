"""A card made of memory: answers commands as a real one would, or misbehaves by name.

The brain behind every emulator of a reader. Holds no key: a function signs for it, so that this
package needs no cryptography. Bytes: hw/cards/pkoc.py and hw/cards/ndef.py.
"""

import enum
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from hw.cards import ndef, pkoc, tlv
from hw.cards.apdu import MAX_ANSWER
from hw.errors import Refused, Unavailable

Sign: TypeAlias = Callable[[bytes], bytes]
"""Gives r | s of ECDSA on P-256 with SHA-256 over the bytes."""

UID = bytes.fromhex("04A1B2C3D4E5F6")
MAX_HISTORY = 1_000
"""Exchanges kept; the oldest go first."""
PART = 240  # bytes in one round of a long answer
EARLIER = b"an earlier transaction, recorded"
SMALL_PART = 16  # bytes in one round when chained

DONE, NOT_FOUND, NO_DATA = b"\x90\x00", b"\x6a\x82", b"\x6a\x88"
WRONG_DATA, NOT_ALLOWED, UNKNOWN = b"\x6a\x80", b"\x69\x85", b"\x6d\x00"
SELECT, SELECT_FILE, READ = b"\x00\xa4\x04\x00", b"\x00\xa4\x00\x0c", b"\x00\xb0"
GET_UID, GET_RESPONSE = b"\xff\xca\x00\x00", b"\x00\xc0\x00\x00"
NDEF_FILE = b"\xe1\x04"


class Trick(enum.Enum):
    """How a card misbehaves."""

    NONE = "none"
    BIT_FLIP = "bit-flip"  # one bit of its signature is another
    REPLAY = "replay"  # gives a signature that was recorded earlier
    DOWNGRADE = "downgrade"  # has a certificate and hides it
    CHAINED = "chained"  # honest, in many short rounds
    OVERSIZE = "oversize"  # an answer without an end
    DUPLICATE = "duplicate-tag"  # an item twice in what it proves
    STOPS = "stops"  # leaves when it is to sign


class Exchange(NamedTuple):
    """A command and what the card answered; nothing if it was gone."""

    sent: bytes
    answered: bytes


class SimCard:
    """A card that has what it is given: a `certificate` makes it PKOC SE V2, a `point` alone SE
    V1, a `text` an NFC tag; without any of them it has its number and no more.

    `answer` takes a command and raises `Unavailable` when the card leaves amid it. `reset` is the
    loss of the field. `history` tells all exchanges, `heard` is called with each.
    """

    def __init__(
        self,
        uid: bytes = UID,
        *,
        point: bytes = b"",
        sign: Sign | None = None,
        certificate: bytes = b"",
        text: bytes = b"",
        trick: Trick = Trick.NONE,
    ) -> None:
        if bool(point) != (sign is not None) or (certificate and not point):
            raise Refused("a card with a key has a point and signs", reason="R-CARD")
        self.uid = uid
        self.heard: Callable[[Exchange], object] = _unheard
        self.history: deque[Exchange] = deque(maxlen=MAX_HISTORY)
        self._point = point
        self._sign = sign
        self._certificate = certificate
        self._files = {ndef.CONTAINER: CONTAINER_FILE, NDEF_FILE: _ndef_file(text)} if text else {}
        self._trick = trick
        self.reset()

    def reset(self) -> None:
        """The card leaves the field: nothing is selected any more."""
        self._application = b""
        self._file = b""
        self._waiting = b""

    def answer(self, sent: bytes) -> bytes:
        """What the card answers, status included."""
        answered = b""
        try:
            answered = self._answer(sent)
        except Unavailable:
            self.reset()
            raise
        finally:
            exchange = Exchange(sent, answered)
            self.history.append(exchange)
            self.heard(exchange)
        return answered

    def _answer(self, sent: bytes) -> bytes:
        head, data = sent[:4], sent[5 : 5 + sent[4]] if len(sent) > 4 else b""
        if head == GET_UID:
            return self.uid + DONE
        if head == GET_RESPONSE:
            return self._part(self._waiting)
        if head == SELECT:
            return self._select(data)
        if self._application == pkoc.AID:
            return self._pkoc(head, data)
        if self._application == ndef.AID:
            return self._tag(head, data, sent)
        return NOT_ALLOWED

    def _select(self, name: bytes) -> bytes:
        self.reset()
        if name == pkoc.AID and self._point:
            self._application = name
            return tlv.encode(pkoc.VERSIONS, pkoc.VERSION) + DONE
        if name == ndef.AID and self._files:
            self._application = name
            return DONE
        return NOT_FOUND

    def _part(self, data: bytes) -> bytes:
        """The next round of an answer; 61xx if there is more."""
        size = SMALL_PART if self._trick is Trick.CHAINED else PART
        self._waiting = data[size:]
        if self._trick is Trick.OVERSIZE:
            self._waiting = data[size:] or bytes(MAX_ANSWER)
        left = len(self._waiting)
        return data[:size] + (bytes((0x61, min(left, 0xFF))) if left else DONE)

    def _pkoc(self, head: bytes, data: bytes) -> bytes:
        has_v2 = bool(self._certificate) and self._trick is not Trick.DOWNGRADE
        if head == pkoc.INFO_COMMAND[:4] and has_v2:
            return tlv.encode(pkoc.INFO, tlv.encode(pkoc.VERSIONS, pkoc.SE_V2)) + DONE
        if head == pkoc.CERTIFICATE_COMMAND[:4] and has_v2:
            return self._part(self._certificate)
        if head == b"\x00\x88\x00\x00" and has_v2:
            return self._part(self._signed(data))
        if head == b"\x80\x80\x00\x01":
            try:
                asked = tlv.exactly(data, pkoc.VERSIONS, pkoc.TRANSACTION, pkoc.READER)
            except Refused:
                return WRONG_DATA
            return self._part(tlv.encode(pkoc.POINT, self._point) + self._signed(asked[1]))
        return NO_DATA if head[1] == 0xCA else UNKNOWN

    def _signed(self, transaction: bytes) -> bytes:
        assert self._sign is not None
        if self._trick is Trick.STOPS:
            raise Unavailable("the card left the field; hold it still")
        signature = self._sign(EARLIER if self._trick is Trick.REPLAY else transaction)
        if self._trick is Trick.BIT_FLIP:
            signature = signature[:-1] + bytes((signature[-1] ^ 1,))
        item = tlv.encode(pkoc.SIGNATURE, signature)
        return item + item if self._trick is Trick.DUPLICATE else item

    def _tag(self, head: bytes, data: bytes, sent: bytes) -> bytes:
        if head == SELECT_FILE:
            self._file = data
            return DONE if data in self._files else NOT_FOUND
        if head[:2] == READ and self._file in self._files:
            at = int.from_bytes(head[2:], "big")
            return self._files[self._file][at : at + (sent[4] or 0x100)] + DONE
        return UNKNOWN


def _unheard(_exchange: Exchange) -> None:
    """Nobody listens."""


CONTAINER_FILE = bytes.fromhex("000F2000F000F00406E104060000FF")
"""Capability container: mapping 2.0, 240 bytes at once, file E104 of 1,536 bytes, read-only."""


def _ndef_file(text: bytes) -> bytes:
    """Length and message of one Text record, in English."""
    payload = b"\x02en" + text
    short = len(payload) < 0x100
    size = len(payload).to_bytes(1 if short else 4, "big")
    record = (b"\xd1" if short else b"\xc1") + b"\x01" + size + b"T" + payload
    return len(record).to_bytes(2, "big") + record


def certificate(
    point: bytes,
    sign: Sign,
    *,
    issuer: bytes = b"YARDPASS--SIM-01",
    subject: bytes = b"SIMULATED-CARD-1",
    since: pkoc.Date = (2026, 1, 1),
    until: pkoc.Date = (2030, 12, 31),
) -> bytes:
    """The certificate 7F21 of a card's `point`, as the issuer that `sign`s makes it."""
    body = tlv.encode(
        pkoc.BODY,
        tlv.encode(pkoc.PROFILE, b"\x00")
        + tlv.encode(pkoc.ISSUER, issuer)
        + tlv.encode(
            pkoc.KEY,
            tlv.encode(pkoc.CURVE, pkoc.P256) + tlv.encode(pkoc.CURVE_POINT, point),
        )
        + tlv.encode(pkoc.SUBJECT, subject)
        + tlv.encode(pkoc.SINCE, _digits(since))
        + tlv.encode(pkoc.UNTIL, _digits(until)),
    )
    return tlv.encode(pkoc.CERTIFICATE, body + tlv.encode(pkoc.BODY_SIGNATURE, sign(body)))


def _digits(date: pkoc.Date) -> bytes:
    year, month, day = date
    return bytes(int(digit) for digit in f"{year % 100:02}{month:02}{day:02}")
