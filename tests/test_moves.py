"""Who was let in twice or too often while gates did not hear each other: told once, everywhere
the same, in whatever order feeds arrive, and taken back when a late check explains it."""

import random

import pytest
from diary import SECRET, SITE, Diary, use
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yard import NOW, ORIGIN

from ledger_sync.checklog import CheckLog
from ledger_sync.feed import NO_ZONE
from ledger_sync.feed import use_of as use_in
from ledger_sync.fsck_feeds import findings
from ledger_sync.intake import Intake
from ledger_sync.moves import PASSBACK_SECONDS, Moves, PresenceConflict
from ledger_sync.places import IN, OUT, PASSBACK, QUOTA, Move, contradictions
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.uses import EARLY_SECONDS, KEEP_SECONDS, Uses

HOLDER, ZONE = -5, 3
NAMES = ("east", "north", "west")
EAST, NORTH, WEST = (Diary(name).origin for name in NAMES)


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store.db", origin=ORIGIN, floor=NOW) as store:
        store.row("PRAGMA synchronous = OFF")
        for name in NAMES:
            CheckLog(store).open_feed(Diary(name).origin, b"opening", NOW, kid=name.encode())
        yield store


def put(store, feed, *uses, start=1, now=NOW):
    """Uses in the checks of a feed, from entry `start` on."""
    with store.transaction():
        Moves(store).put(feed, list(enumerate(uses, start=start)), now=now)


def pass_time(store, sure):
    """So late it certainly is, by a ledger with a quorum."""
    store.write("UPDATE ledger SET floor = ?", sure)


def forget(store, sure=NOW):
    pass_time(store, sure)
    with store.transaction():
        Moves(store).forget(sure=sure)


def told(store):
    """(kind, feed, number, feed, number) of all conflicts."""
    return [one[:5] for one in Moves(store).conflicts()]


def kept(store):
    return [place for (place,) in store.rows("SELECT place & 4294967295 FROM move ORDER BY place")]


def step(code, at=NOW, way=IN, *, zone=ZONE, quota=0, holder=HOLDER):
    return use(holder, at, way=way, code=b"%d" % code, zone=zone, quota=quota)


def test_two_entries_at_gates_that_did_not_hear_each_other_are_told_exactly_once(store):
    for again in range(3):
        put(store, 1, step(1, NOW - 9), now=NOW + again)
        put(store, 3, step(2, NOW - 5), start=7, now=NOW + again)

    found = Moves(store).conflicts()

    assert found == [PresenceConflict(PASSBACK, EAST, 1, WEST, 7, NOW)]


def test_a_way_out_that_arrives_late_takes_it_back_and_it_is_not_told_again(store):
    put(store, 1, step(1, NOW - 9))
    put(store, 3, step(2, NOW - 5))
    before = told(store)
    for now in (NOW, NOW + 60):
        put(store, 2, step(3, NOW - 7, OUT), now=now)
        put(store, 1, step(1, NOW - 9), now=now)

    assert (before, told(store)) == ([(PASSBACK, EAST, 1, WEST, 1)], [])


def test_an_entry_that_arrives_late_moves_what_it_stands_between_and_is_told_itself(store):
    put(store, 1, step(1, NOW - 9))
    put(store, 3, step(2, NOW - 5))
    put(store, 2, step(3, NOW - 7), now=NOW + 60)

    assert Moves(store).conflicts() == [
        PresenceConflict(PASSBACK, NORTH, 1, WEST, 1, NOW),
        PresenceConflict(PASSBACK, EAST, 1, NORTH, 1, NOW + 60),
    ]


def test_one_that_is_taken_back_leaves_the_others_as_they_were_told(store):
    put(store, 1, step(1, NOW - 9), step(2, NOW - 7), step(3, NOW - 5))
    put(store, 2, step(4, NOW - 6, OUT), now=NOW + 60)

    assert Moves(store).conflicts() == [PresenceConflict(PASSBACK, EAST, 1, EAST, 2, NOW)]


def test_passback_is_found_until_the_first_entry_is_two_days_old(store):
    begin = NOW - PASSBACK_SECONDS
    put(store, 1, step(1, begin), step(2, begin + 1, zone=4))
    pass_time(store, NOW + 1)
    put(store, 2, step(3, NOW - 9), step(4, NOW - 9, zone=4), now=NOW + 1)

    assert (told(store), kept(store)) == ([(PASSBACK, EAST, 2, NORTH, 2)], [1, 2, 1, 2])


def test_a_clock_that_is_years_ahead_loses_nothing(store):
    years = 20 * 365 * 86_400
    put(store, 1, step(1, NOW - 9), now=NOW + years)
    put(store, 3, step(2, NOW - 5), now=NOW + years)

    assert told(store) == [(PASSBACK, EAST, 1, WEST, 1)]


def test_what_is_two_days_old_when_it_comes_is_not_kept(store):
    put(store, 1, step(1, NOW - PASSBACK_SECONDS - 1), step(2, NOW - PASSBACK_SECONDS))
    put(store, 2, step(3, NOW - KEEP_SECONDS - 1, quota=1), step(4, NOW - KEEP_SECONDS, quota=1))
    put(store, 3, step(5, zone=NO_ZONE), step(6, way=OUT, zone=NO_ZONE, quota=1))

    assert kept(store) == [2, 2]


def test_uses_ahead_of_time_contradict_nothing(store):
    limit = NOW + EARLY_SECONDS
    put(store, 1, step(1), use(HOLDER, 1, at=limit + 1, code=b"2", zone=ZONE))
    put(store, 1, use(HOLDER, limit + 1, at=NOW, code=b"3", zone=ZONE), start=8)
    before = told(store)
    put(store, 2, step(3, limit))

    assert (before, told(store)) == ([], [(PASSBACK, EAST, 1, NORTH, 1)])


def test_more_entries_than_a_quota_are_told_in_whatever_zone(store):
    for feed, zone in ((1, ZONE), (2, NO_ZONE), (3, 4)):
        put(store, feed, step(feed, NOW - 9 + feed, zone=zone, quota=2))

    assert told(store) == [(QUOTA, NORTH, 1, WEST, 1)]


def test_one_code_that_let_in_twice_is_told_as_that_alone(store):
    one = step(1, quota=1)
    for feed in (1, 2):
        put(store, feed, one)
        with store.transaction():
            Uses(store).put_codes(feed, [(1, one)], now=NOW)

    assert (told(store), len(Uses(store).conflicts())) == ([], 1)


def test_a_printed_pass_that_let_in_twice_is_told_though_it_has_no_code(store):
    put(store, 1, use(HOLDER, 0, at=NOW - 5, code=b"print", zone=ZONE))
    put(store, 2, use(HOLDER, 0, at=NOW - 1, code=b"print", zone=ZONE))

    assert told(store) == [(PASSBACK, EAST, 1, NORTH, 1)]


# What is forgotten.


def test_moves_are_forgotten_after_two_days_and_those_with_a_quota_after_a_month(store):
    put(store, 1, step(1, NOW - 5, quota=2), step(2, NOW - 4, OUT, quota=2), step(3, NOW - 3, OUT))
    kept_at = []

    for age in (PASSBACK_SECONDS - 5, PASSBACK_SECONDS + 1, KEEP_SECONDS - 5, KEEP_SECONDS + 1):
        forget(store, NOW + age)
        kept_at.append(kept(store))

    assert kept_at == [[1, 2, 3], [1], [1], []]


def test_moves_that_contradict_each_other_are_kept_for_good_and_told_no_second_time(store):
    put(store, 1, step(1, NOW - 9), step(2, NOW - 8), step(3, NOW - 7, OUT), step(4, NOW - 6))
    late = NOW + 2 * KEEP_SECONDS
    forget(store, late)
    put(store, 2, step(5, late), now=late)

    assert kept(store) == [1, 2, 1]
    assert Moves(store).conflicts() == [PresenceConflict(PASSBACK, EAST, 1, EAST, 2, NOW)]


def test_all_entries_that_a_quota_was_held_against_stay_beside_what_is_beyond(store):
    put(store, 1, *(step(n, NOW + n, zone=NO_ZONE, quota=2) for n in range(4)))
    late = NOW + 2 * KEEP_SECONDS
    forget(store, late)
    put(store, 2, step(9, late, zone=NO_ZONE, quota=2), now=late)

    assert kept(store) == [1, 2, 3, 4, 1]
    assert [one[2:] for one in told(store)] == [(2, EAST, 3), (2, EAST, 4), (2, NORTH, 1)]


def test_a_way_out_of_days_ago_still_explains_what_was_told_and_is_no_news_else(store):
    put(store, 1, step(1, NOW - 9), step(2, NOW - 5))
    late = NOW + 9 * PASSBACK_SECONDS
    forget(store, late)
    put(store, 2, step(3, NOW - 7, OUT, holder=7), step(4, NOW - 7, OUT, zone=4), now=late)
    before = kept(store)
    put(store, 3, step(5, NOW - 7, OUT), now=late)

    assert (before, told(store)) == ([1, 2], [])
    forget(store, late)
    assert kept(store) == []


# Any order.


def recorded(number, holder, age, *, way, code, zone, quota, has_code_at):
    """A use of `age` seconds ago; some show the code of another."""
    at = NOW - age
    code_at, code = at if has_code_at else 0, b"%d" % (code or number)
    return use(holder, code_at, at=at, way=way, code=code, zone=zone, quota=quota)


one_gate = st.lists(
    st.builds(
        recorded,
        st.integers(2, 99),
        st.sampled_from([HOLDER, 7]),
        st.sampled_from([0, 1, 2, 3, 600, 90_000]),
        way=st.sampled_from([IN, IN, OUT]),
        code=st.sampled_from([0, 0, 1]),
        zone=st.sampled_from([ZONE, 0, NO_ZONE]),
        quota=st.sampled_from([0, 0, 1, 2]),
        has_code_at=st.booleans(),
    ),
    max_size=5,
)
days = st.tuples(one_gate, one_gate, one_gate)
"""What three gates recorded while they did not hear each other."""
relaxed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def moved(feed, seq, one):
    ids = (Diary(NAMES[feed - 1]).origin, seq, (feed << 32) + seq)
    return Move(one.at, one.digest, *ids, one.holder, one.zone, one.way, one.code_at, one.quota)


def emptied(store):
    for table in ("move", "presence_conflict", "holder_mark"):
        store.write(f"DELETE FROM {table}")


@relaxed
@given(days, st.builds(random.Random, st.integers(0, 2**32)))
def test_any_order_and_any_number_of_times_gives_the_same_conflicts(store, feeds, chance):
    pieces = [(n, seq, one) for n, uses in enumerate(feeds, 1) for seq, one in enumerate(uses, 1)]
    expected = contradictions(moved(*piece) for piece in pieces)
    for _ in range(2):
        emptied(store)
        some = [*pieces, *chance.choices(pieces, k=3)] if pieces else []
        chance.shuffle(some)
        for feed, seq, one in some:
            put(store, feed, one, start=seq)
            if chance.random() < 0.2:
                forget(store)

        rows = store.rows("SELECT kind, second, first FROM presence_conflict")
        found = {(kind, second): first for kind, second, first in rows}
        assert found == {key: pair.first.place for key, pair in expected.items()}


def gossiped(store, diaries, own, chance):
    """Hears of the diaries in some order and in pieces, with what is settled in between, but for
    one that it writes itself; then all is settled."""
    intake, shelf, log = Intake(store, SITE, SECRET), Shelf(store), CheckLog(store)
    ends = [0] * len(diaries)
    while any(end < diary.size for end, diary in zip(ends, diaries, strict=True)):
        at = chance.randrange(len(diaries))
        diary, start = diaries[at], ends[at]
        ends[at] = min(diary.size, start + chance.randrange(4))
        if at == own:
            for seq in range(start, ends[at]):
                if seq == 0:
                    number = log.open_feed(diary.origin, diary.entries[0], NOW, kid=diary.kid)
                else:
                    one = use_in(diary.entries[seq], SECRET)
                    log.append(number, seq, diary.entries[seq], use=one)
        elif ends[at] > start or (start and chance.random() < 0.5):
            start = max(0, start - chance.randrange(3)) if ends[at] > start else start - 1
            with store.transaction():
                held = shelf.histories(diary.kid, diary.incarnation)
                intake.take(diary.batch(start, ends[at]), diary.owner, held, now=NOW)
        if chance.random() < 0.4:
            settle(store, diaries)
    log.sign_off(diaries[own].key)
    settle(store, diaries)


def settle(store, diaries):
    intake, owners = Intake(store, SITE, SECRET), {one.kid: one.owner for one in diaries}
    for held in Shelf(store).feeds():
        with store.transaction():
            intake.settle(held.number, held.size, owners[held.kid], now=NOW)


def state(store):
    """What must be the same at every terminal, in any order."""
    marks = {
        (holder, *rest, tuple(sorted(places.strip("{}").split(","))))
        for holder, *rest, places in store.rows("SELECT * FROM holder_mark")
    }
    return marks, {one[:5] for one in Moves(store).conflicts()}


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    path = tmp_path_factory.mktemp("blank") / "store.db"
    with Store.create(path, origin=ORIGIN, floor=NOW) as store:
        store.row("PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    return lambda: Store.in_memory(data)


@pytest.mark.long
@relaxed
@given(days, st.builds(random.Random, st.integers(0, 2**32)))
def test_every_terminal_comes_to_the_same_marks_and_conflicts_by_its_own_way(blank, feeds, chance):
    diaries = [Diary(name).uses(*uses) for name, uses in zip(NAMES, feeds, strict=True)]
    found = []
    for own in range(len(diaries)):
        store = blank()
        for one in diaries:
            store.write("INSERT INTO feed_key VALUES (?, ?)", one.key.public.raw, one.name)
        gossiped(store, diaries, own, chance)
        found.append(state(store))
        assert not [said for said in findings(store, SECRET) if "heads of its" not in said]
        store.close()

    uses = [moved(n, seq, one) for n, all in enumerate(feeds, 1) for seq, one in enumerate(all, 1)]
    expected = {
        (kind, one.feed, one.seq, other.feed, other.seq)
        for (kind, _), (one, other) in contradictions(uses).items()
    }
    entries = {one.holder: 0 for one in uses}
    for one in uses:
        entries[one.holder] += one.way == IN and one.zone != NO_ZONE
    assert found[0] == found[1] == found[2]
    assert found[0][1] == expected
    assert {mark[0]: mark[4] for mark in found[0][0]} == entries
