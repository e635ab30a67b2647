"""The pass: what is issued is read back, and every claim is held to its range."""

import hashlib

import pytest
from makers import AT, LIST, OFFICE, OFFICE_P256, PHONE, PHONE_P256, claims, pass_payload
from makers import pass_token as issued

from appliance.passes import token
from appliance.passes.token import Assurance, HolderClass
from ledger_sync import cbor, cose
from ledger_sync.errors import Refused

ISS, SUB, EXP, IAT, CNF, STATUS, RIGHTS = 1, 2, 4, 6, 8, 65535, -65537
HOLDERS = pytest.mark.parametrize(
    "holder", [PHONE, PHONE_P256, None], ids=["ed25519", "p256", "bearer"]
)


def payload_of(pass_token):
    return cose.open1(pass_token).payload


def refusal(payload):
    with pytest.raises(Refused) as refused:
        token.claims_of(cbor.encode(payload))
    return refused.value.reason


@HOLDERS
@pytest.mark.parametrize("office", [OFFICE, OFFICE_P256], ids=["office", "office-p256"])
def test_what_is_issued_is_read_back_and_verifies(holder, office):
    pass_token = issued(holder, office)
    opened = cose.open1(pass_token)

    assert opened.is_signed_by(office.public)
    assert token.kid_of(opened.protected) == office.public.kid
    assert token.claims_of(opened.payload) == claims(holder)


def test_a_pass_has_the_sizes_that_the_format_names():
    sizes = [len(issued(holder)) for holder in (PHONE, PHONE_P256, None)]
    assert sizes == [216, 251, 173]


@HOLDERS
@pytest.mark.parametrize(
    "changes",
    [
        {"zones": 2**53 - 1},
        {"issued_at": 0},
        {"expires_at": 2**53 - 1},
        {"issued_at": 65_535, "expires_at": 65_536},
        {"idx": 0},
        {"idx": 131_071},
        {"klass": 8},
        {"subject": "s" * 64},
        {"subject": "s"},
        {"issuer": "Пятёрка 5"},
        {"uri": "\x00"},
    ],
    ids=repr,
)
def test_the_ends_of_every_range_are_read(holder, changes):
    pass_token = issued(holder, **changes)
    assert token.claims_of(payload_of(pass_token)) == claims(holder, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {ISS: ""},
        {ISS: "i" * 65},
        {ISS: b"yp:hz07"},
        {SUB: 7},
        {EXP: AT - 86_400},
        {EXP: AT - 86_401},
        {EXP: 2**53},
        {EXP: True},
        {IAT: -1},
        {IAT: None},
        {STATUS: None},
        {STATUS: {}},
        {STATUS: {"status_list": {"idx": 1, "uri": LIST}, "more": 1}},
        {STATUS: {"status_list": [1, LIST]}},
        {STATUS: {"status_list": {"idx": 1}}},
        {STATUS: {"status_list": {"idx": 1, "uri": LIST, "more": 1}}},
        {STATUS: {"status_list": {"idx": 131_072, "uri": LIST}}},
        {STATUS: {"status_list": {"idx": True, "uri": LIST}}},
        {STATUS: {"status_list": {"idx": 1, "uri": 1}}},
        {RIGHTS: None},
        {RIGHTS: {}},
        {RIGHTS: [1, 3]},
        {RIGHTS: [1, 3, 0, 0]},
        {RIGHTS: [0, 3, 0]},
        {RIGHTS: [9, 3, 0]},
        {RIGHTS: [True, 3, 0]},
        {RIGHTS: [1, -1, 0]},
        {RIGHTS: [1, 2**53, 0]},
        {RIGHTS: [1, 3, 4]},
        {RIGHTS: [1, 3, 2]},
        {7: b"cti"},
        {"name": "Ada"},
    ],
    ids=repr,
)
def test_a_claim_outside_its_range_is_refused(changes):
    assert refusal({**pass_payload(), **changes}) == "R-FORM"


@pytest.mark.parametrize(
    "confirmation",
    [
        {},
        None,
        PHONE.public.to_cose(),
        [PHONE.public.to_cose()],
        {1: PHONE.public.to_cose(), 3: b"kid"},
        {3: b"kid"},
    ],
    ids=repr,
)
def test_a_confirmation_is_one_key_and_nothing_else(confirmation):
    payload = pass_payload(PHONE)
    assert token.claims_of(cbor.encode(payload)).key == PHONE.public
    assert refusal({**payload, CNF: confirmation}) in {"R-FORM", "R-SIG"}


@pytest.mark.parametrize("missing", [ISS, SUB, EXP, IAT, STATUS, RIGHTS])
def test_no_claim_but_the_holders_key_may_be_missing(missing):
    payload = pass_payload()
    del payload[missing]
    assert refusal(payload) == "R-FORM"


def test_a_holder_key_and_assurance_0_exclude_each_other():
    assert refusal({**pass_payload(PHONE), RIGHTS: [1, 3, 0]}) == "R-FORM"
    assert refusal({**pass_payload(), RIGHTS: [1, 3, 1]}) == "R-FORM"


@pytest.mark.parametrize("payload", [[], 0, None, "pass", {"a": 1}])
def test_another_payload_is_no_pass(payload):
    assert refusal(payload) == "R-FORM"


def test_a_holder_key_off_the_curve_is_refused_in_either_reader():
    x, y = PHONE_P256.public.raw[1:33], PHONE_P256.public.raw[33:]
    off = {1: 2, -1: 1, -2: y, -3: x}
    usual = {**pass_payload(PHONE_P256), CNF: {1: off}}
    unusual = {**usual, SUB: "\u00e9"}
    assert [refusal(usual), refusal(unusual)] == ["R-SIG", "R-SIG"]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {1: -8, 4: b"12345678"},
        {1: -8, 16: 293},
        {4: b"12345678", 16: 293},
        {1: -8, 4: b"12345678", 16: 294},
        {1: -8, 4: b"12345678", 16: "293"},
        {1: -8, 4: b"1234567", 16: 293},
        {1: -8, 4: "12345678", 16: 293},
        {1: -8, 4: b"12345678", 13: 0, 16: 293},
    ],
    ids=repr,
)
def test_another_header_is_not_that_of_a_pass(header):
    with pytest.raises(Refused):
        token.kid_of(header)


def test_the_handle_is_the_beginning_of_the_hash_of_the_whole_token():
    pass_token = issued(PHONE)
    assert token.handle_of(pass_token) == hashlib.sha256(pass_token).digest()[:8]


def test_a_subject_is_pairwise_and_11_characters_of_base64url():
    here = token.subject_of(b"secret of hz07", "flat 12, Ada")
    there = token.subject_of(b"secret of hz08", "flat 12, Ada")

    assert here != there
    assert token.subject_of(b"secret of hz07", "flat 12, Ada") == here
    assert len(here) == 11
    assert set(here) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_classes_and_assurances_are_numbered_as_the_format_numbers_them():
    assert [klass.name for klass in HolderClass] == (
        ["RESIDENT", "HOUSEHOLD", "STAFF", "VISITOR", "COURIER", "EMERGENCY", "VEHICLE", "ITEM"]
    )
    assert [int(klass) for klass in HolderClass] == list(range(1, 9))
    assert [int(assurance) for assurance in Assurance] == [0, 1, 2, 3]
