"""Any mutated token is `Refused`, or accepted over the very bytes shown; no other end, soon.

Soon: 125 times the price of one bare verification, measured in the same run.
"""

import random
import time

import pytest
from golden.showings import by_reference, self_contained
from makers import (
    HOLDERS,
    LIST,
    NONCE,
    OFFICE,
    OFFICES,
    PHONE,
    bstr,
    edited,
    enrolled,
    envelope,
    issuer_key,
    pass_token,
)

from appliance.passes import code
from appliance.passes.code import Form
from appliance.passes.token import handle_of, kid_of
from appliance.passes.verify import REQUIRED, prove_carried, prove_reference
from ledger_sync import cbor, cose
from ledger_sync.cbor import Tag18
from ledger_sync.errors import Refused

pytestmark = pytest.mark.long

PASSES = {kind: pass_token(holder) for kind, holder in HOLDERS.items()}
ROWS = {handle_of(held): enrolled(held) for held in PASSES.values()}
SOME_ROW = ROWS[handle_of(PASSES["ed25519"])]
ISSUERS = {office.public.kid: (issuer_key(office),) for office in OFFICES.values()}
ALL_ISSUERS = tuple(issuer_key(office) for office in OFFICES.values())
BARE_VERIFICATIONS = 125
REASONS = frozenset({"R-FOREIGN", "R-FORM", "R-SIG", "R-PROOF", "R-ISSUER"})


def all_seeds():
    for kind in HOLDERS:
        for nonce in (None, NONCE):
            yield by_reference(kind, nonce=nonce)
            yield self_contained(kind, nonce=nonce)
        yield PASSES[kind]
    for office in OFFICES.values():
        yield pass_token(office=office)


SEEDS = tuple(all_seeds())


def read_token(data):
    return code.usual(data) or code.general(data)


def judge(data, read=read_token):
    """The proof over what was read, or None for `Refused`. Any other error ends the test.

    Where handle or kid name nobody, keys that are known are tried all the same.
    """
    try:
        found = read(data)
        if found.form is Form.REFERENCE:
            return prove_reference(found, ROWS.get(found.handle, SOME_ROW))
        return prove_carried(found, ISSUERS.get(found.kid, ALL_ISSUERS))
    except Refused as refused:
        assert refused.reason in REASONS
        return None


def is_covered(data, proof):
    """Whether true keys signed all of these bytes, looked at by another road."""
    opened = cose.open1(data)
    assert cbor.encode(cbor.decode(data)) == data
    if cose.KCWT in opened.protected:
        inner = cose.sign1_of(opened.protected[cose.KCWT])
        return is_signed(inner, proof.issuer.key) and is_signed(opened, proof.held.key)
    if cose.TYP in opened.protected:
        return is_signed(opened, proof.issuer.key) and proof.held.key is None
    return any(is_signed(opened, holder.public) for holder in HOLDERS.values())


def is_signed(opened, key):
    parts = ["Signature1", opened.protected_raw, b"", opened.payload]
    return key.holds(opened.alg, opened.signature, cbor.encode(parts))


def price_of(work):
    start = time.thread_time_ns()
    work()
    return time.thread_time_ns() - start


def bare_verification():
    """Thread time of one verification, in ns: the median of many, by the dearer key type."""
    message = b"m" * 100
    found = []
    for holder in HOLDERS.values():
        signature, public = holder.sign(message), holder.public

        def once(public=public, alg=holder.alg, signature=signature):
            assert public.holds(alg, signature, message)

        found.append(sorted(price_of(once) for _ in range(201))[100])
    return max(found)


def run(tokens, *, read=read_token):
    """(token, proof) of the accepted ones; fails if one of `tokens` takes too long."""
    limit = BARE_VERIFICATIONS * bare_verification()
    accepted = []
    for data in tokens:
        start = time.thread_time_ns()
        proof = judge(data, read)
        if time.thread_time_ns() - start > limit:  # a collection of garbage may have fallen in
            assert price_of(lambda data=data: judge(data, read)) < limit, data.hex()
        if proof is not None:
            accepted.append((data, proof))
    return accepted


def test_the_seeds_are_accepted_and_covered_but_for_bare_passes():
    accepted = run(SEEDS)
    assert [data for data, _ in accepted] == [
        data for data in SEEDS if data not in PASSES.values()
    ]
    for data, proof in accepted:
        assert is_covered(data, proof)
        assert proof.marks in REQUIRED.values()


def spliced(dice):
    """The head of one token and the tail of another."""
    one, other = dice.choice(SEEDS), dice.choice(SEEDS)
    return one[: dice.randrange(len(one))] + other[dice.randrange(len(other)) :]


def relayed(dice):
    """A token with one string of it replaced by one of another token."""
    one, other = (cbor.decode(dice.choice(SEEDS)).value for _ in "12")
    place = dice.choice([0, 2, 3])
    return cbor.encode(Tag18([*one[:place], other[place], *one[place + 1 :]]))


@pytest.mark.parametrize("part", range(8))
def test_edited_tokens_are_refused_unless_they_are_what_was_signed(part):
    dice = random.Random(f"edited {part}")
    edits = (edited(dice.choice(SEEDS), dice) for _ in range(8_000))
    splices = (spliced(dice) for _ in range(1_000))
    relays = (relayed(dice) for _ in range(1_000))

    accepted = [pair for tokens in (edits, splices, relays) for pair in run(tokens)]

    assert {data for data, _ in accepted} <= set(SEEDS)


# Mutations that are signed anew by the true keys: only grammar and claims can refuse these.

JUNK = [0, -1, 2**53, 2**64 - 1, "", "x" * 300, b"", bytes(300), [], {}, None, True, False]
JUNK += [[[[[[[]]]]]], {1: {1: {1: {}}}}, Tag18([b"", {}, b"", b""]), LIST, [1, 3, 0], b"12345678"]
KEYS = [1, 2, 3, 4, 6, 8, 13, 16, 33, 39, 65535, -65537, "kid", 2**64 - 1]


def restated(raw, dice):
    """A map with entries dropped, added, or given other values; sometimes edited bytes."""
    if not dice.randrange(3):
        return edited(raw, dice)
    stated = dict(cbor.decode(raw))
    for _ in range(dice.randint(1, 2)):
        key = dice.choice([*stated, *KEYS])
        if dice.randrange(3):
            stated[key] = dice.choice([*JUNK, *stated.values()])
        else:
            stated.pop(key, None)
    try:
        return cbor.encode(stated)
    except Refused:  # deeper than the codec writes
        return edited(raw, dice)


def resealed(data, key, dice):
    opened = cose.open1(data)
    protected, payload = opened.protected_raw, opened.payload
    if dice.randrange(3):
        payload = restated(payload, dice)
    else:
        protected = restated(protected, dice)
    return envelope(protected, payload, key)


def resigned(dice):
    kind = dice.choice(list(HOLDERS))
    holder = HOLDERS[kind]
    match dice.randrange(3):
        case 0:
            return resealed(by_reference_seed(kind), holder, dice)
        case 1:
            return resealed(pass_token(), OFFICE, dice)
    held = resealed(PASSES[kind], OFFICE, dice)
    header = b"\xa3\x01" + cbor.encode(holder.alg) + b"\x0d" + held + b"\x10\x19\x01\x26"
    return envelope(header, cbor.encode({3: "yp:hz07", 6: 1}), holder)


def by_reference_seed(kind):
    return SEEDS[0] if HOLDERS[kind] is PHONE else SEEDS[5]


@pytest.mark.parametrize("part", range(2))
def test_resigned_tokens_are_refused_or_covered_by_their_signatures(part):
    dice = random.Random(f"resigned {part}")

    accepted = run(resigned(dice) for _ in range(5_000))

    assert len(accepted) > 100
    for data, proof in accepted:
        assert is_covered(data, proof)
        assert proof.marks in REQUIRED.values()


def test_edited_texts_are_refused_unless_they_are_what_was_signed():
    dice = random.Random("texts")
    seeds = [code.to_text(data) for data in SEEDS]
    texts = (edited(dice.choice(seeds), dice) for _ in range(10_000))
    letters = bytes(range(256))
    noise = (dice.choice((b"", b"YP1:")) + bytes(dice.choices(letters, k=30)) for _ in range(500))

    accepted = run(texts, read=code.parse) + run(noise, read=code.parse)

    assert {data for data, _ in accepted} <= set(seeds)


def test_a_token_of_many_layers_is_refused_in_time():
    nested = PASSES["ed25519"]
    for _ in range(8):
        header = b"\xa3\x01\x27\x0d" + nested + b"\x10\x19\x01\x26"
        nested = b"\xd2\x84" + bstr(header) + b"\xa0\x41\x00" + bstr(bytes(64))
    arrays = [b"\x81" * 4_000, b"\x98\x20" * 1_300, b"\xb8\xff" * 2_000, b"\xd2" * 4_095]

    assert run([nested, *arrays, b"\xd2\x84" + b"\x81" * 600]) == []


def test_the_issuer_of_a_kid_is_found_by_the_header_of_the_pass():
    assert kid_of(cose.open1(PASSES["ed25519"]).protected) in ISSUERS
