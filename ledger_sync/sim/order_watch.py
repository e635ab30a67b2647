"""The watch over orders: what was signed, what stands where, and that nothing undoes it.

Says what is broken as (invariant, sentence); watch.py asks. Believes no node.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from ledger_sync import order
from ledger_sync.order import Rank
from ledger_sync.sim.node import Node

Broken: TypeAlias = Iterator[tuple[str, str]]
_ROWS = "SELECT zone, kind, issued_at, digest FROM standing_order"


def standing(node: Node) -> dict[int, Rank]:
    """Zone -> the rank of the order that stands there, on the disk of this node."""
    return {
        zone: order.rank_of(kind, issued_at, digest)
        for zone, kind, issued_at, digest in node.disk.store.rows(_ROWS)
    }


class OrderWatch:
    """What must hold of the orders of a world."""

    def __init__(self) -> None:
        self._signed: set[bytes] = set()  # digests of orders by who may
        self._seen: dict[str, tuple[int, dict[int, Rank]]] = {}  # node -> its version, its orders
        self._expected: dict[int, Rank] = {}

    def signed(self, note: bytes) -> None:
        """Somebody who may has signed this."""
        self._signed.add(order.digest_in(note))

    def forget(self, name: str) -> None:
        """The disk of this node is another one."""
        self._seen.pop(name, None)

    def look(self, node: Node, version: int) -> Broken:
        """After a step of this node; `version` is that of its ledger."""
        known, before = self._seen.get(node.name, (-1, {}))
        if known == version:
            return
        now = standing(node)
        self._seen[node.name] = (version, now)
        for zone, rank in before.items():
            if zone not in now or now[zone] < rank:
                yield "I4", f"the order for zone {zone} was undone by no newer one"
        for zone, (_, _, digest) in now.items():
            if digest not in self._signed:
                yield "I6", f"an order for zone {zone} that nobody signed who may"

    def expect(self, nodes: Iterable[Node]) -> None:
        """The faults end: what stands anywhere must stand everywhere, the newest of each zone."""
        for node in nodes:
            for zone, rank in standing(node).items():
                self._expected[zone] = max(rank, self._expected.get(zone, rank))

    def is_one(self, nodes: Iterable[Node]) -> bool:
        """Whether all hold the same."""
        return all(standing(node) == self._expected for node in nodes)

    def finish(self, node: Node) -> Broken:
        """After everything was healed."""
        if standing(node) != self._expected:
            yield "I4", "not the orders of all"
