"""The disk of a simulated terminal: real SQLite in memory, that fails where it is told to.

A crash is an exception no code of ours catches, thrown before a statement: what was committed
stays, what was not is gone, as after a power cut. Torn writes below a commit are SQLite's affair
and are tested on real files.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

from ledger_sync.store import Store

_WRITES = ("INSERT", "UPDATE", "DELETE", "COMMIT", "BEGIN I")


class Crash(BaseException):
    """The process is gone. No Exception: nothing may catch it on the way out."""


class Fuse:
    """When the next write fails: after `writes` more of them, by a crash or as a full disk."""

    def __init__(self) -> None:
        self.writes = -1  # never
        self.is_full = False

    def burn(self, statement: str) -> None:
        if not statement.lstrip().startswith(_WRITES):
            return
        if self.is_full and not statement.startswith("BEGIN"):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        if self.writes > 0:
            self.writes -= 1
        elif self.writes == 0:
            self.writes = -1
            raise Crash


class _Connection(sqlite3.Connection):
    """A connection with a fuse before every write."""

    fuse: Fuse | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if self.fuse:
            self.fuse.burn(sql)
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        if self.fuse:
            self.fuse.burn(sql)
        return super().executemany(sql, parameters)


class Disk:
    """A store that outlives the processes on it."""

    def __init__(self, data: bytes) -> None:
        self.fuse = Fuse()
        self.store = Store.in_memory(data, _Connection)
        connection = self.store.db
        assert isinstance(connection, _Connection)
        connection.fuse = self.fuse

    def recover(self) -> None:
        """What a start after a crash finds: the last commit."""
        self.fuse.writes = -1
        self.store.has_view = False
        if self.store.db.in_transaction:
            self.store.db.rollback()

    def image(self) -> bytes:
        """A copy of the card, as of the last commit."""
        self.recover()
        return self.store.db.serialize()
