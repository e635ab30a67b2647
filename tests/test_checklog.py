"""The check log on disk: what was acknowledged is there, what failed is not, marks only rise."""

import pytest
from diary import Diary, use
from yard import NOW, ORIGIN, key_of

from ledger_sync import feed, masks, note
from ledger_sync.batch import sealed_of
from ledger_sync.checklog import MAX_ENTRIES, CheckLog, Outdated, Tail
from ledger_sync.errors import Unavailable
from ledger_sync.merkle import frontier_of
from ledger_sync.note import checkpoint_of, open_note
from ledger_sync.replica import Replica
from ledger_sync.shelf import Shelf
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
        log.append(number, seq, b"check", use=use(HOLDER, at))
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
    log.append(number, 1, b"check", use=use(HOLDER))

    with pytest.raises(Unavailable, match="UNIQUE"):
        log.append(number, seq, b"another", use=use(HOLDER, NOW + 9))

    assert log.entries(FEED) == [b"opening", b"check"]
    assert last_at(store) == NOW


@pytest.mark.parametrize("table", ["feed_entry", "holder_mark"])
def test_an_append_that_fails_stores_neither_the_check_nor_the_mark(store, log, table):
    number = log.open_feed(FEED, b"opening", NOW)
    store.write(
        f"CREATE TEMP TRIGGER t BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'worn'); END"
    )

    with pytest.raises(Unavailable, match="worn"):
        log.append(number, 1, b"check", use=use(HOLDER))

    store.write("DROP TRIGGER t")
    assert log.entries(FEED) == [b"opening"]
    assert last_at(store) == 0
    log.append(number, 1, b"check", use=use(HOLDER))
    assert log.tail() == Tail(FEED, 2, 1)


def test_a_full_disk_keeps_what_was_acknowledged(store, log):
    number = log.open_feed(FEED, b"opening", NOW)
    (pages,) = store.row("PRAGMA page_count")
    store.write(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(Unavailable, match="free disk space"):
        for seq in range(1, 1_000):
            log.append(number, seq, bytes(400), use=use(seq))

    kept = log.tail().size - 1
    assert 0 < kept < 999
    assert store.row("SELECT count(*) FROM holder_mark") == (kept,)


def test_what_was_acknowledged_is_there_for_another_connection(tmp_path, store, log):
    number = log.open_feed(FEED, b"opening", NOW)
    log.append(number, 1, b"check")

    with Store(tmp_path / "store.db") as other:
        found = CheckLog(other).entries(FEED)

    assert found == [b"opening", b"check"]


def test_saved_heads_open_and_cover_the_stored_entries(store, log):
    store.row("PRAGMA synchronous = OFF")
    key = key_of("main-gate")
    live = feed.Feed(origin=FEED, key=key)
    number = log.open_feed(FEED, b"opening", NOW)
    live.append(b"opening")
    kept = []
    for seq in range(1, 2 * feed.BUNDLE + 6):
        log.append(number, seq, b"check %d" % seq)
        live.append(b"check %d" % seq)
        if seq % 100 == 0:
            log.save_heads(number, [*live.full_heads(), live.head()])
            kept.append([size for size, _ in log.heads(FEED)])

    verifier = note.Verifier(FEED, note.NOTE_KEY, key.public.raw)
    entries = log.entries(FEED)
    heads = {size: checkpoint_of(open_note(text, [verifier])) for size, text in log.heads(FEED)}
    assert kept == [[101], [201], [256, 301], [256, 401], [256, 501]]
    assert list(heads) == [256, 501]
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

    log.append(number, 1, b"check", use=use(HOLDER))

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
        log.append(number, 1, b"check", use=use(HOLDER))

    assert (log.entries(FEED), log.feeds()) == ([b"opening"], [FEED, NEXT])
    assert last_at(store) == 0
    log.append(number, 1, b"check", use=use(HOLDER))
    assert log.entries(FEED) == [b"opening", b"check"]


def test_any_other_write_ends_a_view_and_sees_what_others_wrote(tmp_path, store, log):
    head = feed.Head(1, "head", (bytes(32),))
    for write in (lambda: log.save_heads(1, [head]), lambda: log.open_feed(NEXT, b"", NOW)):
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


# What an earlier process had no time to sign.


def recorded(store, diary, stop=None, heads=()):
    """Written by a process that died before it signed more than `heads`."""
    log, stop = CheckLog(store), stop or diary.size
    ids = {"kid": diary.kid, "previous": diary.previous}
    number = log.open_feed(diary.origin, diary.entries[0], NOW, **ids)
    for seq in range(1, stop):
        log.append(number, seq, diary.entries[seq], sealed=diary.sealed[seq])
    for size in heads:
        peaks = frontier_of(diary.entries[:size]).peaks
        log.save_heads(number, [feed.Head(size, diary.head(size), peaks)])
    return number


@pytest.mark.parametrize(
    ("size", "signed", "heads"),
    [
        (1, [], [1]),
        (9, [], [9]),
        (9, [4], [9]),
        (256, [], [256]),
        (256, [255], [256]),
        (600, [], [256, 512, 600]),
        (600, [256, 300], [256, 512, 600]),
        (512, [256], [256, 512]),
    ],
)
def test_the_next_start_signs_what_was_recorded_and_not_signed(store, log, size, signed, heads):
    store.row("PRAGMA synchronous = OFF")
    diary = Diary().fill(size)
    recorded(store, diary, heads=signed)

    count = log.sign_off(diary.key)

    assert count == 1
    assert dict(log.heads(diary.origin)) == {at: diary.head(at) for at in heads}
    held = Shelf(store).newest_own()
    assert (held.size, held.peaks) == (size, frontier_of(diary.entries).peaks)
    assert log.sign_off(diary.key) == 0


def test_every_start_that_died_is_signed_off_and_what_is_signed_is_left_alone(store, log):
    diaries = [Diary(start=start).fill(3 + start) for start in range(1, 5)]
    for diary in diaries:
        recorded(store, diary, heads=[diary.size] * (diary is diaries[2]))
    before = log.heads(diaries[2].origin)

    count = log.sign_off(diaries[0].key)

    assert count == 3
    assert log.heads(diaries[2].origin) == before
    for diary in diaries:
        assert log.heads(diary.origin) == [(diary.size, diary.head())]


def test_what_another_key_began_is_not_signed_with_this_one(store, log):
    old, new = Diary(word="old").fill(5), Diary(start=2, word="new").fill(5)
    for diary in (old, new):
        recorded(store, diary)

    count = log.sign_off(new.key)

    assert (count, log.heads(old.origin)) == (1, [])
    assert log.heads(new.origin) == [(5, new.head())]


def test_a_head_of_what_a_power_cut_left_and_one_of_before_are_of_one_history(store, log):
    diary = Diary().fill(40)
    recorded(store, diary, 30, heads=[20])

    log.sign_off(diary.key)

    ((size, text),) = log.heads(diary.origin)
    assert (size, text) == (30, diary.head(30))


# What is sealed beside the checks, and forgotten after its time.

DAYS_30 = 30 * masks.DAY_SECONDS


def sealed(store, number, size):
    part = Shelf(store).part(number, 0, size)
    found = sealed_of(part.sealed, size) if part.sealed else [b""] * size
    return [bool(one) for one in found]


def test_what_is_forgotten_is_said_in_an_entry_of_the_feed_that_is_written(store, log):
    past = Diary().seal(b"old", at=NOW - DAYS_30 - 1).seal(b"new", at=NOW - DAYS_30)
    number = recorded(store, past)
    now = recorded(store, Diary(start=2))
    with store.transaction():
        Shelf(store).put_acknowledged(number, "west", past.size, "")

    entry = log.forget(now, 1, NOW, NOW - DAYS_30)

    assert sealed(store, number, 3) == [False, False, True]
    assert feed.pruned_of(entry) == feed.Pruned(NOW, NOW - DAYS_30, 1)
    assert log.entries(Diary(start=2).origin)[1:] == [entry]
    assert log.entries(past.origin) == past.entries


def test_what_no_peer_vouches_for_is_not_forgotten_and_nothing_is_said(store, log):
    past = Diary().seal(b"old", at=NOW - 2 * DAYS_30)
    number = recorded(store, past)

    entry = log.forget(number, 2, NOW, NOW - DAYS_30)

    assert entry == b""
    assert sealed(store, number, 2) == [False, True]
    assert log.entries(past.origin) == past.entries


def test_forgetting_that_cannot_be_recorded_forgets_nothing(store, log):
    past = Diary().seal(b"old", at=NOW - 2 * DAYS_30)
    number = recorded(store, past)
    with store.transaction():
        Shelf(store).put_acknowledged(number, "west", past.size, "")

    with pytest.raises(Unavailable, match="UNIQUE"):
        log.forget(number, 1, NOW, NOW - DAYS_30)

    assert sealed(store, number, 2) == [False, True]


def test_the_hybrid_time_of_peers_is_none_before_the_first(store, log):
    before = log.newest_hlc()
    store.write("UPDATE hybrid SET hlc = 7")

    assert (before, log.newest_hlc()) == (0, 7)
    store.write("DELETE FROM hybrid")
    assert log.newest_hlc() == 0
