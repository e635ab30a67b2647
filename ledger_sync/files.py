"""Files that must not be lost or half written: all or nothing, on the disk at return."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ledger_sync.errors import Refused, Unavailable

_STEPS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EIO), "free disk space"),
    errno.EPERM: "check its permissions, and that the disk is none with FAT, which has no links",
}


def make_folder(path: Path, *, mode: int = 0o755) -> None:
    """Makes the folder and those above it; one that is there stays. Raises `Unavailable`."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        raise _unwritable(path, error) from error


def make_all(folder: Path, parts: Mapping[str, Callable[[Path], object]]) -> None:
    """Makes every part of `folder`, in this order, or none: if one fails, the others go again.

    A part is a file name and what makes that file; it must leave nothing behind when it fails.
    """
    made: list[Path] = []
    try:
        for name, make in parts.items():
            make(folder / name)
            made.append(folder / name)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def write_once(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Makes a new file: writes a temporary one beside it, syncs it, gives it its name, syncs the
    folder. Whenever that ends, by a power cut too, the name is not there or leads to all of it.

    Raises `Refused` if it is there already, `Unavailable` if it cannot be made.
    """
    draft = _draft_of(path)
    with _whole(draft, path):
        _fill(_opened(draft, mode), data)
        made = draft.stat()
        try:
            os.link(draft, path)  # unlike a rename, it takes nobody's place
            draft.unlink()
            sync_folder(path.parent)
        except FileExistsError:
            what = f"{path} exists; it is made once and never overwritten"
            raise Refused(f"{what}, give a new folder") from None
        except BaseException:
            _take_back(path, made)
            raise


def _take_back(path: Path, made: os.stat_result) -> None:
    """Takes the name away again if it is that of the file that was made."""
    with suppress(OSError):
        if os.path.samestat(path.lstat(), made):
            path.unlink()


def replace(path: Path, data: bytes | Iterable[bytes], *, mode: int = 0o644) -> None:
    """Writes a temporary file beside `path`, syncs it, renames it over, syncs the folder.

    Where `path` is a link, what it leads to is replaced. Raises `Refused` for a folder or device:
    a rename would put a file in its place.
    """
    target = Path(os.path.realpath(path))
    draft = _draft_of(target)
    with _whole(draft, path):
        if target.exists() and not target.is_file():
            raise Refused(f"{path} is no regular file; give the name of a file")
        _fill(_opened(draft, mode), data)
        draft.rename(target)
        sync_folder(target.parent)


def _draft_of(path: Path) -> Path:
    """A name that no file of ours has, for one on its way to `path`."""
    return path.parent / f".{path.name}.{os.getpid()}.new"


def _opened(draft: Path, mode: int) -> int:
    draft.unlink(missing_ok=True)  # one left behind may have another mode, or another name as well
    return os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)


def _fill(handle: int, data: bytes | Iterable[bytes]) -> None:
    with os.fdopen(handle, "wb") as file:
        file.writelines((data,) if isinstance(data, bytes) else data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _whole(draft: Path, path: Path) -> Iterator[None]:
    """Takes `draft` away if what is done inside fails; the disk's errors become `Unavailable`."""
    try:
        yield
    except BaseException as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, Unavailable):
            raise _unwritable(path, error) from error
        raise


def _unwritable(path: Path, error: OSError) -> Unavailable:
    step = _STEPS.get(error.errno or 0, "check the path and its permissions")
    return Unavailable(f"{path} cannot be written ({error.strerror}); {step}")


def sync_folder(folder: Path) -> None:
    """Makes a new name in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_bounded(path: Path, most: int, *, hint: str) -> bytes:
    """The bytes of a regular file of at most `most` bytes.

    Raises `Unavailable` ending with `hint` if it is missing, `Refused` if it is too long.
    """
    try:
        if not path.is_file():
            raise Unavailable(f"no file {path}; {hint}")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except Unavailable:
        raise
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror}); {hint}") from error
    if len(data) > most:
        raise Refused(f"{path} is longer than {most} bytes")
    return data
