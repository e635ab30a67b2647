"""The shelf gives back what came, however it stands there: rows, bundles, or some of each."""

import pytest
from diary import SECRET, SITE, Diary
from yard import NOW, ORIGIN, Yard, key_of

from ledger_sync import entries as ledger
from ledger_sync.checklog import CheckLog
from ledger_sync.errors import Unavailable
from ledger_sync.feed import BUNDLE, Head, check_of
from ledger_sync.intake import Intake
from ledger_sync.keys import ES256
from ledger_sync.masks import DAY_SECONDS
from ledger_sync.merkle import frontier_of
from ledger_sync.replica import Replica
from ledger_sync.shelf import LAST_OWN, MAX_ENTRIES, Shelf
from ledger_sync.store import Store

WHOLE = Diary().fill(99).seal(b"box").fill(250).seal(b"boxes" * 9).fill(600).seal(b"tail")


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store.db", origin=ORIGIN, floor=NOW) as store:
        store.row("PRAGMA synchronous = OFF")
        yield store


@pytest.fixture
def shelf(store):
    return Shelf(store)


def record(store, diary, stop=None, at=NOW):
    """Recorded here and not signed yet; its number."""
    log, stop = CheckLog(store), stop or diary.size
    ids = {"kid": diary.kid, "previous": diary.previous}
    number = log.open_feed(diary.origin, diary.entries[0], at, **ids)
    for seq in range(1, stop):
        log.append(number, seq, diary.entries[seq], sealed=diary.sealed[seq])
    return number


def write(store, diary, stop=None, at=NOW):
    """Recorded here, as a gate does it; its number."""
    number = record(store, diary, stop, at)
    CheckLog(store).sign_off(diary.key)
    return number


def receive(store, diary, start=0):
    """Taken from a peer; its number."""
    intake, shelf = Intake(store, SITE, SECRET), Shelf(store)
    for batch in diary.batches(start):
        with store.transaction():
            held = shelf.histories(diary.kid, diary.incarnation)
            taken = intake.take(batch, diary.owner, held, now=NOW)
    return taken.held.number


def restored(store, diary):
    """Half was recorded here before the card was put back, the rest came from peers."""
    number = write(store, diary, 300)
    write(store, Diary(start=2, previous=diary.incarnation))
    assert receive(store, diary, 300) == number
    return number


WAYS = {"rows": record, "signed": write, "bundles": receive, "both": restored}
SIGNED = ("signed", "bundles", "both")
PARTS = [(0, 256), (0, 1), (99, 100), (90, 256), (250, 256), (256, 512), (300, 301), (512, 601)]


@pytest.mark.parametrize("way", WAYS)
def test_a_part_of_a_bundle_has_the_same_bytes_however_it_stands_there(store, shelf, way):
    number = WAYS[way](store, WHOLE)

    parts = [shelf.part(number, *span) for span in PARTS]

    wanted = [WHOLE.batch(*span) for span in PARTS]
    assert [tuple(part) for part in parts] == [(one.bundle, one.sealed) for one in wanted]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 601), (0, 256), (255, 257), (100, 513), (256, 256), (511, 512), (299, 301), (590, 9_999)],
)
def test_entries_are_read_across_the_ends_of_bundles(store, shelf, way, start, stop):
    number = WAYS[way](store, WHOLE)

    assert shelf.bodies(number, start, stop) == WHOLE.entries[start:stop]


@pytest.mark.parametrize("way", SIGNED)
def test_all_entries_and_heads_are_there_by_their_origin(store, shelf, way):
    WAYS[way](store, WHOLE)

    assert shelf.entries(WHOLE.origin) == WHOLE.entries
    heads = dict(shelf.heads(WHOLE.origin))
    assert heads == {size: WHOLE.head(size) for size in (256, 512, 601)}


@pytest.mark.parametrize("way", SIGNED)
def test_a_head_is_there_at_the_end_of_each_bundle_and_of_all(store, shelf, way):
    held = shelf.feed(WAYS[way](store, WHOLE))

    found = {size: shelf.head_at(held, size) for size in (0, 255, 256, 512, 600, 601)}

    there = {256, 512, 601}
    assert found == {size: WHOLE.head(size) if size in there else "" for size in found}


def test_feeds_side_by_side_are_not_mixed(store, shelf):
    others = [Diary(name).fill(300) for name in ("north", "south")]

    numbers = [write(store, others[0]), receive(store, WHOLE), receive(store, others[1])]

    assert numbers == [1, 2, 3]
    for number, diary in zip(numbers, (others[0], WHOLE, others[1]), strict=True):
        assert shelf.bodies(number) == diary.entries
    assert shelf.origins() == [others[0].origin, WHOLE.origin, others[1].origin]
    assert [held.own for held in shelf.feeds()] == [1, 0, 0]


def test_a_feed_that_is_not_here_has_nothing(store, shelf):
    with pytest.raises(Unavailable, match="feed 9 is not in"):
        shelf.feed(9)

    assert (shelf.entries("nobody's"), shelf.heads("nobody's")) == ([], [])
    assert (shelf.bodies(9), shelf.histories(b"kid", bytes(8))) == ([], [])
    assert shelf.newest_own() is None


def test_a_feed_without_a_head_yet_has_none(store, shelf):
    CheckLog(store).open_feed(WHOLE.origin, WHOLE.entries[0], NOW, kid=WHOLE.kid)

    assert shelf.heads(WHOLE.origin) == []
    assert (shelf.newest_own().size, shelf.newest_own().note) == (0, "")


def test_a_part_that_was_lost_is_told_with_what_to_do(store, shelf):
    number = write(store, WHOLE)
    store.write("DELETE FROM feed_entry WHERE id = ?", number * MAX_ENTRIES + 550)

    with pytest.raises(Unavailable, match=r"lost entries before 601; run: .* fsck$"):
        shelf.part(number, 512, 601)


def test_a_bundle_is_not_made_of_entries_some_of_which_are_lost(store, shelf):
    number = record(store, WHOLE)
    store.write("DELETE FROM feed_entry WHERE id = ?", number * MAX_ENTRIES + 7)

    with pytest.raises(Unavailable, match="lost entries before 256"), store.transaction():
        shelf.bind(number, 256)

    assert list(store.rows("SELECT id FROM feed_bundle")) == []


def test_a_full_bundle_becomes_one_row_with_the_head_over_it_and_again_is_the_same(store, shelf):
    number = record(store, WHOLE)
    wanted = shelf.part(number, 0, 256)

    for _ in range(2):
        with store.transaction():
            shelf.bind(number, 256)

    assert shelf.part(number, 0, 256) == wanted
    assert store.row("SELECT count(*) FROM feed_bundle") == (1,)
    assert store.row("SELECT min(id) FROM feed_entry") == (number * MAX_ENTRIES + 256,)
    assert shelf.bodies(number) == WHOLE.entries


def test_remainders_that_are_not_theirs_are_forgotten_when_they_are_looked_at(store, shelf):
    number = receive(store, WHOLE)
    store.write("UPDATE feed_bundle SET sealed = x'0162'")
    assert not any(sealed for _, sealed in shelf.pairs(number, 0, 512))

    for start, stop in ((0, 255), (0, 256), (256, 600)):
        with store.transaction():
            shelf.check_sealed(number, start, stop)
        left = [bool(sealed) for (sealed,) in store.rows("SELECT sealed FROM feed_bundle")]
        assert left == [stop < 256, stop < 512]


def test_a_feed_with_entries_nobody_looked_at_is_not_settled(store, shelf):
    numbers = [write(store, WHOLE), receive(store, Diary("west"))]

    with store.transaction():
        shelf.put_taken(numbers[0], WHOLE.size)

    assert shelf.unsettled() == numbers[1:]


def test_the_newest_own_feeds_are_looked_at_and_no_peers(store, shelf):
    for start in range(1, LAST_OWN + 4):
        write(store, Diary(start=start))
    receive(store, Diary("west"))

    found = [held.incarnation[0] for held in shelf.own_feeds()]

    assert found == list(range(LAST_OWN + 3, 3, -1))
    assert shelf.newest_own().incarnation == bytes([LAST_OWN + 3]) * 8


def test_siblings_are_the_other_incarnations_after_the_same_one(store, shelf):
    after = [Diary(start=start, previous=b"\1" * 8) for start in (2, 3)]
    for diary in (Diary(), *after, Diary("west", 2, previous=b"\1" * 8)):
        receive(store, diary)

    held = shelf.feed(2)

    assert [one.incarnation for one in shelf.siblings(held)] == [after[1].incarnation]
    assert shelf.siblings(shelf.feed(1)) == []


def test_an_acknowledgement_grows_and_never_shrinks(store, shelf):
    with store.transaction():
        for peer, size in (("west", 5), ("west", 9), ("west", 7), ("south", 2)):
            shelf.put_acknowledged(1, peer, size, f"note {size}")

    assert shelf.acknowledged(1) == [("south", 2), ("west", 9)]
    assert store.row("SELECT note FROM acknowledged WHERE peer = 'west'") == ("note 9",)
    assert shelf.acknowledged(2) == []


# Whose a feed is.


def test_every_key_the_ledger_ever_gave_a_terminal_has_an_owner(store, shelf):
    replica = Replica(store)
    keys = {name: key_of(name).public for name in ("first", "second", "west")}
    new = [
        ledger.Terminal("east", keys["first"]),
        ledger.Terminal("west", keys["west"]),
        ledger.Terminal("phone", key_of("phone", ES256).public),
        ledger.Terminal("east", keys["second"]),
        ledger.Terminal("west"),
    ]
    from_ledger(replica, new)

    found = shelf.owners()

    assert found == {
        keys["first"].kid: ("east", keys["first"].raw, False),
        keys["second"].kid: ("east", keys["second"].raw, True),
        keys["west"].kid: ("west", keys["west"].raw, False),
    }


def test_a_key_under_a_new_name_is_of_that_name(store, shelf):
    key = key_of("east").public

    from_ledger(Replica(store), [ledger.Terminal(name, key) for name in ("east", "north")])

    assert shelf.owners() == {key.kid: ("north", key.raw, True)}


def from_ledger(replica, new):
    Yard().add(*new).fill(replica)


# What is sealed beside the checks, and forgotten.

OLD, LATER = NOW - 40 * DAY_SECONDS, NOW - 9 * DAY_SECONDS
BEFORE = NOW - 30 * DAY_SECONDS


def sealed_in(shelf, number, size):
    """The numbers of the entries that something is sealed beside."""
    found = []
    for start in range(0, size, BUNDLE):
        part = shelf.part(number, start, min(size, start + BUNDLE))
        count, at = start, 0
        while at < len(part.sealed):
            found += [count] * bool(part.sealed[at])
            count, at = count + 1, at + 1 + part.sealed[at]
    return found


def forget(store, shelf):
    with store.transaction():
        return shelf.forget_sealed(BEFORE)


def test_what_a_peer_sealed_is_forgotten_by_the_check_and_by_the_bundle(store, shelf):
    old = Diary().seal(b"a", at=OLD).fill(256)
    mixed = old.copy().seal(b"b", at=OLD).seal(b"c", at=LATER).fill(512)
    tail = mixed.copy().seal(b"d", at=OLD).seal(b"e", at=LATER)
    for at, entry in enumerate(tail.entries[1:], start=1):
        if not tail.sealed[at]:
            tail.entries[at] = check_of(entry)._replace(at=OLD).to_bytes()
    receive(store, tail)
    before = sealed_in(shelf, 1, tail.size)

    count = forget(store, shelf)

    assert before == [1, 256, 257, 512, 513]
    assert sealed_in(shelf, 1, tail.size) == [256, 257, 513]
    assert count == 2
    assert shelf.bodies(1) == tail.entries
    assert forget(store, shelf) == 0


def test_what_is_sealed_here_is_forgotten_only_where_a_peer_vouches_for_it(store, shelf):
    diary = Diary()
    for number in range(9):
        diary.seal(b"%d" % number, at=OLD)
    number = write(store, diary)
    left = []

    for size in (0, 4, 10):
        with store.transaction():
            shelf.put_acknowledged(number, f"peer {size}", size, "")
        forget(store, shelf)
        left.append(sealed_in(shelf, number, 10))

    assert left == [list(range(1, 10)), list(range(4, 10)), []]


def test_a_bundle_of_an_own_feed_is_forgotten_when_all_of_it_is_vouched_for(store, shelf):
    diary = Diary().seal(b"old", at=OLD)
    diary.write(*([diary.entries[1]] * 300))
    number = write(store, diary, 100)
    write(store, Diary(start=2, previous=diary.incarnation))
    receive(store, diary, 100)
    left = []

    for size in (255, 256):
        with store.transaction():
            shelf.put_acknowledged(number, "west", size, "")
        forget(store, shelf)
        left.append(sealed_in(shelf, number, diary.size))

    assert left == [[1], []]


def test_a_head_at_the_end_of_a_bundle_stays_and_another_gives_way(store, shelf):
    number = write(store, Diary())

    with store.transaction():
        for size in (255, 256, 257, 512, 513):
            peaks = frontier_of([b"x"] * size).peaks
            shelf.put_head(number, Head(size, f"head {size}", peaks))

    assert shelf.full_heads(number) == [(256, "head 256"), (512, "head 512")]
    held = shelf.feed(number)
    assert (held.size, held.note, len(held.peaks)) == (513, "head 513", 2)
