"""The pass: an issuer's signed statement about one holder. FORMAT.md section 3.

    18([<<{1:-8, 4:kid8, 16:293}>>, {}, <<{1:"yp:hz07", 2:"mgECAwQFBgc", 4:exp, 6:iat, 8:{1:key},
        65535:{"status_list":{"idx":40211,"uri":"yp:hz07/s/1"}}, -65537:[1, 3, 2]}>>, sig])

A CWT (RFC 8392) in COSE_Sign1; the holder's key is its `cnf` (RFC 8747). Without `cnf` it is a
static bearer pass. Knows no gate and no time.
"""

import base64
import enum
import hashlib
import hmac
from typing import NamedTuple

from appliance.passes import shapes
from ledger_sync import cbor, cose
from ledger_sync.entries import HANDLE_BYTES, MAX_STATUS_INDEX
from ledger_sync.errors import Refused
from ledger_sync.fields import bytes_of, number_of, text_of
from ledger_sync.keys import PublicKey, SigningKey, checked_key, public_key

PASS_TYPE = 293  # COSE "typ" of an SD-CWT
ISS, SUB, EXP, IAT, CNF, STATUS, RIGHTS, CARRIER = 1, 2, 4, 6, 8, 65535, -65537, -65538
_CLAIMS = frozenset({ISS, SUB, EXP, IAT, CNF, STATUS, RIGHTS, CARRIER})
MAX_ZONES = 53  # zones are a bit mask


class HolderClass(enum.IntEnum):
    """Who a pass is for (DESIGN section 4)."""

    RESIDENT = 1
    HOUSEHOLD = 2
    STAFF = 3
    VISITOR = 4
    COURIER = 5
    EMERGENCY = 6
    VEHICLE = 7
    ITEM = 8


class Assurance(enum.IntEnum):
    """How hard the holder's key is to copy."""

    BEARER = 0
    SOFTWARE_KEY = 1
    HARDWARE_KEY = 2
    HARDWARE_KEY_AND_USER = 3


class Pass(NamedTuple):
    """The claims of a pass. Times are Unix seconds; `zones` a bit mask; `key` None for bearer;
    `idx` the place in the status list `uri`; `carrier` the name of the one card that may show a
    bearer pass (see cards.py), None for any paper."""

    issuer: str
    subject: str
    issued_at: int
    expires_at: int
    key: PublicKey | None
    uri: str
    idx: int
    klass: int
    zones: int
    assurance: int
    carrier: bytes | None = None


def issue(claims: Pass, key: SigningKey) -> bytes:
    """The signed pass: 216 bytes for an Ed25519 holder, 251 for P-256."""
    payload: dict[cbor.Key, cbor.Value] = {
        ISS: claims.issuer,
        SUB: claims.subject,
        EXP: claims.expires_at,
        IAT: claims.issued_at,
        STATUS: {"status_list": {"idx": claims.idx, "uri": claims.uri}},
        RIGHTS: [claims.klass, claims.zones, claims.assurance],
    }
    if claims.key is not None:
        payload[CNF] = {1: claims.key.to_cose()}
    if claims.carrier is not None:
        payload[CARRIER] = claims.carrier
    protected: cose.Header = {cose.KID: key.public.kid, cose.TYP: PASS_TYPE}
    return cose.sign1(cbor.encode(payload), protected=protected, key=key)


def claims_of(payload: bytes) -> Pass:
    """The claims in a pass payload whose signature has been verified.

    Raises `Refused` (R-FORM) for a missing, unknown or ill-typed claim.
    """
    fields = shapes.pass_fields(payload)
    return _checked(_general(payload) if fields is None else _usual(fields))


def _usual(fields: shapes.PassFields) -> Pass:
    issuer, subject, expires_at, issued_at, raw, index, uri, *rights = fields
    key = None if raw is None else checked_key(raw)
    named = (issuer, subject, issued_at, expires_at, key, uri, index, *rights, None)
    return tuple.__new__(Pass, named)


def _general(payload: bytes) -> Pass:
    claims = cbor.decode(payload)
    if not isinstance(claims, dict) or not _CLAIMS.issuperset(claims):
        raise Refused("a pass with unknown claims")
    uri, index = _status_of(claims.get(STATUS))
    return Pass(
        text_of(claims, ISS),
        text_of(claims, SUB),
        number_of(claims, IAT),
        number_of(claims, EXP),
        holder_key(claims[CNF]) if CNF in claims else None,
        uri,
        index,
        *_rights_of(claims.get(RIGHTS)),
        bytes_of(claims, CARRIER, HANDLE_BYTES) if CARRIER in claims else None,
    )


def _checked(claims: Pass) -> Pass:
    if claims.expires_at <= claims.issued_at:
        raise Refused("a pass that expires before it begins")
    if (claims.key is None) != (claims.assurance == Assurance.BEARER):
        raise Refused("assurance 0 belongs to a pass without holder key, and only to it")
    if claims.carrier is not None and claims.key is not None:
        raise Refused("a pass with a holder key names a card that may show it")
    return claims


def holder_key(confirmation: cbor.Value) -> PublicKey:
    """The key in a `cnf` (RFC 8747). Raises `Refused`."""
    if not isinstance(confirmation, dict) or set(confirmation) != {1}:
        raise Refused("cnf is not {1: COSE_Key}")
    return public_key(confirmation[1])


def _status_of(status: cbor.Value) -> tuple[str, int]:
    reference = status.get("status_list") if isinstance(status, dict) else None
    if not isinstance(reference, dict) or set(reference) != {"idx", "uri"}:
        raise Refused("status is not {status_list: {idx, uri}}")
    if not isinstance(status, dict) or len(status) != 1:
        raise Refused("status names more than a status list")
    return text_of(reference, "uri"), number_of(reference, "idx", MAX_STATUS_INDEX)


def _rights_of(rights: cbor.Value) -> tuple[int, int, int]:
    if not isinstance(rights, list) or len(rights) != 3:
        raise Refused("rights are not [class, zones, assurance]")
    numbered: dict[cbor.Key, cbor.Value] = dict(enumerate(rights))
    klass = number_of(numbered, 0, max(HolderClass))
    zones = number_of(numbered, 1, (1 << MAX_ZONES) - 1)
    assurance = number_of(numbered, 2, max(Assurance))
    if klass < min(HolderClass):
        raise Refused(f"class {klass} does not exist")
    return klass, zones, assurance


def kid_of(protected: cose.Header) -> bytes:
    """The issuer's key hint in the header of a pass. Raises `Refused` for another header."""
    if set(protected) != {cose.ALG, cose.KID, cose.TYP} or protected[cose.TYP] != PASS_TYPE:
        raise Refused("not the header of a pass")
    return bytes_of(protected, cose.KID, HANDLE_BYTES)


def handle_of(token: bytes) -> bytes:
    """The short name of a pass: SHA-256(pass)[:8]."""
    return hashlib.sha256(token).digest()[:HANDLE_BYTES]


def subject_of(site_secret: bytes, resident: str) -> str:
    """The pairwise name of a resident at one site: no other site can link it.

    base64url(HMAC-SHA256(site secret, "yardpass/sub/v1" | resident)[:8]), 11 characters.
    """
    digest = hmac.digest(site_secret, b"yardpass/sub/v1" + resident.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:8]).decode().rstrip("=")
