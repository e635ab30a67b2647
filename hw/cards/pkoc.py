"""PKOC: a card that signs with a P-256 key of its own. Pure; verifies nothing.

PSIA PKOC NFC Transport Profile 2.0.1 (SE V1 and SE V2) and Core Specification 2.0.1 (the card
verifiable certificate). The bytes:

    SELECT                00A40400 08 A000000898000001 00 -> 5C 02 0100
    INFO                  00CA7F63 00                     -> 7F63 04 {5C 02 0200}        (SE V2)
    certificate           00CA7F21 00                     -> 7F21 {7F4E ..., 5F37 ...}   (SE V2)
    INTERNAL AUTHENTICATE 00880000 20 transaction 00      -> 9E 40 r s                   (SE V2)
    AUTHENTICATE          80800001 48 {5C 4C 4D} 00       -> 5A 41 point 9E 40 r s       (SE V1)

What a card says of itself (SELECT, INFO) may hold more than we know; what is proven (point,
signature, certificate) is a closed set.
"""

from dataclasses import dataclass
from typing import TypeAlias

from hw.cards import tlv
from hw.cards.apdu import MAX_PART, command
from hw.cards.tlv import refused
from hw.ports import KeyProof

AID = bytes.fromhex("A000000898000001")
VERSION = b"\x01\x00"  # of the exchange; NFC profile 6.1
SE_V2 = b"\x02\x00"  # what INFO says of a card with a certificate; NFC profile 6.2
TRANSACTION_BYTES = 32
SHORT_BYTES = 16  # of a transaction that SE V1 signs: cards in the field take no more
POINT_BYTES = 65  # 04 x y; SEC 1 section 2.3.3
SIGNATURE_BYTES = 64  # r s
MAX_CERTIFICATE = 1_024  # bytes
MAX_EXTENSIONS = 8

READER_ID = bytes(32)
"""Site and reader, which SE V1 lets a card see: zeros, for the transaction binds both and a card
that knows the gate could only answer differently at some."""

TRANSACTION, READER, VERSIONS = 0x4C, 0x4D, 0x5C
POINT, SIGNATURE = 0x5A, 0x9E
INFO, CERTIFICATE, BODY, BODY_SIGNATURE = 0x7F63, 0x7F21, 0x7F4E, 0x5F37
PROFILE, ISSUER, KEY, SUBJECT = 0x5F29, 0x42, 0x7F49, 0x5F20
SINCE, UNTIL, EXTENSIONS = 0x5F25, 0x5F24, 0x65
CURVE, CURVE_POINT, EXTENSION, EXTENSION_VALUE = 0x06, 0x86, 0x73, 0x53
P256 = bytes.fromhex("2A8648CE3D030107")  # object identifier 1.2.840.10045.3.1.7
REFERENCE_BYTES = 16  # of an issuer or a subject; Core 5.3

SELECT_COMMAND = command("00A40400", AID, expects=MAX_PART)
INFO_COMMAND = command("00CA7F63", expects=MAX_PART)
CERTIFICATE_COMMAND = command("00CA7F21", expects=MAX_PART)

Date: TypeAlias = tuple[int, int, int]
"""Year, month, day; a day of the calendar."""

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What an issuer says of a card's key; nothing of it is verified.

    `signed` is the whole 7F4E object, which `signature` is over. `issuer` and `subject` are 16
    characters, `since` and `until` the first and the last day. `extensions` are pairs of object
    identifier and value, in their order.
    """

    profile: int
    issuer: bytes
    point: bytes
    subject: bytes
    since: Date
    until: Date
    signed: bytes
    signature: bytes
    extensions: tuple[tuple[bytes, bytes], ...] = ()


def is_pkoc(data: bytes) -> bool:
    """Whether the answer to SELECT offers the version we speak: 5C lists versions of two bytes.

    Raises `Refused` (R-CARD) if it is malformed.
    """
    offered = tlv.fields(data).get(VERSIONS, b"")
    if not 2 <= len(offered) <= MAX_PART or len(offered) % 2:
        raise refused("the card names no PKOC version")
    return VERSION in {offered[at : at + 2] for at in range(0, len(offered), 2)}


def is_se_v2(data: bytes) -> bool:
    """Whether the answer to INFO is that of a card with a certificate. Raises `Refused`."""
    return tlv.fields(tlv.fields(data).get(INFO, b"")).get(VERSIONS) == SE_V2


def internal_authenticate(transaction: bytes) -> bytes:
    """The command of SE V2 to sign `transaction`; NFC profile 8.2."""
    return command("00880000", transaction, expects=MAX_PART)


def authenticate(transaction: bytes) -> bytes:
    """The command of SE V1 to sign `transaction`; NFC profile 7."""
    body = (
        tlv.encode(VERSIONS, VERSION)
        + tlv.encode(TRANSACTION, transaction)
        + tlv.encode(READER, READER_ID)
    )
    return command("80800001", body, expects=MAX_PART)


def proof_v1_of(data: bytes, transaction: bytes) -> KeyProof:
    """What SE V1 answered to AUTHENTICATE. Raises `Refused` (R-CARD)."""
    point, signature = tlv.exactly(data, POINT, SIGNATURE)
    return KeyProof(_point(point), _signature(signature), transaction)


def proof_v2_of(data: bytes, transaction: bytes, certificate: bytes) -> KeyProof:
    """What SE V2 answered to INTERNAL AUTHENTICATE, beside its certificate. Raises `Refused`."""
    point = certificate_of(certificate).point
    (signature,) = tlv.exactly(data, SIGNATURE)
    return KeyProof(point, _signature(signature), transaction, certificate)


def certificate_of(data: bytes) -> Certificate:
    """A certificate, 7F21; Core 5. Raises `Refused` (R-CARD)."""
    if len(data) > MAX_CERTIFICATE:
        raise refused(f"a certificate of {len(data)} bytes, at most {MAX_CERTIFICATE}")
    (whole,) = tlv.exactly(data, CERTIFICATE)
    body, signature = tlv.exactly(whole, BODY, BODY_SIGNATURE)
    tags = [PROFILE, ISSUER, KEY, SUBJECT, SINCE, UNTIL]
    if EXTENSIONS in tlv.fields(body):
        tags.append(EXTENSIONS)
    profile, issuer, key, subject, since, until, *more = tlv.exactly(body, *tags)
    if profile != b"\x00":
        raise refused(f"a certificate of profile {profile.hex():.8}; profile 00 is known")
    curve, point = tlv.exactly(key, CURVE, CURVE_POINT)
    if curve != P256:
        raise refused("a certificate for a key that is not of P-256")
    return Certificate(
        profile=0,
        issuer=_reference(issuer),
        point=_point(point),
        subject=_reference(subject),
        since=_date(since),
        until=_date(until),
        signed=tlv.encode(BODY, body),
        signature=_signature(signature),
        extensions=_extensions(more[0]) if more else (),
    )


def _extensions(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """65 {73 {06 identifier, 53 value}, ...}; Core 5.7."""
    found: list[tuple[bytes, bytes]] = []
    for tag, value in tlv.items(data):
        if tag != EXTENSION or len(found) == MAX_EXTENSIONS:
            raise refused(f"a certificate's extensions are at most {MAX_EXTENSIONS} items 73")
        identifier, content = tlv.exactly(value, CURVE, EXTENSION_VALUE)
        found.append((identifier, content))
    return tuple(found)


def _date(digits: bytes) -> Date:
    """Six bytes, one digit each: YYMMDD of this century; Core 5.3."""
    if len(digits) != 6 or max(digits) > 9:
        raise refused(f"a date is six digits, not {digits.hex():.16}")
    year, month, day = (10 * digits[at] + digits[at + 1] for at in (0, 2, 4))
    year += 2000
    leap = month == 2 and year % 4 == 0  # holds for 2000 to 2099
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1] + leap:
        raise refused(f"{year}-{month:02}-{day:02} is no day")
    return year, month, day


def _reference(data: bytes) -> bytes:
    if len(data) != REFERENCE_BYTES:
        raise refused(f"a reference of {len(data)} bytes, not {REFERENCE_BYTES}")
    return data


def _point(data: bytes) -> bytes:
    if len(data) != POINT_BYTES or data[0] != 0x04:
        raise refused(f"a key of {len(data)} bytes, not {POINT_BYTES} from 04 on")
    return data


def _signature(data: bytes) -> bytes:
    if len(data) != SIGNATURE_BYTES:
        raise refused(f"a signature of {len(data)} bytes, not {SIGNATURE_BYTES}")
    return data
