"""A board's file: what is built for it, how large the parts are, what is claimed for it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger_sync.errors import Refused
from workshop.host import IMAGE_BUILD

CLAIMS = ("tried", "built", "believed")
MAX_BYTES = 65_536  # of a board's file


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of partitions, in MiB."""

    bootconfig: int
    boot: int
    system: int
    counter: int
    persistent: int


@dataclass(frozen=True, slots=True)
class Floors:
    """What may not be exceeded, in MiB."""

    system: int
    initrd: int
    released: int


@dataclass(frozen=True, slots=True)
class Board:
    """One image for one architecture."""

    name: str
    arch: str
    claim: str
    suite: str
    hostname: str
    packages: tuple[str, ...]
    kernel: str
    has_pins: bool  # of a simulated chip
    has_lgpio: bool  # through which gpiozero drives pins
    console: str
    initrd_modules: tuple[str, ...]
    keep_modules: tuple[str, ...]
    sizes: Sizes
    floors: Floors

    @property
    def label(self) -> str:
        return f"{self.name}-{self.arch}"


def load(name: str, arch: str, folder: Path = IMAGE_BUILD / "boards") -> Board:
    """Raises `Refused` for a board that is not known, or a file that is not one of a twin."""
    path = folder / f"{name}.toml"
    known = sorted(one.stem for one in folder.glob("*.toml"))
    if name not in known:
        raise _refused(f"no board {name!r}; known are {', '.join(known)}")
    with path.open("rb") as file:
        text = file.read(MAX_BYTES).decode()
    try:
        return _board(tomllib.loads(text), arch)
    except (KeyError, TypeError, ValueError) as error:
        raise _refused(f"{path.name}, {arch}: {error} is missing or wrong") from error


def _board(found: dict[str, Any], arch: str) -> Board:
    own = found["arch"][arch]
    if found["claim"] not in CLAIMS:
        raise ValueError(f"claim {found['claim']}")
    return Board(
        name=found["name"],
        arch=arch,
        claim=found["claim"],
        suite=found["suite"],
        hostname=found["hostname"],
        packages=tuple(found["packages"]["system"]),
        kernel=own["kernel"],
        has_pins=own["pins"],
        has_lgpio=own["lgpio"],
        console=own["console"],
        initrd_modules=tuple(own["initrd_modules"]),
        keep_modules=tuple(found["modules"]["keep"]),
        sizes=Sizes(**found["sizes"]),
        floors=Floors(**found["floors"]),
    )


def _refused(why: str) -> Refused:
    return Refused(why, reason="R-SETTINGS")
