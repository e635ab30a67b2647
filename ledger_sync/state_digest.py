"""The state a ledger gives, row by row in one order, and its digest (invariant I2).

Two stores that replayed the same entries give the same bytes here, whatever else they hold:
checks, denials and evidence are no part of it. FORMAT.md section 7.7.
"""

import hashlib
import sqlite3
from collections.abc import Iterator

from ledger_sync import cbor

TABLES = {
    "policy": "SELECT version, seq, entry FROM policy ORDER BY version",
    "issuer": "SELECT kid, name, alg, key, since, until, classes, rights FROM issuer"
    " ORDER BY kid, key",
    "recognise": "SELECT authority, policy, classes, colours, max_age, until FROM recognise"
    " ORDER BY authority",
    "terminal": "SELECT name, alg, key, gate, role, certificate, addresses FROM terminal"
    " ORDER BY name",
    "status_list": "SELECT id, uri, issued_at FROM status_list ORDER BY id",
    "status": "SELECT slot, value & 3 FROM status WHERE value & 3 ORDER BY slot",
    "pass": "SELECT handle, kid, subject, slot, klass, zones, assurance, issued_at, expires_at,"
    " alg, key, holder FROM pass ORDER BY handle",
    "rule": "SELECT name, seq, text FROM rule ORDER BY name",
    "snapshot": "SELECT size, sha256, length, digest FROM snapshot ORDER BY size",
    "blob": "SELECT name, sha256, length, hints FROM blob ORDER BY name",
    "ledger": "SELECT critical FROM ledger",
}
"""Table -> its rows as they follow from the ledger, in one order."""


def rows_of(db: sqlite3.Connection) -> Iterator[bytes]:
    """Every row of the state as strict CBOR: [table, column, column, ...]."""
    for table, query in TABLES.items():
        for row in db.execute(query):
            yield cbor.encode([table, *row])


def state_digest(db: sqlite3.Connection) -> bytes:
    """SHA-256 over all rows, each behind its length in 4 bytes."""
    found = hashlib.sha256()
    for row in rows_of(db):
        found.update(len(row).to_bytes(4, "big") + row)
    return found.digest()
