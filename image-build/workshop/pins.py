"""Pins of a BCM2835 as its registers say (pure).

BCM2835 ARM Peripherals, 6.1: GPFSELn has three bits for each of ten pins, 000 an input, 001 an
output; GPLEVn has one bit for each of 32 pins. The BCM2837 of a Pi 3 has them at 0x3f200000.
"""

import enum
from typing import NamedTuple

BASE = 0x3F20_0000
PINS = 54


class Function(enum.Enum):
    """What a pin is for."""

    INPUT = 0
    OUTPUT = 1
    OTHER = 2


class Pin(NamedTuple):
    """One look at a pin."""

    function: Function
    is_high: bool

    @property
    def is_driven_high(self) -> bool:
        """Whether a relay at this pin is on by what the box does, not by a pull."""
        return self.function is Function.OUTPUT and self.is_high


def addresses_of(pin: int) -> tuple[int, int]:
    """Where its function and its level stand."""
    if not 0 <= pin < PINS:
        raise ValueError(f"no pin {pin}")
    return BASE + 4 * (pin // 10), BASE + 0x34 + 4 * (pin // 32)


def pin_of(pin: int, function_word: int, level_word: int) -> Pin:
    """From the two words at `addresses_of`."""
    bits = function_word >> 3 * (pin % 10) & 0b111
    function = Function(bits) if bits < Function.OTHER.value else Function.OTHER
    return Pin(function, bool(level_word >> pin % 32 & 1))
