"""What may happen in a world, one function each: people who pass, and one fault after another."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ledger_sync.accept import Forked
from ledger_sync.denials import Denials
from ledger_sync.mirror import Mirror
from ledger_sync.order import ALL_ZONES, Kind
from ledger_sync.orders import Orders
from ledger_sync.replica import Replica
from ledger_sync.sim import ground as earth
from ledger_sync.sim.disk import Disk
from ledger_sync.sim.node import Node
from ledger_sync.sim.published import Published

if TYPE_CHECKING:
    from ledger_sync.sim.world import World


def _check(world: "World", node: Node) -> None:
    """Somebody passes; now and then a code is shown at a second gate as well."""
    if not node.is_up:
        return
    world.codes += world.chance.random() < 0.9
    node.check(world.truth, world.codes, counted=world.chance.random() < 0.9)


def _deliver(world: "World", node: Node) -> None:
    """Everything on its way to one node arrives."""
    for cable in world.cables:
        if node.name in cable.ends:
            world.arrive(cable, cable.other(node.name))


def _tick(world: "World", node: Node) -> None:
    if node.gossip:
        node.gossip.tick(world.ticks)
        if world.chance.random() < 0.3:
            node.gossip.settle()


def _connect(world: "World", node: Node) -> None:
    cable = world.chance.choice([one for one in world.cables if node.name in one.ends])
    world.plug(cable)


def _cut(world: "World", node: Node) -> None:
    """A partition: this node, or a group, from the rest."""
    names = sorted(world.nodes)
    group = set(world.chance.sample(names, world.chance.randrange(1, len(names))))
    for cable in world.cables:
        if len(group & set(cable.ends)) == 1:
            cable.is_severed = True
            world.disconnect(cable)


def _mend(world: "World", node: Node) -> None:
    for cable in world.cables:
        cable.is_severed = False


def _one_way(world: "World", node: Node) -> None:
    cable = world.chance.choice(world.cables)
    if cable.is_up:
        cable.wires[world.chance.choice(cable.ends)].is_cut = True


def _disturb(world: "World", node: Node) -> None:
    cable = world.chance.choice(world.cables)
    if cable.is_up:
        cable.disturb(world.chance.choice(cable.ends), world.chance)


def _fuse(world: "World", node: Node) -> None:
    """The power fails within the next writes."""
    node.disk.fuse.writes = world.chance.randrange(12)


def _kill(world: "World", node: Node) -> None:
    world.die(node)


def _restart(world: "World", node: Node) -> None:
    for one in world.nodes.values():
        if not one.is_up:
            world.boot(one)


def _image(world: "World", node: Node) -> None:
    """A technician copies the card."""
    world.images[node.name] = node.disk.image()


def _restore(world: "World", node: Node) -> None:
    """... and puts the copy back."""
    if node.name in world.images:
        world.die(node)
        node.disk.store.close()
        node.disk = Disk(world.images[node.name])
        world.watch.forget(node.name, world.nodes)
        world.boot(node)


def _replace(world: "World", node: Node) -> None:
    """A new card with the same key."""
    world.die(node)
    node.disk.store.close()
    node.disk = Disk(world.ground.disk)
    world.watch.forget(node.name, world.nodes)
    world.boot(node)


def _fill(world: "World", node: Node) -> None:
    node.disk.fuse.is_full = not node.disk.fuse.is_full


def _clock(world: "World", node: Node) -> None:
    year = 365 * 86_400
    errors = (-earth.START, 10 * year, -86_400, 0, 0)
    node.clock_error = world.chance.choice(errors)


def _publish(world: "World", node: Node) -> None:
    """The authority signs something new; one terminal fetches it."""
    world.published = min(world.published + 1, earth.CHANGES)
    source = Published(world.ground, world.published)
    replica = Replica(node.disk.store)
    try:
        Mirror(replica, pinned=world.ground.pinned, now=lambda: world.now).update(source)
    except Forked as forked:
        world.watch.violations.append(f"I1 {node.name}: an honest ledger as a fork: {forked}")
    if node.gossip:
        node.gossip.ledger_changed()


def _prune(world: "World", node: Node) -> None:
    """The gate forgets what is sealed beside its records, and beside those of others."""
    if node.is_up:
        before = world.watch.sealed_at(node)
        node.prune(world.truth)
        world.watch.after_pruning(node, before)


def _deny(world: "World", node: Node) -> None:
    text = world.ground.denial(world.chance.randrange(1_000), world.now)
    trust = Replica(node.disk.store).history.trust(world.ground.pinned)
    Denials(node.disk.store).add(text, trust=trust, now=world.now)
    if node.gossip:
        node.gossip.denials_changed()


def _order(world: "World", node: Node) -> None:
    """A guard gives an order or a release; now and then it comes late, or is dated ahead."""
    zones = world.chance.choice((1, 2, 3, ALL_ZONES))
    kind = world.chance.choice((*Kind, Kind.RELEASE))
    at = world.now + world.chance.choice((0, 0, 0, -40, 200))
    text = world.ground.order(kind, zones, at)
    world.watch.orders.signed(text)
    trust = Replica(node.disk.store).history.trust(world.ground.pinned)
    Orders(node.disk.store).add(text, trust=trust, now=world.now)
    if node.gossip:
        node.gossip.denials_changed()


def _evil(world: "World", node: Node) -> None:
    world.adversary.act()


class Step(NamedTuple):
    """Something that may happen, and how often."""

    weight: float
    happen: Callable[["World", Node], None]


STEPS = {
    "deliver": Step(30.0, _deliver),
    "check": Step(22.0, _check),
    "tick": Step(16.0, _tick),
    "connect": Step(12.0, _connect),
    "cut": Step(1.2, _cut),
    "mend": Step(2.5, _mend),
    "one_way": Step(0.7, _one_way),
    "disturb": Step(1.5, _disturb),
    "fuse": Step(1.5, _fuse),
    "kill": Step(1.0, _kill),
    "restart": Step(3.0, _restart),
    "image": Step(0.7, _image),
    "restore": Step(0.5, _restore),
    "replace": Step(0.15, _replace),
    "fill": Step(0.6, _fill),
    "clock": Step(0.8, _clock),
    "publish": Step(1.8, _publish),
    "prune": Step(0.8, _prune),
    "deny": Step(0.6, _deny),
    "order": Step(0.8, _order),
    "evil": Step(1.5, _evil),
}
