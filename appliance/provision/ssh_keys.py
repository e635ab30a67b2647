"""Which public keys may log in to a box: lines of authorized_keys, without options. Pure."""

import base64
import binascii
import re

from ledger_sync.errors import Refused

MAX_KEYS = 16
FIELDS = {
    "ssh-ed25519": 2,
    "ecdsa-sha2-nistp256": 3,
    "sk-ssh-ed25519@openssh.com": 3,
    "ssh-rsa": 3,
}
"""Kinds of keys, and of how many strings each is made."""
_LINE = re.compile(
    r"(ssh-ed25519|ecdsa-sha2-nistp256|sk-ssh-ed25519@openssh\.com|ssh-rsa)"
    r" ([A-Za-z0-9+/]{40,1600}={0,2})(?: [ -~]{0,200})?"
)


def keys_in(data: bytes) -> list[str]:
    """The keys in a file, a line each, without comments. Raises `Refused` (R-SETTINGS) for
    anything else: an option before a key can do much."""
    lines = [line.strip() for line in data.decode("ascii", "replace").splitlines()]
    kept = [line for line in lines if line and not line.startswith("#")]
    if not 0 < len(kept) <= MAX_KEYS:
        raise _refused(f"{len(kept)} keys, give 1 to {MAX_KEYS}")
    return [_key(line) for line in kept]


def _key(line: str) -> str:
    found = _LINE.fullmatch(line)
    if found is None:
        raise _refused(f"{line[:40]!r} is no public key; give the .pub file that ssh-keygen made")
    kind, text = found[1], found[2]
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    fields = _fields(raw)
    if len(fields) != FIELDS[kind] or fields[0] != kind.encode() or not all(fields):
        raise _refused(f"{line[:40]!r} is cut off; give the .pub file that ssh-keygen made")
    return f"{kind} {text}"


def _fields(raw: bytes) -> list[bytes]:
    """The strings that a key is made of, each behind its length (RFC 4253 6.6, RFC 8709 4); none
    if they do not fill it."""
    found, at = [], 0
    while at < len(raw):
        end = at + 4 + int.from_bytes(raw[at : at + 4], "big")
        if end > len(raw):
            return []
        found.append(raw[at + 4 : end])
        at = end
    return found


def _refused(why: str) -> Refused:
    return Refused(f"ssh keys: {why}", reason="R-SETTINGS")
