"""Why a box did not become a terminal, kept for its screen and its doctor until it does."""

from contextlib import suppress
from pathlib import Path

from ledger_sync import files
from ledger_sync.errors import Refused, Unavailable

NAME = ".first-boot-refused"  # in the home of the terminal to be
ON_STICK = "REFUSED.txt"
MAX_SENTENCE = 1_000  # characters


def remember(sentence: str, home: Path, place: Path) -> None:
    """In `home`, and beside the parcel in `place` for whoever carries the stick back. A disk that
    takes neither is told by what follows; a link on the stick leads nowhere."""
    text = " ".join(sentence.split())[:MAX_SENTENCE] + "\n"
    with suppress(OSError):
        home.mkdir(exist_ok=True)
    told = [home / NAME] if place.is_symlink() else [home / NAME, place / ON_STICK]
    for path in told:
        with suppress(Refused, Unavailable, OSError):
            files.replace(path, text.encode())


def forget(home: Path, place: Path) -> None:
    """It is a terminal now."""
    for path in (home / NAME, place / ON_STICK):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def remembered(home: Path) -> str:
    """The sentence; empty where nothing was refused."""
    try:
        data = files.read_bounded(home / NAME, 4 * MAX_SENTENCE + 1, hint="")
    except (Refused, Unavailable):
        return ""
    return " ".join(data.decode(errors="replace").split())
