"""Base45 against RFC 9285: its examples, its three errors, and one spelling for all bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_sync import base45
from ledger_sync.base45 import ALPHABET
from ledger_sync.errors import Refused

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=300)
EXAMPLES = {
    b"AB": "BB8",
    b"Hello!!": "%69 VD92EX0",
    b"base-45": "UJCLQE7W581",
    b"ietf!": "QED8WEX0",
}
"""RFC 9285 sections 4.3 and 4.4."""


@pytest.mark.parametrize(("data", "text"), EXAMPLES.items())
def test_an_example_of_the_rfc_is_written_and_read(data, text):
    assert base45.encode(data) == text
    assert base45.decode(text) == data
    assert base45.decode_ascii(text.encode()) == data


def test_nothing_is_spelled_by_nothing():
    assert base45.encode(b"") == ""
    assert base45.decode("") == b""


@pytest.mark.parametrize("text", ["A", "BB8B", ":", "0000000"])
def test_a_length_of_one_modulo_three_is_refused(text):
    with pytest.raises(Refused, match=f"{len(text)} characters cannot be Base45"):
        base45.decode(text)


@pytest.mark.parametrize("text", ["GGX", ":::", "::X", "BB8:::", ":::BB8"])
def test_a_group_above_65535_is_refused(text):
    with pytest.raises(Refused, match="above 65535"):
        base45.decode(text)


@pytest.mark.parametrize("text", ["V5", "::", "BB8::", "U6"])
def test_a_last_pair_above_255_is_refused(text):
    with pytest.raises(Refused, match="above 255"):
        base45.decode(text)


def test_the_largest_group_and_pair_are_read():
    assert base45.decode("FGW") == b"\xff\xff"
    assert base45.decode("U5") == b"\xff"


@pytest.mark.parametrize(
    "text", ["bb8", "BB8\n", "BB_", "BB8b", "BÜ8", "BB\ud800", "\x00\x00\x00"]
)
def test_a_character_outside_the_alphabet_is_refused(text):
    with pytest.raises(Refused):
        base45.decode(text)


def test_each_of_the_256_bytes_is_in_the_alphabet_or_refused():
    read = []
    for code in range(256):
        try:
            base45.decode_ascii(bytes((code,)) + b"00")
        except Refused as refused:
            assert "outside the Base45 alphabet" in str(refused)
        else:
            read.append(chr(code))
    assert sorted(read) == sorted(ALPHABET)


@given(st.binary(max_size=200))
@REPEATABLE
def test_bytes_come_back(data):
    text = base45.encode(data)
    assert base45.decode(text) == data
    assert set(text) <= set(ALPHABET)


@given(st.text(ALPHABET, max_size=60))
@REPEATABLE
def test_a_text_that_is_read_is_the_one_spelling_of_its_bytes(text):
    try:
        data = base45.decode(text)
    except Refused:
        return
    assert base45.encode(data) == text


@given(st.text(ALPHABET, max_size=60))
@REPEATABLE
def test_all_groups_at_once_give_what_one_group_after_another_gives(text):
    assert outcome(base45.decode, text) == outcome(one_by_one, text)


def outcome(read, text):
    try:
        return read(text)
    except Refused:
        return None


def one_by_one(text):
    """RFC 9285 section 4 by the letter."""
    digits = [ALPHABET.index(letter) for letter in text]
    out = bytearray()
    for at in range(0, len(digits), 3):
        group = digits[at : at + 3]
        number = sum(digit * 45**place for place, digit in enumerate(group))
        if len(group) == 1 or number >= 256 ** (len(group) - 1):
            raise Refused("not Base45")
        out += number.to_bytes(len(group) - 1, "big")
    return bytes(out)
