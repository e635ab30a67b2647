"""Whatever a card says of its key is parsed into the parts it was made of, or `Refused` (R-CARD).

And which proofs a terminal believes: tests/card_verifier.py has the steps, in their order.
"""

import random
from dataclasses import replace

import pytest
from card_verifier import judge_certified, judge_enrolled
from makers import signer

from hw.cards import pkoc, tlv
from hw.cards.pkoc import certificate_of
from hw.errors import Refused
from hw.ports import KeyProof
from hw.sim.card import certificate
from ledger_sync.keys import ES256, verify_es256

CARD, ISSUER, OTHER = signer("card", ES256), signer("issuer", ES256), signer("other", ES256)
POINT = CARD.public.raw
ASKED, EARLIER = bytes(range(32)), bytes(32)
TODAY = (2026, 6, 1)
REFERENCE = b"YARDPASS--SIM-01"
ISSUERS = {REFERENCE: ISSUER.public.raw}
HELD = certificate(POINT, ISSUER.sign)
BODY = tlv.fields(tlv.fields(HELD)[pkoc.CERTIFICATE])[pkoc.BODY]
EXTENSION = tlv.encode(0x06, b"\x2b\x06") + tlv.encode(0x53, b"uid")


def refusal(act, *arguments):
    with pytest.raises(Refused) as caught:
        act(*arguments)
    assert caught.value.reason == "R-CARD"
    return str(caught.value)


def row(fields):
    return b"".join(tlv.encode(tag, value) for tag, value in fields.items())


def with_body(body, signature=bytes(64)):
    inner = tlv.encode(pkoc.BODY, body) + tlv.encode(pkoc.BODY_SIGNATURE, signature)
    return tlv.encode(pkoc.CERTIFICATE, inner)


def changed(**changes):
    """The certificate with some items of its body set to other bytes, or taken out."""
    fields = tlv.fields(BODY)
    for name, value in changes.items():
        fields[getattr(pkoc, name)] = value
        if value is None:
            del fields[getattr(pkoc, name)]
    return with_body(row(fields))


# -- what a card says of itself


def test_the_commands_are_those_of_the_profile():
    assert pkoc.SELECT_COMMAND.hex() == "00a4040008a00000089800000100"
    assert pkoc.INFO_COMMAND.hex() == "00ca7f6300"
    assert pkoc.CERTIFICATE_COMMAND.hex() == "00ca7f2100"
    assert pkoc.internal_authenticate(ASKED).hex() == f"0088000020{ASKED.hex()}00"
    ids = f"4c20{ASKED.hex()}4d20{bytes(32).hex()}"
    assert pkoc.authenticate(ASKED).hex() == f"80800001485c020100{ids}00"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("5C020100", True),
        ("5C0401010100", True),
        ("5C020100420101", True),  # more than we know
        ("5C020101", False),
        ("5C020200", False),
    ],
)
def test_select_tells_which_versions_a_card_speaks(data, found):
    assert pkoc.is_pkoc(bytes.fromhex(data)) is found


@pytest.mark.parametrize("data", ["", "5C00", "5C0101", "5C03010001", "420101"])
def test_a_card_that_names_no_version_is_refused(data):
    assert "names no PKOC version" in refusal(pkoc.is_pkoc, bytes.fromhex(data))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("7F63045C020200", True),
        ("7F63075C020200420101", True),
        ("7F63045C020100", False),
        ("7F6300", False),
        ("5C020200", False),
        ("", False),
    ],
)
def test_info_tells_whether_a_card_has_a_certificate(data, found):
    assert pkoc.is_se_v2(bytes.fromhex(data)) is found


@pytest.mark.parametrize("data", ["7F63", "7F63045C0202", "7F6300" * 2, "7F63085C0202005C020200"])
def test_info_that_is_malformed_is_refused(data):
    refusal(pkoc.is_se_v2, bytes.fromhex(data))


# -- proofs


def v1(point=POINT, signature=bytes(64)):
    return tlv.encode(pkoc.POINT, point) + tlv.encode(pkoc.SIGNATURE, signature)


def test_a_proof_of_se_v1_is_point_and_signature_in_any_order():
    signature = bytes(range(64))
    proof = KeyProof(POINT, signature, ASKED)
    assert pkoc.proof_v1_of(v1(signature=signature), ASKED) == proof
    turned = tlv.encode(pkoc.SIGNATURE, signature) + tlv.encode(pkoc.POINT, POINT)
    assert pkoc.proof_v1_of(turned, ASKED) == proof


def test_a_proof_of_se_v2_takes_its_point_from_the_certificate():
    answer = tlv.encode(pkoc.SIGNATURE, bytes(64))
    assert pkoc.proof_v2_of(answer, ASKED, HELD) == KeyProof(POINT, bytes(64), ASKED, HELD)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (v1(point=POINT[:-1]), "a key of 64 bytes, not 65"),
        (v1(point=POINT + b"\0"), "a key of 66 bytes"),
        (v1(point=b"\x02" + POINT[1:]), "65 from 04 on"),
        (v1(signature=bytes(63)), "a signature of 63 bytes, not 64"),
        (v1(signature=bytes(65)), "a signature of 65 bytes"),
        (v1() + tlv.encode(pkoc.SIGNATURE, bytes(64)), "9E comes twice"),
        (v1() + b"\x42\x00", "5A 9E 42 instead of 5A 9E"),
        (tlv.encode(pkoc.POINT, POINT), "5A instead of 5A 9E"),
        (v1()[:-1], "ends 1 bytes too early"),
        (v1() + b"\0", "00 is no tag"),
        (b"", "nothing"),
    ],
)
def test_any_other_proof_is_refused(data, said):
    assert said in refusal(pkoc.proof_v1_of, data, ASKED)
    refusal(pkoc.proof_v2_of, data, ASKED, HELD)


# -- certificates


def test_a_certificate_is_taken_apart():
    held = certificate_of(HELD)

    assert len(HELD) == 214
    assert (held.profile, held.issuer, held.subject) == (0, REFERENCE, b"SIMULATED-CARD-1")
    assert (held.point, held.since, held.until) == (POINT, (2026, 1, 1), (2030, 12, 31))
    assert held.signed == tlv.encode(pkoc.BODY, BODY) and held.signed in HELD
    assert verify_es256(ISSUER.public.raw, held.signature, held.signed)
    assert held.extensions == ()


def test_extensions_are_kept_in_their_order():
    other = tlv.encode(0x06, b"\x2b\x07") + tlv.encode(0x53, b"")
    data = tlv.encode(0x73, EXTENSION) + tlv.encode(0x73, other)
    assert certificate_of(changed(EXTENSIONS=data)).extensions == (
        (b"\x2b\x06", b"uid"),
        (b"\x2b\x07", b""),
    )


KEY = tlv.fields(BODY)[pkoc.KEY]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "nothing instead of 7F21"),
        (HELD + b"\x5a\x00", "7F21 5A instead of 7F21"),
        (tlv.encode(0x7F21, bytes(1_020)), "a certificate of 1025 bytes, at most 1024"),
        (tlv.encode(0x7F21, tlv.encode(pkoc.BODY, BODY)), "7F4E instead of 7F4E 5F37"),
        (with_body(BODY, bytes(63)), "a signature of 63 bytes"),
        (with_body(BODY + b"\x42\x00"), "42 comes twice"),
        (with_body(BODY + b"\x43\x00"), "instead of 5F29 42 7F49 5F20 5F25 5F24"),
        (changed(PROFILE=b"\x01"), "profile 01; profile 00 is known"),
        (changed(PROFILE=b""), "profile ;"),
        (changed(PROFILE=None), "instead of"),
        (changed(UNTIL=None), "instead of"),
        (changed(ISSUER=REFERENCE[:-1]), "a reference of 15 bytes, not 16"),
        (changed(SUBJECT=REFERENCE + b"1"), "a reference of 17 bytes"),
        (changed(KEY=KEY + b"\x81\x00"), "06 86 81 instead of 06 86"),
        (changed(KEY=KEY.replace(pkoc.P256, pkoc.P256[:-1] + b"\x08")), "not of P-256"),
        (changed(KEY=KEY.replace(POINT, b"\x03" + POINT[1:])), "65 from 04 on"),
        (changed(EXTENSIONS=tlv.encode(0x53, b"")), "items 73"),
        (changed(EXTENSIONS=tlv.encode(0x73, EXTENSION) * 9), "at most 8"),
        (changed(EXTENSIONS=tlv.encode(0x73, EXTENSION + b"\x43\x00")), "06 53 43"),
        (changed(SINCE=b"\2\6\1\0\1"), "six digits"),
        (changed(SINCE=b""), "six digits"),
        (changed(SINCE=b"260101"), "six digits, not 323630313031"),
        (changed(SINCE=bytes((2, 6, 1, 3, 0, 1))), "2026-13-01 is no day"),
        (changed(SINCE=bytes((2, 6, 0, 0, 0, 1))), "2026-00-01 is no day"),
        (changed(UNTIL=bytes((2, 6, 0, 2, 2, 9))), "2026-02-29 is no day"),
        (changed(UNTIL=bytes((2, 6, 0, 4, 3, 1))), "2026-04-31 is no day"),
        (changed(UNTIL=bytes((2, 6, 0, 4, 0, 0))), "2026-04-00 is no day"),
    ],
)
def test_any_other_certificate_is_refused(data, said):
    assert said in refusal(certificate_of, data)


def test_a_leap_day_is_a_day():
    held = certificate_of(changed(UNTIL=bytes((2, 8, 0, 2, 2, 9))))
    assert held.until == (2028, 2, 29)


def test_a_changed_certificate_is_refused_or_says_what_its_bytes_say():
    """A bit in it that is another is refused, or its issuer did not sign that."""
    rng = random.Random(3)
    parsed = 0
    for _ in range(20_000):
        data = bytearray(HELD)
        for _ in range(rng.randint(1, 2)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            held = certificate_of(bytes(data))
        except Refused as refused:
            assert refused.reason == "R-CARD"
            continue
        parsed += 1
        again = with_body(tlv.fields(held.signed)[pkoc.BODY], held.signature)
        assert again == data
        if parsed % 20 == 0 and data != HELD:
            assert not verify_es256(ISSUER.public.raw, held.signature, held.signed)
    assert parsed > 2_000


# -- what a proof is worth

GOOD = KeyProof(POINT, CARD.sign(ASKED), ASKED, HELD)


def judged(proof):
    return judge_certified(proof, issuers=ISSUERS, today=TODAY, asked=ASKED, verify=verify_es256)


def test_a_good_proof_is_believed():
    assert judged(GOOD) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"certificate": b""}, "no certificate: items nothing instead of 7F21"),
        ({"certificate": certificate(POINT, OTHER.sign)}, "not by a trusted issuer"),
        ({"certificate": certificate(POINT, ISSUER.sign, issuer=b"?" * 16)}, "not by a trusted"),
        ({"certificate": changed()}, "not by a trusted issuer"),
        ({"point": OTHER.public.raw}, "for another key"),
        ({"certificate": certificate(POINT, ISSUER.sign, until=(2026, 5, 31))}, "not in force"),
        ({"certificate": certificate(POINT, ISSUER.sign, since=(2026, 6, 2))}, "not in force"),
        ({"signature": OTHER.sign(ASKED)}, "not signed by this key"),
        ({"signature": CARD.sign(EARLIER)}, "not signed by this key"),
        ({"signature": CARD.sign(EARLIER), "transaction": EARLIER}, "another question"),
    ],
)
def test_any_other_proof_is_not_believed(changes, said):
    assert said in judged(replace(GOOD, **changes))


def test_the_first_and_the_last_day_are_in_force():
    for days in ({"since": TODAY}, {"until": TODAY}):
        assert judged(replace(GOOD, certificate=certificate(POINT, ISSUER.sign, **days))) == ""


def test_a_card_without_certificate_is_believed_if_it_was_enrolled_as_one():
    proof = replace(GOOD, certificate=b"")

    def enrolled(proof, points=(POINT,)):
        return judge_enrolled(proof, enrolled=points, asked=ASKED, verify=verify_es256)

    assert enrolled(proof) == ""
    assert enrolled(proof, ()) == "not enrolled as such a card"
    assert enrolled(GOOD) == "not enrolled as such a card"
    assert enrolled(replace(proof, signature=bytes(64))) == "not signed by this key"
