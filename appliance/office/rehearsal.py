"""A rehearsal: a command of the office on a throw-away copy, and what it changed there.

The copy lies in memory where the system has a disk for that, else where temporary files are; it is
its owner's only, and gone at the end, unless the process is killed. No link leads from it to what
it is a copy of. New keys, passes and signatures of a rehearsal are never shown; only what they
would be is told.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from appliance.office.residents import Residents
from appliance.settings import FILE_NAME
from ledger_sync import entries
from ledger_sync.authority.lock import LOCK, Lock
from ledger_sync.errors import Unavailable
from ledger_sync.replica import Replica
from ledger_sync.store import Store

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it, mode 0700
SPARE_BYTES = 64 << 20  # that a rehearsal may need beside the copy
BOOK = "book.db"
_STORE = "store.db"
_BESIDE = ("-wal", "-shm")  # SQLite's own, gone when a database is closed


class Change(NamedTuple):
    """A file that the command would write: as it was named, its copy, whether there is none
    yet."""

    path: Path
    copy: Path
    is_new: bool


class Names(NamedTuple):
    """Whose passes are meant: by handle, and by place in a status list."""

    by_handle: dict[bytes, str]
    by_place: dict[tuple[str, int], str]


@dataclass(slots=True)
class Rehearsal:
    """The copies: below `root` each has the path that its original has below /."""

    root: Path
    copies: dict[Path, Path] = field(default_factory=dict)  # as it was named -> its copy

    def copy(self, given: Path) -> Path:
        """The copy of a file or folder, or the place where it would be made. Raises `Unavailable`
        if it cannot be read, or if a log in it is in use."""
        original = Path(os.path.abspath(given))  # noqa: PTH100 - links stay: what they lead to is meant
        twin = self.root / original.relative_to("/")
        if original.parent.is_dir():
            twin.parent.mkdir(parents=True, exist_ok=True)
        try:
            with ExitStack() as held:
                if (original / LOCK).is_file():  # nobody may write while it is copied
                    held.callback(Lock(given / LOCK).close)
                _copy(original, twin)
        except (OSError, shutil.Error) as error:
            if isinstance(error, Unavailable):
                raise
            what = f"{given} cannot be copied for a dry run ({error})"
            raise Unavailable(f"{what}; check its permissions and free space") from error
        self.copies[given] = twin
        return twin

    def named(self, text: str) -> str:
        """A message about copies as one about what they are copies of."""
        for given, twin in sorted(self.copies.items(), key=lambda pair: -len(str(pair[1]))):
            text = text.replace(str(twin), str(given))
        return text.replace(str(self.root), "")

    def changes(self) -> list[Change]:
        """The files that differ, or are new; but the book, whose entries are told."""
        found: dict[Path, Change] = {}
        for given, twin in self.copies.items():
            files = [twin] if twin.is_file() else sorted(twin.rglob("*"))
            for path in files:
                name = given / path.relative_to(twin) if path != twin else given
                if _is_written(path, name):
                    found.setdefault(path, Change(name, path, not name.exists()))
        return list(found.values())


@contextmanager
def rehearsal(*originals: Path) -> Iterator[Rehearsal]:
    """A place for copies of these, gone at the end."""
    need = SPARE_BYTES + 2 * sum(map(_size, originals))
    place = MEMORY if _has_room(MEMORY, need) else None
    try:
        root = Path(tempfile.mkdtemp(prefix="yardpass-dry-run-", dir=place))
    except OSError as error:
        what = f"no place for a dry run ({error.strerror})"
        raise Unavailable(f"{what}; set TMPDIR to a folder with room") from error
    try:
        yield Rehearsal(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def ledger_size(folder: Path, name: str = BOOK) -> int:
    """How many entries the log in this copy of an office, or cosigner, has; 0 without one."""
    if not (folder / name).is_file():
        return 0
    with Store(folder / name) as store:
        return Replica(store).ledger().size


def added(folder: Path, before: int) -> list[entries.Entry]:
    """The entries from `before` on."""
    with Store(folder / BOOK) as store:
        bundles = Replica(store).bundles(before)
        return [entries.parse(body) for bundle in bundles for body in bundle]


def names_in(folder: Path) -> Names:
    """Whose passes the entries of this copy are."""
    with Store(folder / BOOK) as store:
        people = Residents(store.db)
        return Names(dict(people.roll()), people.by_place())


def _copy(original: Path, twin: Path) -> None:
    if original.is_dir():
        shutil.copytree(original, twin, ignore=_no_files, dirs_exist_ok=True)
    elif original.is_file() and not twin.exists():
        shutil.copy2(original, twin)


def _no_files(folder: str, names: list[str]) -> set[str]:
    """Sockets and pipes, which cannot be copied and which nobody would write; and the store of a
    terminal, which is large, and no business of the office."""
    is_terminal = FILE_NAME in names
    return {
        name
        for name in names
        if not _is_kept(Path(folder, name)) or (is_terminal and name.startswith(_STORE))
    }


def _is_kept(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # a link that leads nowhere
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _is_written(copy: Path, original: Path) -> bool:
    if not copy.is_file() or copy.name.endswith(_BESIDE):
        return False
    if not original.is_file():
        return True
    return copy.suffix != ".db" and copy.read_bytes() != original.read_bytes()


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size if path.is_file() else 0
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def _has_room(folder: Path, need: int) -> bool:
    try:
        return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > need
    except OSError:
        return False
