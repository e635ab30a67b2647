"""Tag, length, value as cards write it: BER-TLV of ISO/IEC 7816-4 (2020) section 6.3. Pure.

    5C 02 01 00            tag 5C, two bytes: 01 00
    7F21 81 D2 ...         a tag of two bytes, a length of 80 or more

One spelling for each value, so that what was read can be written again byte by byte: tags of one
or two bytes, the shortest definite length. Everything else is refused.
"""

from hw.errors import Refused

MAX_ITEMS = 64
"""Items accepted in one row; a PKOC certificate has seven."""

_LONG_TAG = 0x1F  # low five bits of a first byte that another byte follows
_MORE = 0x80  # set in a byte of a tag or a length that more bytes follow
_ONE, _TWO = 0x81, 0x82  # a length of one or two bytes follows


def items(data: bytes) -> list[tuple[int, bytes]]:
    """All (tag, value) of a row, in its order. Raises `Refused` (R-CARD)."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        if len(found) == MAX_ITEMS:
            raise refused(f"more than {MAX_ITEMS} items in a row")
        tag, at = _tag(data, at)
        length, at = _length(data, at)
        if at + length > len(data):
            raise refused(f"item {tag:02X} ends {at + length - len(data)} bytes too early")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def fields(data: bytes) -> dict[int, bytes]:
    """A row as tag -> value. Raises `Refused` (R-CARD), also for a tag that comes twice."""
    found: dict[int, bytes] = {}
    for tag, value in items(data):
        if tag in found:
            raise refused(f"item {tag:02X} comes twice")
        found[tag] = value
    return found


def exactly(data: bytes, *tags: int) -> tuple[bytes, ...]:
    """The values of a row that holds these tags, in any order, and no other. Raises `Refused`."""
    found = fields(data)
    if found.keys() != set(tags):
        named = " ".join(f"{tag:02X}" for tag in found) or "nothing"
        wanted = " ".join(f"{tag:02X}" for tag in tags)
        raise refused(f"items {named:.60} instead of {wanted}")
    return tuple(found[tag] for tag in tags)


def encode(tag: int, value: bytes) -> bytes:
    """The one spelling of an item."""
    size = len(value)
    if size < _MORE:
        length = bytes((size,))
    elif size < 0x100:
        length = bytes((_ONE, size))
    else:
        length = bytes((_TWO,)) + size.to_bytes(2, "big")
    return tag.to_bytes(1 if tag < 0x100 else 2, "big") + length + value


def refused(what: str) -> Refused:
    """What is wrong with the bytes of a card."""
    return Refused(what, reason="R-CARD")


def _tag(data: bytes, at: int) -> tuple[int, int]:
    """A tag and where it ends. ISO/IEC 7816-4 6.3: 00 and FF are no first byte of a tag; numbers
    up to 30 are written in one byte."""
    first = data[at]
    if first in {0x00, 0xFF}:
        raise refused(f"{first:02X} is no tag")
    if first & _LONG_TAG != _LONG_TAG:
        return first, at + 1
    if at + 1 == len(data):
        raise refused("a tag is cut off")
    second = data[at + 1]
    if second & _MORE or second < _LONG_TAG:
        raise refused(f"tag {first:02X}{second:02X} is not in its shortest form, or too long")
    return first << 8 | second, at + 2


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A length and where it ends: short, 81 with 80 or more, 82 with 100 or more."""
    first = data[at] if at < len(data) else _MORE
    if first < _MORE:
        return first, at + 1
    size = {_ONE: 1, _TWO: 2}.get(first, 0)
    if not size or at + size >= len(data):
        raise refused("a length is cut off, indefinite or too long")
    length = int.from_bytes(data[at + 1 : at + 1 + size], "big")
    if length < (_MORE if size == 1 else 0x100):
        raise refused("a length is not in its shortest form")
    return length, at + 1 + size
