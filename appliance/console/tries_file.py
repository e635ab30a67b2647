"""Wrong PINs as a console keeps them: over its restart, or ending it would be a way to go on.

    {"anna": [3, 1767225600]}        guard, how many were wrong, when the last one was

Beside the store, by the process of the console alone. A file that cannot be read counts as many,
from when it was last written; the next try writes it anew.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from appliance.policy.tries import FREE, Tries
from ledger_sync import files
from ledger_sync.errors import Unavailable

NAME = "console-tries.json"
MAX_FILE = 16_384  # bytes
MAX_NAMES = 256


class TriesFile:
    """Owned by one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ahead: dict[str, int] = {}  # guard -> when a time of the future was first met

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no other console counts. Raises `Unavailable`."""
        try:
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            what = f"{self._path}.lock cannot be opened ({error.strerror or error})"
            raise Unavailable(f"{what}; wrong PINs cannot be counted") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def get(self, guard: str, now: int) -> Tries:
        """A clock that was set back shortens nothing, and holds nobody up for longer than from
        when it was first met."""
        found = self._found(guard)
        if found.at <= now:
            return found
        return Tries(found.times, min(now, self._ahead.setdefault(guard, now)))

    def put(self, guard: str, tries: Tries) -> None:
        """Durable when it returns. Raises `Unavailable`."""
        found: dict[str, list[int]] = {}
        with suppress(Unavailable, ValueError, RecursionError, AttributeError):
            found = dict(self._read())
        found.pop(guard, None)
        self._ahead.pop(guard, None)
        newest = dict(list(found.items())[-MAX_NAMES + 1 :])
        text = json.dumps({**newest, guard: list(tries)})
        files.replace(self._path, text.encode() + b"\n", mode=0o600)

    def _found(self, guard: str) -> Tries:
        if not self._path.exists():
            return Tries()
        try:
            match self._read().get(guard):
                case None:
                    return Tries()
                case [int(times), int(at)]:
                    return Tries(times, at)
                case _:
                    pass
        except (Unavailable, ValueError, RecursionError, AttributeError):
            pass
        with suppress(OSError):
            return Tries(FREE, int(self._path.stat().st_mtime))
        return Tries()

    def _read(self) -> dict[str, list[int]]:
        data = files.read_bounded(self._path, MAX_FILE, hint="it is made at the next wrong PIN")
        found = json.loads(data)
        if not isinstance(found, dict):
            raise ValueError("not an object")
        return found
