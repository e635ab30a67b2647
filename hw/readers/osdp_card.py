"""What an OSDP reader says of a card, as a number. Knows no line and no library. (pure)

osdp_RAW (SIA OSDP 2.2) carries the bits of a card from the most significant on, as they lie:

    26 bits  01 02 03 40    ->    26 bits, number 00 04 08 0D

The bits are read as one binary number, so what is left over is zeros in front, and the filling
behind the last bit does not count: one card has one number, whatever a reader fills with. Parity
bits are bits like others here.
"""

from collections.abc import Mapping
from typing import Any

MAX_BITS = 512
"""Longest card, as libosdp holds at most 64 bytes of one."""
_RAW_FORMATS = (0, 1)
"""Unspecified and Wiegand. The third, characters, is deprecated, and its length is read in two
ways (osdp-dev/libosdp, issue 206)."""


def number_of(event: Mapping[str, Any]) -> tuple[bytes, int] | None:
    """Number and bits of a card event of libosdp; None for what is no card number."""
    data, bits = event.get("data"), event.get("length")
    if event.get("format") not in _RAW_FORMATS:
        return None
    if not isinstance(data, bytes) or type(bits) is not int or not 1 <= bits <= MAX_BITS:
        return None
    count = -(-bits // 8)
    if len(data) != count:
        return None
    return (int.from_bytes(data, "big") >> (8 * count - bits)).to_bytes(count, "big"), bits


class Repeats:
    """Knows the card that was told last. Some readers tell a card as long as it lies there."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._last: tuple[bytes, int] | None = None
        self._ticks = 0

    def is_new(self, card: tuple[bytes, int], ticks: int) -> bool:
        """Whether this is another presentation than the one before."""
        repeated = card == self._last and ticks - self._ticks < self._window_ns
        self._last, self._ticks = card, ticks
        return not repeated
