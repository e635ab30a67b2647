"""What an update's bundle says of itself, read without RAUC and believed by nobody: the office
writes it into the ledger so that boxes know what to fetch. Boxes verify it, by RAUC.

A bundle of the format "verity" ends with a CMS signature and its length in 8 bytes, big-endian;
the manifest is the content that is signed. RAUC's documentation, "Bundle Formats".
"""

import hashlib
import re
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.updates import MAX_LENGTH

MAX_SIGNATURE = 1 << 20  # bytes
PIECE = 1 << 20
HINT = "give a bundle that yardpass-image bundle made"
_MANIFEST = re.compile(rb"\[update\]\n((?:[a-z-]+=[^\n]{0,200}\n)+)")
_LINE = re.compile(r"[!-~]{1,56}")


class Described(NamedTuple):
    """For which boxes it is and which version it brings, by its own words; hash and length."""

    kind: str
    version: str
    sha256: bytes
    length: int


def described(path: Path) -> Described:
    """Raises `Refused` for what is no bundle, `Unavailable` if it cannot be read."""
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            kind, version = _told(_signature(file, length, path), path)
            file.seek(0)
            return Described(kind, version, _hash(file), length)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror}); {HINT}") from error


def _signature(file: BinaryIO, length: int, path: Path) -> bytes:
    if not 8 < length <= MAX_LENGTH:
        raise _refused(path)
    file.seek(length - 8)
    size = int.from_bytes(file.read(8), "big")
    if not 0 < size <= min(MAX_SIGNATURE, length - 8):
        raise _refused(path)
    file.seek(length - 8 - size)
    return file.read(size)


def _told(signature: bytes, path: Path) -> tuple[str, str]:
    found = _MANIFEST.search(signature)
    if found is None:
        raise _refused(path)
    pairs = (line.partition("=") for line in found[1].decode(errors="replace").splitlines())
    words = {name: value for name, _, value in pairs}
    kind, version = words.get("compatible", ""), words.get("version", "")
    if not _LINE.fullmatch(kind) or not _LINE.fullmatch(version):
        raise _refused(path)
    return kind, version


def _hash(file: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while data := file.read(PIECE):
        digest.update(data)
    return digest.digest()


def _refused(path: Path) -> Refused:
    return Refused(f"{path} is no bundle of an update; {HINT}")
