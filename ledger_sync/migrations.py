"""The schema of a terminal's store, one function a step. Steps are only ever appended.

The only importer of sqlite_utils. The steps that a store lacks run in one transaction and are
recorded in it. Handles and holder names are 8 bytes, kept as SQLite's own signed integers: one
search less for each read. A slot is list id * 131,072 + index in the status list; a slot that is
missing is valid (0). The id of a feed entry is feed * 2^32 + its sequence number.
"""

from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from ledger_sync.migration_marks import MARKS
from ledger_sync.tiles import WIDTH, bundle_of

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


_SECOND = """
CREATE TABLE bundle (number INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE policy (
  version INTEGER PRIMARY KEY, seq INTEGER NOT NULL, entry BLOB NOT NULL) STRICT;
CREATE TABLE recognise (
  authority TEXT PRIMARY KEY, policy BLOB NOT NULL, classes INTEGER NOT NULL,
  colours BLOB NOT NULL, max_age INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;
CREATE TABLE terminal (
  name TEXT PRIMARY KEY, alg INTEGER NOT NULL, key BLOB NOT NULL, gate TEXT NOT NULL,
  role TEXT NOT NULL, certificate BLOB, addresses TEXT NOT NULL) STRICT;
CREATE TABLE snapshot (
  size INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, length INTEGER NOT NULL,
  digest BLOB NOT NULL) STRICT;
CREATE TABLE blob (
  name TEXT PRIMARY KEY, sha256 BLOB NOT NULL, length INTEGER NOT NULL,
  hints TEXT NOT NULL) STRICT;
CREATE TABLE base (
  id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, file BLOB NOT NULL) STRICT;
CREATE TABLE bridge (version INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;
CREATE TABLE evidence (
  id INTEGER PRIMARY KEY, found_at INTEGER NOT NULL, first BLOB NOT NULL,
  second BLOB NOT NULL, UNIQUE (first, second)) STRICT;
CREATE TABLE source (place TEXT PRIMARY KEY, tag TEXT NOT NULL) STRICT;
CREATE TABLE skipped (seq INTEGER PRIMARY KEY) STRICT;
CREATE TABLE denial (
  slot INTEGER PRIMARY KEY, until INTEGER NOT NULL, signer TEXT NOT NULL,
  note BLOB NOT NULL) STRICT;
ALTER TABLE issuer ADD COLUMN rights INTEGER;
"""


@store_schema()
def second(db: Database) -> None:
    """The ledger in bundles as they are published, and the other kinds of entries."""
    for statement in _SECOND.strip().removesuffix(";").split(";"):
        db.execute(statement)
    bodies = [bytes(body) for (body,) in db.execute("SELECT body FROM ledger_entry ORDER BY seq")]
    for number, at in enumerate(range(0, len(bodies), WIDTH)):
        row = (number, bundle_of(bodies[at : at + WIDTH]))
        db.execute("INSERT INTO bundle VALUES (?, ?)", row)
    db.execute("DROP TABLE ledger_entry")


_THIRD = (
    "DROP TRIGGER mark",
    "DROP TABLE feed_entry",
    "DROP TABLE head",
    "DROP TABLE feed",
    "DROP TABLE holder_mark",
    """
CREATE TABLE holder_mark (
  holder INTEGER PRIMARY KEY, code_at INTEGER NOT NULL, way INTEGER NOT NULL,
  seen_at INTEGER NOT NULL, uses INTEGER NOT NULL) STRICT""",
    """
CREATE TABLE feed (
  id INTEGER PRIMARY KEY, kid BLOB NOT NULL, incarnation BLOB NOT NULL, branch INTEGER NOT NULL,
  origin TEXT NOT NULL, opened_at INTEGER NOT NULL, size INTEGER NOT NULL, peaks BLOB NOT NULL,
  note TEXT NOT NULL, own INTEGER NOT NULL, taken INTEGER NOT NULL, previous BLOB NOT NULL,
  UNIQUE (kid, incarnation, branch)) STRICT""",
    "CREATE INDEX feed_previous ON feed (kid, previous)",
    """
CREATE TABLE feed_entry (
  id INTEGER PRIMARY KEY, body BLOB NOT NULL, sealed BLOB NOT NULL, holder INTEGER,
  code_at INTEGER, way INTEGER, seen_at INTEGER) STRICT""",
    """
CREATE TABLE feed_bundle (
  id INTEGER PRIMARY KEY, body BLOB NOT NULL, sealed BLOB NOT NULL) STRICT""",
    """
CREATE TABLE head (
  feed INTEGER NOT NULL, size INTEGER NOT NULL, note TEXT NOT NULL,
  PRIMARY KEY (feed, size)) STRICT, WITHOUT ROWID""",
    """
CREATE TABLE used (
  code INTEGER PRIMARY KEY, place INTEGER NOT NULL, at INTEGER NOT NULL) STRICT""",
    """
CREATE TABLE conflict (
  first INTEGER NOT NULL, second INTEGER NOT NULL, found_at INTEGER NOT NULL,
  PRIMARY KEY (first, second)) STRICT, WITHOUT ROWID""",
    """
CREATE TABLE acknowledged (
  feed INTEGER NOT NULL, peer TEXT NOT NULL, size INTEGER NOT NULL, note TEXT NOT NULL,
  PRIMARY KEY (feed, peer)) STRICT, WITHOUT ROWID""",
    """
CREATE TABLE feed_evidence (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, kid BLOB NOT NULL, one BLOB NOT NULL,
  other BLOB NOT NULL, first TEXT NOT NULL, second TEXT NOT NULL, found_at INTEGER NOT NULL,
  UNIQUE (kind, kid, one, other)) STRICT""",
    """
CREATE TABLE feed_key (
  key BLOB PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID""",
    "CREATE TABLE hybrid (id INTEGER PRIMARY KEY CHECK (id = 1), hlc INTEGER NOT NULL) STRICT",
    "INSERT INTO hybrid VALUES (1, 0)",
    "INSERT OR REPLACE INTO feed_key SELECT key, name FROM terminal ORDER BY rowid",
    """
CREATE TRIGGER named AFTER INSERT ON terminal BEGIN
  INSERT INTO feed_key VALUES (new.key, new.name)
  ON CONFLICT (key) DO UPDATE SET name = excluded.name;
END""",
    """
CREATE TRIGGER mark AFTER INSERT ON feed_entry WHEN new.holder IS NOT NULL BEGIN
  INSERT INTO holder_mark VALUES (new.holder, new.code_at, new.way, new.seen_at, 1)
  ON CONFLICT (holder) DO UPDATE SET code_at = max(code_at, excluded.code_at),
    way = CASE WHEN (excluded.seen_at, excluded.way) > (seen_at, way)
      THEN excluded.way ELSE way END,
    seen_at = max(seen_at, excluded.seen_at), uses = uses + 1;
END""",
)


@store_schema()
def third(db: Database) -> None:
    """Feeds of every terminal, not only of this one. Records changed their layout before any
    release: a check log of earlier builds is not taken along."""
    for statement in _THIRD:
        db.execute(statement)


_FOURTH = (
    "CREATE INDEX pass_card ON pass (holder) WHERE assurance >= 4",
    """
CREATE TABLE tries (
  name BLOB PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
)


@store_schema()
def fourth(db: Database) -> None:
    """Cards by their keys; wrong tries, which outlast a power cut."""
    for statement in _FOURTH:
        db.execute(statement)


_FIFTH = """
CREATE TABLE standing_order (
  zone INTEGER PRIMARY KEY CHECK (zone BETWEEN 0 AND 52), kind TEXT NOT NULL,
  issued_at INTEGER NOT NULL, digest BLOB NOT NULL, signer TEXT NOT NULL,
  note BLOB NOT NULL) STRICT"""


@store_schema()
def fifth(db: Database) -> None:
    """Orders to gates, the one that stands in each zone."""
    db.execute(_FIFTH)


@store_schema()
def sixth(db: Database) -> None:
    """Where people are, and who cannot be where they are. Records changed their layout before any
    release, as in the third step: a check log of earlier builds is not taken along."""
    for statement in MARKS:
        db.execute(statement)


_SEVENTH = (
    """
CREATE TABLE withdrawal (
  credential INTEGER PRIMARY KEY, issued_at INTEGER NOT NULL, host INTEGER NOT NULL,
  note BLOB NOT NULL) STRICT""",
    "CREATE INDEX withdrawal_host ON withdrawal (host, issued_at)",
    """
CREATE TABLE block (
  credential INTEGER PRIMARY KEY, until INTEGER NOT NULL, signer TEXT NOT NULL,
  note BLOB NOT NULL) STRICT""",
)


@store_schema()
def seventh(db: Database) -> None:
    """Invites that were taken back, and visitors who were blocked."""
    for statement in _SEVENTH:
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


@office_schema(name="second")
def second_office(db: Database) -> None:
    """The pass itself, so that it can be issued again."""
    db.execute("ALTER TABLE resident ADD COLUMN token BLOB NOT NULL DEFAULT x''")


def migrate(path: Path, schema: Migrations = store_schema) -> None:
    """Brings the database at `path` to the newest `schema`, in one transaction; a new file gets
    all of it."""
    db = Database(path)
    try:
        db.conn.execute("BEGIN IMMEDIATE")  # the slower of two processes finds nothing to do
        with db.conn:
            schema.apply(db)
    finally:
        db.close()
