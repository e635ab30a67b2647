"""The code that an NFC tag carries: NDEF on a Type 4 Tag. Pure; what the code says is not seen.

NFC Forum Type 4 Tag 1.2 (the exchange), NDEF 1.0 (the message), RTD Text 1.0, RTD URI 1.0.

    00A40400 07 D2760000850101 00     the NDEF application
    00A4000C 02 E103, 00B00000 0F     its capability container: 000F 20 00F6 00F6 0406 E104 ...
    00A4000C 02 E104, 00B00000 02     the NDEF file; its first two bytes are the message's length
    D1 01 .. 54 02 'en' 'YP1:...'     a message of one Text record

A tag that is blank, protected, or holds other things carries no code. Bytes that no tag may hold
are refused.
"""

from typing import NamedTuple

from hw.cards.apdu import MAX_PART, Answer, Channel, command
from hw.cards.tlv import refused

AID = bytes.fromhex("D2760000850101")
PREFIX = b"YP1:"
"""What a code begins with: it tells ours from what else a tag may carry."""
MAX_TEXT = 1_024  # bytes of a code
MAX_MESSAGE = 1_536  # bytes; a code, its record's head, and records of others
MAX_RECORDS = 16
MAX_READ = 240  # bytes asked for at once; every reader takes as many

CONTAINER = b"\xe1\x03"  # file of the capability container
CONTAINER_BYTES = 15
_MAPPINGS = {2, 3}  # major versions of the mapping that begin with these 15 bytes
_FILE_CONTROL = b"\x04\x06"  # the NDEF file's entry in the container, and its length
_OPEN = 0x00  # may be read without a key

_BEGIN, _END, _CHUNK, _SHORT, _HAS_ID, _FORMAT = 0x80, 0x40, 0x20, 0x10, 0x08, 0x07
_UTF16, _LANGUAGE = 0x80, 0x3F  # first byte of a Text record


class Record(NamedTuple):
    """One record: the format of its type, the type, what it holds."""

    format: int
    type: bytes
    payload: bytes


def read(channel: Channel) -> bytes:
    """The code on the tag, empty for none. Raises `Refused` (R-CARD) for bytes that no tag holds,
    and what the channel raises."""
    if not channel.ask(command("00A40400", AID, expects=MAX_PART)).is_ok:
        return b""
    if not _select(channel, CONTAINER).is_ok:
        return b""
    container = channel.ask(command("00B00000", expects=CONTAINER_BYTES))
    at_once, file = _file_of(container.data) if container.is_ok else (0, b"")
    if not file or not _select(channel, file).is_ok:
        return b""
    size = int.from_bytes(_part(channel, 0, 2), "big")
    if size > MAX_MESSAGE:
        return b""  # larger than any code of ours
    message = b""
    while len(message) < size:
        message += _part(channel, 2 + len(message), min(at_once, size - len(message)))
    return code_in(message)


def code_in(message: bytes) -> bytes:
    """The one code in a message, empty for none. Raises `Refused` (R-CARD), also for two."""
    texts = [text for text in map(_text, records(message)) if text.startswith(PREFIX)]
    if len(texts) > 1:
        raise refused(f"{len(texts)} codes on one tag")
    if texts and len(texts[0]) > MAX_TEXT:
        raise refused(f"a code of {len(texts[0])} bytes, at most {MAX_TEXT}")
    return texts[0] if texts else b""


def records(message: bytes) -> list[Record]:
    """The records of a message; none in an empty one. Raises `Refused` (R-CARD)."""
    found: list[Record] = []
    at = 0
    while at < len(message):
        if len(found) == MAX_RECORDS:
            raise refused(f"more than {MAX_RECORDS} records in an NDEF message")
        flags = message[at]
        record, at = _record(message, at)
        found.append(record)
        if bool(flags & _BEGIN) != (len(found) == 1) or bool(flags & _END) != (at == len(message)):
            raise refused("an NDEF message begins or ends amid its bytes")
    return found


def _select(channel: Channel, file: bytes) -> Answer:
    return channel.ask(command("00A4000C", file))


def _part(channel: Channel, at: int, size: int) -> bytes:
    """`size` bytes of the selected file."""
    part = channel.ask(command(f"00B0{at:04X}", expects=size))
    if not part.is_ok or len(part.data) != size:
        raise refused(f"the tag does not give bytes {at} to {at + size} of its message")
    return part.data


def _file_of(container: bytes) -> tuple[int, bytes]:
    """How much may be read at once, and the identifier of the NDEF file; Type 4 Tag 5.1. No
    identifier if there is no file that we may read."""
    at_once = int.from_bytes(container[3:5], "big")
    if (
        len(container) != CONTAINER_BYTES
        or container[2] >> 4 not in _MAPPINGS
        or at_once < CONTAINER_BYTES
        or container[7:9] != _FILE_CONTROL
        or container[13] != _OPEN
    ):
        return 0, b""
    return min(at_once, MAX_READ), container[9:11]


def _record(message: bytes, at: int) -> tuple[Record, int]:
    """One record and where it ends; NDEF 3.2."""
    rest = _Rest(message, at)
    flags = rest.number(1)
    if flags & _CHUNK:
        raise refused("a record in chunks, which a tag does not hold")
    type_size = rest.number(1)
    payload_size = rest.number(1 if flags & _SHORT else 4)
    id_size = rest.number(1) if flags & _HAS_ID else 0
    kind = rest.take(type_size)
    rest.take(id_size)
    return Record(flags & _FORMAT, kind, rest.take(payload_size)), rest.at


class _Rest:
    """Bytes taken one after the other, none beyond the end."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def take(self, size: int) -> bytes:
        if size > len(self._data) - self.at:
            raise refused("an NDEF record is cut off")
        self.at += size
        return self._data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")


def _text(record: Record) -> bytes:
    """The text of a record that may carry a code, empty for others."""
    first = record.payload[0] if record.payload else 0
    match record.format, record.type:
        case 1, b"T" if not first & _UTF16:  # RTD Text 3.2.1
            return record.payload[1 + (first & _LANGUAGE) :]
        case 1, b"U" if first == 0:  # RTD URI 3.2.2: not abbreviated
            return record.payload[1:]
        case 4, _:  # an external type, whoever named it
            return record.payload
        case _:
            return b""
