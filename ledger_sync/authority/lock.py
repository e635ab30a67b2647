"""The lock of a log: the file beside it that the one process holds which adds to it and signs it.

Made with the log and never again: who opens a log that has none has restored a part of it, or
copied it, and must look first whether another is in use. Processes that end let go of it.
"""

import fcntl
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ledger_sync import files
from ledger_sync.errors import Unavailable

LOCK = "log.lock"
RESTORE = "restore the newest copy of the office"
_TEXT = b"Held by the process that writes the log beside it. Keep this file.\n"
_Key: TypeAlias = tuple[int, int, int]
"""A process and a file: what was inherited over a fork is not held by the child."""


@dataclass(slots=True)
class _Hold:
    handle: int
    count: int = 0


_HELD: dict[_Key, _Hold] = {}
"""flock(2) lets a process shut itself out, but one command may open its log several times."""


def make(path: Path) -> None:
    """Makes the lock of a new log. Raises `Refused` if there is one already."""
    files.write_once(path, _TEXT, mode=0o600)


class Lock:
    """Holds the lock at `path` from here to `close`."""

    def __init__(self, path: Path) -> None:
        """Raises `Unavailable` if there is no such file, or another process holds it."""
        handle = _opened(path)
        status = os.fstat(handle)
        self._key: _Key = (os.getpid(), status.st_dev, status.st_ino)
        if self._key in _HELD:
            os.close(handle)
        else:
            _flock(handle, path)
            _HELD[self._key] = _Hold(handle)
        _HELD[self._key].count += 1
        self._is_open = True

    def close(self) -> None:
        """Lets go of it, once however often it is called."""
        if self._is_open:
            self._is_open = False
            held = _HELD[self._key]
            held.count -= 1
            if not held.count:
                del _HELD[self._key]
                os.close(held.handle)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        what = f"no {path}, which lies beside every log: was this one copied or restored in part?"
        step = "if this is the newest and no other is in use, run: touch"
        raise Unavailable(f"{what} {RESTORE}; {step} {shlex.quote(str(path))}") from None
    except OSError as error:
        what = f"{path} cannot be opened ({error.strerror})"
        raise Unavailable(f"{what}; check its permissions, or {RESTORE}") from error


def _flock(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        what = f"another process has the log of {path.parent} open"
        step = f"let it end or stop it (fuser {shlex.quote(str(path))} names it), then try again"
        raise Unavailable(f"{what}; {step}") from None
    except OSError as error:
        os.close(handle)
        what = f"{path} cannot be locked ({error.strerror})"
        raise Unavailable(f"{what}; put the office on a disk of this machine") from error
