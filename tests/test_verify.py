"""The verification list: every step is needed, and each refuses with its own reason."""

import pytest
from golden.showings import by_reference, self_contained
from makers import (
    AT,
    HOLDERS,
    NONCE,
    OFFICE,
    OFFICE_P256,
    OFFICES,
    PHONE,
    PHONE_P256,
    SITE,
    STRANGER,
    claims,
    enrolled,
    issuer_key,
    odd_code,
    odd_pass,
    pass_payload,
    pass_token,
)

from appliance.passes import code, verify
from appliance.passes.code import Form
from appliance.passes.verify import REQUIRED, UNINVITE_MARKS, Mark, prove_carried, prove_reference
from ledger_sync import cbor, cose
from ledger_sync.errors import Refused

KINDS = pytest.mark.parametrize("kind", sorted(HOLDERS))
NONCES = pytest.mark.parametrize("nonce", [None, NONCE], ids=["plain", "nonce"])
KNOWN = (issuer_key(),)


def parsed(token):
    return code.parse(code.to_text(token))


def refusal(call, *args):
    with pytest.raises(Refused) as refused:
        call(*args)
    return refused.value.reason


@KINDS
@NONCES
def test_a_code_by_reference_is_proven_by_the_enrolled_key(kind, nonce):
    found = parsed(by_reference(kind, nonce=nonce))

    proof = prove_reference(found, enrolled(pass_token(HOLDERS[kind])))

    assert proof.marks == REQUIRED[Form.REFERENCE]
    assert proof.claims[1:] == (AT, nonce)


@KINDS
@NONCES
def test_a_self_contained_code_is_proven_by_issuer_and_holder(kind, nonce):
    found = parsed(self_contained(kind, nonce=nonce))

    proof = prove_carried(found, KNOWN)

    assert proof.marks == REQUIRED[Form.SELF_CONTAINED]
    assert proof.issuer == KNOWN[0]
    assert proof.held == claims(HOLDERS[kind])
    assert proof.claims[1:] == (AT, nonce)


@pytest.mark.parametrize("kind", sorted(OFFICES))
def test_a_static_pass_is_proven_by_its_issuer_alone(kind):
    office = OFFICES[kind]

    proof = prove_carried(parsed(pass_token(office=office)), [issuer_key(office)])

    assert proof.marks == REQUIRED[Form.STATIC]
    assert (proof.held, proof.claims) == (claims(), None)


def test_each_mark_is_needed_by_some_form_and_unreadable_needs_none():
    needed = UNINVITE_MARKS
    for marks in REQUIRED.values():
        needed |= marks
    assert needed == sum(Mark)
    assert REQUIRED[Form.UNREADABLE] == 0


def test_a_revocation_is_complete_for_no_verdict():
    assert set(REQUIRED) == {*Form} - {Form.UNINVITE}
    assert UNINVITE_MARKS not in REQUIRED.values()


# Step 2


@KINDS
def test_a_handle_that_is_not_enrolled_is_unknown(kind):
    assert refusal(prove_reference, parsed(by_reference(kind)), None) == "R-UNKNOWN"


# Step 3


@KINDS
def test_a_pass_of_an_unknown_issuer_is_refused_before_its_signature(kind):
    assert refusal(prove_carried, parsed(self_contained(kind)), ()) == "R-ISSUER"
    assert refusal(prove_carried, parsed(pass_token()), ()) == "R-ISSUER"


# Step 4


@pytest.mark.parametrize("token", [self_contained("ed25519"), pass_token()], ids=["b", "static"])
def test_a_pass_that_none_of_the_keys_signed_is_forged(token):
    others = [issuer_key(STRANGER), issuer_key(OFFICE_P256)]
    assert refusal(prove_carried, parsed(token), others) == "R-SIG"


def test_every_key_of_a_kid_is_tried_and_the_one_that_verifies_is_named():
    keys = [issuer_key(STRANGER), issuer_key(OFFICE_P256), issuer_key(OFFICE, classes=2)]
    proof = prove_carried(parsed(self_contained("ed25519")), keys)
    assert proof.issuer == keys[2]


def test_a_key_inside_the_token_is_never_used():
    header = cbor.encode({1: -8, 4: STRANGER.public.kid, 16: 293})
    token = odd_pass(pass_payload(STRANGER), header=header, office=STRANGER)
    shown = cose.sign1(
        cbor.encode({3: SITE, 6: AT}), protected={13: cbor.decode(token), 16: 294}, key=STRANGER
    )
    assert refusal(prove_carried, parsed(shown), ()) == "R-ISSUER"
    assert refusal(prove_carried, parsed(shown), KNOWN) == "R-SIG"


# Step 5


@pytest.mark.parametrize("changes", [{4: AT - 86_400}, {7: b"x"}, {-65537: [9, 3, 0]}], ids=repr)
def test_ill_formed_claims_are_refused_though_the_issuer_signed_them(changes):
    token = odd_pass({**pass_payload(), **changes})
    assert refusal(prove_carried, parsed(token), KNOWN) == "R-FORM"


def test_claims_are_not_read_before_their_signature_holds():
    token = odd_pass(b"\xff not cbor", office=STRANGER)
    assert refusal(prove_carried, parsed(token), KNOWN) == "R-SIG"


@pytest.mark.parametrize("holder", [PHONE, None], ids=["b", "static"])
def test_a_pass_in_the_name_of_another_issuer_than_its_signer_is_refused(holder):
    held = pass_token(holder, issuer="yp:hz08")
    header = {1: -8, 13: cbor.decode(held), 16: 294}
    shown = odd_code({3: SITE, 6: AT}, header=header) if holder else held
    assert refusal(prove_carried, parsed(shown), KNOWN) == "R-ISSUER"


# Step 6


@KINDS
def test_a_pass_with_a_holder_key_shown_bare_lacks_its_proof(kind):
    token = pass_token(HOLDERS[kind])
    assert refusal(prove_carried, parsed(token), KNOWN) == "R-PROOF"


def test_a_bearer_pass_inside_a_code_lacks_a_holder():
    header = {1: -8, 13: cbor.decode(pass_token()), 16: 294}
    token = odd_code({3: SITE, 6: AT}, header=header)
    assert refusal(prove_carried, parsed(token), KNOWN) == "R-PROOF"


# Step 7


@KINDS
def test_another_key_than_the_enrolled_one_forges_a_code_by_reference(kind):
    token = by_reference(kind, key=STRANGER)
    assert refusal(prove_reference, parsed(token), enrolled(pass_token(HOLDERS[kind]))) == "R-SIG"


def test_a_code_under_somebody_elses_handle_is_forged():
    found = parsed(by_reference("ed25519"))
    assert refusal(prove_reference, found, enrolled(pass_token(PHONE_P256))) == "R-SIG"


@KINDS
def test_another_key_than_that_of_the_pass_forges_a_self_contained_code(kind):
    header = {1: -8, 13: cbor.decode(pass_token(HOLDERS[kind])), 16: 294}
    token = odd_code({3: SITE, 6: AT}, header=header, key=STRANGER)
    assert refusal(prove_carried, parsed(token), KNOWN) == "R-SIG"


def test_a_holders_proof_cannot_be_moved_to_another_pass():
    other = pass_token(PHONE, klass=6)
    mine = cose.open1(self_contained("ed25519"))
    header = cbor.encode({**mine.protected, 13: cbor.decode(other)})
    parts = cbor.Tag18([header, {}, mine.payload, mine.signature])
    assert refusal(prove_carried, parsed(cbor.encode(parts)), KNOWN) == "R-SIG"


# Step 8


@pytest.mark.parametrize("payload", [{3: SITE}, {3: SITE, 6: AT, 4: AT}, {3: [SITE], 6: AT}])
def test_ill_formed_claims_of_a_code_are_refused_though_the_holder_signed_them(payload):
    handle = parsed(by_reference("ed25519")).handle
    by_ref = odd_code(payload, header={1: -8, 4: handle})
    carried = odd_code(payload, header={1: -8, 13: cbor.decode(pass_token(PHONE)), 16: 294})

    assert refusal(prove_reference, parsed(by_ref), enrolled(pass_token(PHONE))) == "R-FORM"
    assert refusal(prove_carried, parsed(carried), KNOWN) == "R-FORM"


def test_a_form_without_a_layer_proves_nothing_by_it():
    static = parsed(pass_token())
    assert refusal(prove_reference, static, enrolled(pass_token(PHONE))) == "R-SIG"
    assert refusal(prove_carried, parsed(by_reference("ed25519")), KNOWN) == "R-SIG"


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("check_enrolled", (0, PHONE.public)),
        ("check_issuer_known", 0),
        ("check_pass_signed", (0, KNOWN[0])),
        ("check_pass_claims", 0),
        ("check_bearer", 0),
        ("check_holder_signed", 0),
    ],
)
def test_a_step_that_is_skipped_leaves_a_gap_in_the_marks(step, answer, monkeypatch):
    monkeypatch.setattr(verify, step, lambda *arguments: answer)

    by_ref = prove_reference(parsed(by_reference("ed25519")), enrolled(pass_token(PHONE)))
    carried = prove_carried(parsed(self_contained("ed25519")), KNOWN)
    static = prove_carried(parsed(pass_token()), KNOWN)

    marks = [by_ref.marks, carried.marks, static.marks]
    assert marks != [REQUIRED[form] for form in (1, 2, 3)]


# What a signature covers


def flips(token):
    for place in range(len(token)):
        for bit in range(8):
            spoiled = bytearray(token)
            spoiled[place] ^= 1 << bit
            yield bytes(spoiled)


def is_proven(token, prove):
    try:
        prove(code.usual(token) or code.general(token))
    except Refused:
        return False
    return True


@KINDS
def test_no_single_bit_of_a_code_by_reference_can_change(kind):
    row = enrolled(pass_token(HOLDERS[kind]))  # under whatever handle the code names
    token = by_reference(kind)

    assert is_proven(token, lambda found: prove_reference(found, row))
    for spoiled in flips(token):
        assert not is_proven(spoiled, lambda found: prove_reference(found, row))


@KINDS
def test_no_single_bit_of_a_self_contained_code_can_change(kind):
    token = self_contained(kind)

    assert is_proven(token, lambda found: prove_carried(found, KNOWN))
    for spoiled in flips(token):
        assert not is_proven(spoiled, lambda found: prove_carried(found, KNOWN))


@pytest.mark.parametrize("kind", sorted(OFFICES))
def test_no_single_bit_of_a_static_pass_can_change(kind):
    keys = [issuer_key(OFFICES[kind])]
    token = pass_token(office=OFFICES[kind])

    assert is_proven(token, lambda found: prove_carried(found, keys))
    for spoiled in flips(token):
        assert not is_proven(spoiled, lambda found: prove_carried(found, keys))
