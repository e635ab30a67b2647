"""What only the auditor can read of a check: libsodium's sealed box, its costly half made ahead.

A sealed box (libsodium, crypto_box_seal) is an ephemeral public key and a box under it. Making the
key and agreeing on the secret costs as much as verifying a signature, so it is done in quiet
moments; what is left for the moment of a check is the box. Any sealed box reader opens the result.
FORMAT.md section 8.3.
"""

import hashlib
from collections import deque
from collections.abc import Callable

from nacl.bindings import (
    crypto_box_afternm,
    crypto_box_beforenm,
    crypto_box_keypair,
    crypto_sign_ed25519_pk_to_curve25519,
    crypto_sign_ed25519_sk_to_curve25519,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from ledger_sync.errors import Refused
from ledger_sync.keys import SigningKey

KEY_BYTES = 32
READY = 8  # boxes kept ready: one for each person of a group that comes at once
_NONCE_BYTES = 24


class Sealer:
    """Seals for one auditor. Owned by one thread; without a key it seals nothing."""

    def __init__(self, auditor: bytes = b"") -> None:
        """`auditor` is an X25519 public key. Raises `Refused` (R-SETTINGS) for another length."""
        if len(auditor) not in (0, KEY_BYTES):
            raise Refused(f"an auditor's key has {KEY_BYTES} bytes", reason="R-SETTINGS")
        self._auditor = auditor
        self._ready: deque[Callable[[bytes], bytes]] = deque()

    def prepare(self) -> None:
        """Work for a quiet moment: fills up the boxes that are ready."""
        while self._auditor and len(self._ready) < READY:
            self._ready.append(self._box())

    def seal(self, plain: bytes) -> bytes:
        """The sealed box of `plain`, 48 bytes longer; empty without an auditor."""
        if not self._auditor:
            return b""
        return (self._ready.popleft() if self._ready else self._box())(plain)

    def _box(self) -> Callable[[bytes], bytes]:
        ephemeral, private = crypto_box_keypair()
        joined = ephemeral + self._auditor
        nonce = hashlib.blake2b(joined, digest_size=_NONCE_BYTES).digest()
        shared = crypto_box_beforenm(self._auditor, private)
        return lambda plain: ephemeral + crypto_box_afternm(plain, nonce, shared)


def auditor_key_of(signing_public: bytes) -> bytes:
    """The X25519 key to seal with, of an auditor's Ed25519 public key (32 bytes): libsodium's own
    conversion, so that the auditor's key is a key file like any other. Raises `Refused`."""
    try:
        return crypto_sign_ed25519_pk_to_curve25519(signing_public)
    except (CryptoError, ValueError, TypeError):
        raise Refused("not an auditor's key", reason="R-SETTINGS") from None


def unsealed(sealed: bytes, auditor: SigningKey) -> bytes:
    """What the auditor reads. Raises `Refused` (R-LEDGER) for another's box, or a damaged one."""
    _, secret = crypto_sign_seed_keypair(auditor.seed)
    private = PrivateKey(crypto_sign_ed25519_sk_to_curve25519(secret))
    try:
        return SealedBox(private).decrypt(sealed)
    except (CryptoError, ValueError, TypeError):
        raise Refused("not a sealed box for this key", reason="R-LEDGER") from None
