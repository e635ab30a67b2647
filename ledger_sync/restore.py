"""Writing the rows of a snapshot into an empty store, or under the denials of one that is made
anew. One transaction of the caller's.
"""

import sqlite3

from ledger_sync.cbor import Value
from ledger_sync.errors import Refused
from ledger_sync.materialise import WRITES
from ledger_sync.snapshot import Image
from ledger_sync.state_digest import TABLES
from ledger_sync.tiles import WIDTH, bundle_of

_CRITICAL = "UPDATE ledger SET critical = ? WHERE id = 1"
(_UNDER_DENIALS,) = WRITES["status"]
_WRONG = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, OverflowError)
BATCH = 4_096


def restore(db: sqlite3.Connection, image: Image) -> None:
    """Raises `Refused` (R-LEDGER) for rows that do not fit their tables."""
    name = ""
    rows: list[list[Value]] = []
    try:
        for table, columns in image.rows():
            if table != name or len(rows) >= BATCH:
                _insert(db, name, rows)
                name, rows = table, []
            rows.append(columns)
        _insert(db, name, rows)
    except _WRONG as error:
        raise Refused(f"snapshot: a row of {name}: {error}", reason="R-LEDGER") from None
    size = image.frontier.size
    db.execute("INSERT INTO base VALUES (1, ?, ?)", (size, image.file))
    db.executemany("INSERT OR REPLACE INTO bridge VALUES (?, ?)", image.bridges)
    if image.partial:
        row = (size // WIDTH, bundle_of(image.partial))
        db.execute("INSERT INTO bundle VALUES (?, ?)", row)


def _insert(db: sqlite3.Connection, table: str, rows: list[list[Value]]) -> None:
    if not rows:
        return
    if table == "ledger":
        db.executemany(_CRITICAL, rows)
        return
    assert table in TABLES
    width = len(db.execute(f"SELECT * FROM {table} LIMIT 0").description)  # noqa: S608 - as below
    marks = ", ".join("?" * width)
    statement = f"INSERT INTO {table} VALUES ({marks})"  # noqa: S608 - our own names
    db.executemany(_UNDER_DENIALS if table == "status" else statement, rows)
