"""The sequencer: the only writer of one authority's log. Durable on add.

It keeps the entries in a SQLite file and refuses to start without it: a second, empty log under
the same key would be a fork. FORMAT.md sections 5 to 7.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ledger_sync import accept, note
from ledger_sync.entries import Entry, to_bytes
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.files import sync_folder
from ledger_sync.keys import SigningKey
from ledger_sync.merkle import frontier_of

_SCHEMA = "CREATE TABLE entry (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT"


class Signer(NamedTuple):
    """A key that signs checkpoints, under the name and type that policies know it by."""

    verifier: note.Verifier
    key: SigningKey


class Sequencer:
    """One log: adds entries in order, signs checkpoints, exports both."""

    def __init__(self, path: Path, *, origin: str) -> None:
        if not path.is_file():
            raise Unavailable(f"no log at {path}; make one with: yardpass office init")
        self.path = path
        self.origin = origin
        with self._translated():
            self._db = sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None)
            self._db.execute("PRAGMA synchronous = FULL")

    @classmethod
    def create(cls, path: Path, *, origin: str) -> "Sequencer":
        """Makes an empty log. Raises `Refused` if there is one already."""
        if path.exists():
            raise Refused(f"{path} exists; a log is made once", reason="R-LEDGER")
        db = sqlite3.connect(path, isolation_level=None)
        try:
            path.chmod(0o600)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(_SCHEMA)
        finally:
            db.close()
        sync_folder(path.parent)
        return cls(path, origin=origin)

    def close(self) -> None:
        self._db.close()

    def add(self, entries: Iterable[Entry]) -> int:
        """Appends entries, all or none, durably; the size of the log after them."""
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                size = self.size()
                for seq, entry in enumerate(entries, start=size):
                    body = to_bytes(entry)
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
            raise Unavailable(f"log {self.path} cannot be used ({error})") from error
