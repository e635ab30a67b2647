"""The keys of guards at a terminal: one file each, which a PIN unlocks, and a second for duress.

    guards/anna.key     acts as anna
    guards/anna.help    acts as anna, too, and the other terminals show a call for help

Both are always there, and both are always tried, so that neither the folder nor the time tells
whether a guard has a second PIN: without one the second is sealed with a random word. A PIN keeps
out who stands at the console; who takes the SD card can try all of them, so then end the key
(`yardpass office guard NAME --end`).
"""

import re
from pathlib import Path

from ledger_sync import keyfile
from ledger_sync.errors import Refused
from ledger_sync.keys import SigningKey
from ledger_sync.passphrase import Cost, WrongPassphrase

FOLDER = "guards"  # beside the settings
MIN_PIN, MAX_PIN = 6, 12  # digits
COST = Cost(3, 64 << 20)  # for each of two files: a second on a Pi 4
HINT = "bring the guard's two files from the office: yardpass office guard NAME --to FOLDER"
NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")
_PIN = re.compile(rf"[0-9]{{{MIN_PIN},{MAX_PIN}}}", re.ASCII)
_RUNS = ("01234567890123456789", "98765432109876543210")


class WrongPin(Refused):
    """Not the PIN of this guard."""


def good_pin(pin: str) -> str:
    """The PIN, if it is one to choose. Raises `Refused` with what is accepted."""
    is_plain = len(set(pin)) < 3 or any(pin in run for run in _RUNS)
    if not _PIN.fullmatch(pin) or is_plain:
        what = f"a PIN has {MIN_PIN} to {MAX_PIN} digits, three different ones, and is no run"
        raise Refused(f"{what}; choose another", reason="R-SETTINGS")
    return pin


def passphrase_of(pin: str) -> str:
    """What a key file is sealed with."""
    return f"guard's PIN {pin}"


def paths(folder: Path, name: str) -> tuple[Path, Path]:
    """The two files of a guard."""
    return folder / f"{name}.key", folder / f"{name}.help"


def names(folder: Path) -> list[str]:
    """The guards whose keys are here, by name."""
    found = {path.stem for path in folder.glob("*.key")} if folder.is_dir() else set()
    return sorted(name for name in found if NAME.fullmatch(name))


def check(folder: Path, name: str) -> None:
    """Looks whether a PIN could open the files of this guard, before one is tried. Raises
    `Refused` or `Unavailable` for files that are damaged or missing."""
    if not NAME.fullmatch(name):
        raise Refused(f"{name[:40]!r} is no guard here; {HINT}", reason="R-SETTINGS")
    files = paths(folder, name)
    for path in files:
        if not keyfile.is_sealed(path, hint=HINT):
            raise Refused(f"{path} is not sealed; {HINT}", reason="R-SETTINGS")


def unlock(folder: Path, name: str, pin: str) -> SigningKey:
    """The key that this PIN opens. Raises `WrongPin`, and as `check`."""
    check(folder, name)
    files = paths(folder, name)
    found = [_tried(path, pin) for path in files]  # both, whichever opens
    for key in found:
        if key is not None:
            return key
    raise WrongPin("wrong PIN", reason="R-SETTINGS")


def _tried(path: Path, pin: str) -> SigningKey | None:
    try:
        return keyfile.read_key(path, hint=HINT, passphrase=lambda _: passphrase_of(pin))
    except WrongPassphrase:
        return None
