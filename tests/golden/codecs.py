"""Section 1 and 4.4 gone wrong: bytes that are not strict CBOR, text that is not a code.

Each token is truly signed by the issuer, so nothing but the codec can refuse it.
"""

from collections.abc import Iterator

from golden.case import Case
from golden.showings import by_reference
from makers import OFFICE, bstr, odd_pass, pass_header, pass_payload, pass_token

from appliance.passes import code
from ledger_sync import base45
from ledger_sync.cbor import encode

GOOD = pass_payload()
RAW = encode(GOOD)
EXP = GOOD[4]


def with_raw(key: int, value: bytes) -> bytes:
    """The payload of a good static pass in which one claim is spelled by these bytes."""
    pairs = [(encode(name), encode(item)) for name, item in GOOD.items() if name != key]
    pairs = sorted([*pairs, (encode(key), value)])
    return b"\xa6" + b"".join(name + item for name, item in pairs)


def _refused(name: str, what: str, body: bytes, rule: str) -> Case:
    return Case(name, what, body, rule, "R-FORM")


def _spelled(name: str, what: str, key: int, value: bytes, rule: str) -> Case:
    return _refused(name, what, odd_pass(with_raw(key, value)), rule)


def cases() -> Iterator[Case]:
    yield from _ends()
    yield from _types()
    yield from _spellings()
    yield from _maps()
    yield from _bounds()
    yield from _texts()


def _ends() -> Iterator[Case]:
    token = pass_token()
    yield _refused("trailing-byte", "a byte after the token", token + b"\x00", "1.1")
    body = odd_pass(RAW + b"\x00")
    yield _refused("trailing-byte-in-payload", "a byte after the claims", body, "1.1")
    yield _refused("cut-short", "the last byte is missing", token[:-1], "1.1")
    yield _refused("payload-empty", "a payload of no bytes", odd_pass(b""), "1.1")
    yield Case("token-empty", "a prefix and nothing", code.PREFIX, "1.1", "R-FORM", is_text=True)


def _types() -> Iterator[Case]:
    for name, what, spelled in (
        ("exp-nan", "exp is a half-precision NaN", "f97e00"),
        ("exp-infinity", "exp is plus infinity", "f97c00"),
        ("exp-float", "exp is a whole number as a float", "fb41da6ff380000000"),
        ("exp-bignum", "exp is a bignum, tag 2", "c24801000000000000ff"),
        ("exp-decimal-fraction", "exp is a decimal fraction, tag 4", "c48200" + "1a69800000"),
        ("exp-undefined", "exp is undefined", "f7"),
        ("exp-simple-59", "exp is an unassigned simple value", "f83b"),
    ):
        yield _spelled(name, what, 4, bytes.fromhex(spelled), "1.3")
    sub = b"\xd8\x23" + encode("(a+)+$")
    yield _spelled("regex-tag-35", "sub is a regular expression, tag 35", 2, sub, "1.3")
    cycle = bytes.fromhex("d81c81d81d00")
    yield _spelled("shared-cycle", "sub is an array that holds itself", 2, cycle, "1.3")
    token = pass_token()
    yield _refused("tag-61", "the CWT tag before the COSE tag", b"\xd8\x3d" + token, "1.3")


def _spellings() -> Iterator[Case]:
    protected, payload = pass_header(), RAW
    long_exp = b"\x1b" + EXP.to_bytes(8, "big")
    yield _spelled("exp-not-shortest", "exp in eight bytes, four are enough", 4, long_exp, "1.4")
    start = b"\xd8\x12\x84"
    body = odd_pass(payload, start=start)
    yield _refused("tag-18-not-shortest", "tag 18 in two bytes", body, "1.4")
    good = pass_token()
    body = good.replace(b"\x84\x51", b"\x84\x58\x11", 1)
    yield _refused("length-not-shortest", "the header's length in two bytes", body, "1.4")
    body = odd_pass(payload, start=b"\xd2\x9f", end=b"\xff")
    yield _refused("indefinite-outer", "the outer array has no length", body, "1.5")
    body = good.replace(bstr(payload), b"\x5f" + bstr(payload) + b"\xff", 1)
    yield _refused("indefinite-payload", "the payload is a string in pieces", body, "1.5")
    body = odd_pass(b"\xbf" + payload[1:] + b"\xff")
    yield _refused("indefinite-claims", "the claims are a map without length", body, "1.5")
    body = odd_pass(payload, header=b"\xbf" + protected[1:] + b"\xff")
    yield _refused("indefinite-header", "the header is a map without length", body, "1.5")
    bad = bytes.fromhex("62c328")
    yield _spelled("sub-not-utf8", "sub is text that is not UTF-8", 2, bad, "1.6")


def _maps() -> Iterator[Case]:
    body = odd_pass(b"\xa7" + RAW[1:] + b"\x41\x00\x00")
    yield _refused("key-is-bytes", "a claim is named by a byte string", body, "1.7")
    exp = encode(4) + encode(EXP)
    later = encode(4) + encode(EXP + 86_400)
    body = odd_pass(b"\xa7" + RAW[1:].replace(exp, exp + later, 1))
    yield _refused("duplicate-exp", "exp stands twice", body, "1.8")
    kid = encode(4) + bstr(OFFICE.public.kid)
    header = b"\xa4" + pass_header()[1:].replace(kid, kid + kid, 1)
    body = odd_pass(RAW, header=header)
    yield _refused("duplicate-header-key", "kid stands twice in the header", body, "1.8")
    iat = encode(6) + encode(GOOD[6])
    body = odd_pass(RAW.replace(exp + iat, iat + exp, 1))
    yield _refused("keys-unsorted", "iat stands before exp", body, "1.8")


def _bounds() -> Iterator[Case]:
    many = b"\x99\x01\x01" + b"\x00" * 257
    yield _spelled("items-257", "an array of 257 items", 2, many, "1.9")
    yield _spelled("depth-9", "nine levels deep", 2, b"\x81" * 8 + b"\x00", "1.10")
    yield _spelled("depth-390", "390 levels deep", 2, b"\x81" * 389 + b"\x00", "1.10")


def _texts() -> Iterator[Case]:
    text = code.to_text(by_reference("ed25519"))
    bare = text.removeprefix(code.PREFIX)
    for name, what, body in (
        ("prefix-missing", "Base45 without the prefix", bare),
        ("prefix-lowercase", "the prefix in lower case", b"yp1:" + bare),
        ("prefix-other", "a health certificate", b"HC1:" + bare),
    ):
        yield Case(name, what, body, "4.4.1", "R-FOREIGN", is_text=True)
    long = code.PREFIX + base45.encode(bytes(682)).encode()
    for name, what, body, rule in (
        ("text-1027", "a text longer than any code", long, "4.4.2"),
        ("text-lowercase", "a letter in lower case", text[:9] + b"a" + text[10:], "4.4.3"),
        ("text-newline", "a line break at the end", text + b"\n", "4.4.3"),
        ("text-one-left", "a length that is 1 modulo 3", text + b"0", "4.4.4"),
        ("group-over-65535", "a group above 65535", code.PREFIX + b":::", "4.4.4"),
        ("pair-over-255", "a last pair above 255", code.PREFIX + b"::", "4.4.4"),
    ):
        yield Case(name, what, body, rule, "R-FORM", is_text=True)
