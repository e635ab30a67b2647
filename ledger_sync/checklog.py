"""The check log on disk: the feeds this terminal writes, and the marks of holders.

For the process that writes; what all processes may read, and what peers sent, is in shelf.py.
FORMAT.md section 8. What an entry says is in feed.py.
"""

import sqlite3
from contextlib import suppress
from typing import NamedTuple

from ledger_sync.errors import Unavailable
from ledger_sync.feed import BUNDLE, Feed, Head, Pruned, Use
from ledger_sync.keys import SigningKey
from ledger_sync.merkle import Frontier
from ledger_sync.shelf import MAX_ENTRIES, Shelf
from ledger_sync.store import Store, unavailable

_APPEND = "INSERT INTO feed_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_OPEN = """
INSERT INTO feed
(kid, incarnation, branch, origin, opened_at, size, peaks, note, own, taken, previous)
VALUES (?, ?, 0, ?, ?, 0, x'', '', 1, 0, ?)"""
_NO_USE = (None, None, None, None, None)
_TAIL = """
SELECT origin, (SELECT count(*) FROM feed_entry WHERE id >= f.id * 4294967296
  AND id < (f.id + 1) * 4294967296) + 256 * (SELECT count(*) FROM feed_bundle
  WHERE id >= f.id * 4294967296 AND id < (f.id + 1) * 4294967296),
  (SELECT count(*) FROM feed WHERE own = 1)
FROM feed f WHERE own = 1 ORDER BY id DESC LIMIT 1"""


class Outdated(Unavailable):
    """The store has changed since it was looked at; the view is closed, a second try sees it."""


class Tail(NamedTuple):
    """The feed this store opened last: its origin and size; and how many it opened."""

    origin: str
    size: int
    feed_count: int


class CheckLog:
    """The feed side of a store. `append` returns only when the row would survive a power cut."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._execute = store.db.execute
        self._shelf = Shelf(store)

    def open_feed(
        self, origin: str, opening: bytes, at: int, *, kid: bytes = b"", previous: bytes = b""
    ) -> int:
        """Starts a feed with its opening entry; its local number. `kid` is of the terminal's key,
        `previous` the incarnation before. Raises `Unavailable`."""
        incarnation = bytes.fromhex(origin.rpartition("/")[2])
        with self._store.transaction():
            execute = self._store.db.execute
            cursor = execute(_OPEN, (kid, incarnation, origin, at, previous))
            feed = int(cursor.lastrowid or 0)
            execute(_APPEND, (feed * MAX_ENTRIES, opening, b"", *_NO_USE))
        return feed

    def append(
        self, feed: int, seq: int, entry: bytes, *, sealed: bytes = b"", use: Use | None = None
    ) -> None:
        """Writes one check durably; `use` is that of a code that was accepted.

        One statement: the schema's trigger moves the holder's marks with it. An open view
        (`Store.look`) ends with it. Raises `Outdated` if anybody has written since that view
        was opened, or is writing now: what was judged by it must be judged again. Raises
        `Unavailable` otherwise. Nothing is stored then.
        """
        if self._store.is_lost:
            self._store.check_in_place()
        marks = (use.holder, use.code_at, use.way, use.at, use.zone) if use else _NO_USE
        row = (feed * MAX_ENTRIES + seq, entry, sealed, *marks)
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
        """Ends what is left of a failed write; whether only the view stood in its way: it was too
        old to write from, or another process was writing, for which SQLite waits only without a
        view (else two could wait for each other)."""
        had_view, self._store.has_view = self._store.has_view, False
        with suppress(sqlite3.Error):  # a store that is closed or gone has nothing to undo
            if self._store.db.in_transaction:
                self._execute("ROLLBACK")
        code = getattr(error, "sqlite_errorname", "")
        return code == "SQLITE_BUSY_SNAPSHOT" or (had_view and code == "SQLITE_BUSY")

    def save_heads(self, feed: int, heads: list[Head]) -> None:
        """Keeps signed heads of a feed, smallest first: all at the end of a bundle, and the
        newest of the others. The entries of a full bundle become one row."""
        if heads:
            with self._store.transaction():
                for head in heads:
                    self._shelf.put_head(feed, head)
                    if head.size % BUNDLE == 0:
                        self._shelf.bind(feed, head.size)

    def checkpoint(self) -> None:
        """Work for a quiet moment: see `Store.checkpoint`."""
        self._store.checkpoint()

    def sign_off(self, key: SigningKey) -> int:
        """Signs what earlier processes of this terminal recorded and had no time to sign, such as
        after a power cut; how many feeds that were.

        Only what this store recorded under its own incarnations: nothing can be added to them any
        more, so a head over them never contradicts another. Not what another key began.
        """
        count = 0
        for held in self._shelf.own_feeds():
            entries = self._shelf.bodies(held.number, held.size)
            if not entries or held.kid != key.public.kid:
                continue
            count += 1
            feed = Feed(origin=held.origin, key=key, frontier=Frontier(held.size, held.peaks))
            for entry in entries:
                feed.append(entry)
            self.save_heads(held.number, [*feed.full_heads(), feed.head()])
        return count

    def forget(self, feed: int, seq: int, now: int, before: int) -> bytes:
        """Forgets the sealed remainders of checks before `before` in all feeds, and says so in the
        entry `seq` of `feed`; that entry, empty if there was nothing to forget.

        Of its own feeds only what some peer vouches to hold: nothing is lost that only this
        terminal had.
        """
        with self._store.transaction():
            count = self._shelf.forget_sealed(before)
            if not count:
                return b""
            entry = Pruned(now, before, count).to_bytes()
            self._execute(_APPEND, (feed * MAX_ENTRIES + seq, entry, b"", *_NO_USE))
        return entry

    def heads(self, origin: str) -> list[tuple[int, str]]:
        """(size, signed head) of the feed of this origin, smallest first."""
        return self._shelf.heads(origin)

    def tail(self) -> Tail:
        row = self._store.row(_TAIL)
        return Tail(*row) if row else Tail("", 0, 0)

    def entries(self, origin: str) -> list[bytes]:
        """All entries of the feed of this origin, oldest first."""
        return self._shelf.entries(origin)

    def feeds(self) -> list[str]:
        """The origins of all feeds, oldest first."""
        return self._shelf.origins()

    def newest_hlc(self) -> int:
        """The highest hybrid time that any peer's check brought, 0 for none."""
        row = self._store.row("SELECT hlc FROM hybrid")
        return int(row[0]) if row else 0
