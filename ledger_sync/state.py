"""What ledger entries do to the replica: each entry becomes effects, in order, nothing else.

Pure: an effect is a name and a row; store.py holds the statement of that name. Replaying the same
entries gives the same rows (invariant I2). FORMAT.md section 5.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple, assert_never

from ledger_sync import entries
from ledger_sync.cbor import Value
from ledger_sync.entries import Entry


class Effect(NamedTuple):
    """One row to write: `name` is a key of the store's statement table."""

    name: str
    row: tuple[Value, ...]


def number_of(handle: bytes) -> int:
    """The 8 bytes of a handle as the signed integer the tables are keyed by."""
    return int.from_bytes(handle, "big", signed=True)


def holder_of(raw_key: bytes) -> int:
    """The short name of a holder key, for its high-water mark: SHA-256(key)[:8]."""
    return number_of(hashlib.sha256(raw_key).digest()[:8])


def effects_of(entry: Entry, seq: int) -> Iterator[Effect]:
    """The effects of the entry at `seq`. An unknown kind only marks its critical classes."""
    match entry:
        case entries.Issuer(name, key, since, until, classes):
            yield Effect("issuer", (key.kid, name, key.alg, key.raw, since, until, classes))
        case entries.Pass():
            yield Effect("list", (entry.uri,))
            yield Effect("pass", _pass_row(entry))
        case entries.Unpass(handle):
            yield Effect("unpass", (number_of(handle),))
        case entries.Status(uri, issued_at, changes):
            yield Effect("list", (uri,))
            yield Effect("list_time", (issued_at, uri))
            for index, value in changes:
                yield Effect("status", (uri, index, value))
        case entries.Rule(name, text):
            yield Effect("rule", (name, seq, text))
        case entries.Unknown(_, critical):
            yield Effect("critical", (critical,))
        case _:
            assert_never(entry)


def _pass_row(entry: entries.Pass) -> tuple[Value, ...]:
    key = entry.key
    return (
        number_of(entry.handle),
        entry.kid,
        entry.subject,
        entry.uri,
        entry.index,
        entry.klass,
        entry.zones,
        entry.assurance,
        entry.issued_at,
        entry.expires_at,
        key.alg if key else None,
        key.raw if key else None,
        holder_of(key.raw) if key else None,
    )
