"""The check log on disk: what was acknowledged is there, what failed is not, marks only rise."""

import pytest
from yard import NOW, ORIGIN, key_of

from ledger_sync import feed, note
from ledger_sync.checklog import MAX_ENTRIES, CheckLog, Outdated, Tail
from ledger_sync.errors import Unavailable
from ledger_sync.merkle import frontier_of
from ledger_sync.note import checkpoint_of, open_note
from ledger_sync.replica import Replica
from ledger_sync.store import Store

FEED = feed.origin_of("hz07", "main-gate", bytes(8))
NEXT = feed.origin_of("hz07", "main-gate", bytes(7) + b"\1")
HOLDER = -5


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store.db", origin=ORIGIN, floor=NOW) as store:
        yield store


@pytest.fixture
def log(store):
    return CheckLog(store)


def last_at(store, holder=HOLDER):
    return Replica(store).standing("no list", 0, holder).last_at


def test_a_new_log_is_empty(log):
    assert log.tail() == Tail("", 0, 0)
    assert (log.feeds(), log.entries(FEED), log.heads(FEED)) == ([], [], [])


def test_a_feed_begins_with_its_opening_and_keeps_its_order(log):
    number = log.open_feed(FEED, b"opening", NOW)

    for seq in (1, 2, 3):
        log.append(number, seq, b"check %d" % seq)

    assert log.entries(FEED) == [b"opening", b"check 1", b"check 2", b"check 3"]
    assert log.tail() == Tail(FEED, 4, 1)


def test_every_incarnation_has_a_feed_of_its_own(log):
    numbers = [log.open_feed(origin, b"opening", NOW) for origin in (FEED, NEXT)]

    for seq in (1, 2):
        for number in numbers:
            log.append(number, seq, b"check of %d" % number)

    assert log.feeds() == [FEED, NEXT]
    assert log.entries(FEED) == [b"opening", b"check of 1", b"check of 1"]
    assert log.entries(NEXT) == [b"opening", b"check of 2", b"check of 2"]
    assert log.tail() == Tail(NEXT, 3, 2)


def test_the_last_possible_entry_of_a_feed_stays_in_it(log):
    number = log.open_feed(FEED, b"opening", NOW)
    log.open_feed(NEXT, b"next", NOW)

    log.append(number, MAX_ENTRIES - 1, b"last")

    assert log.entries(FEED) == [b"opening", b"last"]
    assert log.entries(NEXT) == [b"next"]


def test_an_incarnation_opens_once(log):
    log.open_feed(FEED, b"opening", NOW)

    with pytest.raises(Unavailable, match="UNIQUE"):
        log.open_feed(FEED, b"another", NOW)

    assert log.tail() == Tail(FEED, 1, 1)
    assert log.entries(FEED) == [b"opening"]


def test_an_opening_that_cannot_be_stored_leaves_no_feed(store, log):
    store.write(
        "CREATE TEMP TRIGGER t BEFORE INSERT ON feed_entry BEGIN SELECT RAISE(ABORT, 'worn'); END"
    )

    with pytest.raises(Unavailable, match="worn"):
        log.open_feed(FEED, b"opening", NOW)

    assert log.tail() == Tail("", 0, 0)


def test_an_accepted_code_moves_the_mark_of_its_holder_up_and_never_down(store, log):
    number = log.open_feed(FEED, b"opening", NOW)
    seen = []

    for seq, at in enumerate((NOW, NOW + 2, NOW + 1, NOW + 2, NOW + 3), start=1):
        log.append(number, seq, b"check", mark=(HOLDER, at))
        seen.append(last_at(store) - NOW)

    assert seen == [0, 2, 2, 2, 3]
    assert last_at(store, HOLDER + 1) == 0


def test_a_check_without_a_mark_moves_nobody(store, log):
    number = log.open_feed(FEED, b"opening", NOW)

    log.append(number, 1, b"denied")

    assert store.row("SELECT count(*) FROM holder_mark") == (0,)


@pytest.mark.parametrize("seq", [0, 1])
def test_an_append_in_a_place_that_is_taken_stores_nothing(store, log, seq):
    number = log.open_feed(FEED, b"opening", NOW)
    log.append(number, 1, b"check", mark=(HOLDER, NOW))

    with pytest.raises(Unavailable, match="UNIQUE"):
        log.append(number, seq, b"another", mark=(HOLDER, NOW + 9))

    assert log.entries(FEED) == [b"opening", b"check"]
    assert last_at(store) == NOW


@pytest.mark.parametrize("table", ["feed_entry", "holder_mark"])
def test_an_append_that_fails_stores_neither_the_check_nor_the_mark(store, log, table):
    number = log.open_feed(FEED, b"opening", NOW)
    store.write(
        f"CREATE TEMP TRIGGER t BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'worn'); END"
    )

    with pytest.raises(Unavailable, match="worn"):
        log.append(number, 1, b"check", mark=(HOLDER, NOW))

    store.write("DROP TRIGGER t")
    assert log.entries(FEED) == [b"opening"]
    assert last_at(store) == 0
    log.append(number, 1, b"check", mark=(HOLDER, NOW))
    assert log.tail() == Tail(FEED, 2, 1)


def test_a_full_disk_keeps_what_was_acknowledged(store, log):
    number = log.open_feed(FEED, b"opening", NOW)
    (pages,) = store.row("PRAGMA page_count")
    store.write(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(Unavailable, match="free disk space"):
        for seq in range(1, 1_000):
            log.append(number, seq, bytes(400), mark=(seq, NOW))

    kept = log.tail().size - 1
    assert 0 < kept < 999
    assert store.row("SELECT count(*) FROM holder_mark") == (kept,)


def test_what_was_acknowledged_is_there_for_another_connection(tmp_path, store, log):
    number = log.open_feed(FEED, b"opening", NOW)
    log.append(number, 1, b"check")

    with Store(tmp_path / "store.db") as other:
        found = CheckLog(other).entries(FEED)

    assert found == [b"opening", b"check"]


def test_saved_heads_open_and_cover_the_stored_entries(log):
    key = key_of("main-gate")
    live = feed.Feed(origin=FEED, key=key)
    number = log.open_feed(FEED, b"opening", NOW)
    live.append(b"opening")
    for seq in range(1, 6):
        log.append(number, seq, b"check %d" % seq)
        live.append(b"check %d" % seq)
        if seq % 2:
            log.save_head(number, live.size, live.head())

    verifier = note.Verifier(FEED, note.NOTE_KEY, key.public.raw)
    entries = log.entries(FEED)
    heads = {size: checkpoint_of(open_note(text, [verifier])) for size, text in log.heads(FEED)}
    assert list(heads) == [2, 4, 6]
    for size, head in heads.items():
        assert head == note.Checkpoint(FEED, size, frontier_of(entries[:size]).root())
    assert log.heads(NEXT) == []


def test_an_append_to_a_closed_store_is_unavailable(store, log):
    number = log.open_feed(FEED, b"opening", NOW)
    store.close()

    with pytest.raises(Unavailable, match="cannot be used"):
        log.append(number, 1, b"check")


def test_a_check_judged_by_the_newest_view_is_stored_and_ends_it(tmp_path, store, log):
    number = log.open_feed(FEED, b"opening", NOW)
    Replica(store).look()

    log.append(number, 1, b"check", mark=(HOLDER, NOW))

    assert not store.db.in_transaction
    with Store(tmp_path / "store.db") as other:
        assert CheckLog(other).entries(FEED) == [b"opening", b"check"]
        assert last_at(other) == NOW


def test_a_check_judged_by_an_old_view_is_outdated_and_nothing_of_it_is_stored(
    tmp_path, store, log
):
    number = log.open_feed(FEED, b"opening", NOW)
    store.look()
    with Store(tmp_path / "store.db") as other:
        CheckLog(other).open_feed(NEXT, b"next", NOW)

    with pytest.raises(Outdated, match="judge again"):
        log.append(number, 1, b"check", mark=(HOLDER, NOW))

    assert (log.entries(FEED), log.feeds()) == ([b"opening"], [FEED, NEXT])
    assert last_at(store) == 0
    log.append(number, 1, b"check", mark=(HOLDER, NOW))
    assert log.entries(FEED) == [b"opening", b"check"]


def test_any_other_write_ends_a_view_and_sees_what_others_wrote(tmp_path, store, log):
    for write in (lambda: log.save_head(1, 1, "head"), lambda: log.open_feed(NEXT, b"", NOW)):
        store.look()
        with Store(tmp_path / "store.db") as other:
            other.write("UPDATE ledger SET floor = floor + 1")
        write()
        assert not store.db.in_transaction

    assert Replica(store).ledger().floor == NOW + 2


def test_a_view_that_ends_in_an_error_leaves_the_log_usable(store, log):
    number = log.open_feed(FEED, b"opening", NOW)
    store.look()

    with pytest.raises(Unavailable, match="UNIQUE"):
        log.append(number, 0, b"check")

    assert not store.db.in_transaction
    log.append(number, 1, b"check")
    assert log.entries(FEED) == [b"opening", b"check"]
