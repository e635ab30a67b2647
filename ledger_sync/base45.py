"""Base45 (RFC 9285): bytes as the 45 characters a QR code holds in alphanumeric mode.

encode(b"Hello!!") == "%69 VD92EX0"          RFC 9285 section 4.3
"""

from functools import lru_cache

from ledger_sync.errors import Refused

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE_OF = bytes(ALPHABET.find(chr(code)) & 0xFF for code in range(256))
_OUTSIDE = bytes(code for code in range(256) if _VALUE_OF[code] == 0xFF)


def encode(data: bytes) -> str:
    """Two bytes become three characters, a last single byte two."""
    out = []
    for at in range(0, len(data) - 1, 2):
        high, low = divmod(data[at] << 8 | data[at + 1], 2025)
        middle, low = divmod(low, 45)
        out.append(ALPHABET[low] + ALPHABET[middle] + ALPHABET[high])
    if len(data) % 2:
        high, low = divmod(data[-1], 45)
        out.append(ALPHABET[low] + ALPHABET[high])
    return "".join(out)


def decode(text: str) -> bytes:
    """The bytes that `text` spells.

    Raises `Refused` for a character outside the alphabet, a length of 1 modulo 3, and a group
    above 65535 (255 for a last pair): the three errors of RFC 9285 section 4.2.
    """
    try:
        return decode_ascii(text.encode("ascii"))
    except UnicodeEncodeError:
        raise Refused("a character is outside the Base45 alphabet") from None


def decode_ascii(raw: bytes) -> bytes:
    """`decode` of a text that is at hand as bytes; the same errors.

    All groups are computed at once: three digits a, b, c are one 24-bit lane of a long integer,
    and a + 45 b + 2025 c is at most 91,124, so no lane can touch its neighbour.
    """
    if len(raw) % 3 == 1:
        raise Refused(f"{len(raw)} characters cannot be Base45")
    digits = raw.translate(_VALUE_OF, _OUTSIDE)
    if len(digits) != len(raw):
        raise Refused("a character is outside the Base45 alphabet")
    rest = len(digits) % 3
    size = len(digits) - rest
    mask = _lane_mask(size)
    lanes = int.from_bytes(digits[:size] if rest else digits, "big")
    sums = (lanes >> 16 & mask) + 45 * (lanes >> 8 & mask) + 2025 * (lanes & mask)
    if sums >> 16 & mask:
        raise Refused("a Base45 group is above 65535")
    spelled = sums.to_bytes(size, "big")
    out = bytearray(size // 3 * 2)
    out[0::2] = spelled[1::3]
    out[1::2] = spelled[2::3]
    return bytes(out) + _last_pair(digits) if rest else bytes(out)


@lru_cache(maxsize=64)
def _lane_mask(size: int) -> int:
    """The low byte of each of `size / 3` lanes."""
    return int.from_bytes(b"\x00\x00\xff" * (size // 3), "big")


def _last_pair(digits: bytes) -> bytes:
    number = digits[-2] + 45 * digits[-1]
    if number > 255:
        raise Refused("the last Base45 pair is above 255")
    return bytes((number,))
