"""Invites: what they state, who must have signed what, and every way to come in without one."""

import guests
import pytest
from golden.showings import by_reference, self_contained, token_in
from guests import (
    CTI,
    HOUR,
    VISITOR,
    VISITORS,
    hosted,
    invited,
    odd_invite,
    odd_visit,
    payload_of,
    stated,
    taken_back,
    visiting,
)
from makers import (
    AT,
    DAY,
    HOLDERS,
    NONCE,
    OFFICE,
    PHONE,
    PHONE_P256,
    SITE,
    STRANGER,
    enrolled,
    issuer_key,
    odd_pass,
    pass_payload,
    pass_token,
)

from appliance.passes import code, invite, verify, verify_invite
from appliance.passes.code import MAX_TEXT, Form
from appliance.passes.invite import UNINVITE_TYPE, Invite, Revocation
from appliance.passes.token import HolderClass, handle_of
from appliance.passes.verify import REQUIRED, UNINVITE_MARKS, Mark, prove_carried, prove_reference
from appliance.passes.verify_invite import prove_invite, prove_revocation
from ledger_sync import cbor, cose
from ledger_sync.errors import Refused

KINDS = pytest.mark.parametrize("kind", sorted(HOLDERS))
WAYS = pytest.mark.parametrize("carried", [False, True], ids=["by reference", "carried"])
ISSUERS = (issuer_key(),)
PASSES = {kind: pass_token(holder) for kind, holder in HOLDERS.items()}
ROWS = {handle_of(held): enrolled(held) for held in PASSES.values()}


def parsed(token):
    return code.parse(code.to_text(token))


def known(found):
    issuers = ISSUERS if found.kid == OFFICE.public.kid else ()
    return {"enrolled": ROWS.get(found.handle), "issuers": issuers}


def proven(token):
    found = parsed(token)
    return prove_invite(found, **known(found))


def revoked(token):
    found = parsed(token)
    return prove_revocation(found, **known(found))


def refusal(call, *args, **named):
    with pytest.raises(Refused) as refused:
        call(*args, **named)
    return refused.value.reason


# Taken apart


@KINDS
@WAYS
def test_a_visitors_code_is_taken_apart_into_three_layers(kind, carried):
    visitor, host = VISITORS[kind], HOLDERS[kind]
    found = parsed(visiting(visitor, kind, carried=carried))

    assert (found.form, found.handle) == (Form.VISITOR, handle_of(PASSES[kind]))
    assert found.kid == (OFFICE.public.kid if carried else b"")
    signers = [(found.outer, visitor), (found.invite, host)]
    signers += [(found.inner, OFFICE)] if carried else []
    for layer, key in signers:
        assert key.public.holds(layer.alg, layer.signature, layer.to_be_signed)
    assert (found.inner is None) is not carried
    assert found.claims is None


@KINDS
@WAYS
@pytest.mark.parametrize(
    ("form", "make"),
    [(Form.BEARER_INVITE, lambda *a, **k: invited(None, *a, **k)), (Form.UNINVITE, taken_back)],
    ids=["bearer", "revocation"],
)
def test_what_a_host_signed_shown_bare_has_no_visitors_layer(kind, carried, form, make):
    found = parsed(make(kind, carried=carried))

    assert (found.form, found.handle) == (form, handle_of(PASSES[kind]))
    assert (found.outer, found.claims) == (None, None)
    key = HOLDERS[kind].public
    assert key.holds(found.invite.alg, found.invite.signature, found.invite.to_be_signed)
    assert (found.inner is None) is not carried


def test_other_forms_carry_no_invite():
    for token in (by_reference("p256"), self_contained("p256"), pass_token()):
        assert parsed(token).invite is None


def test_invites_and_their_codes_have_the_sizes_that_the_format_names():
    sizes = [
        [
            len(make(carried=carried))
            for make in (lambda **k: invited(VISITOR, **k), visiting, invited, taken_back)
        ]
        for carried in (False, True)
    ]
    p256 = [
        [len(make(VISITORS["p256"], "p256", carried=carried)) for make in (invited, visiting)]
        for carried in (False, True)
    ]
    assert sizes == [[190, 286, 147, 132], [397, 494, 354, 339]]
    assert p256 == [[225, 321], [468, 565]]
    assert len(invited(audience=SITE)) == 156
    assert len(visiting(nonce=NONCE)) - len(visiting()) == 18


def test_the_largest_code_that_a_visitor_shows_fits_a_text_with_room_to_spare():
    largest = visiting(VISITORS["p256"], "p256", carried=True, nonce=NONCE)
    assert len(code.to_text(largest)) == 879 < MAX_TEXT


# Proven


@KINDS
@WAYS
def test_a_visitors_code_is_proven_by_host_and_visitor(kind, carried):
    proof = proven(visiting(VISITORS[kind], kind, carried=carried, nonce=NONCE))

    assert proof.marks == REQUIRED[Form.VISITOR]
    assert proof.invite == stated(VISITORS[kind])
    assert proof.claims == (f"{SITE}/north", AT, NONCE)
    assert proof.credential == invite.credential_of(handle_of(PASSES[kind]), CTI)
    assert proof.host[:6] == (HOLDERS[kind].public, 1, 3, 2, AT - DAY, AT + 29 * DAY)
    assert proof.host.issuer == (ISSUERS[0] if carried else None)
    assert (proof.host.held is None) is not carried


@KINDS
@WAYS
def test_a_bearer_invite_is_proven_by_its_host_alone(kind, carried):
    proof = proven(invited(None, kind, carried=carried))

    assert proof.marks == REQUIRED[Form.BEARER_INVITE]
    assert (proof.invite, proof.claims) == (stated(), None)


@KINDS
@WAYS
def test_a_revocation_is_proven_by_the_host_and_names_what_the_invite_names(kind, carried):
    proof = revoked(taken_back(kind, carried=carried))

    assert proof.marks == UNINVITE_MARKS
    assert proof.revocation == Revocation(AT, CTI)
    assert proof.credential == proven(invited(None, kind)).credential
    assert proof.host == proven(invited(None, kind, carried=carried)).host


def test_an_invite_has_one_name_in_every_form():
    tokens = [visiting(), visiting(carried=True), invited(), invited(uses=9, carried=True)]
    assert len({proven(token).credential for token in tokens}) == 1


def test_two_hosts_or_two_names_are_two_invites():
    names = {proven(invited(None, kind)).credential for kind in HOLDERS}
    names |= {proven(invited(cti=bytes(8))).credential}
    assert len(names) == 3
    assert {len(name) for name in names} == {8}


@pytest.mark.parametrize(("zones", "both"), [(1, 1), (2, 2), (3, 3), (6, 2), (4, 0), (0, 0)])
@WAYS
def test_a_visitors_zones_are_those_that_host_and_invite_share(zones, both, carried):
    assert proven(invited(zones=zones, carried=carried)).zones == both


def test_a_visitors_time_is_that_which_host_and_invite_share():
    held = enrolled(PASSES["ed25519"])
    row = held._replace(issued_at=AT, expires_at=AT + HOUR)

    long = prove_invite(parsed(invited()), enrolled=row)
    short = prove_invite(parsed(invited()), enrolled=held)

    assert (long.begins_at, long.expires_at) == (AT, AT + HOUR)
    assert (short.begins_at, short.expires_at) == (AT - HOUR, AT + 3 * HOUR)


def test_nothing_but_a_visitor_can_be_made_by_an_invite():
    for klass in {*range(12), 2**32, None, True} - {HolderClass.VISITOR}:
        payload = {**payload_of(), -65537: [klass, 1, 1, 0]}
        assert refusal(proven, odd_invite(payload)) == "R-FORM"


# What an invite may state


@pytest.mark.parametrize(
    "claims",
    [
        Invite(0, 1, bytes(8), None, None, 0, 1, 0),
        Invite(2**53 - 2, 2**53 - 1, b"\xff" * 8, None, "ä" * 64, 2**53 - 1, 255, 1),
        Invite(AT, AT + 1, CTI, PHONE_P256.public, "a", 1, 2, 1),
    ],
    ids=["least", "most", "some"],
)
def test_claims_at_the_ends_of_their_ranges_are_read_as_they_were_written(claims):
    token = invite.invite(claims, host=hosted("ed25519"), key=PHONE)
    assert invite.claims_of(cose.open1(token).payload) == claims == invite.invite_in(token)


CHANGES = [
    {6: AT},
    {"7": CTI},
    {3: ""},
    {3: "a" * 65},
    {3: None},
    {3: [SITE]},
    {4: AT - HOUR},
    {4: AT - HOUR - 1},
    {4: 2**53},
    {4: True},
    {5: AT + 3 * HOUR},
    {5: -1},
    {5: None},
    {7: CTI[:7]},
    {7: CTI + b"\0"},
    {7: CTI.hex()},
    {8: None},
    {8: {}},
    {8: {3: bytes(8)}},
    {8: {1: VISITOR.public.to_cose(), 3: bytes(8)}},
    *({-65537: rights} for rights in (
        None, [], [4, 1, 1], [4, 1, 1, 0, 0], [3, 1, 1, 0], [5, 1, 1, 0], ["4", 1, 1, 0],
        [4, -1, 1, 0], [4, 2**53, 1, 0], [4, 1, 0, 0], [4, 1, 256, 0], [4, 1, -1, 0],
        [4, 1, True, 0], [4, 1, 1, 2], [4, 1, 1, 3], [4, 1, 1, -1], [4, 1, 1, False],
        [4, 1, 1, None],
    )),
]  # fmt: skip


@pytest.mark.parametrize("changes", CHANGES, ids=repr)
def test_other_claims_are_no_claims_of_an_invite_though_the_host_signed_them(changes):
    assert refusal(proven, odd_invite({**payload_of(), **changes})) == "R-FORM"


@pytest.mark.parametrize("missing", [4, 5, 7, -65537])
def test_an_invite_that_lacks_a_claim_is_refused(missing):
    payload = payload_of()
    del payload[missing]
    assert refusal(proven, odd_invite(payload)) == "R-FORM"


@pytest.mark.parametrize("payload", [b"\x80", b"\x01", b"\xf6", b"", b"\xff", b"\xa0\xa0"])
def test_a_payload_that_is_no_map_is_refused(payload):
    assert refusal(proven, odd_invite(payload)) == "R-FORM"
    assert refusal(revoked, odd_invite(payload, typ=UNINVITE_TYPE)) == "R-FORM"


def test_a_visitors_key_that_is_no_key_is_answered_as_in_a_pass():
    off = {1: 2, -1: 1, -2: bytes(32), -3: bytes(32)}
    payload = {**payload_of(), 8: {1: off}}
    assert refusal(proven, odd_visit(odd_invite(payload))) == "R-SIG"


@pytest.mark.parametrize(
    "payload",
    [{}, {6: AT}, {7: CTI}, {6: AT, 7: CTI, 3: SITE}, {6: -1, 7: CTI}, {6: 2**53, 7: CTI},
     {6: AT, 7: CTI[:7]}, {6: True, 7: CTI}, {6: AT, 7: None}, {"6": AT, 7: CTI}],
    ids=repr,
)  # fmt: skip
def test_other_claims_are_no_claims_of_a_revocation(payload):
    assert refusal(revoked, odd_invite(payload, typ=UNINVITE_TYPE)) == "R-FORM"


# Chains have one link


HANDLE = {4: handle_of(PASSES["ed25519"])}
CARRIED = {13: cbor.decode(PASSES["ed25519"])}
HEADERS = {
    "nobody": {},
    "7 bytes": {4: HANDLE[4][:7]},
    "text": {4: "a handle"},
    "both": {**HANDLE, **CARRIED},
    "pass in bytes": {13: PASSES["ed25519"]},
    "untagged": {13: CARRIED[13].value},
    "null": {13: None},
    "invite": {13: cbor.decode(invited(PHONE))},
    "invite over a pass": {13: cbor.decode(invited(PHONE, carried=True))},
    "bearer invite": {13: cbor.decode(invited())},
    "visitor's code": {13: cbor.decode(visiting())},
    "code": {13: cbor.decode(self_contained("ed25519"))},
    "code by reference": {13: cbor.decode(by_reference("ed25519"))},
    "revocation": {13: cbor.decode(taken_back())},
}


@pytest.mark.parametrize("name", HEADERS)
def test_only_a_pass_invites_and_takes_back(name):
    for typ in (invite.INVITE_TYPE, UNINVITE_TYPE):
        token = odd_invite(payload_of(VISITOR), header=HEADERS[name], typ=typ)
        assert refusal(code.parse, code.to_text(token)) == "R-FORM"
        assert refusal(code.parse, code.to_text(odd_visit(token))) == "R-FORM"


OVER = {
    "visitor's code": visiting(),
    "carried": visiting(carried=True),
    "code": self_contained("ed25519"),
    "by reference": by_reference("ed25519"),
    "revocation": taken_back(),
}


@pytest.mark.parametrize("name", OVER)
def test_a_visitors_code_stands_over_an_invite_and_nothing_else(name):
    assert refusal(code.parse, code.to_text(odd_visit(OVER[name]))) == "R-FORM"


ITEM = cbor.decode(invited(VISITOR))


@pytest.mark.parametrize(
    "header",
    [
        {1: -8, 13: ITEM},
        {1: -8, 13: ITEM, 16: 293},
        {1: -8, 13: ITEM, 16: invite.INVITE_TYPE},
        {1: -8, 13: ITEM, 16: UNINVITE_TYPE},
        {1: -8, 4: HANDLE[4], 13: ITEM, 16: 294},
        {1: -8, 13: invited(VISITOR), 16: 294},
        {1: -8, 13: [ITEM], 16: 294},
        {1: -8, 13: ITEM.value, 16: 294},
    ],
    ids=lambda header: "+".join(map(str, header)),
)
def test_another_header_is_none_of_a_visitors_code(header):
    token = odd_visit(invited(VISITOR), header=header)
    assert refusal(code.parse, code.to_text(token)) == "R-FORM"


# Attacks, each beside the honest showing it resembles


def test_a_host_nobody_knows_invites_nobody():
    for token in (invited(), visiting(), taken_back()):
        found = parsed(token)
        prove = prove_revocation if found.form is Form.UNINVITE else prove_invite
        assert prove(found, **known(found))
        assert refusal(prove, found, enrolled=None, issuers=ISSUERS) == "R-UNKNOWN"


def test_a_carried_host_of_an_unknown_or_forged_issuer_invites_nobody():
    for token in (invited(carried=True), visiting(carried=True), taken_back(carried=True)):
        found = parsed(token)
        prove = prove_revocation if found.form is Form.UNINVITE else prove_invite
        row = ROWS[found.handle]
        assert prove(found, **known(found))
        assert refusal(prove, found, enrolled=row, issuers=()) == "R-ISSUER"
        others = [issuer_key(STRANGER)]
        assert refusal(prove, found, enrolled=row, issuers=others) == "R-SIG"


@WAYS
def test_a_rogue_key_signs_no_invite(carried):
    header = hosted("ed25519", carried=carried)
    for key in (STRANGER, OFFICE):
        bare = odd_invite(payload_of(), header=header, key=key)
        keyed = odd_visit(odd_invite(payload_of(VISITOR), header=header, key=key))
        assert [refusal(proven, token) for token in (bare, keyed)] == ["R-SIG", "R-SIG"]
    assert proven(odd_invite(payload_of(), header=header, key=PHONE))


@WAYS
def test_another_residents_key_signs_no_invite_in_this_ones_name(carried):
    header = hosted("ed25519", carried=carried)
    forged = odd_invite(payload_of(), header=header, key=PHONE_P256)
    own = odd_invite(payload_of(), header=hosted("p256", carried=carried), key=PHONE_P256)

    assert refusal(proven, forged) == "R-SIG"
    assert proven(own).host.key == PHONE_P256.public


def test_bug_a_a_key_inside_the_invite_never_signs_the_invite(monkeypatch):
    """The visitor writes an invite for himself and signs it with the key that it names."""
    by_ref = odd_visit(odd_invite(payload_of(VISITOR), key=VISITOR))
    header = hosted("ed25519", carried=True)
    carried = odd_visit(odd_invite(payload_of(VISITOR), header=header, key=VISITOR))

    assert [refusal(proven, token) for token in (by_ref, carried)] == ["R-SIG", "R-SIG"]

    def with_the_key_inside(code, key):
        signed = code.invite
        inside = invite.claims_of(signed.payload).key
        assert inside.holds(signed.alg, signed.signature, signed.to_be_signed)
        return int(Mark.HOST_SIGNED)

    monkeypatch.setattr(verify_invite, "check_host_signed", with_the_key_inside)
    assert {proven(token).marks for token in (by_ref, carried)} == {REQUIRED[Form.VISITOR]}


def test_bug_a_a_pass_that_the_visitor_made_for_his_own_key_makes_no_host(monkeypatch):
    header = cbor.encode({1: -8, 4: OFFICE.public.kid, 16: 293})
    held = odd_pass(pass_payload(VISITOR), header=header, office=VISITOR)
    host = {13: cbor.decode(held)}
    token = odd_visit(odd_invite(payload_of(VISITOR), header=host, key=VISITOR))

    assert refusal(proven, token) == "R-SIG"

    monkeypatch.setattr(verify, "check_pass_signed", lambda code, issuers: (4, issuers[0]))
    assert proven(token).marks == REQUIRED[Form.VISITOR]


def test_a_bearer_pass_makes_no_host():
    header = {13: cbor.decode(pass_token())}
    for token in (odd_invite(payload_of(), header=header), odd_visit(
        odd_invite(payload_of(VISITOR), header=header)
    )):  # fmt: skip
        assert refusal(proven, token) == "R-PROOF"


@WAYS
def test_a_keyed_invite_shown_bare_lacks_its_proof(carried):
    keyed = invited(VISITOR, carried=carried)
    assert refusal(proven, keyed) == "R-PROOF"
    assert proven(invited(carried=carried))


@WAYS
def test_a_bearer_invite_in_a_code_proves_no_visitor(carried):
    assert refusal(proven, odd_visit(invited(carried=carried))) == "R-PROOF"
    assert proven(odd_visit(invited(VISITOR, carried=carried)))


def test_only_the_visitor_who_is_named_shows_an_invite():
    over = invited(VISITOR)
    for key in (STRANGER, PHONE, PHONE_P256, OFFICE):
        assert refusal(proven, odd_visit(over, key=key)) == "R-SIG"
    assert proven(odd_visit(over, key=VISITOR))


def test_a_visitors_proof_cannot_be_moved_to_another_invite():
    mine, other = cose.open1(visiting()), invited(VISITOR, uses=255)
    header = cbor.encode({**mine.protected, 13: cbor.decode(other)})
    parts = cbor.Tag18([header, {}, mine.payload, mine.signature])
    assert refusal(proven, cbor.encode(parts)) == "R-SIG"


def test_a_hosts_signature_cannot_be_moved_to_another_type():
    for one, other in ((taken_back(), invite.INVITE_TYPE), (invited(), UNINVITE_TYPE)):
        signed = cose.open1(one)
        header = cbor.encode({**signed.protected, 16: other})
        token = cbor.encode(cbor.Tag18([header, {}, signed.payload, signed.signature]))
        prove = revoked if other == UNINVITE_TYPE else proven
        assert refusal(prove, token) == "R-SIG"


@pytest.mark.parametrize("payload", [{6: AT}, {3: SITE}, {3: SITE, 6: AT, 4: AT}, {3: "", 6: AT}])
def test_ill_formed_claims_of_a_visitors_code_are_refused_though_he_signed_them(payload):
    assert refusal(proven, odd_visit(invited(VISITOR), payload=payload)) == "R-FORM"


@WAYS
def test_nobody_but_the_host_takes_an_invite_back(carried):
    header, good = hosted("ed25519", carried=carried), {6: AT, 7: CTI}
    for key in (STRANGER, VISITOR, PHONE_P256, OFFICE):
        token = odd_invite(good, header=header, key=key, typ=UNINVITE_TYPE)
        assert refusal(revoked, token) == "R-SIG"
    assert revoked(odd_invite(good, header=header, key=PHONE, typ=UNINVITE_TYPE))


def test_a_neighbours_revocation_of_the_same_cti_names_another_invite():
    assert revoked(taken_back("p256")).credential != proven(invited()).credential


def test_an_invite_takes_nothing_back_and_a_revocation_invites_nobody():
    assert refusal(revoked, invited()) == "R-FORM"
    assert refusal(revoked, visiting()) == "R-FORM"
    assert refusal(proven, taken_back()) == "R-FORM"
    assert refusal(proven, taken_back(carried=True)) == "R-FORM"


def test_claims_are_not_read_before_their_signature_holds():
    for junk in (b"\xff not cbor", b""):
        assert refusal(proven, odd_invite(junk, key=STRANGER)) == "R-SIG"
        assert refusal(revoked, odd_invite(junk, key=STRANGER, typ=UNINVITE_TYPE)) == "R-SIG"


@KINDS
def test_codes_and_passes_of_residents_are_no_invites(kind):
    for token in (by_reference(kind), self_contained(kind), PASSES[kind]):
        assert refusal(proven, token) == "R-SIG"
        assert refusal(revoked, token) == "R-SIG"


@KINDS
def test_invites_are_no_codes_of_residents(kind):
    """As long as a gate asks nobody but verify.py, no invite opens it."""
    row = ROWS[handle_of(PASSES[kind])]
    for carried in (False, True):
        for token in (
            visiting(VISITORS[kind], kind, carried=carried),
            visiting(HOLDERS[kind], kind, carried=carried),
            invited(None, kind, carried=carried),
            taken_back(kind, carried=carried),
        ):
            found = parsed(token)
            for prove, argument in ((prove_reference, row), (prove_carried, ISSUERS)):
                try:
                    marks = prove(found, argument).marks
                except Refused:
                    continue
                assert marks != REQUIRED.get(found.form)


# Every step is needed


@pytest.mark.parametrize(
    ("module", "step", "answer"),
    [
        (verify_invite, "check_host_signed", 0),
        (verify_invite, "check_visitor_signed", 0),
        (verify_invite, "check_keyless", 0),
        (verify, "check_enrolled", (0, PHONE.public)),
        (verify, "check_issuer_known", 0),
        (verify, "check_pass_signed", (0, ISSUERS[0])),
        (verify, "check_pass_claims", 0),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_step_that_is_skipped_leaves_a_gap_in_the_marks(module, step, answer, monkeypatch):
    tokens = [visiting(), visiting(carried=True), invited(), invited(carried=True)]
    wanted = [REQUIRED[parsed(token).form] for token in tokens]
    assert [proven(token).marks for token in tokens] == wanted

    monkeypatch.setattr(module, step, lambda *arguments: answer)

    found = [proven(token).marks for token in tokens]
    assert found != wanted
    assert all(got in (want, got & want) for got, want in zip(found, wanted, strict=True))


def test_the_steps_of_the_list_are_those_of_the_module():
    steps = {name for name in vars(verify_invite) if name.startswith("check_")}
    assert steps == {"check_host", "check_host_signed", "check_visitor_signed", "check_keyless"}
    for name in steps:
        assert name in verify_invite.__doc__


# What a signature covers


def flips(token):
    for place in range(len(token)):
        for bit in range(8):
            spoiled = bytearray(token)
            spoiled[place] ^= 1 << bit
            yield bytes(spoiled)


def is_proven(token):
    row = ROWS[handle_of(PASSES["ed25519"])]  # under whatever handle the token names
    try:
        found = code.usual(token) or code.general(token)
        prove = prove_revocation if found.form is Form.UNINVITE else prove_invite
        prove(found, enrolled=row, issuers=ISSUERS)
    except Refused:
        return False
    return True


@WAYS
@pytest.mark.parametrize("make", [visiting, invited, taken_back], ids=["E", "F", "R"])
def test_no_single_bit_can_change(make, carried):
    token = make(carried=carried)

    assert is_proven(token)
    assert not any(map(is_proven, flips(token)))


# Written


def test_nothing_is_written_that_no_gate_reads():
    host = hosted("ed25519")
    for changes in (
        {"exp": AT - HOUR}, {"nbf": -1}, {"cti": b"short"}, {"audience": ""}, {"uses": 0},
        {"uses": 256}, {"flags": 2}, {"zones": 2**53}, {"zones": -1},
    ):  # fmt: skip
        claims = stated(**changes)
        assert refusal(invite.invite, claims, host=host, key=PHONE) == "R-FORM"
    for named in (invite.by_handle(b"7 bytes"), {}, invite.by_pass(invited())):
        assert refusal(invite.invite, stated(), host=named, key=PHONE) == "R-FORM"
        made = {"issued_at": AT, "host": named, "key": PHONE}
        assert refusal(invite.revocation, CTI, **made) == "R-FORM"
    made = {"issued_at": AT, "host": host, "key": PHONE}
    assert refusal(invite.revocation, b"short", **made) == "R-FORM"
    assert refusal(invite.revocation, CTI, **{**made, "issued_at": -1}) == "R-FORM"


def test_a_visitors_code_is_written_over_an_invite_for_that_key_alone():
    made = {"audience": SITE, "issued_at": AT, "key": VISITOR}
    assert invite.visitor_code(invited(VISITOR), **made)
    for token in (invited(), invited(STRANGER)):
        assert refusal(invite.visitor_code, token, **made) == "R-PROOF"
    for token in (pass_token(VISITOR), visiting(), taken_back(), b"\x00"):
        assert refusal(invite.visitor_code, token, **made) == "R-FORM"
    assert refusal(invite.visitor_code, invited(VISITOR), **{**made, "audience": ""}) == "R-FORM"


def test_only_a_bearer_invite_is_printed():
    assert parsed(invited()) == code.parse(invite.bearer(invited()))
    assert refusal(invite.bearer, invited(VISITOR)) == "R-PROOF"
    for token in (pass_token(), visiting(), taken_back()):
        assert refusal(invite.bearer, token) == "R-FORM"


def test_a_text_longer_than_a_gate_reads_is_not_written():
    """Both keys P-256, the pass carried, a nonce: names of 64 and 42 letters fill the text."""
    over = invited(VISITORS["p256"], "p256", carried=True, audience="a" * 64)
    made = {"issued_at": AT, "key": VISITORS["p256"], "nonce": NONCE}

    longest = invite.visitor_code(over, audience="a" * 42, **made)

    assert (len(longest), len(token_in(longest))) == (MAX_TEXT, 680)
    assert code.parse(longest).form is Form.VISITOR
    assert refusal(invite.visitor_code, over, audience="a" * 43, **made) == "R-FORM"
    token = invited(None, "p256", carried=True, audience="ä" * 64)
    assert len(invite.bearer(token)) < MAX_TEXT
    held = pass_token(PHONE, subject="ä" * 64, uri="ä" * 64)
    token = invite.invite(stated(audience="ä" * 64), host=invite.by_pass(held), key=PHONE)
    assert refusal(invite.bearer, token) == "R-FORM"


def test_the_makers_of_this_file_make_what_they_say():
    assert invite.invite_in(guests.invited(VISITOR)) == stated(VISITOR)
    assert odd_invite(payload_of(VISITOR)) == invited(VISITOR)
    assert odd_visit(invited(VISITOR)) == visiting()
