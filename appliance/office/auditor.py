"""The auditor of a compound: who alone can read what terminals seal beside their checks."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ledger_sync import files, keyfile
from ledger_sync.keys import SigningKey

PUBLIC = "auditor.pub"  # hex of the Ed25519 key, as terminals are given it
MAX_PUBLIC = 128  # bytes of that file


def parts(key: SigningKey, passphrase: str | None) -> dict[str, Callable[[Path], object]]:
    """What makes the auditor's files in a new office."""
    return {
        "keys/auditor.key": partial(keyfile.write_key, key=key, passphrase=passphrase),
        PUBLIC: partial(files.write_once, data=key.public.raw.hex().encode() + b"\n"),
    }


def public(folder: Path, *, hint: str) -> bytes:
    """The file with the auditor's public key; empty in an office that was made without one."""
    path = folder / PUBLIC
    return files.read_bounded(path, MAX_PUBLIC, hint=hint) if path.exists() else b""
