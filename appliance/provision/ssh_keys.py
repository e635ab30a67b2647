"""Which public keys may log in to a box: lines of authorized_keys, without options. Pure."""

import base64
import binascii
import re

from ledger_sync.errors import Refused

MAX_KEYS = 16
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
    if not raw.startswith(len(kind).to_bytes(4, "big") + kind.encode()):  # RFC 4253 6.6
        raise _refused(f"{line[:40]!r} is cut off; give the .pub file that ssh-keygen made")
    return f"{kind} {text}"


def _refused(why: str) -> Refused:
    return Refused(f"ssh keys: {why}", reason="R-SETTINGS")
