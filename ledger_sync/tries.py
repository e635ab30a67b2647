"""Wrong tries as they are kept: over a power cut, or pulling the plug would be a way in."""

import hashlib

from ledger_sync.store import Store

MAX_ROWS = 4_096  # the oldest are forgotten


class TriesLog:
    """(count, time of the last) by name: of a reader, of a card's number. Owned by one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, name: bytes) -> tuple[int, int]:
        """(0, 0) for a name without wrong tries."""
        row = self._store.row("SELECT count, at FROM tries WHERE name = ?", _key(name))
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def put(self, name: bytes, count: int, at: int) -> None:
        """Durable when it returns. Raises `Unavailable`."""
        with self._store.transaction():
            execute = self._store.db.execute
            execute("INSERT OR REPLACE INTO tries VALUES (?, ?, ?)", (_key(name), count, at))
            execute(
                "DELETE FROM tries WHERE name IN"
                " (SELECT name FROM tries ORDER BY at DESC LIMIT -1 OFFSET ?)",
                (MAX_ROWS,),
            )


def _key(name: bytes) -> bytes:
    return hashlib.sha256(name).digest()[:16]
