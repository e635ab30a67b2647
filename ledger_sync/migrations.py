"""The schema of a terminal's store, one function a step. Steps are only ever appended.

The only importer of sqlite_utils. Each step runs in its own transaction and is recorded. Handles
and holder names are 8 bytes, kept as SQLite's own signed integers: one search less for each read.
A slot is list id * 131,072 + index in the status list; a slot that is missing is valid (0). The id
of a feed entry is feed * 2^32 + its sequence number.
"""

from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

store_schema = Migrations("yardpass")

_FIRST = """
CREATE TABLE ledger (
  id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, origin TEXT NOT NULL,
  size INTEGER NOT NULL, root BLOB NOT NULL, peaks BLOB NOT NULL, note BLOB NOT NULL,
  quorum_time INTEGER NOT NULL, floor INTEGER NOT NULL, critical INTEGER NOT NULL) STRICT;
CREATE TABLE ledger_entry (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE issuer (
  kid BLOB NOT NULL, name TEXT NOT NULL, alg INTEGER NOT NULL, key BLOB NOT NULL,
  since INTEGER NOT NULL, until INTEGER NOT NULL, classes INTEGER NOT NULL,
  PRIMARY KEY (kid, key)) STRICT, WITHOUT ROWID;
CREATE TABLE status_list (
  id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE, issued_at INTEGER NOT NULL) STRICT;
CREATE TABLE status (slot INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE pass (
  handle INTEGER PRIMARY KEY, kid BLOB NOT NULL, subject TEXT NOT NULL, slot INTEGER NOT NULL,
  klass INTEGER NOT NULL, zones INTEGER NOT NULL, assurance INTEGER NOT NULL,
  issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  alg INTEGER, key BLOB, holder INTEGER) STRICT;
CREATE TABLE rule (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, text BLOB NOT NULL) STRICT;
CREATE TABLE holder_mark (holder INTEGER PRIMARY KEY, code_at INTEGER NOT NULL) STRICT;
CREATE TABLE feed (
  id INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE, opened_at INTEGER NOT NULL) STRICT;
CREATE TABLE feed_entry (
  id INTEGER PRIMARY KEY, body BLOB NOT NULL, holder INTEGER, code_at INTEGER) STRICT;
CREATE TABLE head (
  feed INTEGER NOT NULL, size INTEGER NOT NULL, note TEXT NOT NULL,
  PRIMARY KEY (feed, size)) STRICT, WITHOUT ROWID;
"""
_MARK = """
CREATE TRIGGER mark AFTER INSERT ON feed_entry WHEN new.holder IS NOT NULL BEGIN
  INSERT INTO holder_mark VALUES (new.holder, new.code_at)
  ON CONFLICT (holder) DO UPDATE SET code_at = max(code_at, excluded.code_at);
END
"""


@store_schema()
def first(db: Database) -> None:
    for statement in (*_FIRST.strip().removesuffix(";").split(";"), _MARK):
        db.execute(statement)


office_schema = Migrations("yardpass-office")

_OFFICE = """
CREATE TABLE resident (
  id INTEGER PRIMARY KEY, resident TEXT NOT NULL, handle BLOB NOT NULL UNIQUE,
  subject TEXT NOT NULL, uri TEXT NOT NULL, idx INTEGER NOT NULL, klass INTEGER NOT NULL,
  zones INTEGER NOT NULL, expires_at INTEGER NOT NULL, carrier TEXT NOT NULL,
  status INTEGER NOT NULL DEFAULT 0, UNIQUE (uri, idx)) STRICT
"""


@office_schema(name="first")
def first_office(db: Database) -> None:
    db.execute(_OFFICE)


def migrate(path: Path, schema: Migrations = store_schema) -> None:
    """Brings the database at `path` to the newest `schema`; a new file gets all of it."""
    db = Database(path)
    try:
        schema.apply(db)
    finally:
        db.close()
