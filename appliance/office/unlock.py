"""The passphrase of a sealed key: from a private file, or typed on a terminal and not shown."""

import os
import sys
from pathlib import Path

import click

from ledger_sync import keyfile, passphrase
from ledger_sync.errors import Refused

FILE_VARIABLE = "YARDPASS_PASSPHRASE_FILE"
MAX_FILE = 8_192  # bytes: a passphrase of the longest kind, however it is spelled


def ask(path: Path) -> str:
    """The passphrase of the key file `path`; the file of YARDPASS_PASSPHRASE_FILE comes first.

    Raises `Refused` if there is no terminal to ask on, or others may read the file;
    `Unavailable` if the file is missing.
    """
    found = _from_file()
    if found is not None:
        return found
    _need_terminal(f"{path} is sealed; {keyfile.ASK}")
    return str(click.prompt(f"passphrase of {path}", hide_input=True, err=True))


def choose() -> str:
    """A new passphrase, typed twice; errors as `ask`, and `Refused` for one too short or long.

    With YARDPASS_PASSPHRASE_FILE it is that file's: `ask` will look there, too.
    """
    chosen = _from_file()
    if chosen is None:
        _need_terminal(f"no passphrase; set {FILE_VARIABLE} or run on a terminal")
        least, most = passphrase.MIN_CHARACTERS, passphrase.MAX_CHARACTERS
        what = f"new passphrase, {least} to {most} characters"
        chosen = str(click.prompt(what, hide_input=True, confirmation_prompt=True, err=True))
    passphrase.normal(chosen)
    return chosen


def _from_file() -> str | None:
    """That of the file that the variable names; nothing if it names none."""
    name = os.environ.get(FILE_VARIABLE)
    if not name:
        return None
    return line_in(Path(name))


def line_in(file: Path) -> str:
    """The passphrase in a private file. Raises `Refused` for anything but one line of UTF-8."""
    data = keyfile.read_private(file, hint=f"{FILE_VARIABLE} names it", most=MAX_FILE)
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = []
    if len(lines) != 1:
        what = f"{file} does not hold one line of UTF-8"
        raise Refused(f"{what}; write the passphrase and nothing else", reason="R-SETTINGS")
    return lines[0]


def _need_terminal(otherwise: str) -> None:
    if not sys.stdin.isatty():
        raise Refused(otherwise, reason="R-SETTINGS")
