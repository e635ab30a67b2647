"""Sections 4.7 to 4.10: invites, who shows them, who takes them back; and each gone wrong."""

from collections.abc import Iterator

from golden.case import Case
from golden.showings import KIND_OF, by_reference, self_contained
from guests import (
    CTI,
    VISITOR,
    VISITOR_P256,
    VISITORS,
    hosted,
    invited,
    odd_invite,
    odd_visit,
    payload_of,
    taken_back,
    visiting,
)
from makers import (
    AT,
    NONCE,
    OFFICE,
    PHONE,
    PHONE_P256,
    SITE,
    STRANGER,
    odd_pass,
    pass_payload,
    pass_token,
)

from appliance.passes import invite
from appliance.passes.invite import UNINVITE_TYPE
from appliance.passes.token import PASS_TYPE, handle_of
from ledger_sync import cbor
from ledger_sync.cbor import encode

_GONE = object()
_NBF, _EXP, _CTI, _CNF, _AUD, _RIGHTS = 5, 4, 7, 8, 3, -65537


def _visit(name: str, what: str, rule: str, body: bytes, expect: str = "R-FORM") -> Case:
    return Case(name, what, body, rule, expect, kind="visit")


def _uninvite(name: str, what: str, rule: str, body: bytes, expect: str = "R-FORM") -> Case:
    return Case(name, what, body, rule, expect, kind="uninvite")


def _claims(name: str, what: str, rule: str, changes: dict, expect: str = "R-FORM") -> Case:
    """A bearer invite that states this, truly signed by its host."""
    payload = {**payload_of(), **changes}
    payload = {key: value for key, value in payload.items() if value is not _GONE}
    return _visit(f"invite-{name}", what, rule, odd_invite(payload), expect)


def cases() -> Iterator[Case]:
    yield from _good()
    yield from _headers()
    yield from _statements()
    yield from _visitors()
    yield from _revocations()
    yield from _hosts()
    yield from _signers()


def _good() -> Iterator[Case]:
    for kind, visitor in VISITORS.items():
        more = (("host", kind),)
        for way, carried in (("", False), ("-carried", True)):
            keys = f"{KIND_OF[kind]}, the host's pass {'carried' if carried else 'by reference'}"
            name, what = f"invite-{kind}{way}", f"an invite for a visitor's key, {keys}"
            body = invited(visitor, kind, carried=carried)
            yield Case(name, what, body, "4.7.1", "accepted", kind="invite", more=more)
            body = visiting(visitor, kind, carried=carried)
            yield _visit(
                f"code-e-{kind}{way}", f"a visitor's code, {keys}", "4.8.1", body, "accepted"
            )
            body = invited(None, kind, carried=carried)
            yield _visit(
                f"code-f-{kind}{way}", f"a bearer invite, {keys}", "4.9.1", body, "accepted"
            )
            what = f"an invite taken back, {keys}"
            body = taken_back(kind, carried=carried)
            yield _uninvite(f"code-r-{kind}{way}", what, "4.10.1", body, "accepted")
    what = "a visitor's code with the gate's nonce"
    yield _visit("code-e-nonce", what, "4.8.2", visiting(nonce=NONCE), "accepted")
    what = "a bearer invite with all that it may state"
    body = invited(audience=f"{SITE}/north", zones=2**53 - 1, uses=255, flags=invite.ESCORTED)
    yield _visit("invite-full", what, "4.7.7", body, "accepted")


def _headers() -> Iterator[Case]:
    handle, held = handle_of(pass_token(PHONE)), pass_token(PHONE)
    item, good = cbor.decode(held), payload_of()
    for name, what, header in (
        ("no-host", "an invite of nobody", {}),
        ("handle-7", "a host named by 7 bytes", {4: handle[:7]}),
        ("handle-text", "a host named by text", {4: "resident"}),
        ("two-hosts", "a host by reference and carried", {4: handle, 13: item}),
        ("pass-in-bytes", "the host's pass as a byte string", {13: held}),
        ("pass-untagged", "the host's pass without its tag", {13: item.value}),
        ("in-invite", "an invite on the strength of an invite", {13: cbor.decode(invited(PHONE))}),
        (
            "on-code",
            "an invite on the strength of a code",
            {13: cbor.decode(self_contained("ed25519"))},
        ),
        (
            "on-reference",
            "an invite on the strength of a code by reference",
            {13: cbor.decode(by_reference("ed25519"))},
        ),
    ):
        body = odd_invite(good, header=header)
        yield _visit(f"invite-{name}", what, "4.7.1", body)


def _statements() -> Iterator[Case]:
    yield _claims("claim-unknown", "an invite with an iat", "4.7.2", {6: AT})
    yield _claims("cti-missing", "an invite without a name", "4.7.2", {_CTI: _GONE})
    yield _claims("rights-missing", "an invite without rights", "4.7.2", {_RIGHTS: _GONE})
    yield _visit("invite-array", "no map", "4.7.2", odd_invite(encode([AT, CTI])))
    yield _claims("no-end", "an invite without an end", "4.7.2", {_EXP: _GONE})
    yield _claims("no-begin", "an invite without a begin", "4.7.2", {_NBF: _GONE})
    yield _claims(
        "exp-at-nbf", "an invite that ends when it begins", "4.7.3", {_EXP: AT, _NBF: AT}
    )
    yield _claims("exp-text", "an end in words", "4.7.3", {_EXP: "tonight"})
    yield _claims("nbf-negative", "a begin before 1970", "4.7.3", {_NBF: -1})
    yield _claims("cti-7", "a name of 7 bytes", "4.7.4", {_CTI: CTI[:7]})
    yield _claims("cti-text", "a name that is text", "4.7.4", {_CTI: "birthday"})
    key = VISITOR.public.to_cose()
    yield _claims("cnf-kid", "a kid for a key", "4.7.5", {_CNF: {3: VISITOR.public.kid}})
    yield _claims("cnf-two", "a key and a kid", "4.7.5", {_CNF: {1: key, 3: bytes(8)}})
    yield _claims("cnf-null", "null for a key", "4.7.5", {_CNF: None})
    off = {**VISITOR_P256.public.to_cose(), -3: bytes(32)}
    what = "a visitor's key that is no point of the curve"
    yield _claims("key-off-curve", what, "2.12", {_CNF: {1: off}}, "R-SIG")
    yield _claims("aud-empty", "an audience without a name", "4.7.6", {_AUD: ""})
    yield _claims("aud-65", "an audience of 65 characters", "4.7.6", {_AUD: "a" * 65})
    yield _claims("aud-null", "null for an audience", "4.7.6", {_AUD: None})
    for name, what, rights in (
        ("class-1", "an invite that makes a resident", [1, 1, 1, 0]),
        ("class-5", "an invite that makes a courier", [5, 1, 1, 0]),
        ("zones-2-to-53", "zone 53", [4, 2**53, 1, 0]),
        ("uses-0", "an invite for no use", [4, 1, 0, 0]),
        ("uses-256", "256 uses", [4, 1, 256, 0]),
        ("uses-true", "true for one use", [4, 1, True, 0]),
        ("flag-unknown", "a flag that this version does not know", [4, 1, 1, 2]),
        ("flags-3", "a flag that is known, and one that is not", [4, 1, 1, 3]),
        ("flag-true", "true for a flag", [4, 1, 1, True]),
        ("rights-three", "no flags", [4, 1, 1]),
        ("rights-five", "a fifth right", [4, 1, 1, 0, 0]),
        ("rights-map", "rights that are no array", {0: 4, 1: 1, 2: 1, 3: 0}),
    ):
        yield _claims(name, what, "4.7.7", {_RIGHTS: rights})


def _visitors() -> Iterator[Case]:
    over = invited(VISITOR)
    item = cbor.decode(over)
    for name, what, header in (
        ("typ", "the type of a pass over an invite", {1: -8, 13: item, 16: 293}),
        ("no-typ", "an invite under no type", {1: -8, 13: item}),
        ("kid", "a kid besides the invite", {1: -8, 4: bytes(8), 13: item, 16: 294}),
        ("in-bytes", "the invite as a byte string", {1: -8, 13: over, 16: 294}),
    ):
        body = odd_visit(over, header=header)
        yield _visit(f"visit-{name}", what, "4.8.1", body)
    for name, what, inside in (
        ("in-visit", "a visitor's code inside a visitor's code", visiting()),
        ("over-revocation", "a code over a revocation", taken_back()),
    ):
        yield _visit(f"visit-{name}", what, "4.2.2", odd_visit(inside))
    for name, what, payload in (
        ("no-aud", "a visitor's code for nobody", {6: AT}),
        ("exp", "a visitor's code with an exp", {3: SITE, 6: AT, 4: AT + 60}),
        ("nonce-7", "a nonce of 7 bytes", {3: SITE, 6: AT, 39: NONCE[:7]}),
    ):
        body = odd_visit(over, payload=payload)
        yield _visit(f"visit-{name}", what, "4.8.2", body)
    what = "an invite for a visitor's key, shown bare"
    yield _visit("visit-bare", what, "4.9.1", over, "R-PROOF")
    what = "a bearer invite inside the code of whoever found it"
    yield _visit("visit-bearer", what, "4.5.20", odd_visit(invited()), "R-PROOF")
    what = "the code of another visitor than the invite names"
    yield _visit("visit-stranger", what, "4.5.20", odd_visit(over, key=STRANGER), "R-SIG")
    what = "the code of the host over the invite that he made"
    yield _visit("visit-by-host", what, "4.5.20", odd_visit(over, key=PHONE), "R-SIG")
    body = visiting()[:-64] + bytes(64)
    yield _visit("visit-unsigned", "the visitor's signature is 64 zeros", "4.5.20", body, "R-SIG")


def _revocations() -> Iterator[Case]:
    good = {6: AT, _CTI: CTI}

    def signed(payload: cbor.Value, header: dict | None = None) -> bytes:
        return odd_invite(encode(payload), header=header, typ=UNINVITE_TYPE)

    inside = {13: cbor.decode(invited(VISITOR))}
    for name, what, header in (
        ("no-host", "taken back by nobody", {}),
        ("handle-7", "a host named by 7 bytes", {4: bytes(7)}),
        ("over-invite", "the invite itself for its host's pass", inside),
    ):
        yield _uninvite(f"uninvite-{name}", what, "4.10.1", signed(good, header))
    for name, what, payload in (
        ("no-cti", "which invite, is not said", {6: AT}),
        ("no-iat", "no time", {_CTI: CTI}),
        ("exp", "a revocation that ends", {**good, 4: AT + 60}),
        ("cti-9", "a name of 9 bytes", {**good, _CTI: bytes(9)}),
        ("iat-text", "a time in words", {**good, 6: "now"}),
        ("array", "no map", [AT, CTI]),
    ):
        yield _uninvite(f"uninvite-{name}", what, "4.10.2", signed(payload))
    for name, what, key in (
        ("stranger", "taken back by a stranger", STRANGER),
        ("neighbour", "taken back by another resident", PHONE_P256),
        ("visitor", "taken back by the visitor", VISITOR),
    ):
        body = odd_invite(good, key=key, typ=UNINVITE_TYPE)
        yield _uninvite(f"uninvite-{name}", what, "4.5.18", body, "R-SIG")


def _hosts() -> Iterator[Case]:
    good = payload_of()
    body = odd_invite(good, header={4: bytes(8)})
    yield _visit("host-unknown", "a host nobody knows", "4.5.15", body, "R-UNKNOWN")
    body = odd_invite(good, header={4: handle_of(pass_token())})
    yield _visit("host-bearer", "the handle of a bearer pass", "4.5.15", body, "R-UNKNOWN")
    borrowed = odd_pass(
        pass_payload(PHONE), header=encode({1: -8, 4: OFFICE.public.kid, 16: 293}), office=STRANGER
    )
    for name, what, held, expect in (
        (
            "self-issued",
            "the host's pass is of an issuer nobody knows",
            pass_token(PHONE, office=STRANGER),
            "R-ISSUER",
        ),
        ("borrowed", "the host's pass under the issuer's kid", borrowed, "R-SIG"),
        (
            "other-issuer",
            "the host's pass names another issuer",
            pass_token(PHONE, issuer="yp:hz08"),
            "R-ISSUER",
        ),
        (
            "ill-formed",
            "the host's pass states class 9",
            odd_pass({**pass_payload(PHONE), _RIGHTS: [9, 3, 2]}),
            "R-FORM",
        ),
    ):
        body = odd_invite(good, header={13: cbor.decode(held)})
        yield _visit(f"host-{name}", what, "4.5.16", body, expect)
    body = odd_invite(good, header={13: cbor.decode(pass_token())})
    yield _visit("host-print", "a bearer pass as a host's", "4.5.17", body, "R-PROOF")


def _signers() -> Iterator[Case]:
    good, keyed = payload_of(), payload_of(VISITOR)
    carried = hosted("ed25519", carried=True)
    own_pass = {13: cbor.decode(_self_made())}
    for name, what, body in (
        ("stranger", "an invite signed by a stranger", odd_invite(good, key=STRANGER)),
        (
            "stranger-carried",
            "a stranger's invite over a true pass",
            odd_invite(good, header=carried, key=STRANGER),
        ),
        ("neighbour", "an invite signed by another resident", odd_invite(good, key=PHONE_P256)),
        (
            "visitor",
            "the key inside the invite signed the invite",
            odd_visit(odd_invite(keyed, key=VISITOR)),
        ),
        (
            "visitor-carried",
            "the key inside the invite signed it, over the host's true pass",
            odd_visit(odd_invite(keyed, header=carried, key=VISITOR)),
        ),
        ("office", "an invite signed by the issuer", odd_invite(good, key=OFFICE)),
        ("unsigned", "the host's signature is 64 zeros", invited()[:-64] + bytes(64)),
    ):
        yield _visit(f"invite-by-{name}", what, "4.5.18", body, "R-SIG")
    body = odd_visit(odd_invite(keyed, header=own_pass, key=VISITOR))
    what = "a visitor who made the host's pass for his own key, under the issuer's kid"
    yield _visit("invite-by-own-pass", what, "4.5.16", body, "R-SIG")


def _self_made() -> bytes:
    header = encode({1: -8, 4: OFFICE.public.kid, 16: PASS_TYPE})
    return odd_pass(pass_payload(VISITOR), header=header, office=VISITOR)
