"""A resident's name, in the one spelling the office's book keeps. Knows no book."""

import difflib
import unicodedata
from collections.abc import Collection

from ledger_sync.errors import Refused

MAX_RESIDENT = 200  # characters of a resident's name in the office's own book
_NO_LETTERS = {"Cc", "Cs", "Zl", "Zp"}  # controls, halves of broken UTF-8, line breaks


def name_of(resident: str) -> str:
    """The name in one spelling. Raises `Refused` for one that a list could not show in a line."""
    # Cut first: normalising a heap of combining marks takes time in the square of its length.
    name = unicodedata.normalize("NFC", resident[: 4 * MAX_RESIDENT + 1])
    if not 0 < len(name) <= MAX_RESIDENT or not name.strip():
        raise Refused(f"a resident's name has 1 to {MAX_RESIDENT} characters")
    if any(unicodedata.category(letter) in _NO_LETTERS for letter in name):
        raise Refused(
            f"{name!r} is no name: it holds line breaks, control characters or bad UTF-8"
        )
    return name


def nearest(resident: str, known: Collection[str]) -> str | None:
    """Who may have been meant by a name that nobody has: by case, by a part of it, by likeness."""
    wanted = resident.casefold()
    folded = {name: name.casefold() for name in known}
    for is_near in (
        lambda one: one == wanted,
        lambda one: len(wanted) > 2 and one.startswith(wanted),
        lambda one: len(wanted) > 2 and wanted in one,
    ):
        for name, one in folded.items():
            if is_near(one):
                return name
    near = difflib.get_close_matches(wanted, folded.values(), n=1, cutoff=0.75)
    return next((name for name, one in folded.items() if near and one == near[0]), None)
