"""Cards that the ledger knows: by the key they prove, or by the bare number they show.

Reads of a gate, one a presentation. FORMAT.md sections 4.5 and 5.3.
"""

from ledger_sync.keys import PublicKey
from ledger_sync.kinds import CARD, CERTIFIED_CARD, MAY_CERTIFY
from ledger_sync.replica import Enrolled
from ledger_sync.state import holder_of, number_of
from ledger_sync.store import Store

_ENROLLED = """
SELECT {}, coalesce(s.value, 0), coalesce(m.code_at, 0), coalesce(m.way, -1),
  coalesce(m.seen_at, 0), coalesce(m.uses, 0), coalesce(m.places, '{{}}'), l.version
FROM pass p CROSS JOIN ledger l ON l.id = 1
LEFT JOIN status s ON s.slot = p.slot
LEFT JOIN holder_mark m ON m.holder = coalesce(p.holder, p.handle)
WHERE {}"""
_RIGHTS = "p.kid, p.klass, p.zones, p.assurance, p.issued_at, p.expires_at"
_BY_NUMBER = _ENROLLED.format(f"{_RIGHTS}, x'', p.handle", "p.handle = ? AND p.key IS NULL")
_IS_CARD = f"p.assurance >= {CARD} AND p.assurance <= {CERTIFIED_CARD}"  # the index asks the first
_BY_KEY = _ENROLLED.format(
    f"p.handle, {_RIGHTS}, p.key, p.holder",
    f"p.holder = ? AND {_IS_CARD} AND p.alg = ? AND p.key = ?"
    " ORDER BY p.issued_at DESC, p.handle LIMIT 1",
)


class Cards:
    """The cards in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def by_number(self, handle: bytes) -> Enrolled | None:
        """The pass of a bare card number; its `key` is empty, its holder the handle."""
        row = self._store.row(_BY_NUMBER, number_of(handle))
        return None if row is None else Enrolled._make(row)

    def by_key(self, key: PublicKey) -> tuple[bytes, Enrolled] | None:
        """(handle, pass) of the card with this key; the newest of several."""
        row = self._store.row(_BY_KEY, holder_of(key.raw), *key)
        if row is None:
            return None
        return int(row[0]).to_bytes(8, "big", signed=True), Enrolled._make(row[1:])

    def certifiers(self, sure: int) -> tuple[PublicKey, ...]:
        """The keys that may certify cards at `sure`, a time that is certainly past: one that was
        ended before certifies nothing any more, whatever day it states."""
        query = "SELECT alg, key FROM issuer WHERE rights & ? AND until >= ?"
        rows = self._store.rows(query, MAY_CERTIFY, sure)
        return tuple(PublicKey(alg, bytes(raw)) for alg, raw in rows)

    def keys(self) -> list[tuple[bytes, PublicKey]]:
        """(handle, key) of every card that proves a key."""
        rows = self._store.rows(
            f"SELECT handle, alg, key FROM pass p WHERE {_IS_CARD} AND key IS NOT NULL"  # noqa: S608 - numbers of ours
        )
        return [
            (int(handle).to_bytes(8, "big", signed=True), PublicKey(alg, bytes(raw)))
            for handle, alg, raw in rows
        ]
