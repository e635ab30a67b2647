"""A pin is what the registers of the chip say of it, and nothing of its neighbours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop.monitor import word_of
from workshop.pins import BASE, PINS, Function, addresses_of, pin_of

from ledger_sync.errors import Unavailable

PIN = st.integers(0, PINS - 1)
WORD = st.integers(0, 2**32 - 1)


def test_pin_17_stands_in_the_second_word_of_functions_and_the_first_of_levels():
    assert addresses_of(17) == (0x3F20_0004, 0x3F20_0034)
    assert addresses_of(53) == (BASE + 0x14, BASE + 0x38)


@pytest.mark.parametrize("pin", [-1, PINS])
def test_a_chip_has_54_pins(pin):
    with pytest.raises(ValueError, match="no pin"):
        addresses_of(pin)


@pytest.mark.parametrize(
    ("bits", "function"),
    [(0, Function.INPUT), (1, Function.OUTPUT), (2, Function.OTHER), (7, Function.OTHER)],
)
def test_a_function_is_told_by_its_three_bits(bits, function):
    assert pin_of(17, bits << 21, 0).function is function


@given(PIN, st.integers(0, 7), st.booleans(), WORD, WORD)
def test_a_pin_does_not_depend_on_its_neighbours(pin, bits, is_high, functions, levels):
    at, bit = 3 * (pin % 10), pin % 32
    functions = functions & ~(0b111 << at) | bits << at
    levels = levels & ~(1 << bit) | is_high << bit

    found = pin_of(pin, functions, levels)
    assert found == pin_of(pin, bits << at, is_high << bit)
    assert found.is_driven_high == (bits == 1 and is_high)


def test_a_word_of_memory_is_read_from_what_the_emulator_prints():
    assert word_of("000000003f200034: 0x00020000\r\n") == 0x20000


@pytest.mark.parametrize("text", ["", "Cannot access memory", "3f200034: 0x1", "0" * 16 + ": 0x1"])
def test_anything_else_is_no_word(text):
    with pytest.raises(Unavailable, match="no word"):
        word_of(text)
