"""Who is inside a zone, as the marks of holders tell."""

import pytest
from diary import use
from yard import NOW, ORIGIN

from ledger_sync.presence import HORIZON, Inside, Presence, last_in
from ledger_sync.store import Store
from ledger_sync.uses import Uses

IN, OUT = 0, 1


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store.db", origin=ORIGIN, floor=NOW) as store:
        store.row("PRAGMA synchronous = OFF")
        yield store


def put(store, *uses):
    with store.transaction():
        Uses(store).put(uses, now=NOW)


def test_a_zone_that_nobody_entered_is_empty(store):
    put(store, use(1), use(2, way=OUT, zone=3), use(3, zone=33))

    assert Presence(store).inside(3, NOW) == Inside(count=0, unsure=0)
    assert Presence(store).people(3) == []


def test_who_went_in_and_not_out_is_inside_and_after_a_day_it_is_unsure(store):
    put(
        store,
        use(1, NOW - 9, zone=3),
        use(2, NOW - 9, zone=3),
        use(2, NOW - 8, way=OUT, zone=3),
        use(3, NOW - HORIZON, zone=3),
        use(4, NOW - HORIZON - 1, zone=3),
        use(5, NOW - 7, zone=4),
        use(5, NOW - 6, way=OUT, zone=4),
        use(5, NOW - 9, zone=3),
        use(6, NOW + 9, zone=3),
    )
    presence = Presence(store)

    assert presence.inside(3, NOW) == Inside(count=4, unsure=1)
    assert presence.inside(4, NOW) == presence.inside(0, NOW) == Inside(0, 0)
    assert presence.people(3) == [
        (6, NOW + 9),
        (1, NOW - 9),
        (5, NOW - 9),
        (3, NOW - HORIZON),
        (4, NOW - HORIZON - 1),
    ]


def test_a_mark_that_is_damaged_takes_nobody_else_from_the_list(store):
    put(store, use(1, zone=3), use(2, zone=3))
    store.write("UPDATE holder_mark SET places = '{\"z3\":' WHERE holder = 2")

    assert Presence(store).people(3) == [(1, NOW)]


def test_the_reader_of_places_has_its_name_here_as_well():
    assert last_in('{"z3":9}', 3) == (OUT, 4)
