"""Wrong PINs as a console keeps them: over its restart, or ending it would be a way to go on.

    {"anna": [3, 1767225600]}        guard, how many were wrong, when the last one was

Beside the store, by the process of the console alone. A file that cannot be read counts as many.
"""

import json
from contextlib import suppress
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

    def get(self, guard: str, now: int) -> Tries:
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
        return Tries(FREE, now)

    def put(self, guard: str, tries: Tries) -> None:
        """Durable when it returns. Raises `Unavailable`."""
        found: dict[str, list[int]] = {}
        with suppress(Unavailable, ValueError, RecursionError, AttributeError):
            found = dict(self._read())
        found.pop(guard, None)
        newest = dict(list(found.items())[-MAX_NAMES + 1 :])
        text = json.dumps({**newest, guard: list(tries)})
        files.replace(self._path, text.encode() + b"\n", mode=0o600)

    def _read(self) -> dict[str, list[int]]:
        data = files.read_bounded(self._path, MAX_FILE, hint="it is made at the next wrong PIN")
        found = json.loads(data)
        if not isinstance(found, dict):
            raise ValueError("not an object")
        return found
