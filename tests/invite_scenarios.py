"""Showings of invites without a gate: each token, honest or hostile, and the end it must come to.

The golden files of sections 4.7 to 4.10 with their answers, what they leave open, and the writers.
"""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

from golden import invites as golden
from golden.showings import by_reference, self_contained
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
    SITE,
    enrolled,
    issuer_key,
    pass_token,
)

from appliance.passes import code, invite, verify, verify_invite
from appliance.passes.token import handle_of
from ledger_sync.errors import Refused

ROWS = {handle_of(held): enrolled(held) for held in map(pass_token, HOLDERS.values())}
ISSUERS = {OFFICE.public.kid: (issuer_key(),)}


class Modules(NamedTuple):
    """What reads, what it reads with, and what proves; one of them may be a mutant."""

    code: ModuleType = code
    invite: ModuleType = invite
    verify_invite: ModuleType = verify_invite


def shown(token: bytes, *, back: bool = False) -> Callable[[Modules], Any]:
    """Reads and proves `token`; with `back` as a revocation."""

    def end(modules: Modules) -> Any:
        found = modules.code.general(token)
        module = modules.verify_invite
        prove = module.prove_revocation if back else module.prove_invite
        row, issuers = ROWS.get(found.handle), ISSUERS.get(found.kid, ())
        proof = prove(found, enrolled=row, issuers=issuers)
        rest = () if back else (proof.zones, proof.begins_at, proof.expires_at)
        return found.form, tuple(proof), rest

    return end


def forgetting(step: str, answer: Any, token: bytes) -> Callable[[Modules], Any]:
    """Reads and proves `token` while a step of verify.py leaves no mark."""

    def end(modules: Modules) -> Any:
        with patch.object(verify, step, lambda *_: answer):
            return shown(token)(modules)

    return end


def written(name: str, *args: Any, **named: Any) -> Callable[[Modules], Any]:
    return lambda modules: getattr(modules.invite, name)(*args, **named)


def outcome(end: Callable[[Modules], Any], modules: Modules) -> Any:
    """What comes of it: what is proven or written, the reason, or the error that ends it."""
    try:
        return end(modules)
    except Refused as refused:
        return refused.reason
    except Exception as error:  # noqa: BLE001 - whatever a mutant raises is noticed
        return type(error).__name__


class Scenario(NamedTuple):
    run: Callable[[Modules], Any]
    ends: Any


def _good() -> Iterator[tuple[str, Callable[[Modules], Any]]]:
    """Honest showings. They end as the source at hand ends them: test_invite.py looks at that."""
    tokens: dict[str, tuple[bytes, bool]] = {}
    for kind, visitor in VISITORS.items():
        for carried in (False, True):
            way = f"{kind} {'carried' if carried else 'by reference'}"
            code_e = visiting(visitor, kind, carried=carried, nonce=NONCE)
            tokens[f"visitor {way}"] = code_e, False
            tokens[f"bearer {way}"] = invited(None, kind, carried=carried), False
            tokens[f"taken back {way}"] = taken_back(kind, carried=carried), True
    for name, changes in (
        ("least", {"nbf": 0, "exp": 1, "zones": 0, "uses": 1}),
        ("most", {"exp": 2**53 - 1, "zones": 2**53 - 1, "uses": 255, "flags": 1}),
        ("longer than the pass", {"nbf": AT - 2 * DAY, "exp": AT + 30 * DAY, "zones": 6}),
        ("somewhere", {"audience": "a" * 64}),
    ):
        tokens[name] = invited(**changes), False
    for name, (token, back) in tokens.items():
        yield name, shown(token, back=back)
    issuer = ISSUERS[OFFICE.public.kid][0]
    for step, answer in (
        ("check_issuer_known", 0),
        ("check_pass_signed", (0, issuer)),
        ("check_pass_claims", 0),
    ):
        yield f"without {step}", forgetting(step, answer, invited(carried=True))
    run = forgetting("check_enrolled", (0, PHONE.public), invited())
    yield "without check_enrolled", run


def _written() -> Iterator[tuple[str, Callable[[Modules], Any]]]:
    """What the writers make, and what they refuse to."""
    host, carried = hosted("ed25519"), hosted("p256", carried=True)
    p256 = VISITORS["p256"]
    for name, claims in (
        ("bearer", stated()),
        ("keyed", stated(VISITOR, audience=SITE, flags=1)),
        ("ends too soon", stated(exp=AT - HOUR)),
        ("for no use", stated(uses=0)),
    ):
        yield f"writes, {name}", written("invite", claims, host=host, key=PHONE)
    yield "writes, no host", written("invite", stated(), host={}, key=PHONE)
    for name, cti, by in (("good", CTI, host), ("short", CTI[:7], host), ("no host", CTI, {})):
        run = written("revocation", cti, issued_at=AT, host=by, key=PHONE)
        yield f"writes a revocation, {name}", run
    at = {"audience": SITE, "issued_at": AT, "nonce": NONCE}
    for name, token, key in (
        ("keyed", invited(VISITOR), VISITOR),
        ("bearer", invited(), VISITOR),
        ("another's", invited(VISITOR), PHONE),
        ("no invite", visiting(), VISITOR),
        ("a revocation", taken_back(), VISITOR),
    ):
        yield f"writes a code, {name}", written("visitor_code", token, **at, key=key)
        yield f"prints, {name}", written("bearer", token)
    long = invite.invite(stated(p256, audience="a" * 64), host=carried, key=HOLDERS["p256"])
    for size in (42, 43):
        named = {**at, "audience": "a" * size}
        yield f"writes a code, {size}", written("visitor_code", long, **named, key=p256)


def _bad() -> Iterator[tuple[str, Callable[[Modules], Any], Any]]:
    """Hostile ones. The golden files say how each ends."""
    for case in golden.cases():
        if case.kind in ("visit", "uninvite") and case.expect != "accepted":
            yield case.name, shown(case.body, back=case.kind == "uninvite"), case.expect
    for name, token, expect in (
        ("a code by reference", by_reference("ed25519"), "R-SIG"),
        ("a self-contained code", self_contained("ed25519"), "R-SIG"),
        ("a pass", pass_token(PHONE), "R-SIG"),
        ("a printed pass", pass_token(), "R-PROOF"),
        ("a revocation", taken_back(), "R-FORM"),
        ("over another type", odd_visit(invited(VISITOR), header=_ODD), "R-FORM"),
        ("ends before it begins", odd_invite({**payload_of(), 4: AT - 2 * HOUR}), "R-FORM"),
    ):
        yield f"as an invite, {name}", shown(token), expect
    for name, token in (("invite", invited()), ("visitor's code", visiting())):
        yield f"as a revocation, {name}", shown(token, back=True), "R-FORM"


_ODD = {1: -8, 13: [0], 16: 294}


def scenarios() -> dict[str, Scenario]:
    found = {name: Scenario(run, ends) for name, run, ends in _bad()}
    for name, run in (*_good(), *_written()):
        found[name] = Scenario(run, outcome(run, Modules()))
    return found
