"""Private keys and secrets on disk: one file each, readable by its owner only.

    yardpass-key 1 ed25519 5Cq0...=
    yardpass-key 2 ed25519 argon2id 3 268435456 AAEC...== AAECAw...=

The second is sealed with a passphrase; what is in its box begins with the line up to the name,
so that a key cannot be passed off as one of another kind. Made by `init`, `terminal` and their
like, never by accident; a missing one stops the start. FORMAT.md section 11.
"""

import base64
import binascii
import os
import shlex
import stat
from collections.abc import Callable
from pathlib import Path

from ledger_sync import passphrase as sealing
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.files import read_bounded, write_once
from ledger_sync.keys import ED25519, ES256, SEED_BYTES, SigningKey

MAX_FILE = 256  # bytes
ASK = "give its passphrase: set YARDPASS_PASSPHRASE_FILE or run on a terminal"
HANDED = "CREDENTIALS_DIRECTORY"
"""Names the folder with the secrets that systemd hands to a service (systemd.exec(5))."""
_SEALED = b"yardpass-key 2 "
_NAMES = {"ed25519": ED25519, "p256": ES256}


def write_key(
    path: Path,
    key: SigningKey,
    *,
    passphrase: str | None = None,
    cost: sealing.Cost = sealing.MODERATE,
) -> None:
    """Makes the file, mode 0600, sealed if there is a passphrase.

    Raises `Refused` if it is there already, or for a passphrase too short or too long.
    """
    if passphrase is None:
        line = plain_line(key)
    else:
        salt, nonce = os.urandom(sealing.SALT_BYTES), os.urandom(sealing.NONCE_BYTES)
        line = sealed_line(key, passphrase, salt=salt, nonce=nonce, cost=cost)
    write_once(path, line, mode=0o600)


def plain_line(key: SigningKey) -> bytes:
    """What a plain key file holds."""
    return f"yardpass-key 1 {_name(key)} {base64.b64encode(key.seed).decode()}\n".encode()


def sealed_line(
    key: SigningKey, passphrase: str, *, salt: bytes, nonce: bytes, cost: sealing.Cost
) -> bytes:
    """What a sealed one holds; salt and nonce as `sealing.seal` wants them."""
    head = _head(_name(key))
    sealed = sealing.seal(head + key.seed, passphrase, salt=salt, nonce=nonce, cost=cost)
    return head + sealed + b"\n"


def read_key(
    path: Path, *, hint: str, passphrase: Callable[[Path], str] | None = None
) -> SigningKey:
    """The key in the file. `hint` tells how such a file is made; `passphrase` is asked for the
    file's own only if it is sealed.

    Raises `Unavailable` if it is missing, `Refused` if it is malformed, others may read it, or
    the passphrase is wrong or not to be had.
    """
    words = read_private(path, hint=hint).decode("ascii", "replace").split()
    match words:
        case ["yardpass-key", "1", name, seed] if name in _NAMES:
            return SigningKey(_NAMES[name], _secret_in(seed, path, hint))
        case ["yardpass-key", "2", name, *box] if name in _NAMES:
            sealed = " ".join(box).encode()
            return SigningKey(_NAMES[name], _opened(sealed, _head(name), path, hint, passphrase))
    raise Refused(f"{path} is not a key file; {hint}", reason="R-SETTINGS")


def is_sealed(path: Path, *, hint: str) -> bool:
    """Whether this is a key file that asks for a passphrase; errors as `read_private`."""
    return read_private(path, hint=hint).startswith(_SEALED)


def is_cut_off(path: Path, *, hint: str) -> bool:
    """Whether the file ends before its line does, as a kill or a power cut can leave it; errors
    as `read_private`."""
    return not read_private(path, hint=hint).endswith(b"\n")


def write_secret(path: Path, secret: bytes) -> None:
    """Makes a file with a 32-byte secret, mode 0600."""
    write_once(path, plain_secret(secret), mode=0o600)


def plain_secret(secret: bytes) -> bytes:
    """What such a file holds."""
    return base64.b64encode(secret) + b"\n"


def secret_in(data: bytes, *, hint: str) -> bytes:
    """The secret in the bytes of such a file. Raises `Refused`."""
    return _secret_in(data.decode("ascii", "replace").strip(), Path("site.secret"), hint)


def read_secret(path: Path, *, hint: str) -> bytes:
    """The 32-byte secret in the file; errors as `read_key`."""
    text = read_private(path, hint=hint).decode("ascii", "replace").strip()
    return _secret_in(text, path, hint)


def read_private(path: Path, *, hint: str, most: int = MAX_FILE) -> bytes:
    """At most `most` bytes of a file that only its owner may read; errors as `read_key`."""
    data = read_bounded(path, most, hint=hint)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror}); {hint}") from error
    others = stat.S_IRWXO if _is_handed(path) else stat.S_IRWXG | stat.S_IRWXO
    if mode & others:
        step = f"run: chmod 600 {shlex.quote(str(path))}"
        raise Refused(f"{path} can be read by others; {step}", reason="R-SETTINGS")
    return data


def _is_handed(path: Path) -> bool:
    """Whether systemd put it there: the service's user then has a right of its own, an ACL, whose
    mask looks like a right of the group."""
    return path.parent == Path(os.environ.get(HANDED) or "/nowhere")


def _secret_in(text: str, path: Path, hint: str) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != SEED_BYTES:
        raise Refused(f"{path} does not hold {SEED_BYTES} bytes; {hint}", reason="R-SETTINGS")
    return secret


def _name(key: SigningKey) -> str:
    return next(name for name, alg in _NAMES.items() if alg == key.alg)


def _head(name: str) -> bytes:
    return f"yardpass-key 2 {name} ".encode()


def _opened(
    sealed: bytes, head: bytes, path: Path, hint: str, ask: Callable[[Path], str] | None
) -> bytes:
    """The seed of a sealed file; the cost is looked at before anybody is asked."""
    try:
        sealing.check(sealed)
    except Refused as refused:
        what = f"{path} is not a key file: {refused}; {hint}"
        raise Refused(what, reason="R-SETTINGS") from None
    if ask is None:
        raise Refused(f"{path} is sealed; {ASK}", reason="R-SETTINGS")
    try:
        inside = sealing.unseal(sealed, ask(path))
    except sealing.WrongPassphrase:
        what = f"wrong passphrase for {path}"
        raise sealing.WrongPassphrase(what, reason="R-SETTINGS") from None
    if len(inside) != len(head) + SEED_BYTES or not inside.startswith(head):
        raise Refused(f"{path} was sealed as another kind of key; {hint}", reason="R-SETTINGS")
    return inside[len(head) :]
