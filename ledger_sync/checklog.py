"""The check log on disk: the feeds of this terminal, and the high-water marks of holders.

FORMAT.md section 8. What an entry says is in feed.py.
"""

import sqlite3
from contextlib import suppress
from typing import NamedTuple

from ledger_sync.errors import Unavailable
from ledger_sync.store import Store, unavailable

MAX_ENTRIES = 2**32  # entries of one feed: the id of a row is feed * MAX_ENTRIES + seq
_APPEND = "INSERT INTO feed_entry VALUES (?, ?, ?, ?)"
_NO_MARK = (None, None)


class Outdated(Unavailable):
    """The store has changed since it was looked at; the view is closed, a second try sees it."""


class Tail(NamedTuple):
    """The newest feed of a store: its origin and size; and how many feeds there are."""

    origin: str
    size: int
    feed_count: int


class CheckLog:
    """The feed side of a store. `append` returns only when the row would survive a power cut."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._execute = store.db.execute

    def open_feed(self, origin: str, opening: bytes, at: int) -> int:
        """Starts a feed with its opening entry; its local number. Raises `Unavailable`."""
        with self._store.transaction():
            execute = self._store.db.execute
            cursor = execute("INSERT INTO feed (origin, opened_at) VALUES (?, ?)", (origin, at))
            feed = int(cursor.lastrowid or 0)
            execute(_APPEND, (feed * MAX_ENTRIES, opening, None, None))
        return feed

    def append(
        self, feed: int, seq: int, entry: bytes, *, mark: tuple[int, int] | None = None
    ) -> None:
        """Writes one check durably; `mark` is (holder, code time) of a code that was accepted.

        One statement: the schema's trigger moves the holder's high-water mark with it. An open
        view (`Store.look`) ends with it. Raises `Outdated` if anybody has written since that view
        was opened: what was judged by it must be judged again. Raises `Unavailable` otherwise.
        Nothing is stored then.
        """
        if self._store.is_lost:
            self._store.check_in_place()
        row = (feed * MAX_ENTRIES + seq, entry, *(mark or _NO_MARK))
        try:
            self._execute(_APPEND, row)
            if self._store.has_view:
                self._store.has_view = False
                self._execute("COMMIT")
        except sqlite3.Error as error:
            if self._was_outdated(error):
                raise Outdated(f"store {self._store.path} has changed; judge again") from error
            raise unavailable(self._store.path, error) from error

    def _was_outdated(self, error: sqlite3.Error) -> bool:
        """Ends what is left of a failed write; whether only the view was too old to write from."""
        self._store.has_view = False
        with suppress(sqlite3.Error):  # a store that is closed or gone has nothing to undo
            if self._store.db.in_transaction:
                self._execute("ROLLBACK")
        return getattr(error, "sqlite_errorname", "") == "SQLITE_BUSY_SNAPSHOT"

    def save_head(self, feed: int, size: int, note: str) -> None:
        """Keeps a signed head of a feed."""
        self._store.write("INSERT OR REPLACE INTO head VALUES (?, ?, ?)", feed, size, note)

    def heads(self, origin: str) -> list[tuple[int, str]]:
        """(size, signed head) of the feed of this origin, smallest first."""
        rows = self._store.rows(
            "SELECT h.size, h.note FROM head h JOIN feed f ON f.id = h.feed"
            " WHERE f.origin = ? ORDER BY h.size",
            origin,
        )
        return [(size, note) for size, note in rows]

    def tail(self) -> Tail:
        row = self._store.row(
            "SELECT f.origin, (SELECT count(*) FROM feed_entry WHERE id >= f.id * 4294967296"
            " AND id < (f.id + 1) * 4294967296),"
            " (SELECT count(*) FROM feed) FROM feed f ORDER BY f.id DESC LIMIT 1"
        )
        return Tail(*row) if row else Tail("", 0, 0)

    def entries(self, origin: str) -> list[bytes]:
        """All entries of the feed of this origin, oldest first."""
        rows = self._store.rows(
            "SELECT e.body FROM feed f JOIN feed_entry e"
            " ON e.id >= f.id * 4294967296 AND e.id < (f.id + 1) * 4294967296"
            " WHERE f.origin = ? ORDER BY e.id",
            origin,
        )
        return [bytes(body) for (body,) in rows]

    def feeds(self) -> list[str]:
        """The origins of all feeds, oldest first."""
        return [origin for (origin,) in self._store.rows("SELECT origin FROM feed ORDER BY id")]
