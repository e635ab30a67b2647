"""Keys and signatures: Ed25519 (RFC 8032) and ECDSA on P-256 with SHA-256 (FIPS 186-5).

The only importer of nacl and cryptography for signatures; libsodium decides which Ed25519
signatures count, in the whole fleet. A key carries its algorithm, so a token can never choose one.
Pure: private keys are made from bytes that the caller drew.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

from ledger_sync.cbor import Value
from ledger_sync.errors import Refused

ED25519 = -8  # COSE "EdDSA" (RFC 9053 section 2.2), what we write
ES256 = -7  # COSE "ES256" (RFC 9053 section 2.1), what we write
ALGORITHMS = {ED25519: (-8, -19), ES256: (-7, -9)}
"""COSE identifiers accepted for a key: the old name and the fully specified one of RFC 9864."""

SIGNATURE_BYTES = 64
ED25519_BYTES = 32  # of a public key
SEED_BYTES = 32
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` (64 bytes) by the key `public` (32 bytes) covers `message`."""
    if len(signature) != SIGNATURE_BYTES or len(public) != ED25519_BYTES:
        return False  # the binding looks at neither length, and would read past a short key
    try:
        crypto_sign_open(signature + message, public)
    except (CryptoError, ValueError, TypeError):
        return False
    return True


def verify_es256(public_point: bytes, signature_rs: bytes, message: bytes) -> bool:
    """Whether `signature_rs` (r then s, 32 bytes each) by the P-256 key covers `message`.

    `public_point` is SEC 1 encoded, 33 bytes compressed or 65 bytes uncompressed.
    """
    if len(signature_rs) != SIGNATURE_BYTES:
        return False
    r, s = int.from_bytes(signature_rs[:32], "big"), int.from_bytes(signature_rs[32:], "big")
    try:
        key = _p256_key(bytes(public_point))
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except (InvalidSignature, Refused):
        return False
    return True


@lru_cache(maxsize=1024)
def _p256_key(point: bytes) -> ec.EllipticCurvePublicKey:
    """The parsed point. Parsing costs half a verification, and holders come back."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise Refused("not a point of P-256", reason="R-SIG") from None


class PublicKey(NamedTuple):
    """A verification key and its algorithm: `raw` is 32 bytes (Ed25519) or 04 x y (P-256)."""

    alg: int
    raw: bytes

    def holds(self, alg: int, signature: bytes, message: bytes) -> bool:
        """Whether this key signed `message`, and `alg` is a name of its algorithm."""
        if alg not in ALGORITHMS[self.alg]:
            return False
        check = verify_ed25519 if self.alg == ED25519 else verify_es256
        return check(self.raw, signature, message)

    @property
    def kid(self) -> bytes:
        """First 8 bytes of SHA-256 of the raw key: a hint, never a proof."""
        return hashlib.sha256(self.raw).digest()[:8]

    def to_cose(self) -> dict[int | str, Value]:
        """COSE_Key (RFC 9053 section 7): OKP/Ed25519 or EC2/P-256 with both coordinates."""
        if self.alg == ED25519:
            return {1: 1, -1: 6, -2: self.raw}
        return {1: 2, -1: 1, -2: self.raw[1:33], -3: self.raw[33:]}


def public_key(cose_key: Value) -> PublicKey:
    """The key in a COSE_Key map. Raises `Refused` for another shape or a point off the curve."""
    match cose_key:
        case {1: kty, -1: crv} if bool in (type(kty), type(crv)):
            pass  # to Python true is 1, to CBOR it is another value
        case {1: 1, -1: 6, -2: bytes(x), **rest} if not rest and len(x) == 32:
            return checked_key(x)
        case {1: 2, -1: 1, -2: bytes(x), -3: bytes(y), **rest} if (
            not rest and len(x) == len(y) == 32
        ):
            return checked_key(b"\x04" + x + y)
    raise Refused("not an Ed25519 or P-256 COSE_Key", reason="R-SIG")


def key_of(raw: bytes) -> PublicKey:
    """The key of these raw bytes, as the store keeps it: 32 are Ed25519, 65 are P-256."""
    return PublicKey(ED25519 if len(raw) == 32 else ES256, raw)


def candidates(found: "PublicKey | bytes | Sequence[PublicKey] | None") -> tuple[PublicKey, ...]:
    """The keys to try, from what a caller names: a key, its raw bytes, several keys, or none."""
    if isinstance(found, bytes):
        return (key_of(found),)
    return (found,) if isinstance(found, PublicKey) else tuple(found or ())


def checked_key(raw: bytes) -> PublicKey:
    """`key_of`, after looking that 65 bytes are a point of the curve. Raises `Refused`."""
    if len(raw) != 32:
        _p256_key(raw)
    return key_of(raw)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key made from a 32-byte seed (P-256: scalar = seed mod (order - 1) + 1)."""

    alg: int
    seed: bytes = field(repr=False)
    _pair: tuple[bytes, bytes] = field(init=False, repr=False, compare=False)
    """Public and expanded secret key of Ed25519: deriving them costs twice what signing does."""

    def __post_init__(self) -> None:
        if self.alg not in ALGORITHMS or len(self.seed) != SEED_BYTES:
            raise Refused(f"a signing key needs alg -8 or -7 and {SEED_BYTES} bytes of seed")
        pair = crypto_sign_seed_keypair(self.seed) if self.alg == ED25519 else (b"", b"")
        object.__setattr__(self, "_pair", pair)

    @property
    def public(self) -> PublicKey:
        if self.alg == ED25519:
            return PublicKey(ED25519, self._pair[0])
        numbers = self._p256().public_key().public_numbers()
        raw = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        return PublicKey(ES256, raw)

    def sign(self, message: bytes) -> bytes:
        """64 bytes: the Ed25519 signature, or r and s of ECDSA with the nonce of RFC 6979."""
        if self.alg == ED25519:
            return crypto_sign(message, self._pair[1])[:SIGNATURE_BYTES]
        der = self._p256().sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
        r, s = decode_dss_signature(der)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def _p256(self) -> ec.EllipticCurvePrivateKey:
        scalar = int.from_bytes(self.seed, "big") % (_ORDER - 1) + 1
        return ec.derive_private_key(scalar, ec.SECP256R1())
