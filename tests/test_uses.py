"""Uses that peers report: marks end alike in whatever order they come, and a code that counted at
two places is told once."""

import json
from itertools import permutations

import pytest
from diary import use
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yard import NOW, ORIGIN

from ledger_sync.checklog import CheckLog
from ledger_sync.feed import origin_of
from ledger_sync.replica import Replica
from ledger_sync.store import Store
from ledger_sync.uses import EARLY_SECONDS, KEEP_SECONDS, SLICES, Conflict, Uses

HOLDER = -5
IN, OUT = 0, 1
EAST, WEST = (origin_of("hz07", name, bytes(8)) for name in ("east", "west"))


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store.db", origin=ORIGIN, floor=NOW) as store:
        store.row("PRAGMA synchronous = OFF")
        for origin in (EAST, WEST):
            CheckLog(store).open_feed(origin, b"opening", NOW, kid=origin.encode())
        yield store


def put(store, feed, *uses, start=1, now=NOW):
    """Uses in the checks of a feed, from entry `start` on."""
    with store.transaction():
        Uses(store).put(uses, now=now)
        Uses(store).put_codes(feed, list(enumerate(uses, start=start)), now=now)


def marks(store, holder=HOLDER):
    """(newest code, last way, when, how many entries) of a holder, as a gate reads it."""
    return Replica(store).standing("no list", 0, holder)[1:5]


def places(store, holder=HOLDER):
    """Where a gate reads that a holder was seen last: zone -> at * 2 + way."""
    return json.loads(Replica(store).standing("no list", 0, holder).places)


def used(store):
    return list(store.rows("SELECT code, place, at FROM used"))


def test_a_holder_nobody_saw_has_no_marks(store):
    assert marks(store) == (0, -1, 0, 0)
    assert places(store) == {}


def test_the_newest_use_wins_in_whatever_order_they_come(store):
    uses = [
        use(HOLDER, NOW - 30, way=IN, at=NOW - 30),
        use(HOLDER, NOW - 20, way=OUT, at=NOW - 9),
        use(HOLDER, NOW - 10, way=IN, at=NOW - 10),
        use(HOLDER, 0, way=IN, at=NOW - 40),
    ]
    found = set()

    for order in permutations(uses):
        store.write("DELETE FROM holder_mark")
        for number, one in enumerate(order):
            put(store, 1 + number % 2, one, start=number + 1)
        found.add(marks(store))

    assert found == {(NOW - 10, OUT, NOW - 9, 3)}


any_use = st.builds(
    use,
    st.sampled_from([HOLDER, 7]),
    st.integers(NOW - 3, NOW),
    way=st.sampled_from([IN, OUT]),
    at=st.integers(NOW - 3, NOW),
    code=st.binary(max_size=2),
    zone=st.sampled_from([0, 5, 52, 255]),
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(any_use, max_size=8), st.randoms(use_true_random=False))
def test_own_checks_and_those_of_peers_move_the_same_marks(store, uses, chance):
    log, found = CheckLog(store), set()
    for _ in range(3):
        chance.shuffle(uses)
        cut = chance.randrange(len(uses) + 1)
        for own in (uses[:cut], [], uses):
            store.write("DELETE FROM feed_entry WHERE id % 4294967296 > 0")
            store.write("DELETE FROM holder_mark")
            for seq, one in enumerate(own, start=1):
                log.append(1, seq, b"check", use=one)
            put(store, 2, *uses[len(own) :])
            places_of = (tuple(sorted(places(store, holder).items())) for holder in (HOLDER, 7))
            found.add((marks(store), marks(store, 7), *places_of))

    assert len(found) == 1
    assert places(store) == expected_places(uses, HOLDER)


def expected_places(uses, holder):
    """The last move in each zone, of two in a second the way out."""
    found = {}
    for one in uses:
        if one.holder == holder and one.zone != 255:
            key = f"z{one.zone}"
            found[key] = max(found.get(key, 0), one.at * 2 + one.way)
    return found


@pytest.mark.parametrize("is_own", [True, False])
def test_a_number_of_another_length_takes_its_place_and_no_other(store, is_own):
    for number, (zone, at) in enumerate([(5, 9), (52, 8), (5, 4), (2, 1), (5, 100), (52, 7)]):
        one = use(HOLDER, at, zone=zone, way=at % 2)
        if is_own:
            CheckLog(store).append(1, number + 1, b"check", use=one)
        else:
            put(store, 1, one, start=number + 1)

    stated = Replica(store).standing("no list", 0, HOLDER).places
    assert stated == '{"z5":200,"z52":16,"z2":3}'


def test_a_use_that_is_counted_later_is_in_its_zone_at_once(store):
    with store.transaction():
        Uses(store).put([use(HOLDER, zone=3)], now=NOW, count=False)

    assert (marks(store)[3], places(store)) == (0, {"z3": NOW * 2})


def test_uses_of_ahead_of_time_are_nowhere(store):
    put(store, 1, use(HOLDER, NOW + EARLY_SECONDS + 1, zone=3))

    assert places(store) == {}


def test_a_use_that_is_counted_later_moves_all_but_the_number(store):
    one, other = use(HOLDER, NOW - 2, way=OUT, at=NOW - 1), use(HOLDER, NOW - 9, way=IN)

    with store.transaction():
        Uses(store).put([one, other, other], now=NOW, count=False)
    before = marks(store)
    put(store, 1, one, other, other)

    assert before == (NOW - 2, OUT, NOW - 1, 0)
    assert marks(store) == (NOW - 2, OUT, NOW - 1, 2)


def test_of_two_uses_in_one_second_the_way_out_stays(store):
    for order in ((IN, OUT), (OUT, IN)):
        store.write("DELETE FROM holder_mark")
        for way in order:
            put(store, 1, use(HOLDER, NOW, way=way))

        assert marks(store)[1] == OUT


def test_uses_of_ahead_of_time_count_for_nothing(store):
    limit = NOW + EARLY_SECONDS
    early = [
        use(HOLDER, limit + 1, at=NOW, code=b"1"),
        use(HOLDER, NOW, at=limit + 1, code=b"2"),
        use(HOLDER, 2**64 - 1, at=2**64 - 1, code=b"3"),
    ]

    put(store, 1, *early)

    assert marks(store) == (0, -1, 0, 0)
    assert used(store) == []
    put(store, 1, use(HOLDER, limit, at=limit, code=b"4"), start=9)
    assert marks(store) == (limit, IN, limit, 1)
    assert [at for _, _, at in used(store)] == [limit]


def test_a_use_without_a_code_marks_its_holder_and_is_never_used_twice(store):
    for feed in (1, 2):
        put(store, feed, use(HOLDER, 0, way=OUT, at=NOW, code=b"print"))

    assert marks(store) == (0, OUT, NOW, 0)
    assert used(store) == []


def test_a_code_that_counted_at_two_places_is_told_exactly_once(store):
    for _ in range(3):
        for feed in (1, 2):
            put(store, feed, use(HOLDER, code=b"shown twice"), start=feed, now=NOW + feed)

    assert Uses(store).conflicts() == [Conflict(EAST, 1, WEST, 2, NOW + 2)]


@pytest.mark.parametrize("is_own_first", [True, False])
def test_a_code_that_counted_here_and_at_a_peer_is_told_exactly_once(store, is_own_first):
    one = use(HOLDER, code=b"shown twice")
    uses = Uses(store)

    def own():
        with store.transaction():
            uses.put_codes(2, [(7, one)], now=NOW)

    steps = [own, lambda: put(store, 1, one, start=3)]
    for step in (*(steps if is_own_first else steps[::-1]), own):
        step()

    assert uses.conflicts() == [Conflict(EAST, 3, WEST, 7, NOW)]


def test_a_code_at_three_places_and_another_twice_in_one_feed_are_told_apart(store):
    thrice, twice = use(HOLDER, code=b"thrice"), use(HOLDER, code=b"twice")

    put(store, 1, thrice, twice, use(HOLDER, code=b"once"), twice)
    put(store, 2, use(7, code=b"another"), thrice, thrice)

    found = [(one.first, one.first_seq, one.second_seq) for one in Uses(store).conflicts()]
    assert found == [(EAST, 1, 2), (EAST, 1, 3), (EAST, 2, 4)]


def test_the_highest_hybrid_time_is_kept_and_none_from_ahead_of_time(store):
    log, seen = CheckLog(store), []
    limit = (NOW + EARLY_SECONDS) * 1_000 + 1 << 16

    for hlc in (5 << 16, 4 << 16, limit, 2**64 - 1, limit - 1):
        with store.transaction():
            Uses(store).raise_hlc(hlc, NOW)
        seen.append(log.newest_hlc())

    assert seen == [5 << 16, 5 << 16, 5 << 16, 5 << 16, limit - 1]


def forget(store, sure):
    with store.transaction():
        for number in range(SLICES):
            Uses(store).forget_codes(number, sure=sure)


def test_old_codes_are_forgotten_but_for_those_of_conflicts(store):
    old = [use(holder, NOW - 5, at=NOW - 1, code=bytes([holder])) for holder in range(40)]
    put(store, 1, *old)
    put(store, 2, old[7])
    put(store, 1, use(99, NOW, code=b"new"), start=80)
    (conflict,) = Uses(store).conflicts()
    place = (1 << 32) + conflict.first_seq
    kept = {row for row in used(store) if row[2] == NOW or row[1] == place}

    forget(store, NOW - 1 + KEEP_SECONDS)
    untouched = len(used(store))
    forget(store, NOW + KEEP_SECONDS)

    assert untouched == 41
    assert set(used(store)) == kept
    assert len(kept) == 2


@pytest.mark.parametrize("code", [-(1 << 63), (1 << 63) - 1, 0, -1])
def test_every_code_is_in_some_slice(store, code):
    store.write("INSERT INTO used VALUES (?, ?, ?)", code, 1, 0)

    forget(store, KEEP_SECONDS + 1)

    assert used(store) == []
