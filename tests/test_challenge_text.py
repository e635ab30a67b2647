"""Invariant: a text is refused, or it is the one spelling of what was read from it."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import NONCE, edited

from appliance.passes import challenge_text, code
from appliance.passes.challenge_text import MAX_TEXT, Asked, parse, to_text
from ledger_sync import base45
from ledger_sync.errors import Refused

SEEDS = [
    to_text("yp:hz07/north", NONCE),
    to_text("a/b", bytes(8)),
    to_text("yp:a/b/c", b"\xff" * 8),
    to_text("\U0001f6aa" * 62 + "/\U0001f6aa", NONCE),
]
REASONS = {"R-FOREIGN", "R-FORM"}


def judge(text):
    """What was read, None if it is refused. Any other error ends the test."""
    try:
        return parse(text)
    except Refused as refused:
        assert refused.reason in REASONS
        return None


def test_the_number_of_a_gate_is_45_letters_of_a_small_code():
    text = to_text("yp:hz07/north", NONCE)

    assert parse(text) == Asked("yp:hz07/north", NONCE)
    assert re.fullmatch(rb"YPN1:[0-9A-Z $%*+./:-]{41}", text)


def test_the_longest_number_is_within_the_bound():
    assert max(map(len, SEEDS)) <= MAX_TEXT


@given(st.text(min_size=1, max_size=30), st.text("abc.-", min_size=1, max_size=30), st.binary())
def test_what_is_written_is_read_and_nothing_else_is_written(site, gate, nonce):
    audience = f"{site}/{gate}"
    if len(nonce) != 8:
        with pytest.raises(Refused):
            to_text(audience, nonce)
    else:
        assert parse(to_text(audience, nonce)) == Asked(audience, nonce)


@pytest.mark.parametrize("audience", ["", "/", "site", "site/", "/gate", "x" * 64 + "/n"])
def test_who_is_no_gate_of_a_site_has_no_number(audience):
    with pytest.raises(Refused):
        to_text(audience, NONCE)


@pytest.mark.parametrize("part", range(2))
def test_edited_texts_are_refused_or_the_one_spelling_of_what_was_read(part):
    dice = random.Random(f"challenge {part}")
    accepted = 0
    for _ in range(10_000):
        text = edited(dice.choice(SEEDS), dice)
        found = judge(text)
        if found is not None:
            accepted += 1
            assert to_text(*found) == text
    assert accepted > 10


def test_edited_tokens_are_refused_or_the_one_spelling_of_what_was_read():
    dice = random.Random("challenge tokens")
    seeds = [base45.decode_ascii(text.removeprefix(challenge_text.PREFIX)) for text in SEEDS]
    accepted = 0
    for _ in range(10_000):
        token = edited(dice.choice(seeds), dice)
        text = challenge_text.PREFIX + base45.encode(token).encode()
        found = judge(text)
        if found is not None:
            accepted += 1
            assert to_text(*found) == text
    assert accepted > 10


@given(st.binary(max_size=600))
def test_noise_is_refused(noise):
    assert judge(noise) is None
    assert judge(challenge_text.PREFIX + noise) is None


def test_a_number_is_no_code_and_a_code_no_number():
    number = SEEDS[0]

    with pytest.raises(Refused, match="not a Yardpass code"):
        code.parse(number)
    with pytest.raises(Refused, match="not the number of a gate"):
        parse(b"YP1:" + number[5:])
