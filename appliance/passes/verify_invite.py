"""Who invited whom: the numbered verification list for invites. FORMAT.md section 4.5.

The steps of section 4.5 for what a host signed, in their order, beside those in verify.py:

    15  by reference: the host's pass is enrolled here (2)     check_host
    16  carried: issuer known, signed, claims (3 to 5)         check_host
    17  carried: the host's pass has a holder key              check_host
    18  the host's key signed the invite, or its revocation    check_host_signed
    19  the claims of the invite are well formed               invite.claims_of
    20  VISITOR: the invite names a key, and it signed the     check_visitor_signed
        code; BEARER_INVITE: the invite names none             check_keyless
    21  VISITOR: the claims of the code are well formed        code.claims_of
    22  UNINVITE: the claims of the revocation are well formed invite.revocation_of

A host's key comes from the ledger, or from a pass that a key of the ledger signed; never from the
invite. Whether he may invite, for how long, how often and where is judged later.
"""

from collections.abc import Sequence
from typing import NamedTuple

from appliance.passes import code as codes
from appliance.passes import invite as invites
from appliance.passes import token, verify
from appliance.passes.code import Code, Form
from appliance.passes.invite import Invite
from appliance.passes.shapes import Layer
from appliance.passes.verify import Mark
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey
from ledger_sync.replica import Enrolled, IssuerKey

_ENROLLED = int(Mark.ENROLLED)
_PASS = int(Mark.ISSUER_KNOWN | Mark.PASS_SIGNED | Mark.PASS_CLAIMS)


class Host(NamedTuple):
    """Who invites, by his pass: its rights and times, and the key he signs with.

    By reference they are those of the row, which says how he stands, too; `issuer` and `held` are
    None. Carried they are those of the pass `held`, signed by `issuer`; how he stands is told by
    his place in its status list.
    """

    key: PublicKey
    klass: int
    zones: int
    assurance: int
    issued_at: int
    expires_at: int
    issuer: IssuerKey | None
    held: token.Pass | None


class InviteProof(NamedTuple):
    """What is proven of an invite that was shown. `claims` is what the visitor stated, None for
    a bearer invite; `credential` stands for the invite where uses are counted.

    What the visitor may is computed, an intersection: never more than host and invite both give.
    """

    marks: int
    host: Host
    invite: Invite
    claims: codes.Claims | None
    credential: bytes

    @property
    def zones(self) -> int:
        return self.host.zones & self.invite.zones

    @property
    def begins_at(self) -> int:
        """The first second in which invite and host's pass are both valid."""
        return max(self.host.issued_at, self.invite.nbf)

    @property
    def expires_at(self) -> int:
        """The second in which the first of the two ends."""
        return min(self.host.expires_at, self.invite.exp)


class RevocationProof(NamedTuple):
    """What is proven of a revocation: the invite whose name is `credential` is taken back."""

    marks: int
    host: Host
    revocation: invites.Revocation
    credential: bytes


def prove_invite(
    code: Code, *, enrolled: Enrolled | None = None, issuers: Sequence[IssuerKey] = ()
) -> InviteProof:
    """Steps 15 to 21 for a VISITOR or a BEARER_INVITE. `enrolled` is the row of `code.handle`,
    asked where the code brings no pass; `issuers` are those of `code.kid`, asked where it does.

    Raises `Refused`: R-UNKNOWN, R-ISSUER, R-SIG, R-PROOF, R-FORM.
    """
    mark, host = check_host(code, enrolled, issuers)
    marks = mark | check_host_signed(code, host.key)
    invite = invites.claims_of(_payload(code.invite))
    marks |= Mark.INVITE_CLAIMS
    credential = invites.credential_of(code.handle, invite.cti)
    if code.form is Form.BEARER_INVITE:
        marks |= check_keyless(invite)
        return InviteProof(int(marks), host, invite, None, credential)
    marks |= check_visitor_signed(code, invite)
    claims = codes.claims_of(_payload(code.outer))
    marks |= Mark.CODE_CLAIMS
    return InviteProof(int(marks), host, invite, claims, credential)


def prove_revocation(
    code: Code, *, enrolled: Enrolled | None = None, issuers: Sequence[IssuerKey] = ()
) -> RevocationProof:
    """Steps 15 to 18 and 22 for an UNINVITE; complete with the marks `verify.UNINVITE_MARKS`.

    Raises `Refused`: R-UNKNOWN, R-ISSUER, R-SIG, R-PROOF, R-FORM.
    """
    mark, host = check_host(code, enrolled, issuers)
    marks = mark | check_host_signed(code, host.key)
    revocation = invites.revocation_of(_payload(code.invite))
    credential = invites.credential_of(code.handle, revocation.cti)
    return RevocationProof(int(marks | Mark.UNINVITE_CLAIMS), host, revocation, credential)


def _payload(signed: Layer | None) -> bytes:
    return signed.payload if signed else b""


# The steps. Each returns its mark, so a step that was not taken leaves a gap no verdict forgives.


def check_host(
    code: Code, enrolled: Enrolled | None, issuers: Sequence[IssuerKey]
) -> tuple[int, Host]:
    """15 to 17. The host's pass, proven as any other is, and the key it gives him."""
    if code.inner is None:
        marks, key = verify.check_enrolled(enrolled)
        assert enrolled is not None  # proven by step 2
        rights = enrolled[1:6]
        return _known(marks, _ENROLLED), Host(key, *rights, None, None)
    marks = verify.check_issuer_known(issuers)
    mark, issuer = verify.check_pass_signed(code, issuers)
    held = token.claims_of(code.inner.payload)
    marks |= mark | verify.check_pass_claims(held, issuer)
    if held.key is None:
        raise Refused("a bearer pass, whose holder signs nothing, as a host's", reason="R-PROOF")
    rights = (held.klass, held.zones, held.assurance, held.issued_at, held.expires_at)
    return _known(marks, _PASS), Host(held.key, *rights, issuer, held)


def _known(marks: int, needed: int) -> int:
    """One mark for both ways to know a host, if no step of the way is missing."""
    return int(Mark.HOST_KNOWN) if marks == needed else 0


def check_host_signed(code: Code, key: PublicKey) -> int:
    """18. The key of the host's pass signed the invite or its revocation."""
    signed = code.invite
    if signed is None or not key.holds(signed.alg, signed.signature, signed.to_be_signed):
        raise Refused("the host's key did not sign this", reason="R-SIG")
    return int(Mark.HOST_SIGNED)


def check_visitor_signed(code: Code, invite: Invite) -> int:
    """20. The key that the host wrote into the invite signed the code."""
    outer, key = code.outer, invite.key
    if outer is None or key is None:
        raise Refused("a visitor's code needs an invite with a key, and a proof", reason="R-PROOF")
    if not key.holds(outer.alg, outer.signature, outer.to_be_signed):
        raise Refused("the visitor's key did not sign this code", reason="R-SIG")
    return int(Mark.VISITOR_SIGNED)


def check_keyless(invite: Invite) -> int:
    """20. An invite shown bare must be one that was made to be shown bare."""
    if invite.key is not None:
        raise Refused("an invite for a visitor's key, shown without its proof", reason="R-PROOF")
    return int(Mark.KEYLESS)
