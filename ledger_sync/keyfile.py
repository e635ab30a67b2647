"""Private keys and secrets on disk: one file each, readable by its owner only.

    yardpass-key 1 ed25519 5Cq0...=

Made by `init`, `terminal` and their like, never by accident; a missing one stops the start.
"""

import base64
import binascii
import shlex
import stat
from pathlib import Path

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.files import read_bounded, write_once
from ledger_sync.keys import ED25519, ES256, SEED_BYTES, SigningKey

MAX_FILE = 256  # bytes
_NAMES = {"ed25519": ED25519, "p256": ES256}


def write_key(path: Path, key: SigningKey) -> None:
    """Makes the file, mode 0600. Raises `Refused` if it is there already."""
    name = next(name for name, alg in _NAMES.items() if alg == key.alg)
    seed = base64.b64encode(key.seed).decode()
    write_once(path, f"yardpass-key 1 {name} {seed}\n".encode(), mode=0o600)


def read_key(path: Path, *, hint: str) -> SigningKey:
    """The key in the file. `hint` tells how such a file is made.

    Raises `Unavailable` if it is missing, `Refused` if it is malformed or others may read it.
    """
    words = _private(path, hint).decode("ascii", "replace").split()
    if len(words) != 4 or words[:2] != ["yardpass-key", "1"] or words[2] not in _NAMES:
        raise Refused(f"{path} is not a key file; {hint}", reason="R-SETTINGS")
    return SigningKey(_NAMES[words[2]], _secret_in(words[3], path, hint))


def write_secret(path: Path, secret: bytes) -> None:
    """Makes a file with a 32-byte secret, mode 0600."""
    write_once(path, base64.b64encode(secret) + b"\n", mode=0o600)


def read_secret(path: Path, *, hint: str) -> bytes:
    """The 32-byte secret in the file; errors as `read_key`."""
    return _secret_in(_private(path, hint).decode("ascii", "replace").strip(), path, hint)


def _private(path: Path, hint: str) -> bytes:
    data = read_bounded(path, MAX_FILE, hint=hint)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror}); {hint}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        step = f"run: chmod 600 {shlex.quote(str(path))}"
        raise Refused(f"{path} can be read by others; {step}", reason="R-SETTINGS")
    return data


def _secret_in(text: str, path: Path, hint: str) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != SEED_BYTES:
        raise Refused(f"{path} does not hold {SEED_BYTES} bytes; {hint}", reason="R-SETTINGS")
    return secret
