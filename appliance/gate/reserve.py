"""Room that a gate keeps for itself on its disk, so that it starts on one that is full.

SQLite cannot even read a store in WAL mode on a disk without room for the file of its shared
memory (SQLite, "Write-Ahead Logging", 4). A gate that cannot start decides nothing and lets nobody
out, so a file of the size of a whole WAL, and as much for what checks add, is there to be removed.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from appliance.gate.disk_watch import free_bytes

NAME = "reserve"
SIZE = 16 << 20  # bytes
FULL_BYTES = 2 << 20  # less than this is full
SPARE_BYTES = 64 << 20  # beside the reserve, else others need the room more


class Reserve:
    """The file NAME in `folder`. Neither method raises: a gate works without it."""

    def __init__(self, folder: Path, *, free: Callable[[Path], int] = free_bytes) -> None:
        self._folder = folder
        self._file = folder / NAME
        self._free = free

    def give_up(self) -> bool:
        """Removes it if the disk is full; whether that made room."""
        if not 0 <= self._free(self._folder) < FULL_BYTES:
            return False
        with suppress(OSError):
            self._file.unlink()
            return True
        return False

    def keep(self) -> None:
        """Makes it where there is none, and room enough."""
        if self._file.exists() or self._free(self._folder) < SIZE + SPARE_BYTES:
            return
        draft = self._folder / f".{NAME}.new"
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, SIZE)
            finally:
                os.close(handle)
            draft.rename(self._file)
        except OSError:
            with suppress(OSError):
                draft.unlink()
