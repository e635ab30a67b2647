"""Files that must not be lost or half written: all or nothing, on the disk at return."""

import os
from pathlib import Path

from ledger_sync.errors import Refused, Unavailable


def write_once(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Makes a new file. Raises `Refused` if it is there already, `Unavailable` if it cannot be."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise Refused(f"{path} exists; it is made once and never overwritten") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be made ({error.strerror}); check the folder") from error
    _fill(handle, path, data)
    sync_folder(path.parent)


def replace(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Writes a temporary file beside `path`, syncs it, renames it over, syncs the folder."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        _fill(handle, draft, data)
        draft.rename(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        reason = error.strerror or error
        raise Unavailable(f"{path} cannot be written ({reason}); free disk space") from error
    sync_folder(path.parent)


def _fill(handle: int, path: Path, data: bytes) -> None:
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Unavailable(f"{path} cannot be written ({error.strerror})") from error


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
    except OSError as error:
        if isinstance(error, Unavailable):
            raise
        raise Unavailable(f"{path} cannot be read ({error.strerror}); {hint}") from error
    if len(data) > most:
        raise Refused(f"{path} is longer than {most} bytes")
    return data
