"""A site's file for cards: how each of its terminals is provisioned, so a card takes one line.

    office = "office"                 # folder of the office, from this file's folder on
    [every]                           # of all terminals
    ledger = "ledger.yardpass"
    [terminal.north-1]                # what differs; keys are the options of `yardpass provision`
    gate = "north"
    address = ["10.0.0.5:7461"]

Knows no option: `yardpass provision` refuses what it does not have.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from ledger_sync.errors import Refused, Unavailable
from workshop.host import YARDPASS, run

MAX_BYTES = 262_144
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_TABLES = {"office", "every", "terminal"}
_TAKEN = ("name", "site", "office")  # said by the file itself and the command


def arguments(text: str, name: str) -> list[str]:
    """The words behind `yardpass provision FOLDER`, for one terminal. Raises `Refused`."""
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused(f"it is no TOML ({error})") from error
    unknown = sorted(set(found) - _TABLES)
    if unknown:
        raise _refused(f"{unknown[0]!r} is not known; it has office, [every] and [terminal.NAME]")
    terminals = _table(found.get("terminal", {}), "[terminal]")
    if name not in terminals:
        known = ", ".join(sorted(terminals)) or "none"
        raise _refused(f"no [terminal.{name}]; it has {known}")
    options = _table(found.get("every", {}), "[every]") | _table(terminals[name], name)
    words = ["--name", name]
    if "office" in found:
        words += ["--site", *_values("office", found["office"])]
    for key, value in options.items():
        if not _NAME.fullmatch(key) or key in _TAKEN:
            raise _refused(f"{key!r} is no option of yardpass provision here")
        for one in _values(key, value):
            words += [f"--{key}", one]
    return words


def _values(key: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    for one in values:
        if not isinstance(one, str | int) or isinstance(one, bool) or str(one).startswith("-"):
            raise _refused(f"{key} = {one!r}; give a text or a whole number")
    return [str(one) for one in values]


def _table(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _refused(f"{what} is no table")
    return value


def _refused(why: str) -> Refused:
    return Refused(f"the site's file: {why}", reason="R-SETTINGS")


def provision(plan: Path, name: str, folder: Path) -> None:
    """Writes the parcel of one terminal to `folder`. Raises `Refused`, also with what `yardpass
    provision` says."""
    try:
        with plan.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refused(f"{plan}: {error.strerror}; give the site's file") from error
    if len(text) > MAX_BYTES:
        raise _refused(f"{plan} has more than {MAX_BYTES} bytes")
    words = arguments(text.decode(errors="replace"), name)
    try:
        run(YARDPASS, "provision", folder, *words, cwd=plan.resolve().parent)
    except Unavailable as error:
        raise _refused(f"[terminal.{name}]: {_said(str(error))}") from error


def _said(error: str) -> str:
    """What a command gave as its reason: behind how it is used, if that was the fault."""
    said = error.partition("\n")[2] or error
    usage = said.rpartition("\nError: ")[2]
    return (usage if said.startswith("Usage: ") else said).removeprefix("yardpass: ")
