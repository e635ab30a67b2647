"""Bounded CBOR (RFC 8949) for what others sign: lenient in spelling, strict in bounds.

Status lists and passes of other issuers are legal CBOR outside our profile: keys unsorted, lengths
indefinite, floats where a claim allows them. Everything is bounded before it is read, a map never
holds a key twice. Our own tokens are read by cbor.py, never by this. FORMAT.md section 5.7.
"""

import struct
from typing import NamedTuple, TypeAlias

from ledger_sync.errors import Refused

MAX_SIZE = 262_144  # bytes of one foreign token
MAX_DEPTH = 16  # nested arrays, maps and tags
MAX_ITEMS = 4_096  # items in all

Foreign: TypeAlias = (
    "int | bytes | str | bool | float | list[Foreign] | dict[Key, Foreign] | Tag | None"
)
Key: TypeAlias = int | str | bytes
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_BREAK = 0xFF


class Tag(NamedTuple):
    """A tagged item. No tag is acted on here."""

    number: int
    value: Foreign


def decode(data: bytes, *, max_size: int = MAX_SIZE) -> Foreign:
    """The one item in `data`. Raises `Refused` (R-FORM) for anything malformed or too large."""
    if len(data) > max_size:
        raise Refused(f"{len(data)} bytes, at most {max_size} are read")
    reader = _Reader(bytes(data))
    try:
        item = reader.item(0)
    except IndexError:
        raise Refused("ends in the middle of an item") from None
    if reader.at != len(data):
        raise Refused(f"{len(data) - reader.at} bytes after the end of the item")
    return item


class _Reader:
    """Where the reading stands, and how many items it has met."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self._left = MAX_ITEMS

    def item(self, depth: int) -> Foreign:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise Refused(f"nested deeper than {MAX_DEPTH}, or more than {MAX_ITEMS} items")
        major, info = self.data[self.at] >> 5, self.data[self.at] & 31
        self.at += 1
        if major == 7:
            return self._simple(info)
        number = self._argument(info, indefinite=major in (2, 3, 4, 5))
        match major:
            case 0 | 1:
                assert number is not None  # no integer is indefinite
                return number if major == 0 else -1 - number
            case 2 | 3:
                return self._string(major, number)
            case 4:
                return self._array(number, depth)
            case 5:
                return self._map(number, depth)
            case _:
                assert number is not None  # no tag is indefinite
                return Tag(number, self.item(depth + 1))

    def _argument(self, info: int, *, indefinite: bool) -> int | None:
        """The number behind an initial byte; None for an indefinite length."""
        if info < 24:
            return info
        if info == 31 and indefinite:
            return None
        if info > 27:
            raise Refused(f"additional information {info} is reserved")
        return int.from_bytes(self._take(1 << (info - 24)), "big")

    def _take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise IndexError
        taken, self.at = self.data[self.at : end], end
        return taken

    def _ends(self) -> bool:
        """Whether a break stands here; it is taken."""
        is_break = self.data[self.at] == _BREAK
        self.at += is_break
        return is_break

    def _string(self, major: int, size: int | None) -> bytes | str:
        raw = self._take(size) if size is not None else self._chunks(major)
        if major == 2:
            return raw
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Refused("text is not UTF-8") from None

    def _chunks(self, major: int) -> bytes:
        """The definite chunks of an indefinite string, all of its own kind."""
        parts = []
        while not self._ends():
            initial = self.data[self.at]
            if initial >> 5 != major or initial & 31 == 31:
                raise Refused("a chunk of another kind in an indefinite string")
            self.at += 1
            self._left -= 1
            if self._left < 0:
                raise Refused(f"more than {MAX_ITEMS} items")
            size = self._argument(initial & 31, indefinite=False)
            parts.append(self._take(size or 0))
        return b"".join(parts)

    def _array(self, count: int | None, depth: int) -> list[Foreign]:
        items: list[Foreign] = []
        while len(items) != count and not (count is None and self._ends()):
            items.append(self.item(depth + 1))
        return items

    def _map(self, count: int | None, depth: int) -> dict[Key, Foreign]:
        pairs: dict[Key, Foreign] = {}
        while len(pairs) != count and not (count is None and self._ends()):
            key = self.item(depth + 1)
            if type(key) not in (int, str, bytes) or key in pairs:
                raise Refused("a map key stands twice, or is no number and no string")
            pairs[key] = self.item(depth + 1)  # type: ignore[index]  # its type was just checked
        return pairs

    def _simple(self, info: int) -> bool | float | None:
        if info in _FLOATS:
            value: float = struct.unpack(_FLOATS[info], self._take(1 << (info - 24)))[0]
            return value
        if info not in _SIMPLE:
            raise Refused(f"simple value {info} is not known")
        return _SIMPLE[info]
