"""Section 2 gone wrong: envelopes and signatures, signed by the true key where they can be."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from golden.case import Case
from golden.showings import by_reference, self_contained
from makers import (
    AT,
    OFFICE,
    PHONE,
    PHONE_P256,
    SITE,
    STRANGER,
    bstr,
    envelope,
    odd_code,
    odd_pass,
    pass_header,
    pass_payload,
    pass_token,
    signature,
)

from appliance.passes.token import PASS_TYPE, handle_of
from ledger_sync import cbor, cose
from ledger_sync.cbor import encode

RAW = encode(pass_payload())
KID = OFFICE.public.kid
_L = 2**252 + 27742317777372353535851937790883648493  # order of the Ed25519 group


def _pass_with(header: dict | bytes, unprotected: bytes = b"\xa0") -> bytes:
    raw = header if isinstance(header, bytes) else encode(header)
    return envelope(raw, RAW, OFFICE, unprotected=unprotected)


def _form(name: str, what: str, rule: str, body: bytes) -> Case:
    return Case(name, what, body, rule, "R-FORM")


def _forged(name: str, what: str, rule: str, body: bytes) -> Case:
    return Case(name, what, body, rule, "R-SIG")


def cases() -> Iterator[Case]:
    yield from _frames()
    yield from _headers()
    yield from _unprotected()
    yield from _parts()
    yield from _signatures()
    yield from _keys()


def _frames() -> Iterator[Case]:
    what = "the array without its tag 18"
    yield _form("untagged", what, "2.1", odd_pass(RAW, start=b"\x84"))
    body = odd_pass(RAW, start=b"\xd2\x85", end=b"\xa0")
    yield _form("five-element-array", "a fifth element", "2.1", body)
    body = b"\xd2\x83" + bstr(pass_header()) + b"\xa0" + bstr(RAW)
    yield _form("three-element-array", "no signature at all", "2.1", body)
    body = odd_pass(RAW, start=b"\xd2\xd2\x84")
    yield _form("tag-18-twice", "tag 18 over tag 18", "2.1", body)


def _headers() -> Iterator[Case]:
    signed = bstr(signature(pass_header(), RAW, OFFICE))
    body = b"\xd2\x84" + pass_header() + b"\xa0" + bstr(RAW) + signed
    yield _form("header-bare-map", "the header is a map, not bytes", "2.2", body)
    yield _form("header-empty", "a protected header of no bytes", "2.2", _pass_with(b""))
    yield _form("header-array", "the header is an array", "2.2", _pass_with(b"\x80"))
    usual = {1: -8, 4: KID, 16: PASS_TYPE}
    crit = {**usual, 2: [99], 99: 0}
    yield _form("crit-unknown", "a critical label nobody knows", "2.3", _pass_with(crit))
    yield _form(
        "crit-empty", "an empty list of critical labels", "2.3", _pass_with({**usual, 2: []})
    )
    label = {**usual, 99: 0}
    yield _form("label-unknown", "a header label nobody knows", "2.3", _pass_with(label))
    inside = {1: -8, 4: STRANGER.public.kid, 16: PASS_TYPE, 33: STRANGER.public.raw}
    body = envelope(encode(inside), RAW, STRANGER)
    yield _form("key-inside-token", "the token brings the key it holds under", "2.3", body)
    for name, what, alg in (
        ("alg-missing", "no algorithm anywhere", None),
        ("alg-text", "the algorithm by its name", "EdDSA"),
        ("alg-es384", "an algorithm outside the list", -35),
        ("alg-zero", "algorithm 0, reserved", 0),
        ("alg-array", "a list of algorithms", [-8, -7]),
        ("alg-true", "true for an algorithm", True),
    ):
        header = {4: KID, 16: PASS_TYPE} if alg is None else {**usual, 1: alg}
        yield _form(name, what, "2.4", _pass_with(header))


def _unprotected() -> Iterator[Case]:
    alg, kid = encode({1: -8}), encode({4: KID})
    body = _pass_with({4: KID, 16: PASS_TYPE}, alg)
    yield _form("alg-only-unprotected", "alg stands outside the signature", "2.5", body)
    body = _pass_with(pass_header(), alg)
    yield _form("alg-in-both", "alg stands inside and outside", "2.5", body)
    body = _pass_with({1: -8, 16: PASS_TYPE}, kid)
    yield _form("kid-only-unprotected", "kid stands outside the signature", "2.5", body)
    body = _pass_with(pass_header(), b"\x80")
    yield _form("unprotected-array", "an array for the unprotected header", "2.5", body)


def _parts() -> Iterator[Case]:
    signed = signature(pass_header(), RAW, OFFICE)
    start = b"\xd2\x84" + bstr(pass_header()) + b"\xa0"
    body = start + b"\xf6" + bstr(signed)
    yield _form("payload-detached", "the payload is sent elsewhere", "2.6", body)
    body = start + b"\x81\x00" + bstr(signed)
    yield _form("payload-array", "the payload is no byte string", "2.6", body)
    start += bstr(RAW)
    yield _form("signature-63", "a signature of 63 bytes", "2.7", start + bstr(signed[:63]))
    yield _form("signature-65", "a signature of 65 bytes", "2.7", start + bstr(signed + b"\x00"))
    body = start + b"\x78\x40" + b"0" * 64
    yield _form("signature-text", "a signature that is text", "2.7", body)
    token = by_reference("p256")
    r, s = (int.from_bytes(token[at : at + 32], "big") for at in (-64, -32))
    body = token[:-66] + bstr(encode_dss_signature(r, s))
    yield _form("signature-der", "an ECDSA signature in DER", "2.7", body)


def _signatures() -> Iterator[Case]:
    start = b"\xd2\x84" + bstr(pass_header()) + b"\xa0" + bstr(RAW)
    body = start + bstr(OFFICE.sign(RAW))
    yield _forged("signed-payload-only", "signed without its header", "2.8", body)
    body = start + bstr(
        OFFICE.sign(b"\x84\x69Signature" + bstr(pass_header()) + b"\x40" + bstr(RAW))
    )
    yield _forged("signed-other-context", "signed for the context of COSE_Sign", "2.8", body)
    header = {1: -7, 4: handle_of(pass_token(PHONE))}
    body = odd_code({3: SITE, 6: AT}, header=header)
    yield _forged("alg-of-another-key", "ES256 named over an Ed25519 key", "2.9", body)
    token = by_reference("ed25519")
    s = int.from_bytes(token[-32:], "little") + _L
    body = token[:-32] + s.to_bytes(32, "little")
    yield _forged("ed25519-s-plus-order", "a second spelling of the same s", "2.10", body)
    body = by_reference("p256")[:-64] + bytes(32) + b"\x01" * 32
    yield _forged("es256-r-zero", "r is 0", "2.11", body)
    body = by_reference("p256")[:-64] + b"\xff" * 32 + b"\x01" * 32
    yield _forged("es256-r-over-order", "r is above the order of the group", "2.11", body)
    body = self_contained("ed25519")[:-64] + bytes(64)
    yield _forged("signature-zero", "the holder's signature is 64 zeros", "4.5.7", body)


def _keys() -> Iterator[Case]:
    x, y = PHONE_P256.public.raw[1:33], PHONE_P256.public.raw[33:]
    ed = PHONE.public.raw
    off = bytes([*y[:31], y[31] ^ 1])
    for name, what, key in (
        ("key-off-curve", "a point that is not on the curve", {1: 2, -1: 1, -2: x, -3: off}),
        ("key-compressed", "y is a sign bit", {1: 2, -1: 1, -2: x, -3: True}),
        ("key-halves-31-33", "x is 31 bytes, y 33", {1: 2, -1: 1, -2: x[:31], -3: x[31:] + y}),
        ("key-with-kid", "a key with a kid of its own", {1: 1, 2: KID, -1: 6, -2: ed}),
        ("key-with-alg", "a key that names its algorithm", {1: 1, 3: -8, -1: 6, -2: ed}),
        ("key-true-type", "true for the key type 1", {1: True, -1: 6, -2: ed}),
        ("key-true-curve", "true for the curve 1", {1: 2, -1: True, -2: x, -3: y}),
        ("key-x25519", "a key for another purpose", {1: 1, -1: 4, -2: ed}),
        ("key-31-bytes", "a key of 31 bytes", {1: 1, -1: 6, -2: ed[:31]}),
        ("key-array", "a key that is no map", [1, 6, ed]),
    ):
        claims = pass_payload(PHONE)
        claims[8] = {1: key}
        held = odd_pass(claims)
        header = {1: -8, 13: cbor.decode(held), 16: 294}
        yield _forged(
            name, what, "2.12", cose.sign1(encode({3: SITE, 6: AT}), protected=header, key=PHONE)
        )
