"""The invite: a host's signed word that a visitor may come. FORMAT.md sections 4.7 to 4.10.

    18([<<{1:-8, 4:handle8, 16:"application/yp-invite+cwt"}>>, {}, <<{5:nbf, 4:exp, 7:cti8,
        8:{1:key}, -65537:[4, 1, 1, 0]}>>, sig])                         form D, signed by the host

The host is who holds the pass that the header names. With a visitor's key (`cnf`) the invite is
shown inside that visitor's code (E); without one it is shown bare (F), on paper. Reads and writes
what is stated; verifies nothing (verify_invite.py), and knows no gate, no time and no quota.
"""

import hashlib
from typing import NamedTuple

from appliance.passes import code as codes
from appliance.passes.code import INVITE_TYPE, MAX_TEXT, UNINVITE_TYPE, to_text
from appliance.passes.token import CNF, EXP, IAT, MAX_ZONES, RIGHTS, HolderClass, holder_key
from ledger_sync import cbor, cose
from ledger_sync.entries import HANDLE_BYTES
from ledger_sync.errors import Refused
from ledger_sync.fields import bytes_of, number_of, text_of
from ledger_sync.keys import PublicKey, SigningKey

AUD, NBF, CTI = 3, 5, 7
CTI_BYTES = 8
MAX_USES = 255
ESCORTED = 1  # the only flag there is: the host must be near
_NEEDED = frozenset({EXP, NBF, CTI, RIGHTS})
_KNOWN = _NEEDED | {AUD, CNF}
PURPOSE = b"yardpass/invite/v1"


class Invite(NamedTuple):
    """The claims of an invite. `nbf` and `exp` are Unix seconds, `cti` its name among those of
    its host, `key` the visitor's (None for bearer), `audience` where it is good (None: wherever
    its host is), `zones` a bit mask, `uses` how often it may be shown, `flags` see ESCORTED."""

    nbf: int
    exp: int
    cti: bytes
    key: PublicKey | None
    audience: str | None
    zones: int
    uses: int
    flags: int = 0


class Revocation(NamedTuple):
    """What a host states who takes an invite back: when (Unix seconds), and which."""

    issued_at: int
    cti: bytes


def claims_of(payload: bytes) -> Invite:
    """The claims in an invite whose signature has been verified.

    Raises `Refused`: R-FORM for a missing, unknown or ill-typed claim, R-SIG for a key that is
    none.
    """
    claims = cbor.decode(payload)
    if not isinstance(claims, dict) or not _NEEDED <= set(claims) <= _KNOWN:
        raise Refused("an invite with unknown claims, or without those it needs")
    nbf, exp = number_of(claims, NBF), number_of(claims, EXP)
    if exp <= nbf:
        raise Refused("an invite that ends before it begins")
    return Invite(
        nbf,
        exp,
        bytes_of(claims, CTI, CTI_BYTES),
        holder_key(claims[CNF]) if CNF in claims else None,
        text_of(claims, AUD) if AUD in claims else None,
        *_rights_of(claims[RIGHTS]),
    )


def _rights_of(rights: cbor.Value) -> tuple[int, int, int]:
    if not isinstance(rights, list) or len(rights) != 4:
        raise Refused("rights are not [class, zones, uses, flags]")
    numbered: dict[cbor.Key, cbor.Value] = dict(enumerate(rights))
    klass = number_of(numbered, 0)
    zones = number_of(numbered, 1, (1 << MAX_ZONES) - 1)
    uses = number_of(numbered, 2, MAX_USES)
    flags = number_of(numbered, 3, ESCORTED)
    if klass != HolderClass.VISITOR or not uses:
        raise Refused(f"an invite for class {klass} and {uses} uses")
    return zones, uses, flags


def revocation_of(payload: bytes) -> Revocation:
    """The claims in a revocation whose signature has been verified. Raises `Refused`."""
    claims = cbor.decode(payload)
    if not isinstance(claims, dict) or set(claims) != {IAT, CTI}:
        raise Refused("a revocation states its time and an invite, nothing else")
    return Revocation(number_of(claims, IAT), bytes_of(claims, CTI, CTI_BYTES))


def credential_of(handle: bytes, cti: bytes) -> bytes:
    """What stands for an invite where uses are counted and pseudonyms made, in whatever form and
    however often it was signed: SHA-256("yardpass/invite/v1" | handle of the host | cti)[:8]."""
    return hashlib.sha256(PURPOSE + handle + cti).digest()[:HANDLE_BYTES]


# Writers. Each reads back what it wrote, so it makes nothing that a gate would call malformed.


def by_handle(handle: bytes) -> cose.Header:
    """How a header names the host's pass where the ledger knows it."""
    return {cose.KID: handle}


def by_pass(pass_token: bytes) -> cose.Header:
    """How a header carries the host's pass, for gates that know but its issuer."""
    return {cose.KCWT: cbor.decode(pass_token)}


def invite(claims: Invite, *, host: cose.Header, key: SigningKey) -> bytes:
    """Form D: the signed invite, 190 bytes by reference. `host` is made by `by_handle` or
    `by_pass`, `key` is that of the host's pass."""
    payload: dict[cbor.Key, cbor.Value] = {
        NBF: claims.nbf,
        EXP: claims.exp,
        CTI: claims.cti,
        RIGHTS: [int(HolderClass.VISITOR), claims.zones, claims.uses, claims.flags],
    }
    if claims.key is not None:
        payload[CNF] = {1: claims.key.to_cose()}
    if claims.audience is not None:
        payload[AUD] = claims.audience
    token = cose.sign1(cbor.encode(payload), protected={**host, cose.TYP: INVITE_TYPE}, key=key)
    invite_in(token)
    return token


def revocation(cti: bytes, *, issued_at: int, host: cose.Header, key: SigningKey) -> bytes:
    """Form R: the signed revocation of the invite that this host named `cti`."""
    payload = cbor.encode({IAT: issued_at, CTI: cti})
    revocation_of(payload)
    token = cose.sign1(payload, protected={**host, cose.TYP: UNINVITE_TYPE}, key=key)
    codes.general(token)
    return token


def invite_in(token: bytes) -> Invite:
    """What an invite states, for whoever was given one: nothing is verified. Raises `Refused`."""
    found = codes.general(token)
    if found.form is not codes.Form.BEARER_INVITE or found.invite is None:
        raise Refused("not an invite")
    return claims_of(found.invite.payload)


def visitor_code(
    invite_token: bytes,
    *,
    audience: str,
    issued_at: int,
    key: SigningKey,
    nonce: bytes | None = None,
) -> bytes:
    """Form E as text: the visitor, whose key the invite names, is here now."""
    if invite_in(invite_token).key != key.public:
        raise Refused("an invite for another key than this visitor's", reason="R-PROOF")
    text = codes.self_contained(
        invite_token, audience=audience, issued_at=issued_at, key=key, nonce=nonce
    )
    return _short(text)


def bearer(invite_token: bytes) -> bytes:
    """Form F as text, to be printed: who has the paper has the invite."""
    if invite_in(invite_token).key is not None:
        raise Refused("an invite for a visitor's key is not shown bare", reason="R-PROOF")
    return _short(to_text(invite_token))


def _short(text: bytes) -> bytes:
    if len(text) > MAX_TEXT:
        raise Refused(f"a code of {len(text)} characters, at most {MAX_TEXT} are read")
    return text
