"""The facts of a visitor: what the host may, what he gave away, how both stand. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from appliance.passes.code import Form
from appliance.passes.token import HolderClass
from appliance.passes.verify_invite import InviteProof
from appliance.policy.facts import Around, Audience, Facts, Invitation, Nonce
from appliance.policy.site_rule import SiteRule
from ledger_sync.replica import IssuerKey, Standing

_OTHER, _ABSENT = int(Audience.OTHER), int(Nonce.ABSENT)
_RIGHT, _WRONG = int(Nonce.RIGHT), int(Nonce.WRONG)


class Here(NamedTuple):
    """What holds at this gate now: direction and zones, whom codes may be for, the numbers shown,
    the ledger's (quorum time, floor, critical classes), the grade of the clock."""

    way: tuple[int, int]
    audiences: Mapping[str, int]
    nonces: tuple[bytes, ...]
    ages: tuple[int, int, int]
    grade: int
    around: Around
    rule: SiteRule


def facts_of(
    form: Form,
    proof: InviteProof,
    standing: Standing,
    host_status: int,
    issuer: IssuerKey,
    here: Here,
    ended: int = 0,
) -> Facts:
    """The facts of a proven invite. `standing` is the visitor's (how often the invite was used),
    `issuer` the key behind the host's pass, `ended` as in `Invitation`."""
    host, invite, claims = proof.host, proof.invite, proof.claims
    audience, code_at, stated = claims or ("", 0, None)
    is_here = invite.audience is None or invite.audience in here.audiences
    given = Invitation(
        *(invite.nbf, invite.exp, invite.zones, invite.uses, invite.flags),
        *(host.klass, host_status, int(is_here), ended),
    )
    is_for = here.audiences.get(audience, _OTHER) if claims else _OTHER
    return Facts(
        *(int(form), "", proof.marks, *here.way, int(HolderClass.VISITOR), host.zones),
        *(int(claims is not None), host.issued_at, host.expires_at, *issuer[1:4]),
        *(is_for, nonce_of(stated, here.nonces), code_at, *standing[1:5], 0, *here.ages),
        *(here.grade, here.around, given, here.rule),
    )


def nonce_of(stated: bytes | None, shown: tuple[bytes, ...]) -> int:
    """Whether a code answers a number that the gate shows."""
    if stated is None:
        return _ABSENT
    return _RIGHT if stated in shown else _WRONG
