"""The certificate of a terminal's link: self-signed, Ed25519, pinned by the ledger byte for byte.

No name in it is looked at and no date ends it: a box whose clock stands at 1970 must reach its
peers, and the ledger says who is one. RFC 5280, RFC 8410. FORMAT.md section 8.8.
"""

import datetime
import hashlib
import warnings
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import InvalidVersion
from cryptography.x509.oid import NameOID

from ledger_sync.errors import Refused

SIGNATURE_BYTES = 64
MAX_LABEL = 64  # characters of a common name (RFC 5280 appendix A.1)
MAX_CERTIFICATE = 4_096  # bytes of DER, as an entry of the ledger takes it
_BEGIN = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_END = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
_SIGNATURE = b"\x03\x41\0"  # a BIT STRING of 64 bytes (X.690 8.6)
_NO_CERTIFICATE = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, InvalidVersion)


def make(name: str, seed: bytes) -> bytes:
    """The certificate (DER) of the link key of this seed (32 bytes), for the terminal `name`,
    which stands in it for people alone."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key()
    label = name.encode("ascii", "replace").decode()[:MAX_LABEL] or "?"
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, label)])
    usage = x509.KeyUsage(True, *[False] * 8)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(public)
        .serial_number(1)
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(signer, critical=False)
        .sign(private, None)
    )
    return made.public_bytes(serialization.Encoding.DER)


def signature_of(der: bytes) -> bytes:
    """The signature in a certificate that `make` made: its last 64 bytes."""
    return der[-SIGNATURE_BYTES:]


def rebuilt(name: str, public: bytes, signature: bytes) -> bytes:
    """The certificate that `make` makes for this name and link key, whose signature is given: all
    else in it follows. Raises `Refused` (R-LEDGER) if the signature does not hold."""
    blank, stand_in = make(name, bytes(32)), Ed25519PrivateKey.from_private_bytes(bytes(32))
    other = stand_in.public_key().public_bytes_raw()
    body = blank[:-SIGNATURE_BYTES].replace(other, public)
    der = body.replace(_key_id(other), _key_id(public)) + signature
    if key_of(der) != public:
        raise _refused("it is of another key")
    return der


def _key_id(public: bytes) -> bytes:
    """How certificates name a key (RFC 5280 4.2.1.2, method 1); nothing is believed for it."""
    return hashlib.sha1(public, usedforsecurity=False).digest()


@lru_cache(maxsize=1_024)
def key_of(der: bytes) -> bytes:
    """The raw link key in a certificate. Raises `Refused` (R-LEDGER) for one that is not
    self-signed by an Ed25519 key, or not in its one spelling."""
    if len(der) > MAX_CERTIFICATE:
        raise _refused(f"{len(der)} bytes, at most {MAX_CERTIFICATE}")
    try:
        found = _read(der)
        public = found.public_key()
        if not isinstance(public, Ed25519PublicKey):
            raise _refused("a key of another algorithm")
        found.verify_directly_issued_by(found)
    except _NO_CERTIFICATE as error:
        raise _refused(str(error)) from None
    if not der.endswith(_SIGNATURE + found.signature):  # unused bits of it, which nobody signed
        raise _refused("a signature in another spelling")
    return public.public_bytes_raw()


def _read(der: bytes) -> x509.Certificate:
    with warnings.catch_warnings():  # of odd serial numbers, on stderr; nobody looks at them here
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_der_x509_certificate(der)


def _refused(why: str) -> Refused:
    return Refused(f"no certificate of a terminal: {why}", reason="R-LEDGER")


def pem_of(der: bytes, seed: bytes) -> bytes:
    """Certificate and private key in one PEM, as `ssl` loads them."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return _read(der).public_bytes(serialization.Encoding.PEM) + key
