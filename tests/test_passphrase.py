"""Whatever is unsealed gives the secret that was sealed, or `Refused`; and never a hint of it."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nacl.pwhash import argon2id

from ledger_sync.errors import Refused
from ledger_sync.passphrase import (
    MAX_MEM,
    MAX_OPS,
    MIN_MEM,
    MODERATE,
    Cost,
    WrongPassphrase,
    check,
    normal,
    seal,
    unseal,
)

CHEAP = Cost(1, MIN_MEM)
SALT, NONCE, SECRET = bytes(range(16)), bytes(range(24)), bytes(range(32))
WORD = "correct horse"
EXAMPLE = (
    b"argon2id 1 8192 AAECAwQFBgcICQoLDA0ODw== AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
    b"8N1pj6D161k/Ma4+XPJuBRIIJJYCJkxXX6u2xgPoT2v8k7mlMmxH/XYTwuf30fv0"
)


def made(word=WORD, secret=SECRET):
    return seal(secret, word, salt=SALT, nonce=NONCE, cost=CHEAP)


@given(st.binary(max_size=64))
@settings(max_examples=25)
def test_a_secret_comes_back_as_it_was_sealed(secret):
    assert unseal(made(secret=secret), WORD) == secret


def test_the_line_holds_cost_salt_nonce_and_box_and_opens_for_good():
    """Lines written today open for ever: this one is from the first version."""
    assert made() == EXAMPLE
    assert unseal(EXAMPLE, WORD) == SECRET


@pytest.mark.long
def test_the_real_cost_is_the_moderate_one_of_libsodium():
    assert Cost(argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE) == MODERATE

    sealed = seal(SECRET, WORD, salt=SALT, nonce=NONCE)

    assert sealed.startswith(b"argon2id 3 268435456 AAECAwQFBgcICQoLDA0ODw== AAECAwQFBgcICQoLDA0")
    assert unseal(sealed, WORD) == SECRET


def test_another_passphrase_opens_nothing_and_the_refusal_tells_nothing():
    for other in (WORD + " ", WORD.upper(), WORD[:-1]):
        with pytest.raises(WrongPassphrase) as caught:
            unseal(made(), other)
        assert str(caught.value) == "wrong passphrase"
        assert caught.value.reason == "R-SETTINGS"
        assert caught.value.__cause__ is None


def test_no_changed_letter_is_taken():
    sealed = made()

    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Refused):
            unseal(bytes(changed), WORD)


@pytest.mark.parametrize(
    "sealed",
    [
        b"",
        b"argon2id",
        made()[:-1],
        made() + b"=",
        made() + b"\n",
        made() + b" ",
        b" " + made(),
        made().replace(b" ", b"  "),
        made().replace(b" 1 ", b" 01 "),
        made().replace(b" 1 ", b" +1 "),
        made().replace(b" 1 ", b" 0 "),
        made().replace(b" 1 ", " ١ ".encode()),
        made().replace(b"argon2id", b"argon2i"),
        made().replace(b"Dw==", b"Dx=="),  # the same 16 bytes, spelled otherwise
        made().replace(b"Dw==", b"DwA="),
        made()[: made().rindex(b" ") + 1] + b"AAAA" * 13,  # 39 bytes: no room for a box
        made()[: made().rindex(b" ") + 1] + b"A",
        made()[: made().rindex(b" ") + 1] + b"AA====",
    ],
)
def test_another_spelling_is_refused_before_anybody_is_asked(sealed):
    for refuse in (check, lambda one: unseal(one, WORD)):
        with pytest.raises(Refused, match="it holds no sealed secret") as caught:
            refuse(sealed)
        assert not isinstance(caught.value, WrongPassphrase)


@pytest.mark.parametrize(
    ("ops", "mem"),
    [
        (MAX_OPS + 1, MIN_MEM),
        (9_999_999_999, MIN_MEM),
        (1, MAX_MEM + 1_024),
        (1, 9_999_999_999),
        (1, MIN_MEM - 1_024),
        (1, MIN_MEM + 1),  # libsodium would take it for MIN_MEM: two spellings of one cost
    ],
)
def test_a_cost_out_of_bounds_is_refused_before_anything_is_derived(ops, mem, monkeypatch):
    monkeypatch.setattr(argon2id, "kdf", lambda *_: pytest.fail("derived"))
    sealed = made_at(ops, mem)

    for refuse in (check, lambda one: unseal(one, WORD), lambda _: Cost(ops, mem)):
        with pytest.raises(Refused, match=f"argon2id with {ops} passes over {mem} bytes"):
            refuse(sealed)


def made_at(ops, mem):
    return EXAMPLE.replace(b" 1 8192 ", f" {ops} {mem} ".encode())


def test_the_dearest_cost_in_bounds_is_taken():
    check(made_at(MAX_OPS, MAX_MEM))


def test_one_letter_is_one_letter_on_every_keyboard():
    word = "Ñandú Ångström"
    spellings = {unicodedata.normalize(form, word) for form in ("NFC", "NFD")}
    spaces = {word.replace(" ", one) for one in "\u00a0\u3000\u2009"}

    assert len(spellings) == 2
    assert {normal(one) for one in spellings | spaces} == {word.encode()}


def test_two_letters_stay_two():
    """NFKC would make these one, and a passphrase easier to guess."""
    assert len({normal(one * 8) for one in ("2", "²", "②", "２")}) == 4


@pytest.mark.parametrize("word", ["", "7 chars", "x" * 1_025, "e\u0301" * 7])
def test_a_passphrase_too_short_or_too_long_is_refused_and_not_shown(word):
    for refuse in (normal, made, lambda one: unseal(made(), one)):
        with pytest.raises(Refused, match="has 8 to 1024 characters") as caught:
            refuse(word)
        assert not word or word not in str(caught.value)


@pytest.mark.parametrize("word", ["x" * 8, "x" * 1_024, "e\u0301" * 1_024, "八个汉字也可以用"])
def test_a_passphrase_at_the_bounds_is_taken(word):
    assert unseal(made(word), word) == SECRET


@pytest.mark.parametrize(
    "word", ["horse\x1b[Dcorrect", "two\nlines", "zero\0zero", "half \ud800 one"]
)
def test_keys_that_are_no_letters_are_refused_and_not_shown(word):
    with pytest.raises(Refused, match="control character or broken UTF-8; type it again") as told:
        normal(word)

    assert word not in str(told.value)
    assert told.value.__cause__ is None


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_garbage_is_refused(data):
    with pytest.raises(Refused):
        unseal(data, WORD)


@given(st.data())
@settings(max_examples=60)
def test_a_line_cut_and_pasted_behind_its_cost_is_refused(data):
    sealed = made()
    place = data.draw(st.integers(len("argon2id 1 8192 "), len(sealed)))
    cut = data.draw(st.integers(0, 8))
    paste = data.draw(st.text("0129 aZ+/=", max_size=8)).encode()
    mixed = sealed[:place] + paste + sealed[place + cut :]
    assume(mixed != sealed)

    with pytest.raises(Refused):
        unseal(mixed, WORD)


def test_too_little_memory_ends_with_what_to_do():
    """In a child that may have 512 MiB."""
    child = (
        "import resource; from ledger_sync import errors, passphrase as p\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))\n"
        "try: p.seal(b'', 'correct horse', salt=bytes(16), nonce=bytes(24),"
        " cost=p.Cost(1, p.MAX_MEM))\n"
        "except errors.Unavailable as error: print(error)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", child], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == (
        "a passphrase needs 1024 MiB of memory, which are not free; end other programs\n"
    )
