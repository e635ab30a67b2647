"""In each zone stands the newest order a terminal heard of, in whatever order they came, and no
power cut, snapshot or update loses it."""

import sqlite3
from contextlib import closing
from itertools import permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from talkers import GROUND

from ledger_sync import order
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fsck_ledger import findings as ledger_findings
from ledger_sync.order import ALL_ZONES, Kind
from ledger_sync.orders import InForce, Orders
from ledger_sync.replica import Replica
from ledger_sync.sim import ground as earth
from ledger_sync.sim.disk import Crash, Disk
from ledger_sync.state_digest import rows_of, state_digest
from ledger_sync.store import Store

NOW = earth.START + 1_000
GUARD = earth.key_of("guard").public.kid.hex()
ROWS = "SELECT zone, kind, issued_at, digest, signer, note FROM standing_order ORDER BY zone"
TWO = (NOW, NOW + 1)
LOCKDOWN, FREE, CURFEW, RELEASE = Kind.LOCKDOWN, Kind.FREE, Kind.CURFEW, Kind.RELEASE


@pytest.fixture
def store():
    made = Disk(GROUND.disk).store
    yield made
    made.close()


@pytest.fixture
def path(tmp_path):
    """A store on disk, as processes share it."""
    found = tmp_path / "store.db"
    found.write_bytes(GROUND.disk)
    return found


def note_of(kind, zones=1, at=NOW, **signer):
    return GROUND.order(kind, zones, at, **signer)


def give(store, data, *, now=NOW):
    return Orders(store).add(data, trust=GROUND.pinned, now=now)


def ordered(store, kind, zones=1, at=NOW):
    return give(store, note_of(kind, zones, at), now=at)


def held(store):
    return list(store.rows(ROWS))


def masks(store):
    return Orders(store).in_force()[:3]


def version(store):
    return Replica(store).ledger().version


def findings(store):
    return list(ledger_findings(store, GROUND.pinned))


def findings_of_orders(store):
    return [sentence for sentence in findings(store) if sentence.startswith("order")]


def refused(store, data, why, *, now=NOW):
    before = held(store), version(store)
    with pytest.raises(Refused, match=why) as caught:
        give(store, data, now=now)
    assert caught.value.reason == "R-LEDGER"
    assert (held(store), version(store)) == before


# What stands.


def test_without_orders_nothing_is_in_force(store):
    assert Orders(store).in_force() == InForce(0, 0, 0, ())
    assert Orders(store).notes() == []


def test_an_order_is_in_force_where_it_says_and_nowhere_else(store):
    found = ordered(store, LOCKDOWN, 0b1001)

    (one,) = Orders(store).in_force().orders
    assert masks(store) == (0b1001, 0, 0)
    assert (one.kind, one.zones, one.issued_at) == (LOCKDOWN, 0b1001, NOW)
    assert (one.signer, one.name, one.note) == (GUARD, "guard", note_of(LOCKDOWN, 0b1001))
    assert (found.kind, found.zones) == (LOCKDOWN, 0b1001)
    assert findings(store) == []


def test_each_kind_has_its_zones_and_no_zone_is_in_two(store):
    ordered(store, FREE, ALL_ZONES)
    ordered(store, LOCKDOWN, 0b0110, NOW + 1)
    ordered(store, CURFEW, 0b1100, NOW + 2)
    ordered(store, RELEASE, 0b0001, NOW + 3)

    assert masks(store) == (0b0010, ALL_ZONES - 0b1111, 0b1100)
    kinds = [one.kind for one in Orders(store).in_force().orders]
    assert kinds == [FREE, LOCKDOWN, CURFEW]
    assert len(Orders(store).notes()) == 4
    assert findings(store) == []


def test_a_release_ends_what_stands_in_its_zones_alone(store):
    ordered(store, LOCKDOWN, 0b111)

    ordered(store, RELEASE, 0b010, NOW + 1)

    assert masks(store) == (0b101, 0, 0)
    assert [one.zones for one in Orders(store).in_force().orders] == [0b101]


@pytest.mark.parametrize("kind", Kind)
def test_an_older_order_changes_nothing_wherever_a_newer_one_stands(store, kind):
    ordered(store, RELEASE, 0b11)

    refused(store, note_of(kind, 0b11, NOW - 1), "came too late: newer ones stand in its zones")
    assert masks(store) == (0, 0, 0)


def test_an_older_order_stands_in_those_of_its_zones_that_are_left(store):
    ordered(store, RELEASE, 0b01)

    give(store, note_of(LOCKDOWN, 0b11, NOW - 1))

    assert masks(store) == (0b10, 0, 0)
    assert Orders(store).in_force().orders[0].zones == 0b10
    assert findings(store) == []


@pytest.mark.parametrize("later", [*permutations(Kind, 2)])
def test_in_one_second_the_stronger_kind_stands_whichever_came_first(later):
    with closing(Disk(GROUND.disk).store) as store:
        for kind in later:
            try:
                ordered(store, kind)
            except Refused:
                assert kind is later[1]

        assert held(store)[0][1] == max(later, key=list(Kind).index)


def test_an_order_that_stands_already_is_taken_and_changes_nothing(store):
    first = ordered(store, LOCKDOWN, 0b11)
    ordered(store, FREE, 0b01, NOW + 1)
    before = held(store), version(store)

    again = give(store, note_of(LOCKDOWN, 0b11))

    assert again == first
    assert (held(store), version(store)) == before


def test_the_same_text_with_more_lines_of_signers_is_the_same_order(store):
    ordered(store, LOCKDOWN)
    before = held(store)
    text = note_of(LOCKDOWN)

    give(store, text + text.rpartition(b"\n\n")[2])

    assert held(store) == before


ORDER = st.tuples(
    st.sampled_from(Kind), st.integers(1, 15), st.integers(NOW - 2, NOW), st.integers(0, 9)
)


@pytest.mark.long
@given(st.lists(ORDER, min_size=1, max_size=8), st.randoms(use_true_random=False))
@example([(FREE, 3, NOW, 0), (FREE, 1, NOW, 0), (FREE, 2, NOW, 0)], None)
@settings(max_examples=60, deadline=None)
def test_in_whatever_order_and_however_often_they_come_the_same_stands(given_, chance):
    """Any permutation of any orders, with duplicates: equal rows, and those of the model."""
    notes = [note_of(kind, zones, at) for kind, zones, at, _ in given_]
    shuffled = [note for note, (*_, more) in zip(notes, given_, strict=True) for _ in range(more)]
    if chance:
        chance.shuffle(shuffled)
    ends = []
    for series in (notes, [*shuffled, *notes[::-1]]):
        with closing(Disk(GROUND.disk).store) as store:
            for note in series:
                before = masks(store), version(store)
                try:
                    give(store, note)
                except Refused:
                    assert (masks(store), version(store)) == before
            ends.append(held(store))

    assert ends[0] == ends[1]
    assert {row[0]: row[1] for row in ends[0]} == model(notes)


def model(notes):
    """Zone -> kind, by the words of FORMAT.md and another way."""
    found = {}
    for text in sorted(notes, key=_weight):
        _, _, kind, zones, *_ = text.decode().split("\n")
        for zone in zones.split()[1:]:
            found[int(zone)] = kind
    return found


def _weight(text):
    _, at, kind, *_ = text.decode().split("\n")
    weights = ["release", "free", "curfew", "lockdown"]
    return int(at), weights.index(kind), order.digest_in(text)


# Who is told.


def test_the_ledger_s_version_moves_with_each_order_so_that_a_gate_reads_it(path):
    with Store(path) as gate, Store(path) as other:
        before = version(gate)
        ordered(other, LOCKDOWN)
        moved = version(gate)
        ordered(other, RELEASE, at=NOW + 1)

        assert before < moved < version(gate)
        assert masks(gate) == (0, 0, 0)


def test_a_view_from_before_an_order_is_not_written_from(path):
    with Store(path) as gate, Store(path) as other:
        gate.look()
        ordered(other, LOCKDOWN)

        assert masks(gate) == (0, 0, 0)
        gate.look()
        assert masks(gate) == (1, 0, 0)


def test_notes_are_told_oldest_first_once_each_and_releases_too(store):
    notes = [note_of(RELEASE, 4, NOW - 1), note_of(FREE, ALL_ZONES - 4, NOW)]
    for note in reversed(notes):
        give(store, note)

    assert Orders(store).notes() == notes


# What is no order here.


def altered(data):
    return data.replace(b"lockdown", b"free")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (note_of(LOCKDOWN, signer="office"), "no known key signed"),
        (note_of(LOCKDOWN, signer="rogue"), "no known key signed"),
        (note_of(LOCKDOWN, at=NOW + 301), f"it is {NOW} here"),
        (altered(note_of(LOCKDOWN)), "does not hold"),
        (GROUND.denial(7, NOW), "not an order of yardpass/hz07"),
        (b"", "without signature lines"),
        (
            order.sign("yardpass/bj01", FREE, 1, issued_at=NOW, key=earth.key_of("guard")),
            "not an order of yardpass/hz07",
        ),
    ],
)
def test_what_nobody_may_order_orders_nothing(store, data, why):
    refused(store, data, why)


@pytest.mark.parametrize("now", [0, earth.START + 10**9])
def test_a_clock_that_cannot_be_right_is_as_good_as_the_floor(store, now):
    floor = Replica(store).ledger().floor

    refused(store, note_of(LOCKDOWN, at=floor + 301), f"it is {floor} here", now=now)
    give(store, note_of(LOCKDOWN, at=floor + 300), now=now)


def test_an_order_does_not_lapse(store):
    give(store, note_of(LOCKDOWN), now=NOW + 19 * 365 * 86_400)

    assert masks(store) == (1, 0, 0)


# When the store fails.


SCRIPT = [
    (LOCKDOWN, ALL_ZONES, NOW),
    (FREE, 0b11, NOW + 1),
    (RELEASE, 0b10, NOW + 2),
]


def test_a_crash_at_any_write_leaves_the_old_orders_or_the_new():
    seen = set()
    for writes in range(200):
        disk = Disk(GROUND.disk)
        outcome = "all"
        for step in SCRIPT:
            before = held(disk.store), version(disk.store)
            disk.fuse.writes = writes if step == SCRIPT[-1] else -1
            try:
                ordered(disk.store, *step)
            except Crash:
                disk.recover()
                outcome = "old" if (held(disk.store), version(disk.store)) == before else "new"
                assert outcome == "old"
        disk.fuse.writes = -1
        seen.add(outcome)
        assert findings_of_orders(disk.store) == []
        if outcome == "all":
            assert masks(disk.store) == (ALL_ZONES - 0b11, 0b01, 0)
            disk.store.close()
            break
        ordered(disk.store, *SCRIPT[-1])
        assert masks(disk.store) == (ALL_ZONES - 0b11, 0b01, 0)
        disk.store.close()

    assert seen == {"old", "all"}


def test_a_full_disk_orders_nothing():
    disk = Disk(GROUND.disk)
    disk.fuse.is_full = True

    with pytest.raises(Unavailable, match="free disk space"):
        ordered(disk.store, LOCKDOWN, ALL_ZONES)

    assert held(disk.store) == []
    disk.store.close()


def test_a_store_that_is_locked_says_so_and_orders_nothing(path):
    with Store(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.db.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(Unavailable, match="locked by another process"):
            ordered(store, LOCKDOWN)

    with Store(path) as store:
        assert held(store) == []


@pytest.mark.parametrize("use", [masks, lambda store: ordered(store, FREE)])
def test_a_damaged_order_says_what_to_do(store, use):
    ordered(store, LOCKDOWN)
    store.write("UPDATE standing_order SET kind = 'siege'")

    with pytest.raises(Unavailable, match="damaged: an order to 'siege'; run: yardpass ledger fs"):
        use(store)


# No part of the state that follows from the ledger.


def test_orders_change_neither_the_state_nor_its_digest(store):
    before = state_digest(store.db), list(rows_of(store.db))

    for step in SCRIPT:
        ordered(store, *step)

    assert (state_digest(store.db), list(rows_of(store.db))) == before


def test_a_key_that_lost_its_right_leaves_what_it_ordered(store):
    ordered(store, LOCKDOWN, 0b11)
    store.write("UPDATE issuer SET rights = 0, until = 1 WHERE name = 'guard'")

    assert masks(store) == (0b11, 0, 0)
    assert findings_of_orders(store) == []
    refused(store, note_of(RELEASE, 0b11, NOW + 1), "no known key signed", now=NOW + 1)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM standing_order WHERE zone = 0", "does not stand as its note says"),
        ("UPDATE standing_order SET zone = 9 WHERE zone = 0", "does not stand as its note says"),
        ("UPDATE standing_order SET kind = 'release'", "its note says otherwise"),
        ("UPDATE standing_order SET issued_at = issued_at + 1", "its note says otherwise"),
        ("UPDATE standing_order SET digest = zeroblob(32)", "its note says otherwise"),
        ("UPDATE standing_order SET signer = 'guard'", "no known key signed"),
        ("UPDATE standing_order SET signer = upper(signer)", "no known key signed"),
        ("UPDATE standing_order SET note = x''", "without signature lines"),
        (
            "UPDATE standing_order SET note = CAST(replace(note, 'lockdown', 'free') AS BLOB)",
            "does not hold",
        ),
    ],
)
def test_fsck_finds_an_altered_order(store, damage, said):
    ordered(store, LOCKDOWN, 0b11)
    assert findings(store) == []

    store.write(damage)

    found = findings(store)
    assert any(said in sentence for sentence in found), found
    assert all(sentence.startswith("order for zone ") for sentence in found), found


def test_fsck_finds_an_order_that_was_put_back_under_a_newer_one(store):
    ordered(store, LOCKDOWN, 0b11)
    (_, old) = held(store)
    ordered(store, FREE, 0b11, NOW + 1)

    store.write("INSERT OR REPLACE INTO standing_order VALUES (?, ?, ?, ?, ?, ?)", *old)

    found = [f"order for zone 1: that of {at} does not stand as its note says" for at in TWO]
    assert findings(store) == found


def test_fsck_believes_no_order_of_a_key_that_is_not_in_the_ledger(store):
    ordered(store, LOCKDOWN)
    key = earth.key_of("rogue")
    forged = note_of(LOCKDOWN, signer="rogue")
    store.write("UPDATE standing_order SET note = ?, signer = ?", forged, key.public.kid.hex())

    assert findings(store) == [
        "order for zone 0: no known key signed this note; is it of another site?"
    ]


def test_a_store_of_a_version_before_gets_a_place_for_orders(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        for table in ("standing_order", "withdrawal", "block"):
            older.execute(f"DROP TABLE {table}")
        older.execute("DELETE FROM _sqlite_migrations WHERE name IN ('fifth', 'seventh')")

    with Store(path) as store:
        assert masks(store) == (0, 0, 0)
        ordered(store, LOCKDOWN)
        assert findings(store) == []
