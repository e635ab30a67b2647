"""A settings file as it stands on the disk: its tables, and the line of each key.

Knows no table and no key by name: what they may be is for settings.py and relay_settings.py.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger_sync.errors import Refused
from ledger_sync.files import read_bounded

FILE_NAME = "site.toml"
MAX_FILE = 16_384  # bytes; tomllib takes a second for the worst that fits
MAX_DEPTH = 8  # tables and lists within each other
_HEADER = re.compile(r"\s*\[+\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*(?:\.\s*([\w-]+)\s*)?=")


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says, and where: `lines` is (table, key) -> line, counted from 1."""

    path: Path
    tables: dict[str, Any]
    lines: dict[tuple[str, str], int]

    def line(self, table: str, key: str) -> int:
        """The line that sets `key` in `table`; of the table if it is missing; else 1."""
        return self.lines.get((table, key)) or self.lines.get((table, ""), 1)

    def refusal(self, faults: list[tuple[int, str]]) -> Refused:
        """All faults as one error (R-SETTINGS), one line each: where, and what is wrong."""
        lines = [f"{self.path}:{line}: {what}" for line, what in sorted(faults)]
        return Refused("\n".join(lines), reason="R-SETTINGS")


def read(path: Path) -> Document:
    """The document in `path`. Raises `Unavailable` if there is no such file, and `Refused`
    (R-SETTINGS) if it is too long or no TOML."""
    data = read_bounded(path, MAX_FILE, hint="make one with: yardpass office terminal")
    try:
        text = data.decode("utf-8-sig")  # some editors begin a file with a byte order mark
        tables = tomllib.loads(text)
        _check_bounds(tables)
    except (ValueError, RecursionError) as error:  # TOML's, UTF-8's, and limits of Python's own
        raise Refused(f"{path} is not TOML: {error}", reason="R-SETTINGS") from None
    return Document(path, tables, _lines_of(text))


def shown(value: object) -> str:
    """A value as a message about it shows it."""
    return "nothing" if value is None else repr(value)[:60]


def _check_bounds(document: dict[str, Any]) -> None:
    """Raises `ValueError` for what tomllib takes and no message could show."""
    rest: list[tuple[Any, int]] = [(document, 0)]
    while rest:
        value, depth = rest.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"tables and lists are nested more than {MAX_DEPTH} deep")
        if type(value) is int and value.bit_length() > 63:
            raise ValueError("a whole number has more than 64 bits")
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            rest += [(each, depth + 1) for each in inner]


def _lines_of(text: str) -> dict[tuple[str, str], int]:
    """(table, key) -> the line that sets it, counted from 1; of the table itself for key ""."""
    found: dict[tuple[str, str], int] = {}
    current = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            current = header[1]
            found.setdefault((current, ""), number)
        elif key := _KEY.match(line):
            place = (current, key[1]) if current else (key[1], key[2] or "")
            found.setdefault(place, number)
    return found
