"""Any mutated invite, code or revocation is `Refused`, or proven over the very bytes shown.

No other end. A proof is looked at by another road: the keys that must have signed, did, all of it.
"""

import random

import pytest
from guests import VISITORS, invited, odd_visit, payload_of, taken_back, visiting
from makers import HOLDERS, NONCE, OFFICE, bstr, edited, enrolled, envelope, issuer_key, pass_token
from test_fuzz_tokens import is_signed, restated

from appliance.passes import code
from appliance.passes.code import Form
from appliance.passes.token import HolderClass, handle_of
from appliance.passes.verify import REQUIRED, UNINVITE_MARKS
from appliance.passes.verify_invite import InviteProof, prove_invite, prove_revocation
from ledger_sync import cbor, cose
from ledger_sync.cbor import Tag18
from ledger_sync.errors import Refused

pytestmark = pytest.mark.long

PASSES = {kind: pass_token(holder) for kind, holder in HOLDERS.items()}
ROWS = {handle_of(held): enrolled(held) for held in PASSES.values()}
SOME_ROW = ROWS[handle_of(PASSES["ed25519"])]
ISSUERS = (issuer_key(),)
REASONS = frozenset({"R-FOREIGN", "R-FORM", "R-SIG", "R-PROOF", "R-ISSUER"})
MARKS = {*REQUIRED.values(), UNINVITE_MARKS}


def all_seeds():
    for kind, visitor in VISITORS.items():
        for carried in (False, True):
            yield visiting(visitor, kind, carried=carried)
            yield visiting(visitor, kind, carried=carried, nonce=NONCE)
            yield invited(None, kind, carried=carried)
            yield invited(visitor, kind, carried=carried)
            yield taken_back(kind, carried=carried)


SEEDS = tuple(all_seeds())
PROVEN = frozenset(seed for seed in SEEDS if seed not in {
    invited(visitor, kind, carried=carried)
    for kind, visitor in VISITORS.items() for carried in (False, True)
})  # fmt: skip


def judge(data, read=lambda data: code.usual(data) or code.general(data)):
    """The proof over what was read, or None for `Refused`. Any other error ends the test.

    Where handle or kid name nobody, keys that are known are tried all the same.
    """
    try:
        found = read(data)
        prove = prove_revocation if found.form is Form.UNINVITE else prove_invite
        return prove(found, enrolled=ROWS.get(found.handle, SOME_ROW), issuers=ISSUERS)
    except Refused as refused:
        assert refused.reason in REASONS
        return None


def run(tokens):
    return [(data, proof) for data in tokens if (proof := judge(data)) is not None]


def is_covered(data, proof):
    """Whether true keys signed all of these bytes, and what is proven is what they say."""
    assert cbor.encode(cbor.decode(data)) == data
    assert proof.marks in MARKS
    layers = [cose.open1(data)]
    while cose.KCWT in layers[-1].protected:
        layers.append(cose.sign1_of(layers[-1].protected[cose.KCWT]))
    if proof.host.held is not None:
        assert is_signed(layers.pop(), OFFICE.public)
    host = layers.pop()
    assert proof.host.key in {holder.public for holder in HOLDERS.values()}
    assert is_signed(host, proof.host.key)
    stated = cbor.decode(host.payload)
    if isinstance(proof, InviteProof):
        klass, zones, uses, flags = stated[-65537]
        assert (klass, uses > 0, flags >> 1) == (HolderClass.VISITOR, True, 0)
        assert proof.zones == zones & proof.host.zones
        assert (8 in stated) is bool(layers) is (proof.claims is not None)
        return all(is_signed(layer, proof.invite.key) for layer in layers)
    return not layers and set(stated) == {6, 7}


def test_the_seeds_are_proven_and_covered_but_for_keyed_invites_shown_bare():
    accepted = run(SEEDS)
    assert {data for data, _ in accepted} == PROVEN
    assert all(is_covered(data, proof) for data, proof in accepted)


def spliced(dice):
    one, other = dice.choice(SEEDS), dice.choice(SEEDS)
    return one[: dice.randrange(len(one))] + other[dice.randrange(len(other)) :]


def relayed(dice):
    """A token with one string of it replaced by one of another token."""
    one, other = (cbor.decode(dice.choice(SEEDS)).value for _ in "12")
    place = dice.choice([0, 2, 3])
    return cbor.encode(Tag18([*one[:place], other[place], *one[place + 1 :]]))


@pytest.mark.parametrize("part", range(4))
def test_edited_invites_are_refused_unless_they_are_what_was_signed(part):
    dice = random.Random(f"invites {part}")
    edits = (edited(dice.choice(SEEDS), dice) for _ in range(5_000))
    splices = (spliced(dice) for _ in range(1_000))
    relays = (relayed(dice) for _ in range(1_000))

    accepted = [pair for tokens in (edits, splices, relays) for pair in run(tokens)]

    assert {data for data, _ in accepted} <= PROVEN


# Mutations that are signed anew by the true keys: only grammar and claims can refuse these.


def resealed(data, key, dice):
    opened = cose.open1(data)
    protected, payload = opened.protected_raw, opened.payload
    if dice.randrange(4):
        payload = restated(payload, dice)
    else:
        protected = restated(protected, dice)
    return envelope(protected, payload, key)


def over(inside, visitor):
    """A visitor's code over these bytes, whatever they are."""
    header = b"\xa3\x01" + cbor.encode(visitor.alg) + b"\x0d" + inside + b"\x10\x19\x01\x26"
    return envelope(header, cbor.encode({3: "yp:hz07", 6: 1}), visitor)


def resigned(dice):
    kind, carried = dice.choice(list(HOLDERS)), bool(dice.randrange(2))
    host, visitor = HOLDERS[kind], VISITORS[kind]
    match dice.randrange(5):
        case 0:
            return resealed(visiting(visitor, kind, carried=carried), visitor, dice)
        case 1:
            return resealed(invited(None, kind, carried=carried), host, dice)
        case 2:
            return resealed(taken_back(kind, carried=carried), host, dice)
        case 3:
            return over(resealed(invited(visitor, kind, carried=carried), host, dice), visitor)
    held = resealed(PASSES[kind], OFFICE, dice)
    name = b"\x10" + cbor.encode("application/yp-invite+cwt")
    header = b"\xa3\x01" + cbor.encode(host.alg) + b"\x0d" + held + name
    return over(envelope(header, cbor.encode(payload_of(visitor)), host), visitor)


@pytest.mark.parametrize("part", range(2))
def test_resigned_invites_are_refused_or_covered_by_their_signatures(part):
    dice = random.Random(f"resigned invites {part}")

    accepted = run(resigned(dice) for _ in range(4_000))

    assert len(accepted) > 100
    assert all(is_covered(data, proof) for data, proof in accepted)


def test_edited_texts_are_refused_unless_they_are_what_was_signed():
    dice = random.Random("texts of invites")
    seeds = {code.to_text(data) for data in PROVEN}
    texts = [edited(dice.choice(sorted(seeds)), dice) for _ in range(4_000)]

    accepted = {text for text in texts if judge(text, code.parse) is not None}

    assert accepted <= seeds


def test_a_chain_of_invites_is_refused_however_long_it_is():
    chain = invited(VISITORS["ed25519"], carried=True)
    for _ in range(8):
        name = b"\x10" + cbor.encode("application/yp-invite+cwt")
        header = b"\xa3\x01\x27\x0d" + chain + name
        chain = b"\xd2\x84" + bstr(header) + b"\xa0\x41\x00" + bstr(bytes(64))
        assert judge(chain) is None
        if len(chain) < 4_000:
            assert judge(odd_visit(chain)) is None
