"""Card numbers out of the pulses of a Wiegand reader. Knows no pin and no clock. (pure)

A falling edge on D0 is a 0, on D1 a 1; a pause ends a number. The first bit makes the parity of
the first half even, the last one that of the second half odd: 26 bits (H10301), 34, and 37
(H10302), whose halves share the middle bit. 48 % of two flipped bits pass that check, and nothing
keeps anybody on the two wires from sending any number.
"""

from dataclasses import dataclass

GAP_TICKS = 50_000_000
"""A pause that ends a number, in ns. Pulses come 0.2 to 20 ms apart."""
LENGTHS = frozenset({26, 34, 37})
"""Bits of a number with its two parity bits."""
MAX_BITS = 37


@dataclass(frozen=True, slots=True)
class WiegandNumber:
    """What a card said without the parity bits: `bits` of them, most significant byte first."""

    number: bytes
    bits: int
    ticks: int  # of its last bit


class WiegandBits:
    """Collects edges. `dropped` counts what was no number: wrong length or parity."""

    def __init__(self) -> None:
        self.dropped = 0
        self._bits: list[int] = []
        self._last_ticks = 0

    @property
    def is_amid(self) -> bool:
        return bool(self._bits)

    def edge(self, bit: int, ticks: int) -> WiegandNumber | None:
        """A falling edge on D0 (`bit` 0) or D1 (1); the number that the pause before it ended."""
        ended = self.pause() if not 0 <= ticks - self._last_ticks < GAP_TICKS else None
        if len(self._bits) <= MAX_BITS:  # one too many is remembered, no more
            self._bits.append(bit)
        self._last_ticks = ticks
        return ended

    def pause(self) -> WiegandNumber | None:
        """No edge came for GAP_TICKS: the number that is there, if it is one."""
        bits, self._bits = self._bits, []
        if not bits:
            return None
        if len(bits) not in LENGTHS or not _holds(bits):
            self.dropped += 1
            return None
        value = int("".join(map(str, bits[1:-1])), 2)
        count = len(bits) - 2
        return WiegandNumber(value.to_bytes((count + 7) // 8), count, self._last_ticks)


def _holds(bits: list[int]) -> bool:
    half = (len(bits) + 1) // 2
    return sum(bits[:half]) % 2 == 0 and sum(bits[-half:]) % 2 == 1
