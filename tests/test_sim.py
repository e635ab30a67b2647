"""A world from a seed keeps every promise, is the same again, and notices each that is broken."""

import logging
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ledger_sync.batch import Batch
from ledger_sync.errors import Unavailable
from ledger_sync.order import Kind
from ledger_sync.orders import Orders
from ledger_sync.replica import Replica
from ledger_sync.shelf import Shelf
from ledger_sync.sim import ground as earth
from ledger_sync.sim import world as worlds
from ledger_sync.sim.disk import Crash, Disk
from ledger_sync.sim.faults import STEPS
from ledger_sync.sim.mistakes import Variant
from ledger_sync.sim.world import World, live

SEEDS = range(1, 21)
MISTAKES = {
    "one_feed_a_key": range(1, 6),
    "drop_shorter": range(1, 6),
    "ack_first": range(5, 10),
}
"""Known mistake -> seeds of which one at the least finds it."""


@pytest.fixture(autouse=True)
def silence():
    log = logging.getLogger("yardpass.sync")
    log.disabled = True
    yield
    log.disabled = False


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_keeps_its_promises(seed):
    report = live(seed)

    assert report.violations == []
    assert report.seed == seed
    assert report.records > 20


def test_seed_2244_a_record_that_comes_back_bare_from_a_peer_was_not_pruned_here():
    assert live(2_244).violations == []


@pytest.mark.draws
@pytest.mark.heavy
@pytest.mark.parametrize("start", range(1_000, 1_200, 50))
def test_hundreds_of_worlds_keep_their_promises(start):
    reports = [live(seed) for seed in range(start, start + 50)]

    assert [report for report in reports if report.violations] == []


def test_the_same_seed_is_the_same_world_and_another_is_another():
    one, again, other = live(7, steps=150), live(7, steps=150), live(8, steps=150)

    assert asdict(one) == asdict(again)
    assert asdict(one) != asdict(other)


@pytest.mark.long
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_world_with_a_known_mistake_is_found_out(mistake):
    variant = Variant(**{mistake: True})

    found = (live(seed, variant=variant).violations for seed in MISTAKES[mistake])

    assert any(found)


@pytest.mark.long
def test_the_seeds_reach_what_they_are_for():
    reports = [live(seed) for seed in range(30, 36)]

    faults = {name for report in reports for name, count in report.faults.items() if count}
    assert faults >= STEPS.keys() - {"deliver", "check", "tick", "replace"}
    assert all(sum(getattr(one, name) for one in reports) for name in ("forks", "clones"))
    assert sum(report.conflicts for report in reports)


def test_the_change_of_cosigners_is_met_by_some_who_were_cut_off():
    behind = 0
    for seed in range(40, 43):
        world = World(seed)
        for _ in range(300):
            world.step()
        sizes = {Replica(node.disk.store).ledger().size for node in world.nodes.values()}
        changed = len(world.ground.ledgers[earth.ROTATION][1])
        behind += min(sizes) < changed <= max(sizes)
        world.heal()
        world.watch.finish(world.nodes)
        assert world.watch.violations == []
        world.close()
    assert behind


def test_a_process_that_ends_in_an_exception_is_a_violation(monkeypatch):
    def broken(world):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(World, "step", broken)

    report = live(3)

    assert report.violations == ["I7 a process ended in ZeroDivisionError: by zero"]


# Each promise, broken on purpose.


@pytest.fixture
def world():
    made = World(1, count=4)
    for _ in range(8):
        for name in ("t0", "t1", "t1"):
            made._guarded(made.nodes[name], "check")
        made._round()
    made.heal()
    made.watch.finish(made.nodes)
    assert made.watch.violations == []
    yield made
    made.close()


def node_of(world):
    return world.nodes["t1"]


def write(world, statement, *row):
    node_of(world).disk.store.db.execute(statement, row)


def seen(world):
    world.watch.look(node_of(world), world.ticks)
    return said(world)


def finished(world):
    world.watch.finish(world.nodes)
    return said(world)


def said(world):
    """The invariants that were broken so far."""
    return {sentence.split()[0] for sentence in world.watch.violations}


def peer_feed(world):
    """A feed of t0 as t1 holds it."""
    kid = world.ground.kids["t0"]
    return next(held for held in Shelf(node_of(world).disk.store).feeds() if held.kid == kid)


def test_an_unharmed_world_has_nothing_to_say(world):
    assert seen(world) | finished(world) == set()


def test_i1_a_ledger_that_falls_is_noticed(world):
    world._guarded(node_of(world), "publish")
    seen(world)
    signed, bodies = world.ground.ledgers[0]
    write(world, "UPDATE ledger SET size = ?", len(bodies))

    assert "I1" in seen(world)
    assert signed


def test_i1_an_honest_ledger_called_a_fork_is_noticed(world, monkeypatch):
    from ledger_sync.accept import Forked
    from ledger_sync.sim import faults

    def forked(mirror, source):
        raise Forked("two histories")

    monkeypatch.setattr(faults.Mirror, "update", forked)

    world._guarded(node_of(world), "publish")

    assert said(world) == {"I1"}


def test_i2_a_state_that_replaying_does_not_give_is_noticed(world):
    write(world, "INSERT INTO status VALUES (99, 1)")

    assert "I2" in finished(world)


def test_i3_a_ledger_without_a_quorum_is_noticed(world):
    write(world, "UPDATE ledger SET size = size + 1")

    assert seen(world) == {"I3"}


def test_i4_a_record_that_some_do_not_get_is_noticed(world):
    number = peer_feed(world).number
    write(world, "UPDATE feed SET size = 1, peaks = zeroblob(32) WHERE id = ?", number)

    assert "I4" in finished(world)


def test_i4_a_record_that_was_vouched_for_and_is_gone_is_noticed(world):
    for node in world.nodes.values():
        world.watch._note_promises(node)
    world._guarded(world.nodes["t0"], "check")
    world._round()
    seen(world)
    world.watch.look(world.nodes["t0"], world.ticks)
    write(world, "DELETE FROM feed WHERE own = 0")

    world.watch.after_crash(node_of(world))

    assert said(world) == {"I4"}


def test_i4_a_denial_that_some_do_not_get_is_noticed(world):
    for cable in world.cables:
        world.disconnect(cable)
    world._guarded(node_of(world), "deny")
    world.watch.expect(world.nodes)

    assert "I4" in finished(world)


def order_at(world, kind, zones=1, at=0):
    """A guard gives an order at t1."""
    text = world.ground.order(kind, zones, world.now + at)
    world.watch.orders.signed(text)
    Orders(node_of(world).disk.store).add(text, trust=world.ground.pinned, now=world.now)
    node_of(world).gossip.denials_changed()


def test_i4_an_order_that_some_do_not_get_is_noticed(world):
    for cable in world.cables:
        world.disconnect(cable)
    order_at(world, Kind.LOCKDOWN)
    world.watch.expect(world.nodes)

    assert "I4" in finished(world)


@pytest.mark.parametrize(
    "undo",
    [
        "DELETE FROM standing_order",
        "UPDATE standing_order SET issued_at = issued_at - 1",
        "UPDATE standing_order SET kind = 'release'",
    ],
)
def test_i4_an_order_that_is_undone_by_no_newer_one_is_noticed(world, undo):
    order_at(world, Kind.LOCKDOWN, at=9)
    assert seen(world) == set()

    write(world, undo)
    write(world, "UPDATE ledger SET version = version + 1")

    assert seen(world) == {"I4"}


def test_i6_an_order_that_nobody_signed_who_may_is_noticed(world):
    order_at(world, Kind.CURFEW)
    write(world, "UPDATE standing_order SET digest = ?", b"\xff" * 32)

    assert seen(world) == {"I6"}


def test_orders_outlive_cards_that_are_put_back():
    """Cards of before a lockdown and of before its release hold in the end what all hold."""
    world = World(5, count=4)
    world._guarded(node_of(world), "image")
    order_at(world, Kind.LOCKDOWN)
    world.heal()
    world.images["t2"] = world.nodes["t2"].disk.image()
    order_at(world, Kind.RELEASE, at=1)
    world.heal()
    for name in ("t1", "t2"):
        world._guarded(world.nodes[name], "restore")
    world.heal()
    world.watch.finish(world.nodes)

    stores = [node.disk.store for node in world.nodes.values()]
    assert [Orders(store).in_force()[:3] for store in stores] == [(0, 0, 0)] * 3
    assert [len(Orders(store).notes()) for store in stores] == [1, 1, 1]
    assert world.watch.violations == []
    world.close()


def forgets_releases(orders, data, *, trust, now, plain=Orders.add):
    found = plain(orders, data, trust=trust, now=now)
    orders._store.write("DELETE FROM standing_order WHERE kind = 'release'")
    return found


BROKEN_ORDERS = {
    "the last comer stands": ("_ranks", lambda orders: {}),
    "releases are forgotten": ("add", forgets_releases),
}


@pytest.mark.parametrize("mistake", BROKEN_ORDERS)
def test_a_world_whose_orders_do_not_converge_is_found_out(mistake, monkeypatch):
    monkeypatch.setattr(Orders, *BROKEN_ORDERS[mistake])

    assert any(live(seed).violations for seed in range(1, 9))


def test_i4_a_code_used_twice_that_some_are_not_told_of_is_noticed(world):
    for name in ("t0", "t1"):
        world.nodes[name].check(world.truth, 1_000)
    world.heal()
    write(world, "DELETE FROM conflict")

    assert finished(world) == {"I4"}


def test_i4_a_place_that_some_do_not_know_is_noticed(world):
    world.heal()
    write(world, "UPDATE holder_mark SET places = '{}'")

    assert finished(world) == {"I4"}


def test_i4_a_person_let_in_twice_that_some_are_not_told_of_is_noticed(world):
    for name, code in (("t0", 1), ("t1", 16)):
        world.nodes[name].check(world.truth, code)
    world.heal()
    world.nodes["t0"].disk.store.write("DELETE FROM presence_conflict")

    assert finished(world) == {"I4"}


def test_i5_a_second_history_of_an_honest_gate_is_noticed(world):
    held = peer_feed(world)
    write(
        world,
        "INSERT INTO feed (kid, incarnation, branch, origin, opened_at, size, peaks, note, own,"
        " taken, previous) VALUES (?, ?, 1, ?, 0, 0, x'', '', 0, 0, x'')",
        held.kid,
        held.incarnation,
        held.origin,
    )

    assert "I5" in finished(world)


def test_i6_an_entry_that_was_applied_unverified_is_noticed(world):
    world.watch.is_thorough = True
    body = node_of(world).disk.store.row("SELECT body FROM bundle")[0]
    write(world, "UPDATE bundle SET body = ?", body[:-1] + bytes([body[-1] ^ 1]))

    assert "I6" in finished(world)


def test_i7_half_a_write_is_noticed(world):
    number = peer_feed(world).number
    write(world, "DELETE FROM feed_entry WHERE id = ?", number * 2**32 + 1)

    assert {"I7", "I8"} & finished(world)


def test_i8_an_altered_record_is_noticed(world):
    from ledger_sync.merkle import frontier_of

    held = peer_feed(world)
    store = node_of(world).disk.store
    write(world, "UPDATE feed_entry SET body = x'09' WHERE id = ?", held.number * 2**32 + 1)
    grown = frontier_of(Shelf(store).bodies(held.number, 0, held.size))
    write(world, "UPDATE feed SET peaks = ? WHERE id = ?", b"".join(grown.peaks), held.number)

    assert "I8" in finished(world)


def test_i9_a_floor_that_falls_or_that_nobody_vouched_for_is_noticed(world):
    write(world, "UPDATE ledger SET floor = 12345")

    assert seen(world) == {"I9"}
    assert len(world.watch.violations) == 2


def test_i10_memory_without_bound_is_noticed(world):
    (talk, *_) = node_of(world).gossip.talks
    talk.pending.extend([Batch(b"", b"", 0, 1, "", b"", b"")] * 65)
    talk.session._reader._held += bytes(2**20 + 6)

    found = seen(world)
    talk.pending.clear()

    assert found == {"I10"}
    assert len(world.watch.violations) == 2


def test_i10_an_honest_peer_that_is_refused_is_noticed(world):
    (cable,) = (one for one in world.cables if one.ends == ("t0", "t1"))
    cable.wires["t0"].send(b"\xff\xff\xff\xff\x02")

    world.arrive(cable, "t0")

    assert said(world) == {"I10"}
    assert not cable.is_up


def test_i10_a_peer_whose_bytes_were_disturbed_may_be_refused(world):
    (cable,) = (one for one in world.cables if one.ends == ("t0", "t1"))
    cable.wires["t0"].send(b"\xff\xff\xff\xff\x02")
    cable.is_disturbed = True

    world.arrive(cable, "t0")

    assert said(world) == set()


def test_i11_a_remainder_forgotten_before_anybody_had_it_is_noticed(world):
    node = node_of(world)
    write(world, "DELETE FROM acknowledged")
    before = world.watch.sealed_at(node)
    world.watch.after_pruning(node, before)
    unharmed = said(world)
    write(world, "UPDATE feed_entry SET sealed = x''")

    world.watch.after_pruning(node, before)

    assert unharmed == set()
    assert said(world) == {"I11"}


def test_pruning_forgets_what_peers_vouch_for_and_nothing_else(world):
    node = node_of(world)
    world.heal()
    sealed = "SELECT count(*) FROM feed_entry WHERE length(sealed) > 0"
    before = node.disk.store.row(sealed)[0]

    for cable in world.cables:
        world.disconnect(cable)
    node.check(world.truth, 2_001)
    world._guarded(node, "prune")

    assert before > 1
    assert node.disk.store.row(sealed) == (1,)
    assert world.watch.violations == []


def test_format_md_names_every_invariant_with_a_test_that_breaks_it():
    text = (Path(worlds.__file__).parents[1] / "FORMAT.md").read_text("utf-8")

    rows = re.findall(r"^\| (I\d+) \| .*\. \| `(\w+)` \|$", text, re.MULTILINE)

    assert [name for name, _ in rows] == [f"I{number}" for number in range(1, 12)]
    assert [test for _, test in rows if not callable(globals().get(test))] == []
    assert all(test.startswith(f"test_{name.lower()}_") for name, test in rows)


# The disk of a world.


def test_a_crash_leaves_what_was_committed():
    disk = Disk(earth.ground(4).disk)
    disk.store.write("INSERT INTO status VALUES (5, 1)")
    disk.fuse.writes = 2

    with pytest.raises(Crash), disk.store.transaction():
        disk.store.db.execute("INSERT INTO status VALUES (6, 1)")
        disk.store.db.execute("INSERT INTO status VALUES (7, 1)")
    copy = Disk(disk.image())

    assert list(copy.store.rows("SELECT slot FROM status WHERE slot IN (5, 6, 7)")) == [(5,)]
    for one in (disk, copy):
        one.store.close()


def test_a_full_disk_says_what_a_real_one_says():
    disk = Disk(earth.ground(4).disk)
    disk.fuse.is_full = True

    with pytest.raises(Unavailable, match="free disk space"), disk.store.transaction():
        disk.store.db.executemany("INSERT INTO status VALUES (?, 1)", [(6,)])
    disk.store.close()


# Hypothesis looks for a short history that breaks something.

_names = st.sampled_from(["t0", "t1"])


class Worlds(RuleBasedStateMachine):
    """Two honest terminals and a traitor; anything may happen in any order."""

    def __init__(self):
        super().__init__()
        self.world = World(0, count=3)

    @rule(step=st.sampled_from(sorted(STEPS)), name=_names, seconds=st.sampled_from([0.1, 2.0]))
    def happen(self, step, name, seconds):
        self.world.ticks += seconds
        for node in self.world.nodes.values():
            node.set_time(self.world.now)
        self.world._guarded(self.world.nodes[name], step)

    @rule(name=_names)
    def meet_and_speak(self, name):
        self.happen("connect", name, 0.1)
        for one in ("t0", "t1"):
            self.happen("tick", one, 1.0)
            self.happen("deliver", one, 0.1)

    @invariant()
    def nothing_is_broken(self):
        assert self.world.watch.violations == []

    def teardown(self):
        try:
            self.world.heal()
            self.world.watch.finish(self.world.nodes)
            assert self.world.watch.violations == []
        finally:
            self.world.close()


@pytest.mark.long
def test_no_short_history_breaks_a_promise():
    bounds = settings(max_examples=8, stateful_step_count=16, deadline=None)

    run_state_machine_as_test(Worlds, settings=bounds)


def test_quiet_worlds_come_to_rest_long_before_the_last_round(monkeypatch):
    monkeypatch.setattr(worlds, "QUIET_ROUNDS", 60)

    assert live(11).violations == []
