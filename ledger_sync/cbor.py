"""Strict deterministic CBOR: one spelling for each value, everything else is refused.

The subset (RFC 8949, deterministic by 4.2.1): integers of 64 bits, byte and text strings, arrays,
maps with integer or text keys, false, true, null, and tag 18. No floats, no indefinite lengths, no
other tag. So `encode(decode(data)) == data` holds for all data that `decode` accepts.
Knows nothing of what the values mean. FORMAT.md section 1.

    a2 03 67 79703a687a3037 06 1a 6566d2a0     {3: "yp:hz07", 6: 1701237408}
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ledger_sync.errors import Refused

MAX_TOKEN = 4096  # bytes, a token shown to a gate
MAX_ENTRY = 65_535  # bytes, a ledger entry: the length prefix of C2SP tlog-tiles is 16 bits
MAX_DEPTH = 8  # nested arrays, maps and tags
MAX_ITEMS = 256  # items of one array, pairs of one map
MAX_UINT = 2**64 - 1


class Tag18(NamedTuple):
    """COSE_Sign1, the only tag there is (RFC 9052 section 2). `value` is the tagged item."""

    value: "Value"


Key: TypeAlias = int | str
Value: TypeAlias = (
    "int | bytes | str | bool | list[Value] | tuple[Value, ...] | dict[Key, Value] | Tag18 | None"
)
_Step: TypeAlias = "tuple[Value, int]"
_Reader: TypeAlias = Callable[[bytes, int, int], _Step]


def decode(data: bytes, *, max_size: int = MAX_TOKEN) -> Value:
    """The one value that `data` spells; arrays come back as lists, tag 18 as `Tag18`.

    Raises `Refused` for anything else: longer than `max_size` bytes, cut short, trailing bytes,
    a longer spelling than needed, keys unsorted or twice, a type outside the subset, too deep.
    """
    if len(data) > max_size:
        raise Refused(f"{len(data)} bytes, at most {max_size} are read")
    data = bytes(data)
    try:
        value, end = _READERS[data[0]](data, 0, 0)
    except IndexError:
        raise Refused("ends in the middle of an item") from None
    if end != len(data):
        raise Refused(f"{len(data) - end} bytes after the end of the item")
    return value


def encode(value: Value) -> bytes:
    """The one spelling of `value`. Raises `Refused` for a value outside the subset."""
    out: list[bytes] = []
    _write(value, out.append, 0)
    return b"".join(out)


# Readers: one for each initial byte, chosen by a table; (data, at, depth) -> (value, end).


def _small(data: bytes, at: int, depth: int) -> _Step:
    return data[at], at + 1


def _small_negative(data: bytes, at: int, depth: int) -> _Step:
    return 31 - data[at], at + 1  # initial byte 0x20 + n spells -1 - n


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The argument of the head at `at`, and where the head ends. Shortest spelling only."""
    width = 1 << ((data[at] & 31) - 24)
    end = at + 1 + width
    if end > len(data):
        raise IndexError
    number = int.from_bytes(data[at + 1 : end], "big")
    if number < (24 if width == 1 else 1 << (width * 4)):
        raise Refused(f"{number} is not in its shortest form")
    return number, end


def _uint(data: bytes, at: int, depth: int) -> _Step:
    return _length(data, at)


def _negative(data: bytes, at: int, depth: int) -> _Step:
    number, at = _length(data, at)
    return -1 - number, at


def _short_bytes(data: bytes, at: int, depth: int) -> _Step:
    end = at + 1 + (data[at] & 31)
    if end > len(data):
        raise IndexError
    return data[at + 1 : end], end


def _long_bytes(data: bytes, at: int, depth: int) -> _Step:
    size, at = _length(data, at)
    end = at + size
    if end > len(data):
        raise IndexError
    return data[at:end], end


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Refused("text is not UTF-8") from None


def _short_text(data: bytes, at: int, depth: int) -> _Step:
    end = at + 1 + (data[at] & 31)
    if end > len(data):
        raise IndexError
    return _utf8(data[at + 1 : end]), end


def _long_text(data: bytes, at: int, depth: int) -> _Step:
    size, at = _length(data, at)
    if at + size > len(data):
        raise IndexError
    return _utf8(data[at : at + size]), at + size


def _count(data: bytes, at: int, depth: int) -> tuple[int, int]:
    """How many items the container at `at` holds, after the two bounds."""
    count, at = (data[at] & 31, at + 1) if data[at] & 31 < 24 else _length(data, at)
    if count > MAX_ITEMS:
        raise Refused(f"{count} items in one array or map, at most {MAX_ITEMS}")
    if depth >= MAX_DEPTH:
        raise Refused(f"nested deeper than {MAX_DEPTH}")
    return count, at


def _array(data: bytes, at: int, depth: int) -> _Step:
    count, at = _count(data, at, depth)
    items: list[Value] = []
    for _ in range(count):
        item, at = _READERS[data[at]](data, at, depth + 1)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, depth: int) -> _Step:
    count, at = _count(data, at, depth)
    pairs: dict[Key, Value] = {}
    last = b""
    for _ in range(count):
        start = at
        if data[at] >> 5 not in _KEY_MAJORS:
            raise Refused("a map key is neither an integer nor text")
        key, at = _READERS[data[at]](data, at, depth + 1)
        spelled = data[start:at]
        if spelled <= last:
            raise Refused("map keys are not sorted, or one stands twice")
        last = spelled
        pairs[key], at = _READERS[data[at]](data, at, depth + 1)  # type: ignore[index]  # checked by _KEY_MAJORS
    return pairs, at


def _tag(data: bytes, at: int, depth: int) -> _Step:
    if depth >= MAX_DEPTH:
        raise Refused(f"nested deeper than {MAX_DEPTH}")
    value, end = _READERS[data[at + 1]](data, at + 1, depth + 1)
    return Tag18(value), end


def _simple(data: bytes, at: int, depth: int) -> _Step:
    return _SIMPLE[data[at]], at + 1


def _refuse(data: bytes, at: int, depth: int) -> _Step:
    raise Refused(f"initial byte 0x{data[at]:02x} is outside the strict profile")


_KEY_MAJORS = frozenset({0, 1, 3})
_SIMPLE: dict[int, bool | None] = {0xF4: False, 0xF5: True, 0xF6: None}
_BY_MAJOR: tuple[tuple[_Reader, _Reader], ...] = (
    (_small, _uint),
    (_small_negative, _negative),
    (_short_bytes, _long_bytes),
    (_short_text, _long_text),
    (_array, _array),
    (_map, _map),
)


def _reader_for(initial: int) -> _Reader:
    major, info = initial >> 5, initial & 31
    if initial == 0xD2:
        return _tag
    if initial in _SIMPLE:
        return _simple
    if major >= len(_BY_MAJOR) or info > 27:
        return _refuse
    return _BY_MAJOR[major][info >= 24]


_READERS: tuple[_Reader, ...] = tuple(_reader_for(initial) for initial in range(256))


# Writers: one for each Python type, chosen by exact type; bool is not an int here.

_Out: TypeAlias = Callable[[bytes], None]


def head(major: int, number: int) -> bytes:
    """The shortest head: `major` 0..6 with the argument `number` (RFC 8949 section 3)."""
    if number < 24:
        return bytes((major << 5 | number,))
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * width):
            return bytes((major << 5 | info,)) + number.to_bytes(width, "big")
    raise Refused(f"{number} needs more than 64 bits")


def _write_int(value: int, out: _Out, depth: int) -> None:
    out(head(0, value) if value >= 0 else head(1, -1 - value))


def _write_bytes(value: bytes, out: _Out, depth: int) -> None:
    out(head(2, len(value)))
    out(value)


def _write_text(value: str, out: _Out, depth: int) -> None:
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raise Refused("text holds a lone surrogate") from None
    out(head(3, len(raw)))
    out(raw)


def _open(count: int, depth: int) -> None:
    if count > MAX_ITEMS or depth >= MAX_DEPTH:
        raise Refused(f"{count} items at depth {depth}, bounds are {MAX_ITEMS} and {MAX_DEPTH}")


def _write_array(value: list[Value] | tuple[Value, ...], out: _Out, depth: int) -> None:
    _open(len(value), depth)
    out(head(4, len(value)))
    for item in value:
        _write(item, out, depth + 1)


def _write_map(value: dict[Key, Value], out: _Out, depth: int) -> None:
    _open(len(value), depth)
    out(head(5, len(value)))
    for spelled, item in sorted((_spell_key(key), item) for key, item in value.items()):
        out(spelled)
        _write(item, out, depth + 1)


def _spell_key(key: Key) -> bytes:
    if type(key) not in (int, str):
        raise Refused(f"map key {key!r} is neither an integer nor text")
    return encode(key)


def _write_tag(value: Tag18, out: _Out, depth: int) -> None:
    _open(1, depth)
    out(b"\xd2")
    _write(value.value, out, depth + 1)


def _write_simple(value: bool | None, out: _Out, depth: int) -> None:
    out(b"\xf6" if value is None else b"\xf5" if value else b"\xf4")


def _write(value: Value, out: _Out, depth: int) -> None:
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise Refused(f"{type(value).__name__} is outside the strict profile")
    writer(value, out, depth)


_WRITERS: dict[type, Callable[..., None]] = {
    int: _write_int,
    bytes: _write_bytes,
    str: _write_text,
    list: _write_array,
    tuple: _write_array,
    dict: _write_map,
    Tag18: _write_tag,
    bool: _write_simple,
    type(None): _write_simple,
}
