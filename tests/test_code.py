"""Codes as text: the three forms, what they carry, and what is not one of them."""

import pytest
from golden.showings import by_reference, self_contained
from makers import (
    AT,
    HOLDERS,
    NONCE,
    OFFICE,
    OFFICES,
    PHONE,
    SITE,
    envelope,
    odd_code,
    pass_header,
    pass_payload,
    pass_token,
)

from appliance.passes import code
from appliance.passes.code import MAX_TEXT, Claims, Form
from appliance.passes.token import handle_of
from ledger_sync import base45, cbor
from ledger_sync.errors import Refused

KINDS = pytest.mark.parametrize("kind", sorted(HOLDERS))
HANDLE = handle_of(pass_token(PHONE))


def parsed(token):
    return code.parse(code.to_text(token))


def refusal(call, *args, **named):
    with pytest.raises(Refused) as refused:
        call(*args, **named)
    return refused.value.reason


@KINDS
@pytest.mark.parametrize("nonce", [None, NONCE], ids=["plain", "nonce"])
def test_a_code_by_reference_is_taken_apart_as_it_was_made(kind, nonce):
    holder = HOLDERS[kind]
    found = parsed(by_reference(kind, nonce=nonce))

    assert found.form is Form.REFERENCE
    assert found.handle == handle_of(pass_token(holder))
    assert (found.kid, found.inner) == (b"", None)
    assert holder.public.holds(found.outer.alg, found.outer.signature, found.outer.to_be_signed)
    assert code.claims_of(found.outer.payload)[1:] == (AT, nonce)


@KINDS
@pytest.mark.parametrize("nonce", [None, NONCE], ids=["plain", "nonce"])
def test_a_self_contained_code_is_taken_apart_as_it_was_made(kind, nonce):
    holder = HOLDERS[kind]
    found = parsed(self_contained(kind, nonce=nonce))

    assert found.form is Form.SELF_CONTAINED
    assert found.handle == handle_of(pass_token(holder))
    assert found.kid == OFFICE.public.kid
    for layer, key in ((found.outer, holder), (found.inner, OFFICE)):
        assert key.public.holds(layer.alg, layer.signature, layer.to_be_signed)
    assert code.claims_of(found.outer.payload)[1:] == (AT, nonce)


@pytest.mark.parametrize("kind", sorted(OFFICES))
def test_a_static_pass_is_taken_apart_as_it_was_issued(kind):
    office = OFFICES[kind]
    held = pass_token(office=office)
    found = parsed(held)

    assert (found.form, found.handle, found.kid) == (
        Form.STATIC,
        handle_of(held),
        office.public.kid,
    )
    assert (found.outer, found.claims) == (None, None)
    assert office.public.holds(found.inner.alg, found.inner.signature, found.inner.to_be_signed)


def test_codes_have_the_sizes_that_the_format_names():
    sizes = [len(by_reference("ed25519")), len(by_reference("ed25519", nonce=NONCE))]
    sizes += [len(self_contained(kind)) for kind in sorted(HOLDERS)]
    assert sizes == [100, 118, 312, 348]


@pytest.mark.parametrize(
    "text", [b"", b"YP1", b"yp1:00", b"HC1:00", b" YP1:00", b"https://example.org", b"\xff" * 9]
)
def test_a_text_with_another_beginning_is_not_ours(text):
    assert refusal(code.parse, text) == "R-FOREIGN"


def test_a_text_is_bounded_before_it_is_decoded():
    longest = code.PREFIX + b"0" * (MAX_TEXT - 4)
    with pytest.raises(Refused, match="1025 characters, at most 1024"):
        code.parse(longest + b"0")
    with pytest.raises(Refused, match=r"Base45|bytes after"):
        code.parse(longest)


@pytest.mark.parametrize("text", [b"YP1:", b"YP1:0", b"YP1:00", b"YP1:abc", b"YP1:\xff00"])
def test_a_text_of_ours_that_holds_no_token_is_malformed(text):
    assert refusal(code.parse, text) == "R-FORM"


@pytest.mark.parametrize("audience", ["", "a" * 65])
def test_a_code_for_nobody_or_for_too_long_a_name_is_not_made(audience):
    made = {"audience": audience, "issued_at": AT, "key": PHONE}
    assert refusal(code.by_reference, HANDLE, **made) == "R-FORM"
    assert refusal(code.self_contained, pass_token(PHONE), **made) == "R-FORM"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        0,
        {3: SITE},
        {6: AT},
        {3: SITE, 6: AT, 4: AT},
        {3: SITE, 6: AT, 39: b"1234567"},
        {3: SITE, 6: AT, 39: b"123456789"},
        {3: SITE, 6: AT, 39: None},
        {3: "", 6: AT},
        {3: "a" * 65, 6: AT},
        {3: b"a", 6: AT},
        {3: [SITE], 6: AT},
        {3: SITE, 6: -1},
        {3: SITE, 6: 2**53},
        {3: SITE, 6: True},
        {3: SITE, 6: None},
        {"3": SITE, 6: AT},
    ],
    ids=repr,
)
def test_other_claims_are_no_claims_of_a_code(payload):
    assert refusal(code.claims_of, cbor.encode(payload)) == "R-FORM"


@pytest.mark.parametrize(
    "stated",
    [
        Claims(SITE, AT, None),
        Claims("a", 0, NONCE),
        Claims("ä" * 64, 2**53 - 1, bytes(8)),
    ],
    ids=repr,
)
def test_claims_at_the_ends_of_their_ranges_are_read(stated):
    payload = {3: stated.audience, 6: stated.issued_at}
    if stated.nonce is not None:
        payload[39] = stated.nonce
    assert code.claims_of(cbor.encode(payload)) == stated


@pytest.mark.parametrize(
    "header",
    [
        {1: -8},
        {1: -8, 4: HANDLE[:7]},
        {1: -8, 4: "a handle"},
        {1: -8, 16: 293},
        {1: -8, 4: HANDLE, 16: 294},
        {1: -8, 4: HANDLE, 16: "application/yp-promise+cwt"},
        {1: -8, 4: HANDLE, 16: ["application/yp-invite+cwt"]},
        {1: -8, 4: HANDLE, 16: b"application/yp-invite+cwt"},
        {1: -8, 13: cbor.decode(pass_token(PHONE))},
        {1: -8, 13: cbor.decode(pass_token(PHONE)), 16: 293},
        {1: -8, 4: HANDLE, 13: cbor.decode(pass_token(PHONE)), 16: 294},
        {1: -8, 13: pass_token(PHONE), 16: 294},
        {1: -8, 13: None, 16: 294},
        {1: -8, 13: cbor.decode(by_reference("ed25519")), 16: 294},
        {1: -8, 13: cbor.decode(self_contained("ed25519")), 16: 294},
    ],
    ids=lambda header: "+".join(map(str, header)),
)
def test_another_header_is_no_form_of_a_code(header):
    token = odd_code({3: SITE, 6: AT}, header=header)
    assert refusal(code.parse, code.to_text(token)) == "R-FORM"


def test_the_general_reader_gives_what_the_usual_shapes_give():
    for token in (by_reference("p256"), self_contained("p256")):
        quick = code.usual(token)
        slow = code.general(token)
        assert quick._replace(claims=None) == slow
        assert quick.claims == code.claims_of(slow.outer.payload)


def test_a_text_is_prefix_and_base45():
    token = envelope(pass_header(), cbor.encode(pass_payload()), OFFICE)
    assert code.to_text(token) == b"YP1:" + base45.encode(token).encode()
