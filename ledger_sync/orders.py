"""The orders a store holds: in each zone the one that stands, until a newer one is signed.

A release stays as a row of its own, so that no older order comes back, whoever brings it. No part
of the state that follows from the ledger. FORMAT.md section 7.9.
"""

from itertools import groupby
from typing import NamedTuple

from ledger_sync import order
from ledger_sync.clock import believed
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.materialise import known_of
from ledger_sync.order import Kind, Order, Rank
from ledger_sync.replica import Replica
from ledger_sync.store import Store
from ledger_sync.trust import Trust

NOTHING: Rank = (-1, 0, b"")  # less than any order
_RANKS = "SELECT zone, kind, issued_at, digest FROM standing_order"
_KEEP = "INSERT OR REPLACE INTO standing_order VALUES (?, ?, ?, ?, ?, ?)"
_TOUCH = "UPDATE ledger SET version = version + 1 WHERE id = 1"
_STANDING = """
SELECT digest, zone, kind, issued_at, signer,
  coalesce((SELECT min(name) FROM issuer WHERE lower(hex(kid)) = signer), signer), note
FROM standing_order ORDER BY issued_at, digest, zone"""


class Stands(NamedTuple):
    """An order where no newer one stands: the zones left to it (bit mask), since when, the kid of
    who signed it and the name of that key."""

    kind: Kind
    zones: int
    issued_at: int
    signer: str
    name: str
    note: bytes


class InForce(NamedTuple):
    """What is in force: zones (bit masks) that are shut, stand open, have a curfew; no zone is in
    two of them. `orders` says by whom, oldest first, without releases."""

    lockdown: int
    free: int
    curfew: int
    orders: tuple[Stands, ...]


class Orders:
    """The orders of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, data: bytes, *, trust: Trust, now: int) -> Order:
        """Takes an order into effect, durably, where no newer one stands; one that is here already
        changes nothing. Raises `Refused` for one that may not, or that came too late for all its
        zones; `Unavailable` when the disk refuses.

        The ledger's version moves with it: whoever keeps in memory what is in force reads it anew.
        """
        found = self._opened(data, trust, now)
        with self._store.transaction():
            ranks = self._ranks()
            if found.rank in ranks.values():
                return found
            zones = order.zones_of(found.zones)
            won = [zone for zone in zones if ranks.get(zone, NOTHING) < found.rank]
            if not won:
                what = "this order came too late: newer ones stand in its zones"
                raise Refused(f"{what}; see: yardpass ledger status", reason="R-LEDGER")
            row = (found.kind.value, found.issued_at, found.digest, found.signer, data)
            self._store.db.executemany(_KEEP, [(zone, *row) for zone in won])
            self._store.db.execute(_TOUCH)
        return found

    def _opened(self, data: bytes, trust: Trust, now: int) -> Order:
        held = Replica(self._store).ledger()
        with self._store.translated():
            known = known_of(self._store.db, trust)
        keys = [one for several in known.issuers.values() for one in several]
        issuers = [one for one in keys if one.until >= held.floor]  # no order is dated back
        at = believed(now, held.floor)
        return order.opened(data, origin=held.origin, issuers=issuers, now=at)

    def _ranks(self) -> dict[int, Rank]:
        return {
            zone: order.rank_of(self._kind(kind), issued_at, bytes(digest))
            for zone, kind, issued_at, digest in self._store.rows(_RANKS)
        }

    def in_force(self) -> InForce:
        """What stands now, in one read. For a gate: again when the ledger's version has moved."""
        found = [one for one in self._standing() if one.kind is not Kind.RELEASE]
        masks = dict.fromkeys(Kind, 0)
        for one in found:
            masks[one.kind] |= one.zones
        return InForce(masks[Kind.LOCKDOWN], masks[Kind.FREE], masks[Kind.CURFEW], tuple(found))

    def notes(self) -> list[bytes]:
        """Every order that stands somewhere, releases too, oldest first; to be told to others."""
        return [one.note for one in self._standing()]

    def _standing(self) -> list[Stands]:
        found = []
        for _, rows in groupby(self._store.rows(_STANDING), key=lambda row: row[0]):
            (_, zone, kind, issued_at, signer, name, note), *more = rows
            zones = sum(1 << one for one in (zone, *(row[1] for row in more)))
            stands = Stands(self._kind(kind), zones, issued_at, signer, name, bytes(note))
            found.append(stands)
        return found

    def _kind(self, name: str) -> Kind:
        try:
            return Kind(name)
        except ValueError:
            what = f"store {self._store.path} is damaged: an order to {name!r}"
            raise Unavailable(f"{what}; run: yardpass ledger fsck") from None
