"""A remark: what a guard wrote beside an act. Terminals of the site read it, for 30 days. Pure.

It may name people, so it does not stand in the log: the act states a salted hash of it, and it
travels sealed beside the entry, where it is forgotten first (FORMAT.md 8.3). XSalsa20-Poly1305
(libsodium secretbox) under a key that follows from the site's secret. FORMAT.md section 7.12.
"""

import hashlib
import hmac
from typing import NamedTuple

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from ledger_sync.errors import Refused

SALT_BYTES = 16
NONCE_BYTES = 24
MAX_TEXT = 160  # bytes of UTF-8
MIN_REASON = 4  # characters of a reason to open
_PURPOSE = b"yardpass/remark/v1"
_LENGTH_AT = SALT_BYTES
_PLAIN = SALT_BYTES + 1 + MAX_TEXT  # whatever it says, it is as long
SEALED_BYTES = NONCE_BYTES + SecretBox.MACBYTES + _PLAIN


class Remark(NamedTuple):
    """A text and the 16 random bytes that keep its hash from being guessed."""

    salt: bytes
    text: str

    @property
    def digest(self) -> bytes:
        """What the act states: SHA-256 of the plain form."""
        return hashlib.sha256(_PURPOSE + self.to_bytes()).digest()

    def to_bytes(self) -> bytes:
        """Salt, length, text, zeros. Raises `Refused` for a text that is too long."""
        text = self.text.encode(errors="replace")
        if len(self.salt) != SALT_BYTES or len(text) > MAX_TEXT:
            raise Refused(f"a remark of {len(text)} bytes, at most {MAX_TEXT}; say it shorter")
        return (self.salt + bytes((len(text),)) + text).ljust(_PLAIN, b"\0")


def remark_of(plain: bytes) -> Remark:
    """The remark in its plain form, which has one spelling. Raises `Refused` (R-LEDGER)."""
    length = plain[_LENGTH_AT] if len(plain) == _PLAIN else _PLAIN
    begin = _LENGTH_AT + 1
    try:
        found = Remark(plain[:SALT_BYTES], plain[begin : begin + length].decode())
        is_whole = found.to_bytes() == plain
    except (UnicodeDecodeError, Refused):
        is_whole = False
    if not is_whole or not found.text.isprintable():
        raise Refused("not a remark of one printable line", reason="R-LEDGER")
    return found


def fitted(text: str) -> str:
    """The text as a remark can hold it: one line, without what a screen would obey, cut to
    `MAX_TEXT` bytes between two characters."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line.encode(errors="replace")[:MAX_TEXT].decode(errors="ignore").rstrip()


def seal(remark: Remark, site_secret: bytes, *, nonce: bytes) -> bytes:
    """What travels beside the act: `SEALED_BYTES`. `nonce` is 24 random bytes."""
    return bytes(SecretBox(_key(site_secret)).encrypt(remark.to_bytes(), nonce))


def unsealed(sealed: bytes, site_secret: bytes, *, digest: bytes) -> str:
    """The text, empty where it was forgotten or there is none. Raises `Refused` (R-LEDGER) for a
    box of another site, and for one that is not what the act states."""
    if not sealed or not digest:
        return ""
    try:
        found = remark_of(SecretBox(_key(site_secret)).decrypt(sealed))
    except (CryptoError, ValueError):
        raise Refused("not a remark of this site", reason="R-LEDGER") from None
    if not hmac.compare_digest(found.digest, digest):
        raise Refused("a remark beside another act", reason="R-LEDGER")
    return found.text


def _key(site_secret: bytes) -> bytes:
    return hmac.digest(site_secret, _PURPOSE, "sha256")
