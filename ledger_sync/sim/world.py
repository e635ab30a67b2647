"""A world: terminals, an authority, people who pass, and one fault after another, all from a seed.

The gossip, the intake, the ledger and SQLite are the product's own; clocks, wires and disks are
simulated. `run` lives through the faults, heals everything, and says what was broken.
"""

import random
from dataclasses import dataclass, field

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.sim import ground as earth
from ledger_sync.sim.adversary import Adversary
from ledger_sync.sim.disk import Crash, Disk
from ledger_sync.sim.faults import STEPS
from ledger_sync.sim.ground import Ground, ground
from ledger_sync.sim.mistakes import Variant
from ledger_sync.sim.net import Cable
from ledger_sync.sim.node import Node, Truth
from ledger_sync.sim.watch import Watch

THOROUGH = 25  # every so many worlds, each disk is looked at byte by byte in the end
QUIET_ROUNDS = 400  # rounds in which a healed world must come to rest
SETTLE_SECONDS = 0.5  # of one such round


@dataclass(slots=True)
class Report:
    """How a world ended. `violations` is empty if every invariant held."""

    seed: int
    steps: int
    violations: list[str]
    records: int  # checks that gates made durable
    lost: int  # records of which no copy was left when the faults ended
    forks: int  # second histories that were found and kept
    clones: int  # incarnations that go on from the same one
    conflicts: int  # codes that counted at two places
    crashes: int
    faults: dict[str, int] = field(default_factory=dict)


def live(seed: int, *, count: int = 6, steps: int = 400, variant: Variant | None = None) -> Report:
    """The report of the world of this seed. A world that breaks is a violation, too."""
    world = World(seed, count=count, variant=variant)
    try:
        return world.run(steps)
    except Exception as error:  # noqa: BLE001 - whatever a peer made a node raise is a finding
        what = f"{type(error).__name__}: {error}"
        world.watch.violations.append(f"I7 a process ended in {what}")
        return world.report(steps)
    finally:
        world.close()


class World:
    """One seed's world of `count` terminals, the last of them malicious."""

    def __init__(self, seed: int, *, count: int = 6, variant: Variant | None = None) -> None:
        self.seed = seed
        self.chance = random.Random(seed)  # noqa: S311 - a world must be the same again
        self.ground: Ground = ground(count)
        self.truth = Truth()
        self.ticks = 0.0
        self.published = 0
        self.crashes = 0
        self.faults: dict[str, int] = {}
        self.codes = 0
        self.images: dict[str, bytes] = {}
        boxes = self.ground.boxes[:-1]
        self.nodes: dict[str, Node] = {}
        for box in boxes:
            chance = random.Random(self.chance.getrandbits(64))  # noqa: S311 - as above
            disk = Disk(self.ground.disk)
            node = Node(box, self.ground, disk, chance, variant or Variant())
            self.nodes[box.name] = node
        self.adversary = Adversary(self.ground.boxes[-1], self.ground, self.chance)
        names = [box.name for box in self.ground.boxes]
        self.cables = [Cable(a, b) for n, a in enumerate(names) for b in names[n + 1 :]]
        self.watch = Watch(self.ground, self.truth, is_thorough=seed % THOROUGH == 0)
        for node in self.nodes.values():
            node.start(self.truth)

    @property
    def now(self) -> int:
        return earth.START + int(self.ticks)

    def run(self, steps: int) -> Report:
        for _ in range(steps):
            self.step()
        self.heal()
        self.watch.finish(self.nodes)
        return self.report(steps)

    def close(self) -> None:
        for node in self.nodes.values():
            node.close()

    def step(self) -> None:
        """One thing happens somewhere."""
        self.ticks += self.chance.random() * 0.4
        for node in self.nodes.values():
            node.set_time(self.now)
        name = self.chance.choices(_NAMES, _WEIGHTS)[0]
        node = self.nodes[self.chance.choice(sorted(self.nodes))]
        if name not in ("deliver", "check", "tick"):
            self.faults[name] = self.faults.get(name, 0) + 1
        self._guarded(node, name)

    def _guarded(self, node: Node, name: str) -> None:
        """Runs a step; a crash in it ends that node's processes."""
        try:
            STEPS[name].happen(self, node)
        except Crash:
            self.die(node)
        except (Unavailable, Refused):
            pass  # the gate or the guard is told; nothing was done
        if node.is_up:
            self.watch.look(node, self.ticks)

    def arrive(self, cable: Cable, sender: str) -> None:
        receiver = cable.other(sender)
        while (data := cable.take(sender)) is not None:
            node = self.nodes.get(receiver)
            if node is None:
                self.adversary.hear(data)
                continue
            talk = node.talks.get(sender)
            if node.gossip is None or talk is None:
                return
            try:
                node.gossip.hear(talk, data, self.ticks)
            except (Refused, Unavailable) as error:
                if isinstance(error, Refused):
                    self._on_refused(cable, node, error)
                self.disconnect(cable)
                return
            except Crash:
                self.die(node)
                return

    def _on_refused(self, cable: Cable, node: Node, refused: Refused) -> None:
        """Only who is malicious, or whose bytes were disturbed, may be refused."""
        if self.adversary.name not in cable.ends and not cable.is_disturbed:
            self.watch.broken("I10", node, f"an honest peer was refused: {refused}")

    def plug(self, cable: Cable) -> None:
        ends = [self.nodes.get(name) for name in cable.ends]
        if cable.is_up or cable.is_severed or any(one and not one.is_up for one in ends):
            return
        cable.connect()
        for name, node in zip(cable.ends, ends, strict=True):
            other = cable.other(name)
            if node is None:
                self.adversary.meet(other, cable.wires[name])
            else:
                node.meet(other, self.ground.kids[other], cable.wires[name], self.ticks)

    def disconnect(self, cable: Cable) -> None:
        cable.is_up = False
        for name in cable.ends:
            other = cable.other(name)
            if name in self.nodes:
                self.nodes[name].part(other)
            else:
                self.adversary.part(other)

    def die(self, node: Node) -> None:
        node.disk.recover()
        if not node.is_up:
            return
        self.crashes += 1
        node.stop()
        self.watch.after_crash(node)
        for cable in self.cables:
            if node.name in cable.ends:
                if self.chance.random() < 0.5:  # what it had sent may still arrive
                    self.arrive(cable, node.name)
                self.disconnect(cable)
        self.watch.after_crash(node)

    def boot(self, node: Node) -> None:
        try:
            node.start(self.truth)
        except Crash:
            self.die(node)

    # --- the end ---------------------------------------------------------------------------------

    def heal(self) -> None:
        """Faults end; the malicious terminal is unplugged; everybody hears everybody."""
        for node in self.nodes.values():
            node.clock_error = 0
            node.disk.fuse.is_full = False
            node.disk.fuse.writes = -1
            node.set_time(self.now)
            if not node.is_up:
                self.boot(node)
        for cable in self.cables:
            is_evil = self.adversary.name in cable.ends
            cable.is_severed = is_evil
            self.disconnect(cable)
        self.watch.expect(self.nodes)
        for _ in range(QUIET_ROUNDS):
            if self._round() and self.watch.is_quiet(self.nodes):
                break

    def _round(self) -> bool:
        """Everybody speaks and hears; whether nothing is on its way."""
        self.ticks += SETTLE_SECONDS
        for cable in self.cables:
            self.plug(cable)
        for node in self.nodes.values():
            node.set_time(self.now)
            if node.gossip:
                node.gossip.tick(self.ticks)
                node.gossip.settle()
        for cable in self.cables:
            for sender in cable.ends:
                self.arrive(cable, sender)
        live = [cable for cable in self.cables if cable.is_up]
        return not any(wire.queue for cable in live for wire in cable.wires.values())

    def report(self, steps: int) -> Report:
        watch = self.watch
        return Report(
            seed=self.seed,
            steps=steps,
            violations=watch.violations,
            records=sum(map(len, self.truth.entries.values())),
            lost=watch.lost,
            forks=watch.forks,
            clones=watch.clones,
            conflicts=watch.conflicts,
            crashes=self.crashes,
            faults=self.faults,
        )


_NAMES, _WEIGHTS = tuple(STEPS), tuple(step.weight for step in STEPS.values())
