"""The one bundle that waits to be installed: copied whole, by one name, and never two of them."""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.files import make_folder, sync_folder

FOLDER = "update"  # on the data partition
NAME = "bundle.raucb"
MAX_BUNDLE = 1 << 30  # bytes
SPARE = 64 << 20  # bytes that stay free beside it: the log of checks comes first
PIECE = 1 << 20
_PULLED = (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOMEDIUM, errno.ESTALE)

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are copied."""


def _untold(done: int, total: int) -> None:
    """Nobody to be told."""


class Inbox:
    """In `folder`, which is made when it is needed."""

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER
        self.bundle = self.folder / NAME

    @property
    def is_full(self) -> bool:
        return self.bundle.is_file()

    def take(self, source: Path, progress: Progress = _untold) -> Path:
        """Copies `source` in the place of what waited; on the disk at return, or not there at all.
        No link is followed, no device read. Raises `Refused` for what is no file or too large,
        `Unavailable` for a stick that was pulled, a full disk."""
        draft = self.folder / f".{NAME}.new"
        make_folder(self.folder, mode=0o700)
        self.clear()
        handle = _opened(source)
        try:
            size = os.fstat(handle).st_size
            _check_room(self.folder, source, size)
            _copy(handle, draft, source, size, progress)
            draft.rename(self.bundle)
            sync_folder(self.folder)
        except BaseException as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            if isinstance(error, OSError) and not isinstance(error, Unavailable):
                raise _unwritten(self.folder, error) from error
            raise
        finally:
            os.close(handle)
        return self.bundle

    def clear(self) -> None:
        """Takes away what waits, and what a copy left that was cut off."""
        for path in (self.bundle, self.folder / f".{NAME}.new"):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _opened(source: Path) -> int:
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Refused(f"{source.name} is a link; put the file itself there") from error
        raise _unread(source, error) from error
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or not 0 < status.st_size <= MAX_BUNDLE:
        os.close(handle)
        what = f"{source.name} is no file of 1 to {MAX_BUNDLE >> 20} MiB"
        raise Refused(f"{what}; put a bundle of the maker there")
    return handle


def _check_room(folder: Path, source: Path, size: int) -> None:
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < size + SPARE:
        need = (size + SPARE - free >> 20) + 1
        what = f"{source.name} of {size >> 20} MiB has no room: {free >> 20} MiB are free"
        raise Unavailable(f"{what}; free {need} MiB, or replace the card by a larger one")


def _copy(handle: int, draft: Path, source: Path, size: int, progress: Progress) -> None:
    done = 0
    with draft.open("wb") as file:
        while piece := _read(handle, source):
            file.write(piece)
            done += len(piece)
            if done > size:
                break
            progress(done, size)
        file.flush()
        os.fsync(file.fileno())
    if done != size:
        what = f"{source.name} ended after {done} of {size} bytes"
        raise Unavailable(f"{what}; was the stick pulled? put it in again")


def _read(handle: int, source: Path) -> bytes:
    try:
        return os.read(handle, PIECE)
    except OSError as error:
        raise _unread(source, error) from error


def _unread(source: Path, error: OSError) -> Unavailable:
    step = "write the stick anew"
    if error.errno in _PULLED:
        step = "was the stick pulled? put it in again, or take another stick"
    return Unavailable(f"{source.name} cannot be read ({error.strerror}); {step}")


def _unwritten(folder: Path, error: OSError) -> Unavailable:
    step = "free disk space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check the card"
    return Unavailable(f"{folder} cannot be written ({error.strerror}); {step}")
