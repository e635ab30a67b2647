"""What a guard wrote is read back by the site that has the secret, beside its own act; any other
bytes are `Refused`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_sync import remark
from ledger_sync.errors import Refused
from ledger_sync.feed import MAX_SEALED
from ledger_sync.remark import MAX_TEXT, SEALED_BYTES, Remark, fitted, remark_of

SECRET, SALT, NONCE = b"site secret, 32 bytes, not empty", bytes(range(16)), bytes(24)
SAID = Remark(SALT, "Courier, two parcels")
SEALED = remark.seal(SAID, SECRET, nonce=NONCE)


def test_every_remark_is_as_long_and_fits_beside_an_entry():
    short = remark.seal(Remark(SALT, ""), SECRET, nonce=NONCE)
    assert len(short) == len(SEALED) == SEALED_BYTES <= MAX_SEALED


@given(st.text())
def test_what_was_typed_is_fitted_sealed_and_read_back(typed):
    said = Remark(SALT, fitted(typed))
    sealed = remark.seal(said, SECRET, nonce=NONCE)

    assert remark.unsealed(sealed, SECRET, digest=said.digest) == said.text
    assert said.text.isprintable() and len(said.text.encode()) <= MAX_TEXT


def test_fitting_takes_nothing_from_what_fits_and_cuts_between_characters():
    assert fitted("  DHL,\ttwo\nparcels\x1b[2J ") == "DHL, two parcels [2J"
    assert fitted("门" * 60) == "门" * (MAX_TEXT // 3)


@given(st.binary(max_size=260))
def test_any_bytes_are_no_remark_of_this_site(data):
    if data:
        with pytest.raises(Refused) as caught:
            remark.unsealed(data, SECRET, digest=SAID.digest)
        assert caught.value.reason == "R-LEDGER"


@given(st.binary(min_size=177, max_size=177) | st.binary(max_size=200))
def test_a_plain_form_has_one_spelling(plain):
    try:
        found = remark_of(plain)
    except Refused as why:
        assert why.reason == "R-LEDGER"
    else:
        assert found.to_bytes() == plain


def test_a_remark_of_another_site_or_act_is_refused():
    with pytest.raises(Refused, match="of this site"):
        remark.unsealed(SEALED, b"another", digest=SAID.digest)
    with pytest.raises(Refused, match="another act"):
        remark.unsealed(SEALED, SECRET, digest=Remark(bytes(16), SAID.text).digest)


@pytest.mark.parametrize(("sealed", "digest"), [(b"", SAID.digest), (SEALED, b""), (b"", b"")])
def test_what_was_forgotten_or_never_said_is_empty(sealed, digest):
    assert remark.unsealed(sealed, SECRET, digest=digest) == ""


@pytest.mark.parametrize("odd", [Remark(b"short", ""), Remark(SALT, "x" * (MAX_TEXT + 1))])
def test_what_is_too_long_is_not_written(odd):
    with pytest.raises(Refused):
        odd.to_bytes()


def test_a_text_that_a_screen_would_obey_is_refused():
    odd = (SALT + b"\1\x1b").ljust(177, b"\0")
    with pytest.raises(Refused, match="printable"):
        remark_of(odd)
