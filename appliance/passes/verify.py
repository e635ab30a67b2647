"""Who signed what: the numbered verification list of FORMAT.md section 4.5.

Cryptography and grammar only. Whether a verified code may open a gate now is for appliance.policy.
Each step proves one thing and leaves its mark; a verdict is built only over a full set of marks.

    1  the text is one of ours and parses                      code.parse
    2  REFERENCE: the handle is enrolled here                  check_enrolled
    3  SELF, STATIC: the issuer is known by kid                check_issuer_known
    4  SELF, STATIC: an issuer key signed the pass             check_pass_signed
    5  SELF, STATIC: the claims of the pass are well formed,   token.claims_of
       and name the issuer whose key signed it                 check_pass_claims
    6  STATIC: the pass is a bearer pass, shown by its card    check_bearer
    7  REFERENCE, SELF: the holder's key signed the code       check_holder_signed
    8  REFERENCE, SELF: the claims of the code are well formed code.claims_of

Steps 9 to 14 are for cards (card.py), 15 to 22 for invites (verify_invite.py).
Audience, time, replay and status are facts, judged later.
"""

import enum
from collections.abc import Sequence
from typing import NamedTuple

from appliance.passes import code as codes
from appliance.passes import token
from appliance.passes.code import Code, Form
from appliance.passes.shapes import Layer
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey, key_of
from ledger_sync.replica import Enrolled, IssuerKey


class Mark(enum.IntFlag):
    """One proven step of the list above. A mask of them may exceed a byte."""

    ENROLLED = 1
    ISSUER_KNOWN = 2
    PASS_SIGNED = 4
    PASS_CLAIMS = 8
    BEARER = 16
    HOLDER_SIGNED = 32
    CODE_CLAIMS = 64
    ASKED = 128
    HOST_KNOWN = 256  # stands for ENROLLED, or for all marks of a pass: those of the host
    HOST_SIGNED = 512
    INVITE_CLAIMS = 1024
    VISITOR_SIGNED = 2048
    KEYLESS = 4096
    UNINVITE_CLAIMS = 8192


_PASS = int(Mark.ISSUER_KNOWN | Mark.PASS_SIGNED | Mark.PASS_CLAIMS)
_CODE = int(Mark.HOLDER_SIGNED | Mark.CODE_CLAIMS)
_TAP = int(Mark.ASKED | Mark.ENROLLED | Mark.HOLDER_SIGNED)
_HOST = int(Mark.HOST_KNOWN | Mark.HOST_SIGNED)
_INVITE = _HOST | int(Mark.INVITE_CLAIMS)
REQUIRED: dict[int, int] = {
    Form.UNREADABLE: 0,
    Form.REFERENCE: int(Mark.ENROLLED) | _CODE,
    Form.SELF_CONTAINED: _PASS | _CODE,
    Form.STATIC: _PASS | int(Mark.BEARER),
    Form.TAP: _TAP,
    Form.CERTIFIED_TAP: _TAP | _PASS,
    Form.NUMBER: int(Mark.ENROLLED),
    Form.VISITOR: _INVITE | int(Mark.VISITOR_SIGNED | Mark.CODE_CLAIMS),
    Form.BEARER_INVITE: _INVITE | int(Mark.KEYLESS),
}
"""The marks each form needs, as a mask. UNINVITE is not here: a revocation, however well proven,
is complete for no verdict."""
UNINVITE_MARKS = _HOST | int(Mark.UNINVITE_CLAIMS)
"""The marks a revocation needs to be believed."""

_ENROLLED, _ISSUER_KNOWN, _PASS_SIGNED, _PASS_CLAIMS, _BEARER, _HOLDER_SIGNED, _CODE_CLAIMS, *_ = (
    int(mark) for mark in Mark
)


class ReferenceProof(NamedTuple):
    """What is proven of a code by reference: the marks, and what its holder stated."""

    marks: int
    claims: codes.Claims


class PassProof(NamedTuple):
    """What is proven of a code that carries its pass. `claims` is None for STATIC."""

    marks: int
    issuer: IssuerKey
    held: token.Pass
    claims: codes.Claims | None


def prove_reference(code: Code, enrolled: Enrolled | None) -> ReferenceProof:
    """Steps 2, 7, 8. Raises `Refused`: R-UNKNOWN, R-SIG, R-FORM."""
    marks, key = check_enrolled(enrolled)
    marks |= check_holder_signed(code, key)
    claims = code.claims or codes.claims_of(_payload(code.outer))
    return tuple.__new__(ReferenceProof, (marks | _CODE_CLAIMS, claims))


def prove_carried(
    code: Code, issuers: Sequence[IssuerKey], *, carrier: bytes | None = None
) -> PassProof:
    """Steps 3 to 8 for a code that brings its pass along, SELF_CONTAINED or STATIC. `carrier` is
    the name of the card that it was read from (card.py), None for a picture.

    Raises `Refused`: R-ISSUER, R-SIG, R-PROOF, R-FORM.
    """
    marks = check_issuer_known(issuers)
    mark, issuer = check_pass_signed(code, issuers)
    held = token.claims_of(_payload(code.inner))
    marks |= mark | check_pass_claims(held, issuer)
    if code.form is Form.STATIC:
        return PassProof(marks | check_bearer(held, carrier), issuer, held, None)
    if held.key is None:
        raise Refused("a bearer pass inside a holder's code", reason="R-PROOF")
    marks |= check_holder_signed(code, held.key)
    claims = code.claims or codes.claims_of(_payload(code.outer))
    return tuple.__new__(PassProof, (marks | _CODE_CLAIMS, issuer, held, claims))


def _payload(signed: Layer | None) -> bytes:
    return signed.payload if signed else b""


# The steps. Each returns its mark, so a step that was not taken leaves a gap no verdict forgives.


def check_enrolled(enrolled: Enrolled | None) -> tuple[int, PublicKey]:
    """2. Somebody with this handle is enrolled; the holder key the ledger names."""
    if enrolled is None:
        raise Refused("no pass with this handle is enrolled here", reason="R-UNKNOWN")
    return _ENROLLED, key_of(enrolled.key)


def check_issuer_known(issuers: Sequence[IssuerKey]) -> int:
    """3. The ledger names at least one issuer key with this kid."""
    if not issuers:
        raise Refused("the issuer of this pass is not known here", reason="R-ISSUER")
    return _ISSUER_KNOWN


def check_pass_signed(code: Code, issuers: Sequence[IssuerKey]) -> tuple[int, IssuerKey]:
    """4. The first of these keys that verifies; never a key from the token itself."""
    for issuer in issuers:
        key, inner = issuer.key, code.inner
        if inner is not None and key.holds(inner.alg, inner.signature, inner.to_be_signed):
            return _PASS_SIGNED, issuer
    raise Refused("no known issuer key signed this pass", reason="R-SIG")


def check_pass_claims(held: token.Pass, issuer: IssuerKey) -> int:
    """5. The pass names the issuer whose key it is signed with."""
    if held.issuer != issuer.name:
        raise Refused("a pass that names another issuer than its signer", reason="R-ISSUER")
    return _PASS_CLAIMS


def check_bearer(held: token.Pass, carrier: bytes | None = None) -> int:
    """6. A pass shown bare must be one that was issued to be shown bare; one that belongs to a
    card, by that card."""
    if held.key is not None:
        raise Refused("a pass with a holder key, shown without its proof", reason="R-PROOF")
    if held.carrier is not None and held.carrier != carrier:
        raise Refused("a pass that was copied from its card", reason="R-PROOF")
    return _BEARER


def check_holder_signed(code: Code, key: PublicKey) -> int:
    """7. The holder's own key signed the code."""
    outer = code.outer
    if outer is None or not key.holds(outer.alg, outer.signature, outer.to_be_signed):
        raise Refused("the holder's key did not sign this code", reason="R-SIG")
    return _HOLDER_SIGNED
