"""A terminal's store: one SQLite file, its connection, its transactions, its errors.

WAL mode with `synchronous=FULL`: an acknowledged row survives a power cut. What stands in it is
in replica.py and checklog.py, the schema in migrations.py. A store is made by `create` only: a
missing one is never made by accident.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.merkle import EMPTY_ROOT

BUSY_MS = 2_000  # how long one statement waits for another process's write
_NO_WAL = b"\x01\x01"  # bytes 18 and 19 of a database: a rollback journal (SQLite file format 1.3)
_TOUCH = "SELECT version FROM ledger"
_NEWEST = "SELECT count(*) FROM sqlite_schema WHERE name = 'withdrawal'"  # of the last step
CACHE_KIB = 4_096  # page cache of one connection
WRITE_CACHE_KIB = 32_768  # the same while a ledger is applied
RESERVED_BYTES = 64 << 20  # of the disk for what this terminal records: others' logs stop before
WAL_PAGES = (
    8_192  # 32 MiB of write-ahead log, and a commit moves it into the file: see `checkpoint`
)
_FIRST_LEDGER = "INSERT INTO ledger VALUES (1, 0, ?, 0, ?, x'', x'', 0, ?, 0)"


class Store:
    """One connection to the store, owned by one thread of one process."""

    def __init__(self, path: Path, *, synchronous: str = "FULL") -> None:
        """Opens an existing store. Raises `Unavailable` if it is missing, locked or damaged.

        `synchronous` is lowered by the bench alone, to measure what durability costs.
        """
        if not _is_file(path):
            raise Unavailable(f"no store at {path}; make it with: yardpass office terminal")
        self.path = path
        self.has_view = False  # a read transaction of `look` is open
        self.is_lost = False  # the file is no longer the one that was opened
        self._identity = _identity(path)
        with self.translated():
            uri = f"{path.absolute().as_uri()}?mode=rw"  # a path may hold ?, # and %
            self.db = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            with self.translated():
                self._prepare(synchronous)
        except Unavailable:
            self.db.close()
            raise

    @classmethod
    def in_memory(
        cls, data: bytes, factory: type[sqlite3.Connection] = sqlite3.Connection
    ) -> "Store":
        """A store that is nowhere but in memory, from the bytes of a whole one: for simulations.

        `factory` stands in for the connection, so that it can fail where a simulation wants it.
        """
        store = cls.__new__(cls)
        store.path = Path(":memory:")
        store.has_view = store.is_lost = False
        store._identity = (0, 0)
        store.db = sqlite3.connect(":memory:", isolation_level=None, factory=factory)
        store.db.deserialize(data[:18] + _NO_WAL + data[20:])
        return store

    @classmethod
    def create(cls, path: Path, *, origin: str, floor: int, mode: int = 0o640) -> "Store":
        """Makes the store of a new terminal. Raises `Refused` if there is one already."""
        _claim(path, mode)
        try:
            _migrate(path)
            with cls(path) as store:
                store.write(_FIRST_LEDGER, origin, EMPTY_ROOT, floor)
        except (sqlite3.Error, Unavailable) as error:
            path.unlink()  # half a store would stand in the way of the next attempt
            raise unavailable(path, error) from error
        return cls(path)

    def _prepare(self, synchronous: str) -> None:
        self.db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        # Looked up first: the next pragma would change a file that is no store.
        self.db.execute("SELECT count(*) FROM pass WHERE handle = x''").fetchone()
        if self._is_old():
            try:
                _migrate(self.path)
            except sqlite3.Error:
                if self._is_old():  # else another process was faster
                    raise
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            f"cache_size = -{CACHE_KIB}",
            f"wal_autocheckpoint = {WAL_PAGES}",
            "trusted_schema = OFF",
        ):
            self.db.execute(f"PRAGMA {pragma}")

    def _is_old(self) -> bool:
        """Whether an older version made the store."""
        return bool(self.db.execute(_NEWEST).fetchone() == (0,))

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def look(self) -> None:
        """Opens a view of the store as it is now, which spares the next read the locks.

        For quiet moments; the next write ends the view. Until then reads see this moment. A write
        from a view that is not the newest fails, so nothing that was read from it can be recorded
        as if it were: see `CheckLog.append`.
        """
        with self.translated():
            self._end_view()
            self.check_in_place()
            self.db.execute("BEGIN")
            self.has_view = True
            self.db.execute(_TOUCH).fetchone()

    def check_in_place(self) -> None:
        """Raises `Unavailable` if the file was taken away or exchanged: what is written then is
        lost with the process. Found once, it stays so: see `CheckLog.append`."""
        self.is_lost = self.is_lost or _identity(self.path) != self._identity
        if self.is_lost:
            raise Unavailable(f"store {self.path} was taken away; put it back and start again")

    def _end_view(self) -> None:
        if self.has_view:
            self.has_view = False
            self.db.execute("COMMIT")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside become durable together, or none does."""
        with self.translated():
            self._end_view()
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    @contextmanager
    def spacious(self) -> Iterator[None]:
        """A larger page cache for a large write; the gate's own reads need little."""
        self.db.execute(f"PRAGMA cache_size = -{WRITE_CACHE_KIB}")
        try:
            yield
        finally:
            self.db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turns SQLite's errors into `Unavailable` with the next step."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter of its own messages
            raise unavailable(self.path, error) from error

    def checkpoint(self) -> None:
        """Moves what was written from the write-ahead log into the file, as far as no reader is in
        the way. For quiet moments: it is durable without, and a check need not wait for it."""
        with self.translated():
            self._end_view()
            self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def check_room(self) -> None:
        """Raises `Unavailable` if the disk has so little left that it is for this terminal's own
        checks: whoever fills it from outside must not stop the gate."""
        if not self._identity[1]:  # in memory
            return
        try:
            found = os.statvfs(self.path)
        except OSError as error:
            raise unavailable(self.path, error) from error
        free = found.f_bavail * found.f_frsize
        if free < RESERVED_BYTES:
            what = f"{free >> 20} MiB are left beside store {self.path}, kept for its own checks"
            raise Unavailable(f"{what}; free disk space, others' logs wait for it")

    def row(self, statement: str, *key: object) -> tuple[Any, ...] | None:
        try:  # as `translated`, at a fifth of the price: reads are many
            row: tuple[Any, ...] | None = self.db.execute(statement, key).fetchone()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise unavailable(self.path, error) from error
        return row

    def rows(self, statement: str, *key: object) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self.db.execute(statement, key)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise unavailable(self.path, error) from error

    def write(self, statement: str, *row: object) -> None:
        with self.translated():
            self._end_view()
            self.db.execute(statement, row)


def _migrate(path: Path) -> None:
    """The newest schema. Imported when needed: sqlite_utils brings 16 MB, numpy among them, which
    a gate has no other use for."""
    from ledger_sync import migrations

    migrations.migrate(path)


def _identity(path: Path) -> tuple[int, int]:
    """Which file this is, (0, 0) for none."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise unavailable(path, error) from error


def _claim(path: Path, mode: int) -> None:
    try:
        path.touch(mode=mode, exist_ok=False)
    except FileExistsError:
        raise Refused(f"{path} exists; a store is made once", reason="R-LEDGER") from None
    except OSError as error:
        raise unavailable(path, error) from error


def unavailable(path: Path, error: Exception) -> Unavailable:
    """What went wrong with the store, and what to do, from SQLite's own error name."""
    if isinstance(error, Unavailable):
        return error
    is_garbled = isinstance(error, UnicodeDecodeError)
    code = "SQLITE_CORRUPT" if is_garbled else getattr(error, "sqlite_errorname", "")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        what = "is locked by another process; stop that process (fuser names it) and try again"
    elif code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        what = f"cannot be written ({error}); free disk space or replace the card, then try again"
    elif code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR")):
        what = f"is damaged ({error}); keep it for evidence and run: yardpass ledger fsck"
    else:
        what = f"cannot be used ({error}); check the path and its permissions"
    return Unavailable(f"store {path} {what}")
