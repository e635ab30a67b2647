"""Peers: whom to call, who may call, how long to wait after who failed.

The terminals of the ledger are the truth; addresses heard on the network are hints and add no
trust. A peer that is away is tried again soon, one that misbehaves late: it costs itself.
"""

import random
from dataclasses import dataclass, field

from ledger_sync.keys import ED25519, PublicKey
from ledger_sync.store import Store

FIRST_PAUSE = 0.5  # seconds before a peer that is away is tried again
LONGEST_PAUSE = 1.5  # the network is the compound's own: a call costs a packet
FAULT_PAUSE = 10.0  # after a first fault; doubled with each
LONGEST_FAULT_PAUSE = 300.0
FORGIVEN_SECONDS = 600.0  # without a fault, and all are forgotten
MAX_HINTS = 8  # addresses kept of one peer that the ledger does not name


@dataclass(slots=True)
class Peer:
    """Another terminal. Times are ticks, 0 for never."""

    name: str
    kid: bytes
    certificate: bytes
    addresses: tuple[str, ...]
    hints: list[str] = field(default_factory=list)
    is_up: bool = False
    since: float = 0.0  # it came or went
    failures: int = 0  # calls in a row that were not answered
    faults: int = 0  # what it did wrong of late
    fault_at: float = 0.0
    next_call: float = 0.0
    last_fault: str = ""

    @property
    def all_addresses(self) -> list[str]:
        return list(dict.fromkeys((*self.addresses, *self.hints)))


class Peers:
    """All other terminals of the ledger. Owned by one thread."""

    def __init__(self, store: Store, own: str, chance: random.Random) -> None:
        self._store = store
        self._own = own
        self._chance = chance
        self._peers: dict[str, Peer] = {}
        self._by_certificate: dict[bytes, Peer] = {}
        self.reload()

    def reload(self) -> None:
        """Reads the terminals of the ledger anew; what is known of a peer that stays, stays."""
        found: dict[str, Peer] = {}
        rows = self._store.rows("SELECT name, alg, key, certificate, addresses FROM terminal")
        for name, alg, key, der, addresses in rows:
            if name == self._own or alg != ED25519 or not der:
                continue
            kid = PublicKey(ED25519, bytes(key)).kid
            before = self._peers.get(name)
            peer = Peer(name, kid, bytes(der), tuple(filter(None, addresses.split("\n"))))
            if before is not None and before.certificate == peer.certificate:
                before.kid, before.addresses = peer.kid, peer.addresses
                peer = before
            found[name] = peer
        self._peers = found
        self._by_certificate = {peer.certificate: peer for peer in found.values()}

    def all(self) -> list[Peer]:
        return list(self._peers.values())

    def get(self, name: str) -> Peer | None:
        return self._peers.get(name)

    def of_certificate(self, der: bytes) -> Peer | None:
        return self._by_certificate.get(der)

    def certificates(self) -> list[bytes]:
        return list(self._by_certificate)

    def hint(self, name: str, address: str) -> None:
        """An address that somebody announced for a peer. Adds no trust: who answers there must
        have the peer's key."""
        peer = self._peers.get(name)
        if peer and address not in peer.hints and address not in peer.addresses:
            peer.hints = [*peer.hints, address][-MAX_HINTS:]

    def due(self, ticks: float) -> list[Peer]:
        """Whom to call now."""
        return [
            peer
            for peer in self._peers.values()
            if not peer.is_up and peer.next_call <= ticks and peer.all_addresses
        ]

    def may_talk(self, peer: Peer, ticks: float) -> bool:
        """Whether a peer that calls is listened to: not while it pays for its faults."""
        return not peer.faults or ticks >= peer.fault_at + self._penalty(peer)

    def came(self, peer: Peer, ticks: float) -> None:
        peer.is_up, peer.since, peer.failures = True, ticks, 0

    def went(self, peer: Peer, ticks: float, fault: str) -> None:
        """It is gone; with `fault`, for what it did."""
        if peer.is_up:
            peer.is_up, peer.since = False, ticks
        if fault:
            if ticks - peer.fault_at > FORGIVEN_SECONDS:
                peer.faults = 0
            peer.faults += 1
            peer.fault_at, peer.last_fault = ticks, fault
            peer.next_call = ticks + self._penalty(peer)
        else:
            self.failed(peer, ticks)

    def failed(self, peer: Peer, ticks: float) -> None:
        """A call was not answered, or a line broke."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**peer.failures)
        peer.failures = min(peer.failures + 1, 16)
        peer.next_call = max(peer.next_call, ticks + pause * self._chance.uniform(0.7, 1.0))

    def _penalty(self, peer: Peer) -> float:
        return float(min(LONGEST_FAULT_PAUSE, FAULT_PAUSE * 2 ** (peer.faults - 1)))
