"""Secrets under a passphrase: Argon2id (RFC 9106) makes the key, XSalsa20-Poly1305 seals with it.

    argon2id 3 268435456 AAECAwQFBgcICQoLDA0ODw== AAECAwQFBgcICQoLDA0ODxAREhMUFRYX...=

Passes, bytes of memory, salt, nonce and box. Pure: the caller draws salt and nonce, for every
box anew.
"""

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

from ledger_sync.errors import Refused, Unavailable

SALT_BYTES = 16
NONCE_BYTES = 24
MIN_CHARACTERS = 8
MAX_CHARACTERS = 1_024
MAX_OPS = 16  # passes over the memory
MIN_MEM = 8_192  # bytes, the least libsodium takes
MAX_MEM = 1 << 30  # bytes
_NUMBER = r"([1-9][0-9]{0,9})"
_SHAPE = re.compile(rf"argon2id {_NUMBER} {_NUMBER} ([A-Za-z0-9+/]{{22}}==) ([A-Za-z0-9+/]+=*)")


class WrongPassphrase(Refused):
    """Another passphrase, or changed bytes: nobody can tell which."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess costs: `ops` passes over `mem` bytes, whole KiB.

    Raises `Refused` out of bounds, so that a crafted file can neither hang nor exhaust us.
    """

    ops: int
    mem: int

    def __post_init__(self) -> None:
        bounded = 1 <= self.ops <= MAX_OPS and MIN_MEM <= self.mem <= MAX_MEM
        if not bounded or self.mem % 1_024:
            raise Refused(
                f"argon2id with {self.ops} passes over {self.mem} bytes; "
                f"at most {MAX_OPS} over {MAX_MEM} are taken, in whole KiB",
                reason="R-SETTINGS",
            )


MODERATE = Cost(3, 268_435_456)  # libsodium's: half a second and 256 MiB on an office computer


def seal(
    secret: bytes, passphrase: str, *, salt: bytes, nonce: bytes, cost: Cost = MODERATE
) -> bytes:
    """The line above, ASCII without a line end. `salt` is 16 bytes, `nonce` 24, both random.

    Raises `Refused` for a passphrase that `normal` refuses, `Unavailable` without the memory.
    """
    box = _box(passphrase, salt, cost).encrypt(secret, nonce)
    return _text(cost, salt, bytes(box)).encode()


def unseal(sealed: bytes, passphrase: str) -> bytes:
    """The secret. Raises `WrongPassphrase`; `Refused` as `check` and `normal`; `Unavailable`."""
    cost, salt, box = _parse(sealed)
    try:
        return _box(passphrase, salt, cost).decrypt(box)
    except CryptoError:
        raise WrongPassphrase("wrong passphrase", reason="R-SETTINGS") from None


def check(sealed: bytes) -> None:
    """Looks whether `unseal` could work on this, before anybody is asked for a passphrase.

    Raises `Refused` for another shape or spelling, and for a cost out of bounds.
    """
    _parse(sealed)


def normal(passphrase: str) -> bytes:
    """The bytes a key is made from: OpaqueString of RFC 8265 section 4.2, in UTF-8.

    NFC, not NFKC: it joins the spellings of one letter, never two letters. Raises `Refused`
    outside 8 to 1,024 characters, and for control characters: an arrow key typed unseen.
    """
    spaced = (" " if unicodedata.category(one) == "Zs" else one for one in passphrase)
    text = unicodedata.normalize("NFC", "".join(spaced))
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        what = f"a passphrase has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters"
        raise Refused(f"{what}; give another", reason="R-SETTINGS")
    if any(unicodedata.category(one) in ("Cc", "Cs") for one in text):
        raise Refused(
            "this passphrase holds a control character or broken UTF-8; type it again",
            reason="R-SETTINGS",
        )
    return text.encode()


def _box(passphrase: str, salt: bytes, cost: Cost) -> SecretBox:
    word = normal(passphrase)
    try:
        key = argon2id.kdf(SecretBox.KEY_SIZE, word, salt, cost.ops, cost.mem)
    except RuntimeError:
        what = f"a passphrase needs {cost.mem >> 20} MiB of memory"
        raise Unavailable(f"{what}, which are not free; end other programs") from None
    return SecretBox(key)


def _parse(sealed: bytes) -> tuple[Cost, bytes, bytes]:
    text = sealed.decode("ascii", "replace")
    found = _SHAPE.fullmatch(text)
    if found:
        cost = Cost(int(found[1]), int(found[2]))
        salt, box = (_decoded(part) for part in found.group(3, 4))
        if text == _text(cost, salt, box) and len(box) >= NONCE_BYTES + SecretBox.MACBYTES:
            return cost, salt, box
    raise Refused("it holds no sealed secret", reason="R-SETTINGS")


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part, validate=True)
    except binascii.Error:
        return b""


def _text(cost: Cost, salt: bytes, box: bytes) -> str:
    parts = (base64.b64encode(part).decode() for part in (salt, box))
    return f"argon2id {cost.ops} {cost.mem} {' '.join(parts)}"
