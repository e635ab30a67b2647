"""What a phone or a card shows: `YP1:` and Base45 of one token. FORMAT.md section 4.

    YP1:6BFO+ADYB...          form C, 100 bytes by reference; B and the static pass are longer

Takes a text apart and puts it together; verifies nothing (that is verify.py) and knows no time.
What invites state, and how they are written, is in invite.py.
"""

import enum
from typing import NamedTuple

from appliance.passes import shapes
from appliance.passes.shapes import Layer
from appliance.passes.token import handle_of, kid_of
from ledger_sync import base45, cbor, cose
from ledger_sync.entries import HANDLE_BYTES, MAX_NAME
from ledger_sync.errors import Refused
from ledger_sync.fields import bytes_of, number_of, text_of
from ledger_sync.keys import SigningKey

PREFIX = b"YP1:"
MAX_TEXT = 1_024  # bytes of a code as text, larger than any form of FORMAT.md section 4
KBT_TYPE = 294  # COSE "typ" of an SD-CWT key binding token
INVITE_TYPE = "application/yp-invite+cwt"
UNINVITE_TYPE = "application/yp-uninvite+cwt"
AUD, IAT, NONCE = 3, 6, 39
NONCE_BYTES = 8


class Form(enum.IntEnum):
    """How a person presents a pass."""

    UNREADABLE = 0
    REFERENCE = 1  # C: the pass is in the ledger
    SELF_CONTAINED = 2  # B: the pass is in the code
    STATIC = 3  # the pass itself, without a holder's proof
    TAP = 4  # a card that proved its key
    CERTIFIED_TAP = 5  # a card that proved its key, which its maker certifies
    NUMBER = 6  # the bare number of a card
    VISITOR = 7  # E: a visitor's proof over the invite that names his key
    BEARER_INVITE = 8  # F: an invite itself, without a visitor's proof
    UNINVITE = 9  # R: a host takes an invite back; opens nothing


class Claims(NamedTuple):
    """What the holder signed: for whom, when (Unix seconds), and the gate's nonce if asked for."""

    audience: str
    issued_at: int
    nonce: bytes | None


class Code(NamedTuple):
    """A text taken apart, nothing verified. `outer` is what the holder signed, `inner` the pass.

    REFERENCE has no `inner`, STATIC no `outer`. `handle` names the pass in all three forms; `kid`
    hints at the issuer, empty for REFERENCE. `claims` are there if they fell out of the parsing;
    believe them only when the holder's signature holds.

    In the forms of an invite the pass is its host's: `invite` is what he signed, the invite or
    its revocation, `outer` what the visitor signed (VISITOR alone), and without `inner` the pass
    is in the ledger.
    """

    form: Form
    handle: bytes
    kid: bytes
    outer: Layer | None
    inner: Layer | None
    claims: Claims | None = None
    invite: Layer | None = None


_new = tuple.__new__  # cheaper than a NamedTuple's own name, where everybody passes
_REFERENCE, _SELF_CONTAINED, _STATIC = Form.REFERENCE, Form.SELF_CONTAINED, Form.STATIC


def parse(text: bytes) -> Code:
    """The code in a decoded text. Raises `Refused`: R-FOREIGN if it is not ours, else R-FORM."""
    if not text.startswith(PREFIX):
        raise Refused("not a Yardpass code", reason="R-FOREIGN")
    if len(text) > MAX_TEXT:
        raise Refused(f"a code of {len(text)} characters, at most {MAX_TEXT}")
    token = base45.decode_ascii(text[len(PREFIX) :])
    return usual(token) or general(token)


def usual(token: bytes) -> Code | None:
    """The code in a token of a usual shape; None is no refusal, `general` decides then."""
    found = shapes.reference(token)
    if found is not None:
        handle, outer, audience, at = found
        claims = _new(Claims, (audience, at, None))
        return _new(Code, (_REFERENCE, handle, b"", outer, None, claims, None))
    carried = shapes.self_contained(token)
    if carried is None:
        return None
    held, kid, inner, outer, audience, at = carried
    claims = _new(Claims, (audience, at, None))
    return _new(Code, (_SELF_CONTAINED, handle_of(held), kid, outer, inner, claims, None))


def general(token: bytes) -> Code:
    """The code in any token of FORMAT.md section 4. Raises `Refused` (R-FORM)."""
    outer = cose.open1(token)
    protected = outer.protected
    named = protected.get(cose.TYP)
    if named == INVITE_TYPE:
        return _by_host(Form.BEARER_INVITE, outer)
    if named == UNINVITE_TYPE:
        return _by_host(Form.UNINVITE, outer)
    if cose.KCWT in protected:
        return _key_binding(outer)
    if cose.TYP in protected:
        return Code(_STATIC, handle_of(token), kid_of(protected), None, _layer(outer))
    handle = bytes_of(protected, cose.KID, HANDLE_BYTES)
    return Code(_REFERENCE, handle, b"", _layer(outer), None)


def _key_binding(outer: cose.Sign1) -> Code:
    """Forms B and E: somebody proves his key over what names it, a pass or an invite."""
    protected = outer.protected
    if set(protected) != {cose.ALG, cose.KCWT, cose.TYP} or protected[cose.TYP] != KBT_TYPE:
        raise Refused("not the header of a self-contained code")
    inner = cose.sign1_of(protected[cose.KCWT])
    if inner.protected.get(cose.TYP) == INVITE_TYPE:
        return _by_host(Form.VISITOR, inner, _layer(outer))
    handle, kid = _names_of(protected[cose.KCWT], inner)
    return Code(_SELF_CONTAINED, handle, kid, _layer(outer), _layer(inner))


def _by_host(form: Form, signed: cose.Sign1, outer: Layer | None = None) -> Code:
    """What a host signed: it names his pass, or carries it; a pass, so no chain goes on."""
    protected = signed.protected
    if set(protected) == {cose.ALG, cose.KCWT, cose.TYP}:
        inner = cose.sign1_of(protected[cose.KCWT])
        handle, kid = _names_of(protected[cose.KCWT], inner)
        return Code(form, handle, kid, outer, _layer(inner), None, _layer(signed))
    if set(protected) != {cose.ALG, cose.KID, cose.TYP}:
        raise Refused("what a host signs names one pass, by its handle or by itself")
    handle = bytes_of(protected, cose.KID, HANDLE_BYTES)
    return Code(form, handle, b"", outer, None, None, _layer(signed))


def _names_of(item: cbor.Value, opened: cose.Sign1) -> tuple[bytes, bytes]:
    """(handle, kid) of a pass that stands in a header as this item."""
    return handle_of(cbor.encode(item)), kid_of(opened.protected)


def _layer(opened: cose.Sign1) -> Layer:
    return Layer(opened.alg, opened.to_be_signed, opened.signature, opened.payload)


def claims_of(payload: bytes) -> Claims:
    """The claims of a code whose holder signature has been verified. Raises `Refused`."""
    claims = cbor.decode(payload)
    if not isinstance(claims, dict) or not {AUD, IAT} <= set(claims) <= {AUD, IAT, NONCE}:
        raise Refused("a code states its audience, its time, perhaps a nonce, nothing else")
    nonce = bytes_of(claims, NONCE, NONCE_BYTES) if NONCE in claims else None
    return Claims(text_of(claims, AUD), number_of(claims, IAT), nonce)


def _payload(audience: str, issued_at: int, nonce: bytes | None) -> bytes:
    if not 0 < len(audience) <= MAX_NAME:
        raise Refused(f"an audience of {len(audience)} characters, 1 to {MAX_NAME} are allowed")
    claims: dict[cbor.Key, cbor.Value] = {AUD: audience, IAT: issued_at}
    if nonce is not None:
        claims[NONCE] = nonce
    return cbor.encode(claims)


def by_reference(
    handle: bytes, *, audience: str, issued_at: int, key: SigningKey, nonce: bytes | None = None
) -> bytes:
    """Form C as text: 100 bytes of token where the ledger knows the pass."""
    payload = _payload(audience, issued_at, nonce)
    return to_text(cose.sign1(payload, protected={cose.KID: handle}, key=key))


def self_contained(
    pass_token: bytes,
    *,
    audience: str,
    issued_at: int,
    key: SigningKey,
    nonce: bytes | None = None,
) -> bytes:
    """Form B as text: carries the pass, works wherever the issuer is known."""
    protected: cose.Header = {cose.KCWT: cbor.decode(pass_token), cose.TYP: KBT_TYPE}
    payload = _payload(audience, issued_at, nonce)
    return to_text(cose.sign1(payload, protected=protected, key=key))


def to_text(token: bytes) -> bytes:
    """The text a QR code carries: prefix and Base45, all in QR's alphanumeric alphabet."""
    return PREFIX + base45.encode(token).encode()
