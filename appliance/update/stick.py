"""Updates on a stick: the folder `update` of a stick named YARDPASS, with bundles in it.

Every bundle is asked what it is by RAUC, which verifies who signed it; the newest that this box
may take is taken. What came of it is left in the folder, for whoever carries the stick on.
"""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from appliance.update.bundle import Offered
from appliance.update.slots import version_key
from ledger_sync.errors import Refused, Unavailable

FOLDER = "update"
PATTERN = "*.raucb"
MAX_BUNDLES = 32  # that are looked at
MAX_TOLD = 3  # of what is said of those that may not be taken
OUTCOME, REFUSED = "OUTCOME.txt", "REFUSED.txt"

Look = Callable[[Path], Offered]
"""What a bundle offers to this box. Raises `Refused` or `Unavailable` if it may not be taken."""


class Found(NamedTuple):
    """A bundle that may be taken."""

    path: Path
    offered: Offered


def bundles_in(folder: Path) -> list[Path]:
    """The bundles of a stick, by name; none where there is no such folder. Raises `Unavailable`
    for a stick that cannot be read, `Refused` for more than are looked at."""
    if folder.is_symlink():
        raise Refused(f"{folder.name} is a link, which is not followed; make a folder of it")
    try:
        found = sorted(path for path in folder.glob(PATTERN) if _is_there(path))
    except OSError as error:
        what = f"the stick cannot be read ({error.strerror})"
        raise Unavailable(f"{what}; put it in again, or take another one") from error
    if len(found) > MAX_BUNDLES:
        what = f"{len(found)} bundles are on the stick, {MAX_BUNDLES} are looked at"
        raise Refused(f"{what}; leave the newest one there")
    return found


def _is_there(path: Path) -> bool:
    """A link is there, too, to be told of."""
    return path.lstat() is not None


def newest(found: list[Path], look: Look) -> Found:
    """The newest of the bundles that may be taken. Raises `Refused` with what is wrong with them,
    if it is none."""
    good: list[Found] = []
    wrong: list[str] = []
    for path in found:
        try:
            _check_regular(path)
            good.append(Found(path, look(path)))
        except (Refused, Unavailable) as error:
            wrong.append(f"{path.name}: {error}")
    if good:
        return max(good, key=lambda one: (version_key(one.offered.version), one.path.name))
    more = len(wrong) - MAX_TOLD
    told = [*wrong[:MAX_TOLD], *([f"and {more} more"] if more > 0 else [])]
    raise Refused("; ".join(told))


def _check_regular(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise Unavailable(f"cannot be read ({error.strerror}); was the stick pulled?") from error
    if stat.S_ISLNK(mode):
        raise Refused("is a link, which is not followed; put the file itself there")
    if not stat.S_ISREG(mode):
        raise Refused("is no file; put a bundle of the maker there")


def tell(folder: Path, sentence: str, *, is_refused: bool) -> None:
    """Leaves what came of it on the stick, if it is still there and takes it. No link is followed
    out of it, whoever made the stick."""
    with suppress(OSError):
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _put(place, REFUSED if is_refused else OUTCOME, sentence)
        finally:
            os.close(place)


def _put(place: int, name: str, sentence: str) -> None:
    for old in (OUTCOME, REFUSED):
        with suppress(FileNotFoundError):
            os.unlink(old, dir_fd=place)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o644, dir_fd=place), "wb") as file:
        file.write(sentence.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
