"""The sequencer: the only writer of one authority's log. Durable on add.

It keeps the entries in a SQLite file and refuses to start without it: a second, empty log under
the same key would be a fork. FORMAT.md sections 5 to 7.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from ledger_sync import accept, note
from ledger_sync.entries import Entry, parse, to_bytes
from ledger_sync.errors import Unavailable
from ledger_sync.files import write_once
from ledger_sync.keys import SigningKey
from ledger_sync.merkle import frontier_of

_SCHEMA = "CREATE TABLE entry (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT"
_RESTORE = "restore the newest copy of the office"
_STEPS = {
    "SQLITE_BUSY": "another command is writing; try again when it has ended",
    "SQLITE_FULL": "free disk space, then try again",
    "SQLITE_IOERR": "free disk space or replace the disk, then try again",
    "SQLITE_READONLY": "check its permissions",
    "SQLITE_CANTOPEN": "check its permissions",
}


class Signer(NamedTuple):
    """A key that signs checkpoints, under the name and type that policies know it by."""

    verifier: note.Verifier
    key: SigningKey


class Sequencer:
    """One log: adds entries in order, signs checkpoints, exports both."""

    def __init__(self, path: Path, *, origin: str) -> None:
        """Opens the log. Raises `Unavailable` if it is missing or damaged: it makes none."""
        if not path.is_file():
            raise Unavailable(f"no log at {path}; {_RESTORE}")
        self.path = path
        self.origin = origin
        with self._translated():
            uri = f"{path.absolute().as_uri()}?mode=rw"  # a path may hold ?, # and %
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            with self._translated():
                self._db.execute("SELECT 1 FROM entry LIMIT 1").fetchone()
                self._db.execute("PRAGMA synchronous = FULL")
        except Unavailable:
            self._db.close()
            raise

    @classmethod
    def create(cls, path: Path, *, origin: str) -> "Sequencer":
        """Makes an empty log. Raises `Refused` if there is one already."""
        write_once(path, b"", mode=0o600)  # SQLite takes an empty file for a new database
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute(_SCHEMA)
        except sqlite3.Error as error:
            path.unlink()
            raise unavailable(path, error) from error
        return cls(path, origin=origin)

    def close(self) -> None:
        self._db.close()

    def add(self, entries: Iterable[Entry]) -> int:
        """Appends entries, all or none, durably; the size of the log after them.

        Raises `Refused` for an entry that a gate would refuse: a log takes nothing back, and no
        gate would accept it any more.
        """
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                size = self.size()
                for seq, entry in enumerate(entries, start=size):
                    body = to_bytes(entry)
                    parse(body)
                    self._db.execute("INSERT INTO entry VALUES (?, ?)", (seq, body))
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            return self.size()

    def size(self) -> int:
        with self._translated():
            return int(self._db.execute("SELECT count(*) FROM entry").fetchone()[0])

    def entries(self) -> Iterator[bytes]:
        with self._translated():
            for (body,) in self._db.execute("SELECT body FROM entry ORDER BY seq"):
                yield bytes(body)

    def export(self, log: Signer, cosigners: Iterable[Signer], *, now: int) -> bytes:
        """The log with a checkpoint over it, signed by the log and cosigned at `now`."""
        bodies = list(self.entries())
        frontier = frontier_of(bodies)
        text = note.Checkpoint(self.origin, frontier.size, frontier.root()).to_text()
        lines = [note.sign_note(text, log.verifier, log.key)]
        lines += [note.sign_note(text, one.verifier, one.key, time=now) for one in cosigners]
        return accept.join(f"{text}\n{''.join(lines)}".encode(), bodies)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise unavailable(self.path, error) from error


def unavailable(path: Path, error: sqlite3.Error) -> Unavailable:
    """What went wrong with a database of the office, and what to do."""
    name = getattr(error, "sqlite_errorname", "") or ""
    steps = (step for start, step in _STEPS.items() if name.startswith(start))
    return Unavailable(f"{path} cannot be used ({error}); {next(steps, _RESTORE)}")
