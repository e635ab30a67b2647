"""Writes the golden files: `python tests/golden/make.py`, or `--check` to compare them.

Seeds are fixed and both signature algorithms are deterministic, so a second run changes nothing.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from golden import (
    acts,
    challenges,
    codecs,
    entry_cases,
    envelopes,
    feeds,
    invites,
    key_files,
    ledger_kinds,
    ledgers,
    notes,
    orders,
    phones,
    published,
    showings,
    statements,
    talk,
    terminals,
    verdicts,
)
from golden.case import FOLDER, render

MODULES = (
    *(ledgers, ledger_kinds, entry_cases, notes, published, orders, acts, challenges, phones),
    terminals,
    *(showings, codecs, envelopes, statements, invites, verdicts, key_files, feeds, talk),
)


def files() -> dict[str, str]:
    """File name -> content, for every golden file there is."""
    found: dict[str, str] = {}
    for module in MODULES:
        for case in module.cases():
            name = f"{case.name}.txt"
            if name in found:
                raise SystemExit(f"two golden files would be named {name}")
            found[name] = render(case)
    return found


def differences() -> list[str]:
    """The names of files that are missing, different, or not made here."""
    wanted = files()
    there = {path.name: path.read_text(encoding="ascii") for path in FOLDER.glob("*.txt")}
    return sorted(name for name in wanted | there if wanted.get(name) != there.get(name))


def write() -> None:
    """Makes the folder hold these files and no other golden file."""
    wanted = files()
    for path in FOLDER.glob("*.txt"):
        if path.name not in wanted:
            path.unlink()
    for name, content in wanted.items():
        (FOLDER / name).write_text(content, encoding="ascii")


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(", ".join(differences()) or 0)
    write()
