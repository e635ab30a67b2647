"""The denials a store holds: on top of the ledger's own statuses, until they lapse.

A denied place has 4 added to its status, so the gate's one read tells; only then is it looked up
here how long. A blocked visitor stands in a table alone, which a gate asks when it is shown an
invite. No part of the state that follows from the ledger. FORMAT.md section 7.8.
"""

from ledger_sync import deny
from ledger_sync.clock import believed
from ledger_sync.deny import Denial
from ledger_sync.errors import Refused
from ledger_sync.materialise import known_of
from ledger_sync.replica import Replica
from ledger_sync.state import LIST_SIZE
from ledger_sync.store import Store
from ledger_sync.trust import Trust

DENIED = 4  # the bit on top of a status
_FORGET = """
UPDATE status SET value = value & 3
WHERE slot IN (SELECT slot FROM denial WHERE until <= ?)"""
_SET = "INSERT INTO status VALUES (?, 4) ON CONFLICT (slot) DO UPDATE SET value = value | 4"
_KEEP = """
INSERT INTO denial VALUES (?, ?, ?, ?) ON CONFLICT (slot) DO UPDATE
SET until = excluded.until, signer = excluded.signer, note = excluded.note
WHERE excluded.until > until"""
_BLOCK = """
INSERT INTO block VALUES (?, ?, ?, ?) ON CONFLICT (credential) DO UPDATE
SET until = excluded.until, signer = excluded.signer, note = excluded.note
WHERE (excluded.until, excluded.note) > (until, note)"""
_TOUCH = "UPDATE ledger SET version = version + 1 WHERE id = 1"
_NOTES = "SELECT until, note FROM denial UNION SELECT until, note FROM block ORDER BY until"


class Denials:
    """The deny notes of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, data: bytes, *, trust: Trust, now: int) -> Denial:
        """Takes a note into effect, durably. Raises `Refused` for one that may not, has lapsed,
        or names a list that is not here; `Unavailable` when the disk refuses."""
        held = Replica(self._store).ledger()
        now = believed(now, held.floor)
        with self._store.translated():
            known = known_of(self._store.db, trust)
        issuers = [one for several in known.issuers.values() for one in several]
        found = deny.opened(data, origin=held.origin, issuers=issuers, now=now)
        if found.until <= now:
            raise Refused("this deny note has lapsed", reason="R-LEDGER")
        slots = []
        for uri, idx in found.places:
            if uri not in known.lists:
                raise Refused(f"there is no status list {uri!r} here", reason="R-LEDGER")
            slots.append(known.lists[uri].number * LIST_SIZE + idx)
        with self._store.transaction():
            self._forget(held.floor)
            for slot in slots:
                self._store.db.execute(_KEEP, (slot, found.until, found.signer, data))
                self._store.db.execute(_SET, (slot,))
            self._block(found, data)
        return found

    def _block(self, found: Denial, data: bytes) -> None:
        """The ledger's version moves with it: whoever tells peers looks at that."""
        rows = [(visitor, found.until, found.signer, data) for visitor in found.visitors]
        self._store.db.executemany(_BLOCK, rows)
        if rows:
            self._store.db.execute(_TOUCH)

    def _forget(self, floor: int) -> None:
        """Takes away what has certainly lapsed."""
        self._store.db.execute(_FORGET, (floor,))
        self._store.db.execute("DELETE FROM denial WHERE until <= ?", (floor,))
        self._store.db.execute("DELETE FROM block WHERE until <= ?", (floor,))

    def blocked_until(self, credential: int) -> int:
        """When the block of this visitor lapses, 0 if there is none. For a gate: one read."""
        row = self._store.row("SELECT until FROM block WHERE credential = ?", credential)
        return int(row[0]) if row else 0

    def notes(self) -> list[tuple[int, bytes]]:
        """(until, note) of every denial held, newest last; to be told to others."""
        return [(until, bytes(data)) for until, data in self._store.rows(_NOTES)]
