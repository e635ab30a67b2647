"""How long a durable commit takes on a disk: what each check at a gate waits for."""

import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from ledger_sync.store import unavailable

NAME = ".commit-probe.db"
COMMITS = 100
LONGEST_SECONDS = 10.0  # then those that were made must do
ROW = bytes(400)  # about a check


def commit_ms(folder: Path, *, count: int = COMMITS) -> list[float]:
    """Milliseconds of each commit, as the store makes them (WAL, FULL), in a file of its own that
    is gone afterwards. Raises `Unavailable`."""
    path = folder / NAME
    _remove(path)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            return _timed(db, count)
    except sqlite3.Error as error:
        raise unavailable(path, error) from error
    finally:
        _remove(path)


def _timed(db: sqlite3.Connection, count: int) -> list[float]:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE probe (row BLOB)")
    found: list[float] = []
    end = time.monotonic() + LONGEST_SECONDS
    while len(found) < count and time.monotonic() < end:
        began = time.monotonic()
        db.execute("INSERT INTO probe VALUES (?)", (ROW,))
        found.append(1_000 * (time.monotonic() - began))
    return found


def _remove(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with suppress(OSError):
            path.with_name(name).unlink()
