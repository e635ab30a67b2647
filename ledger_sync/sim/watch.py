"""The watch over a world: the invariants I1 to I11 of FORMAT.md, looked at from outside.

Knows what honest gates recorded and what the authority published; believes no node.
"""

from collections.abc import Iterator

from ledger_sync import frames, fsck_ledger, note
from ledger_sync.gossip import BATCHES
from ledger_sync.merkle import Frontier, frontier_of
from ledger_sync.moves import Moves, PresenceConflict
from ledger_sync.places import NOWHERE, last_in
from ledger_sync.replica import Replica
from ledger_sync.shelf import MAX_ENTRIES, Held, Shelf
from ledger_sync.sim.ground import Ground
from ledger_sync.sim.node import Node, Place, Truth
from ledger_sync.sim.order_watch import Broken, OrderWatch
from ledger_sync.state_digest import state_digest
from ledger_sync.uses import Uses


def _people(node: Node) -> list[PresenceConflict]:
    """Whom this node says was let in twice, or too often."""
    return Moves(node.disk.store).conflicts()


class Watch:
    """Collects what was violated, each with its invariant and the node."""

    def __init__(self, ground: Ground, truth: Truth, *, is_thorough: bool = False) -> None:
        """`is_thorough` replays every ledger beside its disk in the end, which takes as long as
        the world."""
        self.is_thorough = is_thorough
        self.violations: list[str] = []
        self.orders = OrderWatch()
        self._denied: dict[int, int] = {}  # place -> until when
        self.lost = self.forks = self.clones = self.conflicts = 0
        self._ground = ground
        self._truth = truth
        self._ledgers: dict[str, tuple[int, int]] = {}  # name -> size and floor
        self._promised: dict[tuple[str, Place], int] = {}  # what a peer vouched to hold
        self._heard: set[tuple[str, int, str, int]] = set()
        self._expected: dict[Place, int] = {}
        self._behind: set[str] = set()  # whose clock was: to them what others saw is yet to come

    def forget(self, name: str, nodes: dict[str, Node]) -> None:
        """The disk of this node is another one: what it vouched for counts no more."""
        for node in nodes.values():
            self._note_promises(node)
        self._ledgers.pop(name, None)
        self.orders.forget(name)
        for place in [one for one in self._promised if one[0] == name]:
            del self._promised[place]

    def look(self, node: Node, ticks: float) -> None:
        """After a step of this node."""
        ledger = Replica(node.disk.store).ledger()
        size, floor = self._ledgers.get(node.name, (0, 0))
        if ledger.size < size:
            self.broken("I1", node, f"the ledger fell from {size} to {ledger.size}")
        if ledger.floor not in self._ground.floors:
            self.broken("I9", node, f"a floor of {ledger.floor} that no quorum vouched for")
        if ledger.floor < floor:
            self.broken("I9", node, f"the floor fell from {floor} to {ledger.floor}")
        if (ledger.size, ledger.root) not in self._ground.positions:
            self.broken("I3", node, f"a ledger of {ledger.size} that no quorum signed")
        self._ledgers[node.name] = (ledger.size, ledger.floor)
        self._all_broken(node, self.orders.look(node, ledger.version))
        gossip = node.gossip
        assert gossip is not None
        self._behind |= {node.name} if node.clock_error < 0 else set()
        self._note_promises(node)
        if gossip.pending_count > BATCHES:
            self.broken("I10", node, f"{gossip.pending_count} batches in memory")
        for talk in gossip.talks:
            if talk.session.held > frames.MAX_FRAME + 5:
                self.broken("I10", node, "more than a frame in memory")

    def _note_promises(self, node: Node) -> None:
        if node.gossip is None:
            return
        for (number, peer), (size, _) in node.gossip.acknowledged.items():
            if (node.name, number, peer, size) in self._heard:
                continue
            self._heard.add((node.name, number, peer, size))
            held = Shelf(node.disk.store).feed(number)
            place = (peer, (held.kid, held.incarnation))
            self._promised[place] = max(size, self._promised.get(place, 0))

    def sealed_at(self, node: Node) -> set[tuple[int, int]]:
        """(feed, entry) of what is sealed beside this terminal's own records."""
        shelf = Shelf(node.disk.store)
        return {
            (held.number, seq)
            for held in shelf.feeds()
            if held.own
            for seq, (_, sealed) in enumerate(shelf.pairs(held.number, 0, MAX_ENTRIES - 1))
            if sealed
        }

    def after_pruning(self, node: Node, before: set[tuple[int, int]]) -> None:
        """Of its own, a gate forgets only what a peer vouches for with its key."""
        shelf = Shelf(node.disk.store)
        for number, seq in sorted(before - self.sealed_at(node)):
            held = shelf.feed(number)
            if seq >= self._covered(node, held):
                self.broken("I11", node, f"entry {seq} of {held.origin} was sealed")

    def _covered(self, node: Node, held: Held) -> int:
        """How much of a feed peers vouch for, by their own signatures."""
        sizes = [0]
        rows = node.disk.store.rows(
            "SELECT peer, note FROM acknowledged WHERE feed = ?", held.number
        )
        for peer, text in rows:
            key = self._ground.links[peer]
            cosigner = note.Verifier(peer, note.COSIGNER_KEY, key)
            head = note.checkpoint_of(note.open_note(text, [cosigner]))
            sizes.append(head.size if head.origin == held.origin else 0)
        return max(sizes)

    def _all_broken(self, node: Node, found: Broken) -> None:
        for invariant, what in found:
            self.broken(invariant, node, what)

    def broken(self, invariant: str, node: Node, what: str) -> None:
        self.violations.append(f"{invariant} {node.name}: {what}")

    def expect(self, nodes: dict[str, Node]) -> None:
        """What is left of every feed when the faults end: all must have it in the end."""
        for node in nodes.values():
            for held in Shelf(node.disk.store).feeds():
                place = (held.kid, held.incarnation)
                size = self._size(node, held)
                self._expected[place] = max(size, self._expected.get(place, 0))
            for slot, until in node.disk.store.rows("SELECT slot, until FROM denial"):
                self._denied[slot] = max(until, self._denied.get(slot, 0))
            self.after_crash(node)
        self.orders.expect(nodes.values())
        for place, entries in self._truth.entries.items():
            self.lost += len(entries) - min(len(entries), self._expected.get(place, 0))

    def after_crash(self, node: Node) -> None:
        """What a terminal vouched for is on its disk, whenever its power fails."""
        sizes: dict[Place, int] = {}
        for held in Shelf(node.disk.store).feeds():
            place = (held.kid, held.incarnation)
            sizes[place] = max(self._size(node, held), sizes.get(place, 0))
        for (name, place), promised in self._promised.items():
            if name == node.name and promised > sizes.get(place, 0):
                self.broken("I4", node, f"vouched for {promised} and holds {sizes.get(place, 0)}")

    def _size(self, node: Node, held: Held) -> int:
        if not held.own:
            return held.size
        return len(Shelf(node.disk.store).bodies(held.number))

    def is_quiet(self, nodes: dict[str, Node]) -> bool:
        """Whether all hold the same, and have looked at all of it."""
        if any(Shelf(node.disk.store).unsettled() for node in nodes.values()):
            return False
        if not self.orders.is_one(nodes.values()):
            return False
        rows = [self._rows(node) for node in nodes.values()]
        ledgers = {Replica(node.disk.store).position() for node in nodes.values()}
        return all(one == rows[0] for one in rows) and len(ledgers) == 1

    def _rows(self, node: Node) -> set[tuple[bytes, bytes, int, bytes]]:
        if node.gossip is None:
            return set()
        return {tuple(row) for held in node.gossip.feeds().values() for row in held}  # type: ignore[misc]  # a row is its tuple

    def finish(self, nodes: dict[str, Node]) -> None:
        """After everything was healed."""
        for node in nodes.values():
            self._finish(node)
        if not self.is_quiet(nodes):
            for node in nodes.values():
                self.broken("I4", node, f"holds {len(self._rows(node))} rows, not those of all")
        timely = [node for node in nodes.values() if node.name not in self._behind]
        people = {frozenset(one[:5] for one in _people(node)) for node in timely}
        first = next(iter(nodes.values()))
        if len(people) > 1 and not self._truth.ahead:
            self.broken("I4", first, "not all are told alike who was let in twice")
        query = "SELECT kind, count(*) FROM feed_evidence GROUP BY kind"
        counts = dict(first.disk.store.rows(query))
        self.forks, self.clones = counts.get("fork", 0), counts.get("clone", 0)
        conflicts = Uses(first.disk.store).conflicts()
        self.conflicts = len(conflicts)

    def _finish(self, node: Node) -> None:
        honest = {self._ground.kids[box.name] for box in self._ground.boxes[:-1]}
        sizes: dict[Place, int] = {}
        for held in Shelf(node.disk.store).feeds():
            place = (held.kid, held.incarnation)
            sizes[place] = max(held.size, sizes.get(place, 0))
            if held.kid in honest:
                self._compare(node, held)
        for place, size in self._expected.items():
            has = sizes.get(place, 0)
            if has < size and node.kid != place[0]:
                self.broken("I4", node, f"{size} of {place[1].hex()} were left, it has {has}")
        if dict(node.disk.store.rows("SELECT slot, until FROM denial")) != self._denied:
            self.broken("I4", node, "not the denials of all")
        self._all_broken(node, self.orders.finish(node))
        self._finish_conflicts(node)
        self._finish_places(node)
        self._finish_state(node)

    def _finish_conflicts(self, node: Node) -> None:
        """A code that counted at two places is one conflict, everywhere the same."""
        found = {frozenset(one) for one in self._conflicts_of(node)}
        for code, places in self._truth.codes.items():
            left = [one for one in places if one[1] < self._expected.get(one[0], 0)]
            is_told = frozenset(left) in found or code in self._truth.ahead
            if len(left) == 2 and not is_told:
                self.broken("I4", node, f"code {code} counted twice, and nobody is told")

    def _finish_places(self, node: Node) -> None:
        """Where everybody was seen last is known everywhere."""
        if node.name in self._behind:
            return
        held = dict(node.disk.store.rows("SELECT holder, places FROM holder_mark"))
        for (place, seq), (holder, zone, move) in self._truth.moves.items():
            way, at = last_in(held.get(holder, NOWHERE), zone)
            if at * 2 + way < move and seq < self._expected.get(place, 0):
                self.broken("I4", node, f"holder {holder} was in zone {zone}, it does not know")

    def _conflicts_of(self, node: Node) -> Iterator[tuple[tuple[Place, int], tuple[Place, int]]]:
        ids = {
            held.origin: (held.kid, held.incarnation) for held in Shelf(node.disk.store).feeds()
        }
        for one in Uses(node.disk.store).conflicts():
            yield (ids[one.first], one.first_seq), (ids[one.second], one.second_seq)

    def _finish_state(self, node: Node) -> None:
        if self.is_thorough:
            for sentence in fsck_ledger.findings(node.disk.store, self._ground.pinned):
                self.broken("I6", node, sentence)
        size = Replica(node.disk.store).ledger().size
        if state_digest(node.disk.store.db) != self._ground.digests[size]:
            self.broken("I2", node, f"another state than replaying {size} entries gives")

    def _compare(self, node: Node, held: Held) -> None:
        """What honest gates recorded is nowhere altered, nor doubled."""
        roots = self._truth.roots.get((held.kid, held.incarnation), [])
        if held.branch:
            self.broken("I5", node, f"two histories of {held.origin}")
        elif held.size:
            entries = Shelf(node.disk.store).bodies(held.number, 0, held.size)
            root = frontier_of(entries).root()[:8]
            if Frontier(held.size, held.peaks).root()[:8] != root:
                self.broken("I7", node, f"{held.origin}: entries and frontier differ")
            if held.size >= len(roots) or roots[held.size] != root:
                self.broken("I8", node, f"{held.origin} at {held.size} is not what was recorded")
