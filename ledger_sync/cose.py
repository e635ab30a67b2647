"""COSE_Sign1 (RFC 9052 section 4.2) in the strict profile of FORMAT.md section 2.

One algorithm identifier in the protected header, an empty unprotected header, an attached payload,
a signature of 64 bytes. The payload stays unread until the signature has been verified.

    d2 84 4d a2012704488b1e... a0 50 a2036779703a687a3037061a6566d2a0 5840 <64 bytes>
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger_sync import cbor
from ledger_sync.cbor import Tag18
from ledger_sync.errors import Refused
from ledger_sync.keys import ALGORITHMS, SIGNATURE_BYTES, PublicKey, SigningKey, candidates

ALG, KID, KCWT, TYP = 1, 4, 13, 16
LABELS = frozenset({ALG, KID, KCWT, TYP})
"""Header labels of the profile; any other one, `crit` (2) among them, is refused."""

_KNOWN_ALGORITHMS = frozenset(alg for names in ALGORITHMS.values() for alg in names)


Header = dict[cbor.Key, cbor.Value]
KeyFor = Callable[[Header], "PublicKey | bytes | Sequence[PublicKey] | None"]


class Sign1(NamedTuple):
    """A token taken apart, nothing verified: `protected` is the parsed header."""

    protected: Header
    protected_raw: bytes
    payload: bytes
    signature: bytes

    @property
    def alg(self) -> int:
        return self.protected[ALG]  # type: ignore[return-value]  # an int by _check_header

    @property
    def to_be_signed(self) -> bytes:
        return sig_structure(self.protected_raw, self.payload)

    def is_signed_by(self, key: PublicKey) -> bool:
        """The key's own algorithm must be the one named, and its signature must hold."""
        return key.holds(self.alg, self.signature, self.to_be_signed)


class Verified(NamedTuple):
    """What `verify1` returns: the signed payload bytes and the parsed protected header."""

    payload: bytes
    protected: Header


def sig_structure(protected_raw: bytes, payload: bytes) -> bytes:
    """`["Signature1", protected, h'', payload]`, the bytes that are signed (RFC 9052 4.4)."""
    return b"".join(
        (
            b"\x84\x6aSignature1",
            cbor.head(2, len(protected_raw)),
            protected_raw,
            b"\x40",
            cbor.head(2, len(payload)),
            payload,
        )
    )


def sign1(payload: bytes, *, protected: Header, key: SigningKey) -> bytes:
    """A tagged COSE_Sign1 over `payload`. `protected` may omit alg (1): the key brings it."""
    header: Header = {ALG: key.alg, **protected}
    _check_header(header)
    raw = cbor.encode(header)
    signature = key.sign(sig_structure(raw, payload))
    return cbor.encode(Tag18([raw, {}, payload, signature]))


def open1(token: bytes, *, max_size: int = cbor.MAX_TOKEN) -> Sign1:
    """Takes a token apart without trusting it. Raises `Refused` outside the strict profile."""
    return sign1_of(cbor.decode(token, max_size=max_size))


def sign1_of(item: cbor.Value) -> Sign1:
    """The `Sign1` in a decoded item: a whole token, or a pass inside a header."""
    parts = item.value if isinstance(item, Tag18) else None
    if not isinstance(parts, list) or len(parts) != 4:
        raise Refused("not a COSE_Sign1: tag 18 over an array of four")
    raw, unprotected, payload, signature = parts
    if not isinstance(raw, bytes) or not isinstance(payload, bytes) or unprotected != {}:
        raise Refused("header or payload is no byte string, or the unprotected header is used")
    if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
        raise Refused(f"not a signature of {SIGNATURE_BYTES} bytes")
    header = cbor.decode(raw, max_size=cbor.MAX_ENTRY)
    if not isinstance(header, dict):
        raise Refused("the protected header is not a map")
    _check_header(header)
    return Sign1(header, raw, payload, signature)


def _check_header(header: Header) -> None:
    if not LABELS.issuperset(header):
        unknown = sorted(map(str, set(header) - LABELS))
        raise Refused(f"unknown header label {', '.join(unknown)}")
    alg = header.get(ALG)
    if type(alg) is not int or alg not in _KNOWN_ALGORITHMS:
        raise Refused(f"algorithm {alg!r} is not one of -8, -19, -7, -9")


def verify1(token: bytes, *, key_for: KeyFor) -> Verified:
    """The payload of a token whose signature holds.

    `key_for(protected)` names the key or keys to try, a key also by its raw bytes; none or None
    means the signer is unknown.
    Raises `Refused`: R-FORM outside the profile, R-ISSUER for an unknown signer, R-SIG when no key
    verifies.
    """
    opened = open1(token)
    known = candidates(key_for(opened.protected))
    if not known:
        raise Refused("nobody known here signed this", reason="R-ISSUER")
    if not any(opened.is_signed_by(key) for key in known):
        raise Refused("the signature does not hold", reason="R-SIG")
    return Verified(opened.payload, opened.protected)
