"""Hosts and visitors of the small compound in makers.py: invites, their codes, and odd ones.

Everything here is a pure function of its arguments: the same call gives the same bytes.
"""

from golden.showings import token_in
from makers import AT, GATE, HOLDERS, SITE, odd_code, pass_token, signer

from appliance.passes import invite
from appliance.passes.invite import Invite
from appliance.passes.token import handle_of
from ledger_sync import cbor, cose
from ledger_sync.keys import ES256, SigningKey

HOUR = 3_600
CTI = bytes.fromhex("c0ffee0102030405")
VISITOR, VISITOR_P256 = signer("visitor"), signer("visitor", ES256)
VISITORS = {"ed25519": VISITOR, "p256": VISITOR_P256}


def stated(visitor: SigningKey | None = None, **changes) -> Invite:
    """The claims of a usual invite; a bearer invite without `visitor`."""
    key = visitor.public if visitor else None
    usual = Invite(AT - HOUR, AT + 3 * HOUR, CTI, key, None, zones=1, uses=1)
    return usual._replace(**changes)


def hosted(kind: str, *, carried: bool = False) -> cose.Header:
    """How a header names the pass of one of the two enrolled holders, or carries it."""
    held = pass_token(HOLDERS[kind])
    return invite.by_pass(held) if carried else invite.by_handle(handle_of(held))


def invited(
    visitor: SigningKey | None = None, kind: str = "ed25519", *, carried: bool = False, **changes
) -> bytes:
    """Form D of a host of this kind of key."""
    claims, key = stated(visitor, **changes), HOLDERS[kind]
    return invite.invite(claims, host=hosted(kind, carried=carried), key=key)


def visiting(
    visitor: SigningKey = VISITOR,
    kind: str = "ed25519",
    *,
    carried: bool = False,
    nonce: bytes | None = None,
) -> bytes:
    """The token of a form E."""
    over = invited(visitor, kind, carried=carried)
    audience = f"{SITE}/{GATE}" if nonce else SITE
    text = invite.visitor_code(over, audience=audience, issued_at=AT, key=visitor, nonce=nonce)
    return token_in(text)


def taken_back(kind: str = "ed25519", *, carried: bool = False, cti: bytes = CTI) -> bytes:
    """Form R of a host of this kind of key."""
    host = hosted(kind, carried=carried)
    return invite.revocation(cti, issued_at=AT, host=host, key=HOLDERS[kind])


# As no writer of ours makes them.


def payload_of(visitor: SigningKey | None = None) -> dict:
    """The payload of a usual invite as a map, to be spoiled before it is signed."""
    return cbor.decode(cose.open1(invited(visitor)).payload)


def odd_invite(
    payload: dict | bytes,
    *,
    header: dict | None = None,
    key: SigningKey = HOLDERS["ed25519"],
    typ: str = invite.INVITE_TYPE,
) -> bytes:
    """What a host signed, whatever it says; `header` lacks alg and typ."""
    named = hosted("ed25519") if header is None else header
    return odd_code(payload, header={1: key.alg, 16: typ, **named}, key=key)


def odd_visit(
    over: bytes,
    *,
    key: SigningKey = VISITOR,
    payload: dict | None = None,
    header: dict | None = None,
) -> bytes:
    """A code over this token, whatever it is, truly signed by `key`."""
    carrier = {1: key.alg, 13: cbor.decode(over), 16: 294} if header is None else header
    return odd_code(payload or {3: SITE, 6: AT}, header=carrier, key=key)
