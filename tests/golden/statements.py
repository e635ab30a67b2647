"""Sections 3 and 4 gone wrong: what passes and codes state, signed by who should sign it."""

from collections.abc import Iterator

from golden.case import Case
from golden.showings import by_reference, self_contained
from makers import (
    AT,
    LIST,
    NONCE,
    OFFICE,
    PHONE,
    SITE,
    STRANGER,
    odd_code,
    odd_pass,
    pass_payload,
    pass_token,
    signer,
)

from appliance.passes.token import PASS_TYPE, handle_of
from ledger_sync import cbor
from ledger_sync.cbor import encode

KID = OFFICE.public.kid
HANDLE = handle_of(pass_token(PHONE))
_GONE = object()
ISS, SUB, EXP, IAT, CNF, STATUS, RIGHTS, CARRIER = 1, 2, 4, 6, 8, 65535, -65537, -65538


def _pass(name: str, what: str, rule: str, changes: dict, holder=None) -> Case:
    payload = {**pass_payload(holder), **changes}
    payload = {key: value for key, value in payload.items() if value is not _GONE}
    return Case(name, what, odd_pass(payload), rule, "R-FORM")


def _code(name: str, what: str, rule: str, payload: cbor.Value) -> Case:
    body = odd_code(encode(payload), header={1: -8, 4: HANDLE})
    return Case(name, what, body, rule, "R-FORM")


def cases() -> Iterator[Case]:
    yield from _pass_headers()
    yield from _claims()
    yield from _ranges()
    yield from _references()
    yield from _carriers()
    yield from _proofs()


def _pass_headers() -> Iterator[Case]:
    for name, what, header in (
        ("typ-other", "a type that is no pass", {1: -8, 4: KID, 16: 294}),
        ("typ-text", "a type in words that nobody knows",
         {1: -8, 4: KID, 16: "application/yp-promise+cwt"}),
        ("kid-missing", "no hint at the issuer", {1: -8, 16: PASS_TYPE}),
        ("kid-7-bytes", "a kid of 7 bytes", {1: -8, 4: KID[:7], 16: PASS_TYPE}),
        ("kid-text", "a kid that is text", {1: -8, 4: "office", 16: PASS_TYPE}),
    ):  # fmt: skip
        body = odd_pass(pass_payload(), header=encode(header))
        yield Case(name, what, body, "3.1", "R-FORM")


def _claims() -> Iterator[Case]:
    yield _pass("claim-unknown", "a claim nobody knows", "3.2", {7: b"id"})
    yield _pass("exp-missing", "no end", "3.4", {EXP: _GONE})
    yield _pass("sub-missing", "no subject", "3.3", {SUB: _GONE})
    body = odd_pass(encode([SITE, "mgECAwQFBgc"]))
    yield Case("claims-array", "the claims are an array", body, "3.2", "R-FORM")
    yield _pass("iss-empty", "an issuer without a name", "3.3", {ISS: ""})
    yield _pass("sub-65", "a subject of 65 characters", "3.3", {SUB: "s" * 65})
    yield _pass("sub-bytes", "a subject of bytes", "3.3", {SUB: b"mgECAwQFBgc"})
    yield _pass("exp-text", "exp as text", "3.4", {EXP: "2026-01-30"})
    yield _pass("exp-negative", "exp before 1970", "3.4", {EXP: -1})
    yield _pass("iat-2-to-53", "a time no JavaScript number holds", "3.4", {IAT: 2**53})
    yield _pass("exp-at-iat", "a pass that ends when it begins", "3.4", {EXP: AT, IAT: AT})


def _ranges() -> Iterator[Case]:
    place = {"idx": 1, "uri": LIST}
    for name, what, status in (
        ("status-missing", "no status list", _GONE),
        ("status-two-kinds", "a status list and something else", {"status_list": place, "x": 1}),
        ("status-extra", "a third field of the place", {"status_list": {**place, "x": 1}}),
        (
            "idx-131072",
            "a place past the end of the list",
            {"status_list": {**place, "idx": 131072}},
        ),
        ("uri-empty", "a list without a name", {"status_list": {**place, "uri": ""}}),
    ):
        yield _pass(name, what, "3.5", {STATUS: status})
    for name, what, rights in (
        ("rights-two", "no assurance", [1, 3]),
        ("class-0", "class 0", [0, 3, 0]),
        ("class-9", "class 9", [9, 3, 0]),
        ("class-true", "true for class 1", [True, 3, 0]),
        ("zones-2-to-53", "zone 53", [1, 2**53, 0]),
        ("assurance-4", "assurance 4", [1, 3, 4]),
    ):
        yield _pass(name, what, "3.6", {RIGHTS: rights})
    key = PHONE.public.to_cose()
    yield _pass("cnf-with-kid", "a key and a kid", "3.7", {CNF: {1: key, 3: KID}}, PHONE)
    yield _pass("cnf-kid-only", "a kid for a key", "3.7", {CNF: {3: KID}}, PHONE)
    yield _pass("assurance-0-with-key", "bearer, with a key", "3.8", {RIGHTS: [1, 3, 0]}, PHONE)
    yield _pass("carrier-7", "a card named by 7 bytes", "3.10", {CARRIER: bytes(7)})
    yield _pass("carrier-key", "a card beside a holder key", "3.10", {CARRIER: bytes(8)}, PHONE)
    yield _pass("assurance-2-bare", "a hardware key, without it", "3.8", {RIGHTS: [1, 3, 2]})


def _references() -> Iterator[Case]:
    good = {3: SITE, 6: AT}
    for name, what, header in (
        ("handle-7-bytes", "a handle of 7 bytes", {1: -8, 4: HANDLE[:7]}),
        ("handle-missing", "no handle", {1: -8}),
    ):
        yield Case(name, what, odd_code(good, header=header), "4.1.1", "R-FORM")
    yield _code("code-claim-unknown", "a code with an exp", "4.1.2", {**good, 4: AT})
    yield _code("code-iat-missing", "a code without a time", "4.1.2", {3: SITE})
    yield _code("code-array", "a code that is no map", "4.1.2", [SITE, AT])
    yield _code("aud-array", "two audiences", "4.1.3", {3: [SITE, "yp:hz08"], 6: AT})
    yield _code("aud-empty", "no audience", "4.1.3", {3: "", 6: AT})
    yield _code("aud-65", "an audience of 65 characters", "4.1.3", {3: "a" * 65, 6: AT})
    yield _code("code-iat-negative", "a time before 1970", "4.1.3", {3: SITE, 6: -1})
    yield _code("nonce-7-bytes", "a nonce of 7 bytes", "4.1.3", {**good, 39: NONCE[:7]})
    yield _code("nonce-null", "null for a nonce", "4.1.3", {**good, 39: None})


def _carriers() -> Iterator[Case]:
    held = pass_token(PHONE)
    item = cbor.decode(held)
    untagged = item.value
    for name, what, rule, header in (
        ("carrier-typ", "the type of a pass over a code", "4.2.1", {1: -8, 13: item, 16: 293}),
        ("carrier-no-typ", "no type", "4.2.1", {1: -8, 13: item}),
        ("carrier-kid", "a kid besides the pass", "4.2.1", {1: -8, 4: KID, 13: item, 16: 294}),
        ("pass-in-bytes", "the pass as a byte string", "4.2.2", {1: -8, 13: held, 16: 294}),
        ("pass-untagged", "the pass without its tag", "4.2.2", {1: -8, 13: untagged, 16: 294}),
    ):
        yield Case(name, what, odd_code({3: SITE, 6: AT}, header=header), rule, "R-FORM")
    inside = encode({1: -8, 13: cbor.decode(self_contained("ed25519")), 16: 294})
    body = odd_code({3: SITE, 6: AT}, header=inside)
    yield Case("code-in-code", "a code inside a code", body, "4.2.2", "R-FORM")
    header = encode({1: -8, 13: item, 16: 294})
    body = odd_code({3: SITE, 6: AT, 4: AT + 60}, header=header)
    yield Case("carrier-claim-unknown", "a code with an exp", body, "4.2.3", "R-FORM")


def _proofs() -> Iterator[Case]:
    body = pass_token(PHONE)
    what = "a pass with a holder key, shown bare"
    yield Case("holder-pass-bare", what, body, "4.3.1", "R-PROOF")
    header = {1: -8, 13: cbor.decode(pass_token()), 16: 294}
    body = odd_code({3: SITE, 6: AT}, header=header)
    yield Case("bearer-inside-code", "a bearer pass inside a code", body, "4.5.6", "R-PROOF")
    body = by_reference("ed25519", handle=bytes(8))
    yield Case("handle-unknown", "a handle nobody has", body, "4.5.2", "R-UNKNOWN")
    body = by_reference("ed25519", handle=handle_of(pass_token()))
    yield Case("handle-of-bearer", "the handle of a bearer pass", body, "4.5.2", "R-UNKNOWN")
    left = signer("left")
    body = by_reference("ed25519", handle=handle_of(pass_token(left, idx=77)), key=left)
    yield Case("handle-forgotten", "a pass the ledger forgot", body, "4.5.2", "R-UNKNOWN")
    what = "a pass of an issuer nobody knows"
    yield Case("self-issued", what, pass_token(office=STRANGER), "4.5.3", "R-ISSUER")
    header = encode({1: -8, 4: KID, 16: PASS_TYPE})
    body = odd_pass(pass_payload(), header=header, office=STRANGER)
    yield Case("kid-borrowed", "the issuer's kid over another key", body, "4.5.4", "R-SIG")
    what = "a pass in the name of another issuer than its signer"
    yield Case("iss-of-another", what, pass_token(issuer="yp:hz08"), "3.9", "R-ISSUER")
    body = pass_token()[:-64] + bytes(64)
    yield Case("pass-unsigned", "the issuer's signature is 64 zeros", body, "4.5.4", "R-SIG")
    unsigned = pass_token(PHONE)[:-64] + bytes(64)
    header = {1: -8, 13: cbor.decode(unsigned), 16: 294}
    body = odd_code({3: SITE, 6: AT}, header=header)
    what = "an unsigned pass inside a code that is signed"
    yield Case("pass-inside-unsigned", what, body, "4.5.4", "R-SIG")
    body = by_reference("ed25519", key=STRANGER)
    yield Case("handle-of-another", "another holder's handle", body, "4.5.7", "R-SIG")
