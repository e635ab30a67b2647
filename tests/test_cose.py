"""The envelope: what is signed, what is opened, and whose signature is believed."""

import pytest
from makers import OFFICE, OFFICE_P256, STRANGER, bstr, envelope

from ledger_sync import cbor, cose
from ledger_sync.cose import KID, TYP, open1, sign1, verify1
from ledger_sync.errors import Refused

PAYLOAD = b"\xa0"
HEADER = {KID: b"12345678", TYP: 293}
OFFICES = pytest.mark.parametrize("office", [OFFICE, OFFICE_P256], ids=["ed25519", "p256"])


def reason_of(call, *args, **named):
    with pytest.raises(Refused) as refused:
        call(*args, **named)
    return refused.value.reason


@OFFICES
def test_what_was_signed_is_verified_and_given_back(office):
    token = sign1(PAYLOAD, protected=HEADER, key=office)

    verified = verify1(token, key_for=lambda protected: office.public)

    assert verified.payload == PAYLOAD
    assert verified.protected == {1: office.alg, **HEADER}


def test_a_token_begins_with_tag_18_and_an_array_of_four():
    token = sign1(PAYLOAD, protected=HEADER, key=OFFICE)
    assert token == envelope(cbor.encode({1: -8, **HEADER}), PAYLOAD, OFFICE)
    assert token[:2] == b"\xd2\x84"


def test_the_signed_bytes_are_the_sig_structure_of_rfc_9052():
    parts = ["Signature1", b"\xa1\x01\x27", b"", b"x" * 300]
    assert cose.sig_structure(parts[1], parts[3]) == cbor.encode(parts)


def test_the_keys_are_asked_for_by_the_protected_header():
    token = sign1(PAYLOAD, protected=HEADER, key=OFFICE)
    asked = []

    verify1(token, key_for=lambda protected: asked.append(protected) or [OFFICE.public])

    assert asked == [{1: -8, **HEADER}]


@pytest.mark.parametrize("keys", [None, (), []])
def test_an_unknown_signer_is_refused_before_any_signature(keys):
    token = sign1(PAYLOAD, protected=HEADER, key=OFFICE)
    assert reason_of(verify1, token, key_for=lambda protected: keys) == "R-ISSUER"


@OFFICES
def test_any_key_of_a_kid_may_have_signed_and_no_other(office):
    token = sign1(PAYLOAD, protected=HEADER, key=office)
    known = [STRANGER.public, office.public]

    assert verify1(token, key_for=lambda protected: known).payload == PAYLOAD
    assert reason_of(verify1, token, key_for=lambda protected: STRANGER.public) == "R-SIG"
    assert reason_of(verify1, token, key_for=lambda protected: known[:1]) == "R-SIG"


@pytest.mark.parametrize(("named", "office"), [(-7, OFFICE), (-9, OFFICE), (-8, OFFICE_P256)])
def test_a_token_cannot_choose_the_algorithm_of_a_key(named, office):
    token = sign1(PAYLOAD, protected={1: named, **HEADER}, key=office)
    assert reason_of(verify1, token, key_for=lambda protected: office.public) == "R-SIG"


@pytest.mark.parametrize(("named", "office"), [(-19, OFFICE), (-9, OFFICE_P256)])
def test_the_fully_specified_name_of_an_algorithm_is_as_good(named, office):
    token = sign1(PAYLOAD, protected={1: named, **HEADER}, key=office)
    assert verify1(token, key_for=lambda protected: office.public).payload == PAYLOAD


@pytest.mark.parametrize(
    "header",
    [
        {2: [], **HEADER},
        {1: None, **HEADER},
        {1: -35, **HEADER},
        {1: "EdDSA", **HEADER},
        {1: True, **HEADER},
        {1: [], **HEADER},
        {1: {}, **HEADER},
        {"alg": -8, **HEADER},
        {3: "application/cwt", **HEADER},
        {5: b"iv", **HEADER},
    ],
    ids=repr,
)
def test_a_header_outside_the_profile_is_neither_written_nor_read(header):
    raw = cbor.encode({1: -8, **header})
    assert reason_of(sign1, PAYLOAD, protected=header, key=OFFICE) == "R-FORM"
    assert reason_of(open1, envelope(raw, PAYLOAD, OFFICE)) == "R-FORM"


def test_a_header_without_algorithm_is_not_read():
    raw = cbor.encode(HEADER)
    assert reason_of(open1, envelope(raw, PAYLOAD, OFFICE)) == "R-FORM"


@pytest.mark.parametrize(
    "token",
    [
        b"\x00",
        b"\x84\x40\xa0\x40\x40",
        b"\xd2\x40",
        b"\xd2\x83\x40\xa0\x40",
        b"\xd2\x85\x40\xa0\x40" + bstr(bytes(64)) + b"\x40",
        b"\xd2\x84\xa1\x01\x27\xa0\x40" + bstr(bytes(64)),
        b"\xd2\x84\x43\xa1\x01\x27\xa0\xf6" + bstr(bytes(64)),
        b"\xd2\x84\x43\xa1\x01\x27\xa1\x01\x27\x40" + bstr(bytes(64)),
        b"\xd2\x84\x43\xa1\x01\x27\xf4\x40" + bstr(bytes(64)),
        b"\xd2\x84\x43\xa1\x01\x27\x80\x40" + bstr(bytes(64)),
        b"\xd2\x84\x43\xa1\x01\x27\xa0\x40" + bstr(bytes(63)),
        b"\xd2\x84\x43\xa1\x01\x27\xa0\x40\xf6",
        b"\xd2\x84\x40\xa0\x40" + bstr(bytes(64)),
        b"\xd2\x84\x41\x80\xa0\x40" + bstr(bytes(64)),
        b"\xd2\x84\x44\xa1\x01\x27\x00\xa0\x40" + bstr(bytes(64)),
    ],
    ids=lambda token: token.hex()[:30],
)
def test_another_frame_is_refused(token):
    assert reason_of(open1, token) == "R-FORM"


def test_a_token_is_bounded_and_the_bound_can_be_set():
    token = sign1(bytes(5000), protected=HEADER, key=OFFICE)
    assert reason_of(open1, token) == "R-FORM"
    assert open1(token, max_size=6000).payload == bytes(5000)


def test_the_payload_stays_unread():
    token = sign1(b"not cbor at all", protected=HEADER, key=OFFICE)
    assert open1(token).payload == b"not cbor at all"
    assert open1(token).is_signed_by(OFFICE.public)


@OFFICES
def test_a_key_may_be_named_by_its_raw_bytes(office):
    token = sign1(PAYLOAD, protected=HEADER, key=office)

    verified = verify1(token, key_for=lambda protected: office.public.raw)

    assert verified.payload == PAYLOAD
