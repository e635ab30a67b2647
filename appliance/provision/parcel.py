"""What is on a stick for a new box: a list of contents, and files that it names by their hash.

    yardpass-parcel 1
    origin yardpass/hz07
    terminal north-1
    gate north
    address north-1.local:7461
    genesis 3b1f...                     SHA-256 of the policy: what people compare
    file site.toml 1443 9c0a...         its size, its SHA-256
    end 5d22...                         SHA-256 of all lines above

Everything is read and compared before anything is believed. The list protects from sticks that
are pulled or worn; whom the box then believes, people compare by the genesis policy.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.files import read_bounded

LIST = "parcel.txt"
MAX_LIST = 4_096  # bytes
LEDGER = "ledger.yardpass"
MAX_LEDGER = 128 << 20  # bytes; a larger one comes over the network, or by another stick
GUARD = re.compile(r"[a-z][a-z0-9-]{0,15}\.(key|help)")
MAX_GUARD = 256  # bytes of a guard's key, sealed with a PIN
MAX_FILES = 64
SIZES = {
    "site.toml": 16_384,
    "genesis.policy": 65_536,
    "auditor.pub": 128,
    "site.secret": 256,
    "network.json": 2_048,
    "authorized_keys": 16_384,
    LEDGER: MAX_LEDGER,
}
"""What a parcel may hold, and how many bytes of it."""
NEEDED = {"site.toml", "genesis.policy", "auditor.pub", "site.secret"}
SECRET = ("site.secret", "network.json")
"""What is wiped from the stick when the box has it, beside guards' keys."""
HINT = "the stick was pulled too early, or is worn: write it again with yardpass provision"
_PIECE = 1 << 20
_NAME = r"[a-z0-9][a-z0-9.-]{0,31}"
_HEX = r"[0-9a-f]{64}"
_SHAPE = re.compile(
    rf"yardpass-parcel 1\norigin (?P<origin>[a-z0-9][a-z0-9./:-]{{0,63}})\n"
    rf"terminal (?P<terminal>{_NAME})\ngate (?P<gate>{_NAME})\n"
    rf"(?P<addresses>(?:address [A-Za-z0-9.:\[\]-]{{3,64}}\n){{0,4}})"
    rf"genesis (?P<genesis>{_HEX})\n"
    rf"(?P<files>(?:file [a-z0-9._-]{{1,32}} [0-9]{{1,9}} {_HEX}\n){{1,{MAX_FILES}}})"
    rf"end (?P<end>{_HEX})\n"
)


@dataclass(frozen=True, slots=True)
class Listed:
    """The list of contents. `files` is name -> (size, SHA-256)."""

    origin: str
    terminal: str
    gate: str
    addresses: tuple[str, ...]
    genesis: bytes
    files: dict[str, tuple[int, str]]


def text_of(listed: Listed) -> bytes:
    """The file."""
    lines = [
        "yardpass-parcel 1",
        f"origin {listed.origin}",
        f"terminal {listed.terminal}",
        f"gate {listed.gate}",
        *(f"address {one}" for one in listed.addresses),
        f"genesis {listed.genesis.hex()}",
        *(f"file {name} {size} {digest}" for name, (size, digest) in listed.files.items()),
    ]
    text = "\n".join(lines) + "\n"
    return f"{text}end {hashlib.sha256(text.encode()).hexdigest()}\n".encode()


def listed_in(data: bytes) -> Listed:
    """The list in this file. Raises `Refused` (R-SETTINGS) for anything that `text_of` does not
    write."""
    found = _SHAPE.fullmatch(data.decode("ascii", "replace"))
    if found is None:
        raise _refused(f"{LIST} is damaged; {HINT}")
    rows = [line.split(" ")[1:] for line in found["files"].splitlines()]
    made = Listed(
        found["origin"],
        found["terminal"],
        found["gate"],
        tuple(line.split(" ")[1] for line in found["addresses"].splitlines()),
        bytes.fromhex(found["genesis"]),
        {name: (int(size), digest) for name, size, digest in rows},
    )
    if text_of(made) != data:
        raise _refused(f"{LIST} is damaged; {HINT}")
    _check(made)
    return made


def _check(listed: Listed) -> None:
    for name, (size, _) in listed.files.items():
        most = most_of(name)
        if not most:
            raise _refused(f"{LIST} names {name}; this version knows {', '.join(SIZES)}")
        if size > most:
            raise _refused(f"{name} has {size} bytes, at most {most}")
    missing = NEEDED - set(listed.files)
    if missing:
        raise _refused(f"{LIST} names no {', '.join(sorted(missing))}; {HINT}")


def most_of(name: str) -> int:
    """How many bytes a file of this name may have; 0 for one that a parcel does not hold."""
    return SIZES.get(name) or (MAX_GUARD if GUARD.fullmatch(name) else 0)


def digest_of(path: Path) -> tuple[int, str]:
    """The size and the hash of a file. Raises `Unavailable` if it cannot be read."""
    whole, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                whole.update(piece)
                size += len(piece)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror}); {HINT}") from error
    return size, whole.hexdigest()


@dataclass(frozen=True, slots=True)
class Parcel:
    """A folder whose files are those of its list. The ledger is not kept in memory; whoever reads
    it later verifies it by itself."""

    folder: Path
    listed: Listed
    data: dict[str, bytes]

    @property
    def guards(self) -> dict[str, bytes]:
        """The keys of guards."""
        return {name: data for name, data in self.data.items() if GUARD.fullmatch(name)}

    @property
    def ledger(self) -> Path | None:
        return self.folder / LEDGER if LEDGER in self.listed.files else None


def opened(folder: Path) -> Parcel:
    """The parcel in the folder. Raises `Unavailable` if there is none or it cannot be read,
    `Refused` (R-SETTINGS) if it is not what it says."""
    listed = listed_in(read_bounded(folder / LIST, MAX_LIST, hint=HINT))
    return Parcel(folder, listed, dict(_contents(folder, listed)))


def _contents(folder: Path, listed: Listed) -> Iterator[tuple[str, bytes]]:
    for name, wanted in listed.files.items():
        if name == LEDGER:
            found, data = digest_of(folder / name), b""
        else:
            data = read_bounded(folder / name, most_of(name), hint=HINT)
            found = len(data), hashlib.sha256(data).hexdigest()
        if found != wanted:
            raise _refused(f"{folder / name} is damaged; {HINT}")
        if name != LEDGER:
            yield name, data


def _refused(why: str) -> Refused:
    return Refused(why, reason="R-SETTINGS")
