"""The usual shapes against the general reader: a shape may miss, it must never differ.

`usual(token)` is None, or what `general(token)` gives, with the claims that `claims_of` gives; the
same for the fields of a pass. Tried on tokens with random fields and on what mutations make of
them. Signatures are not looked at here, so none is made.
"""

import random
import time

import pytest
from golden.showings import by_reference, self_contained
from makers import (
    AT,
    LIST,
    PHONE,
    PHONE_P256,
    bstr,
    edited,
    pass_header,
    pass_payload,
    pass_token,
)

from appliance.passes import code, shapes, token
from appliance.passes.code import Form
from ledger_sync import cbor
from ledger_sync.errors import Refused
from ledger_sync.keys import SigningKey

TIMES = [0, 23, 24, 255, 65_535, 65_536, 1_767_225_600, 2**32 - 1, 2**32, 2**53 - 1, 2**53]
TEXTS = ["", "a", "yp:hz07", "yp:hz07/north", "x" * 14, "x" * 15, "x" * 23, "x" * 24, "x" * 64]
TEXTS += ["x" * 65, "\u00e9", "\x1f", "\x7f", " ~", "::::", "a:\x00", "\x06\x1a"]
NUMBERS = [0, 1, 3, 23, 24, 255, 256, 65_535, 65_536, 131_071, 131_072, 2**53 - 1, 2**53, -1]


def outcome(read, data):
    """What `read` gives, or the reason it refuses."""
    try:
        return read(data)
    except Refused as refused:
        return refused.reason


def agree_on_token(data):
    """Whether a usual shape took `data`, after comparing it with the general reader."""
    quick = code.usual(data)
    if quick is None:
        return False
    slow = code.general(data)
    assert quick._replace(claims=None) == slow
    assert quick.claims == code.claims_of(slow.outer.payload)
    return True


def agree_on_payload(data):
    fields = shapes.pass_fields(data)
    if fields is None:
        return False
    assert outcome(token._usual, fields) == outcome(token._general, data)
    return True


def often(dice, usual, others):
    """The usual value three times of four."""
    return usual if dice.randrange(4) else dice.choice(others)


def some_header(dice):
    header = {1: often(dice, -8, [-7, -19, -9]), 4: dice.randbytes(8)}
    if not dice.randrange(8):
        header[dice.choice([1, 4, 16])] = dice.choice([-8, b"1234567", 293, 294])
    return cbor.encode(header)


def some_stated(dice):
    stated = {3: often(dice, "yp:hz07", TEXTS), 6: often(dice, AT, TIMES)}
    if not dice.randrange(6):
        stated[dice.choice([3, 4, 6, 39])] = dice.choice([0, "a", b"12345678", None])
    return cbor.encode(stated)


def some_pass_payload(dice):
    holder = dice.choice([None, PHONE, PHONE_P256])
    payload = pass_payload(holder)
    for key, others in ((1, TEXTS), (2, TEXTS), (4, TIMES), (6, TIMES)):
        payload[key] = often(dice, payload[key], others)
    place = {"idx": often(dice, 7, NUMBERS), "uri": often(dice, LIST, TEXTS)}
    payload[65535] = {"status_list": place}
    payload[-65537] = [dice.randrange(10), often(dice, 3, NUMBERS), dice.randrange(5)]
    if holder is PHONE_P256 and not dice.randrange(4):
        payload[8][1][-3] = dice.randbytes(32)
    return cbor.encode(payload)


def sealed(protected, payload, dice):
    return b"\xd2\x84" + bstr(protected) + b"\xa0" + bstr(payload) + bstr(dice.randbytes(64))


def some_reference(dice):
    return sealed(some_header(dice), some_stated(dice), dice)


def some_pass(dice):
    header = {1: often(dice, -8, [-7, -19]), 4: dice.randbytes(8), 16: often(dice, 293, [294])}
    if not dice.randrange(8):
        header[4] = dice.randbytes(7)
    payload = some_pass_payload(dice) if dice.randrange(4) else dice.randbytes(dice.randrange(300))
    return sealed(cbor.encode(header), payload, dice)


def some_carrier(dice):
    header = {1: often(dice, -7, [-8, -19]), 13: cbor.decode(some_pass(dice)), 16: 294}
    if not dice.randrange(10):
        header[16] = 293
    return sealed(cbor.encode(header), some_stated(dice), dice)


@pytest.mark.long
@pytest.mark.parametrize("made", [some_reference, some_carrier, some_pass])
def test_a_token_of_a_usual_shape_is_read_as_the_general_reader_reads_it(made):
    dice = random.Random(f"tokens {made.__name__}")
    tokens = [made(dice) for _ in range(5_000)]
    taken = [data for data in tokens if agree_on_token(data)]

    assert (len(taken) > 200) is (made is not some_pass)
    for data in [*tokens, *taken, *taken]:
        agree_on_token(edited(data, dice))


@pytest.mark.long
def test_the_fields_of_a_usual_pass_are_those_that_the_general_reader_finds():
    dice = random.Random("payloads")
    payloads = [some_pass_payload(dice) for _ in range(5_000)]
    taken = [data for data in payloads if agree_on_payload(data)]

    assert len(taken) > 200
    for data in [*payloads, *taken, *taken, *taken]:
        agree_on_payload(edited(data, dice))


@pytest.mark.long
def test_every_single_byte_of_a_usual_pass_can_be_another_without_a_difference():
    for holder in (None, PHONE, PHONE_P256):
        payload = cbor.encode(pass_payload(holder))
        for place in range(len(payload)):
            for byte in range(0, 256, 3):
                agree_on_payload(payload[:place] + bytes((byte,)) + payload[place + 1 :])


def test_the_codes_that_phones_show_every_day_are_usual():
    for kind in ("ed25519", "p256"):
        assert agree_on_token(by_reference(kind))
        assert agree_on_token(self_contained(kind))
    for holder in (None, PHONE, PHONE_P256):
        assert agree_on_payload(cbor.encode(pass_payload(holder)))


@pytest.mark.parametrize("size", [1, 14, 15])
def test_an_audience_of_up_to_14_characters_is_usual_and_others_are_read_too(size):
    data = by_reference("ed25519", audience="a" * size)

    found = code.parse(code.to_text(data))

    assert (code.usual(data) is not None) is (size < 15)
    assert code.claims_of(found.outer.payload).audience == "a" * size


def test_the_length_of_the_carried_pass_must_be_in_its_shortest_form():
    data = self_contained("ed25519")
    longer = data.replace(b"\x58\xe0\xa3", b"\x59\x00\xe0\xa3", 1)

    assert code.usual(longer) is None
    assert outcome(code.general, longer) == "R-FORM"


def test_a_pass_of_another_payload_length_than_stated_is_not_usual():
    data = self_contained("ed25519")
    assert code.usual(data.replace(b"\x58\x7f\xa7", b"\x58\x7e\xa7", 1)) is None


@pytest.mark.parametrize("size", [0, 23, 24, 255])
def test_a_carried_payload_takes_a_length_byte_from_24_bytes_on(size):
    sealed_by = bstr(bytes(64))
    inner = b"\xd2\x84" + bstr(pass_header()) + b"\xa0\x58" + bytes((size,)) + bytes(size)
    header = b"\xa3\x01\x27\x0d" + inner + sealed_by + b"\x10\x19\x01\x26"
    stated = bstr(cbor.encode({3: "yp:hz07", 6: AT}))
    data = b"\xd2\x84" + bstr(header) + b"\xa0" + stated + sealed_by

    assert (code.usual(data) is not None) is (size >= 24)
    assert (outcome(code.general, data) == "R-FORM") is (size < 24)


@pytest.mark.parametrize(
    ("usual", "longer"),
    [
        ("1a6955b900", "1b000000006955b900"),
        ("1a6955b900", "1a0000ffff"),
        ("1a6955b900", "1a00000000"),
        ("1a6955b900", "19ffff"),
        ("0367", "037807"),
        ("50a2", "5810a2"),
        ("4da2", "580da2"),
        ("5840", "590040"),
        ("a0", "b800"),
    ],
)
def test_a_code_with_one_longer_spelling_is_not_usual(usual, longer):
    data = by_reference("ed25519")
    spoiled = data.replace(bytes.fromhex(usual), bytes.fromhex(longer), 1)
    assert spoiled != data
    assert code.usual(spoiled) is None


@pytest.mark.parametrize(
    ("usual", "longer"),
    [
        ("1a69546780", "1a0000ffff"),
        ("1a69546780", "1b0000000069546780"),
        ("1a697bf480", "1a00000000"),
        ("63696478199d13", "636964781800"),
        ("63696478199d13", "636964781817"),
        ("63696478199d13", "636964781900ff"),
        ("63696478199d13", "636964781a0000ffff"),
        ("830103", "83011803"),
        ("830103", "83011817"),
        ("830103", "8301190017"),
        ("830103", "83011a0000ffff"),
        ("830103", "83180103"),
        ("0302", "031802"),
        ("0302", "0304"),
        ("830103", "830003"),
        ("830103", "830903"),
        ("0167", "017807"),
        ("026b", "02780b"),
        ("6b79703a", "780b79703a"),
        ("5820", "590020"),
        ("a7", "b807"),
    ],
)
def test_a_pass_with_one_longer_or_impossible_spelling_is_not_usual(usual, longer):
    payload = cbor.encode(pass_payload(PHONE))
    spoiled = payload.replace(bytes.fromhex(usual), bytes.fromhex(longer), 1)
    assert spoiled != payload
    assert shapes.pass_fields(spoiled) is None


# Time: an expression must not be made to search. The yardstick is a verification, in this run.


def hostile():
    """Tokens made to send an expression back and forth."""
    body = b"\x58\x40" * 500
    near = self_contained("ed25519")
    start = near[:28]
    return {
        "signature heads": body,
        "tag and array heads": b"\xd2\x84" * 340,
        "a header that never ends": start + b"\x58\x40" * 320,
        "an inner pass of nothing but heads": near[:29] + b"\x58\xff" + b"\x58\x40" * 310,
        "zeros": b"\xd2\x84\x58\xff" + bytes(676),
        "a printable audience": near[:-90] + b"\xa2\x03\x6e" + b" " * 200 + near[-66:],
        "colons": cbor.encode({1: ":" * 64, 2: ":" * 64}) + b":" * 500,
        "a text of 23 colons again and again": b"\xa6\x01" + (b"\x77" + b":" * 23 + b"\x02") * 26,
    }


def price_of(work, times):
    start = time.thread_time_ns()
    for _ in range(times):
        work()
    return (time.thread_time_ns() - start) / times


@pytest.mark.parametrize("name", hostile())
def test_a_hostile_token_costs_less_than_three_verifications(name):
    data = hostile()[name]
    key, message = SigningKey(-8, bytes(32)), b"m" * 100
    signature = key.sign(message)
    public = key.public

    verification = min(price_of(lambda: public.holds(-8, signature, message), 30) for _ in "123")
    shape = min(price_of(lambda: code.usual(data), 30) for _ in range(3))
    fields = min(price_of(lambda: shapes.pass_fields(data), 30) for _ in range(3))

    assert max(shape, fields) < 3 * verification


def test_every_form_is_found_among_the_tried_ones():
    dice = random.Random("forms")
    found = {
        taken.form for _ in range(200) if (taken := code.usual(some_carrier(dice))) is not None
    }
    found |= {code.general(pass_token()).form}
    found |= {code.usual(by_reference("p256")).form}
    assert found == {Form.REFERENCE, Form.SELF_CONTAINED, Form.STATIC}
