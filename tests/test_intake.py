"""Feeds of peers come in as batches: whole, in order, once; two histories are kept and told."""

import random

import pytest
from diary import SECRET, SITE, Diary, check, use
from yard import NOW, ORIGIN

from ledger_sync import feed as feeds
from ledger_sync import note
from ledger_sync.batch import MAX_BRANCHES
from ledger_sync.checklog import CheckLog
from ledger_sync.errors import Refused
from ledger_sync.feed import BUNDLE
from ledger_sync.intake import (
    CLONE,
    FORK,
    MAX_EVIDENCE,
    RECENT_SECONDS,
    SETTLED,
    Intake,
    Result,
)
from ledger_sync.merkle import frontier_of
from ledger_sync.replica import Replica
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.uses import Uses

HOLDER = -5
TAKEN, KNOWN, EARLY, OTHER = Result.TAKEN, Result.KNOWN, Result.EARLY, Result.OTHER


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store.db", origin=ORIGIN, floor=NOW) as store:
        store.row("PRAGMA synchronous = OFF")
        yield store


@pytest.fixture
def shelf(store):
    return Shelf(store)


def take(store, diary, start=0, stop=None, *, now=NOW, owner=None):
    """What becomes of one batch of a diary."""
    return put(store, diary.batch(start, stop), owner or diary.owner, now=now)


def put(store, batch, owner, *, now=NOW):
    intake, shelf = Intake(store, SITE, SECRET), Shelf(store)
    with store.transaction():
        held = shelf.histories(batch.kid, batch.incarnation)
        return intake.take(batch, owner, held, now=now)


def take_all(store, diary, start=0, **stated):
    """What becomes of every batch of a diary."""
    return [put(store, batch, diary.owner, **stated).result for batch in diary.batches(start)]


def settle(store, owner, *, now=NOW):
    """Looks at all entries of all feeds, as if they were of this terminal; up to where each."""
    intake, found = Intake(store, SITE, SECRET), []
    for one in Shelf(store).feeds():
        with store.transaction():
            found.append(intake.settle(one.number, one.size, owner, now=now))
    return found


def held(store, diary):
    """The histories of a diary's feed as they are held, as entries."""
    shelf = Shelf(store)
    histories = shelf.histories(diary.kid, diary.incarnation)
    for one in histories:
        entries = shelf.bodies(one.number)
        assert (one.size, one.peaks) == (len(entries), frontier_of(entries).peaks)
        text = note.open_note(one.note, [feeds.verifier_of(one.origin, diary.key.public.raw)])
        root = frontier_of(entries).root()
        assert note.checkpoint_of(text) == note.Checkpoint(one.origin, one.size, root)
    return [shelf.bodies(one.number) for one in histories]


def evidence(store):
    """(kind, kid, incarnations, heads) of all evidence."""
    columns = "kind, kid, one, other, first, second"
    rows = store.rows(f"SELECT {columns} FROM feed_evidence ORDER BY id")
    return [(kind, bytes(kid), (one, other), (a, b)) for kind, kid, one, other, a, b in rows]


def standing(store, holder=HOLDER):
    return Replica(store).standing("no list", 0, holder)


def with_other(diary, at):
    """The same feed up to `at`, and then another history of the same length."""
    made = diary.copy()
    made.entries[at:] = [check(hlc=2**40 + n).to_bytes() for n in range(diary.size - at)]
    made.sealed[at:] = [b""] * (diary.size - at)
    return made


# One history.


def test_a_feed_that_begins_is_taken_with_its_head(store, shelf):
    diary = Diary(previous=b"\7" * 8).fill(9)

    result, one = take(store, diary)

    assert (result, held(store, diary)) == (TAKEN, [diary.entries])
    assert (one.kid, one.incarnation, one.branch) == (diary.kid, diary.incarnation, 0)
    assert (one.origin, one.previous, one.note) == (diary.origin, b"\7" * 8, diary.head())
    assert (one.own, one.taken, one.opened_at) == (0, 0, NOW)


@pytest.mark.parametrize("seed", range(8))
def test_a_feed_that_comes_in_pieces_is_the_feed_that_was_written(store, shelf, seed):
    chance = random.Random(seed)
    diary = Diary().seal(b"first").fill(250).seal(b"last of its bundle" * 3).fill(700)
    size, results = 0, []

    while size < diary.size:
        most = BUNDLE - size % BUNDLE
        stop = min(diary.size, size + chance.choice((1, 2, most // 2 or 1, most)))
        stop = min(stop, (size // BUNDLE + 1) * BUNDLE)
        results.append(take(store, diary, size, stop).result)
        size = stop

    assert set(results) == {TAKEN}
    assert held(store, diary) == [diary.entries]
    assert [size for size, _ in shelf.heads(diary.origin)] == [256, 512, 700]
    assert dict(shelf.heads(diary.origin)) == {n: diary.head(n) for n in (256, 512, 700)}
    assert shelf.part(1, 0, 256).sealed == diary.batch(0, 256).sealed


def test_what_is_held_already_is_known(store):
    diary = Diary().fill(300)
    take_all(store, diary)

    results = [
        take(store, diary, *span).result for span in ((0, 1), (0, 256), (9, 99), (256, 300))
    ]

    assert results == [KNOWN] * 4
    assert held(store, diary) == [diary.entries]


def test_a_batch_that_begins_within_what_is_held_goes_on_behind_it(store, shelf):
    diary = Diary().fill(250).seal(b"one").seal(b"two").seal(b"three").fill(256)
    take(store, diary, 0, 251)

    result, one = take(store, diary, 0, 256)

    assert (result, one.size) == (TAKEN, 256)
    assert held(store, diary) == [diary.entries]
    assert shelf.part(one.number, 250, 253).sealed == diary.batch(250, 253).sealed


def test_what_is_sealed_wrongly_beside_a_whole_bundle_is_left_out_behind_an_overlap(store, shelf):
    diary = Diary().fill(5).seal(b"box").fill(256)
    take(store, diary, 0, 5)

    batch = diary.batch()._replace(sealed=bytes(5) + b"\3bad" + bytes(250))
    result, one = put(store, batch, diary.owner)

    assert (result, held(store, diary)) == (TAKEN, [diary.entries])
    assert shelf.part(one.number, 0, 256).sealed == b""


def test_an_overlap_brings_the_uses_behind_what_is_held_and_no_other(store):
    diary = Diary().uses(*(use(HOLDER, NOW - 9 + n, code=b"%d" % n) for n in range(6)))
    take(store, diary, 0, 4)

    take(store, diary, 2, 7)

    settle(store, diary.owner)
    assert standing(store).uses == 6
    assert Uses(store).conflicts() == []


def test_what_stands_before_a_batch_must_be_here_first(store):
    diary = Diary().fill(300)

    results = [take(store, diary, 100, 200).result, take(store, diary, 0, 99).result]
    results += [take(store, diary, 100, 200).result, take(store, diary, 99, 100).result]

    assert results == [EARLY, TAKEN, EARLY, TAKEN]
    assert held(store, diary) == [diary.entries[:100]]


def test_what_is_refused_changes_nothing(store):
    diary = Diary().fill(300)
    take(store, diary, 0, 100)
    before = list(store.db.iterdump())
    good = diary.batch(90, 200)
    stranger = Diary("west").head(2)

    for spoilt in (
        good._replace(note=stranger),
        good._replace(count=111),
        good._replace(bundle=good.bundle[:-1]),
        good._replace(sealed=b"\1" * good.count),
        diary.batch(100, 200)._replace(sealed=b"\1" * 100),
        diary.batch(100, 200)._replace(note=stranger),
        good._replace(count=0),
    ):
        with pytest.raises(Refused) as caught:
            put(store, spoilt, diary.owner)
        assert caught.value.reason == "R-LEDGER"

    assert list(store.db.iterdump()) == before


def test_a_feed_of_another_key_than_its_owner_s_is_refused(store, shelf):
    with pytest.raises(Refused, match="no known key"):
        take(store, Diary(word="thief").fill(3), owner=Diary().owner)

    assert shelf.feeds() == []


def test_malformed_checks_are_held_as_they_came(store):
    diary = Diary().write(b"", b"\1garbage", check(use(HOLDER)).to_bytes()[:-1])

    take(store, diary)

    assert held(store, diary) == [diary.entries]


# What a gate learns from it.


def test_the_uses_of_a_peer_reach_the_next_check_and_are_counted_when_it_is_quiet(store):
    way_in, again = use(HOLDER, NOW - 9, code=b"1"), use(HOLDER, NOW - 7, code=b"2")
    diary = Diary().uses(way_in, again, use(HOLDER, NOW - 5, way=1, at=NOW - 4)).fill(9)

    take(store, diary)
    at_once = standing(store)[1:5]
    settle(store, diary.owner)

    assert at_once == (NOW - 5, 1, NOW - 4, 0)
    assert standing(store)[1:5] == (NOW - 5, 1, NOW - 4, 2)


def test_uses_of_long_ago_wait_until_it_is_quiet(store):
    old, recent = NOW - RECENT_SECONDS - 1, NOW - RECENT_SECONDS
    diary = Diary().uses(use(7, old), use(HOLDER, recent), use(HOLDER, NOW))

    take(store, diary)
    at_once = standing(store, 7), standing(store)
    settle(store, diary.owner)

    assert [one.last_at for one in at_once] == [0, NOW]
    assert (standing(store, 7)[1:5], standing(store).uses) == ((old, 0, old, 1), 2)


def test_a_long_feed_is_looked_at_in_pieces(store, monkeypatch):
    monkeypatch.setattr("ledger_sync.intake.SETTLED", 200)
    diary = Diary().uses(*(use(HOLDER, code=b"%d" % number) for number in range(500)))
    take_all(store, diary)
    seen = []

    for _ in range(4):
        (stop,) = settle(store, diary.owner)
        seen.append((stop, standing(store).uses))

    assert seen == [(200, 199), (400, 399), (501, 500), (501, 500)]
    assert SETTLED % BUNDLE == 0  # so that no bundle is looked at in halves


def test_uses_of_a_terminal_that_is_gone_are_kept_and_not_counted(store):
    diary = Diary().uses(use(HOLDER))
    gone = diary.owner._replace(is_here=False)

    take(store, diary, owner=gone)
    settle(store, gone)

    assert held(store, diary) == [diary.entries]
    assert standing(store).uses == 0
    assert list(store.rows("SELECT * FROM used")) == []


def test_uses_of_a_key_that_the_ledger_does_not_name_yet_are_not_counted(store):
    diary = Diary().uses(use(HOLDER, NOW - 9_000))
    take(store, diary)

    assert settle(store, None) == [2]

    assert standing(store).uses == 0


def test_uses_read_with_another_sites_secret_mark_nobody_of_this_one(store):
    diary = Diary().uses(use(HOLDER))

    with store.transaction():
        Intake(store, SITE, b"another").take(diary.batch(), diary.owner, [], now=NOW)

    assert standing(store).uses == 0


def test_the_hybrid_time_that_a_batch_ends_with_is_heard(store):
    hlc = NOW * 1_000 << 16

    take(store, Diary().write(*(check(hlc=n).to_bytes() for n in (5, 9, hlc))))

    assert CheckLog(store).newest_hlc() == hlc


@pytest.mark.parametrize("is_own_first", [True, False])
def test_a_code_recorded_here_and_at_a_peer_is_told_once(store, shelf, is_own_first):
    log, peer = CheckLog(store), Diary("west").uses(use(HOLDER, code=b"twice"))
    own = Diary("east").uses(use(7, code=b"once"), use(HOLDER, code=b"twice"))
    if not is_own_first:
        take(store, peer)
    number = log.open_feed(own.origin, own.entries[0], NOW, kid=own.kid)
    for seq in (1, 2):
        one = feeds.use_of(own.entries[seq], SECRET)
        log.append(number, seq, own.entries[seq], use=one)
    log.sign_off(own.key)
    if is_own_first:
        take(store, peer)

    for _ in range(2):
        settle(store, own.owner)

    (conflict,) = Uses(store).conflicts()
    places = {(conflict.first, conflict.first_seq), (conflict.second, conflict.second_seq)}
    assert places == {(own.origin, 2), (peer.origin, 1)}
    assert shelf.feed(number).taken == 3
    assert standing(store).uses == 2


# Two histories.


@pytest.mark.parametrize("at", [1, 99, 255, 256, 257, 300])
def test_a_second_history_is_kept_beside_the_first_with_both_heads_as_evidence(store, at):
    diary = Diary().seal(b"box").fill(320)
    other = with_other(diary, at)
    take_all(store, diary)

    results = take_all(store, other)

    assert results == [KNOWN] * (at // BUNDLE) + [Result.FORK, *[TAKEN] * (1 - at // BUNDLE)]
    assert held(store, diary) == [diary.entries, other.entries]
    ((kind, kid, between, heads),) = evidence(store)
    assert (kind, kid, between) == (FORK, diary.kid, (diary.incarnation,) * 2)
    size = BUNDLE if at < BUNDLE else 320
    assert sorted(heads) == sorted([diary.head(size), other.head(size)])


def test_a_second_opening_is_a_second_history_with_a_previous_of_its_own(store, shelf):
    diary, other = Diary().fill(9), Diary(previous=b"\7" * 8).fill(9)
    take(store, diary)

    result, one = take(store, other)

    assert (result, one.branch, one.previous) == (Result.FORK, 1, b"\7" * 8)
    assert held(store, diary) == [diary.entries, other.entries]


def test_a_second_history_keeps_what_is_sealed_in_the_part_they_share(store, shelf):
    diary = Diary().seal(b"shared").fill(30)
    other = with_other(diary, 25)
    take(store, diary)

    result, one = take(store, other, 20, 30)

    assert (result, one.branch) == (Result.FORK, 1)
    assert held(store, diary) == [diary.entries, other.entries]
    assert shelf.part(one.number, 0, 2).sealed == diary.batch(0, 2).sealed


def test_both_histories_go_on_and_what_each_holds_is_known(store):
    diary = Diary().fill(9)
    other = with_other(diary, 5)
    take(store, diary)
    take(store, other)
    diary.fill(20), other.fill(30)

    results = [take(store, one, 9, one.size).result for one in (diary, other, diary, other)]

    assert results == [TAKEN, TAKEN, KNOWN, KNOWN]
    assert held(store, diary) == [diary.entries, other.entries]
    assert len(evidence(store)) == 1


@pytest.mark.parametrize("start", [256, 280])
def test_a_batch_of_another_history_that_left_earlier_needs_all_of_it(store, start):
    diary = Diary().fill(300)
    other = with_other(diary, 50)
    take(store, diary, 0, 256)
    take(store, diary, 256, 280)

    results = [take(store, other, start, 300).result, *take_all(store, other)]

    assert results == [OTHER, Result.FORK, TAKEN]
    assert held(store, diary) == [diary.entries[:280], other.entries]


def test_a_third_history_goes_on_from_the_one_it_left_whichever_came_first(store):
    short, long = Diary().fill(4), with_other(Diary().fill(9), 2)
    third = with_other(long, 7)
    take(store, short)
    take(store, long)

    result = take(store, third, 6, 9).result

    assert result is Result.FORK
    assert held(store, short) == [short.entries, long.entries, third.entries]


def test_what_both_histories_go_on_with_alike_goes_to_the_one_whose_head_it_has(store):
    diary = Diary().fill(9)
    other = with_other(diary, 5)
    take(store, diary)
    take(store, other)

    results = []
    for one in (diary, other):
        one.fill(12)
        results.append(take(store, one, 9, 12).result)

    assert results == [TAKEN, TAKEN]
    assert held(store, diary) == [diary.entries, other.entries]


def test_entries_that_are_of_no_history_and_no_head_are_refused(store):
    diary = Diary().fill(20)
    take(store, diary)
    other = with_other(diary, 5)
    damaged = diary.batch()._replace(bundle=other.batch().bundle)

    with pytest.raises(Refused, match="not those of their head"):
        put(store, damaged, diary.owner)

    assert (held(store, diary), evidence(store)) == ([diary.entries], [])


def test_uses_in_a_second_history_and_from_then_on_in_both_are_not_counted(store):
    diary = Diary().uses(use(HOLDER, code=b"1"))
    other = Diary().uses(use(HOLDER, code=b"2"))
    take(store, diary)
    settle(store, diary.owner)

    take(store, other)
    for one in (diary, other):
        one.uses(use(HOLDER, NOW + 9, code=b"3"), use(HOLDER, code=b"4"))
        assert take(store, one, 2, 4).result is TAKEN
    settle(store, diary.owner)

    assert (standing(store).uses, standing(store).last_at) == (1, NOW)
    assert Uses(store).conflicts() == []


def test_histories_of_one_feed_have_a_bound_and_evidence_of_each_feed_is_kept_once(store):
    diaries = [Diary().write(b"%d" % number) for number in range(MAX_BRANCHES + 3)]

    results = [take(store, one).result for one in diaries]

    assert results == [TAKEN] + [Result.FORK] * (MAX_BRANCHES + 2)
    assert held(store, diaries[0]) == [one.entries for one in diaries[:MAX_BRANCHES]]
    assert len(evidence(store)) == 1


# One key in two boxes.


@pytest.mark.parametrize("previous", [b"", b"\7" * 8])
def test_two_incarnations_after_the_same_one_are_evidence_of_a_clone_once(store, previous):
    one, other = (Diary(start=start, previous=previous).fill(5) for start in (1, 2))
    later = Diary(start=3, previous=b"\1" * 8).fill(5)

    results = [take(store, diary).result for diary in (one, later, other)]
    other.fill(9), take(store, other, 5, 9)

    assert results == [TAKEN] * 3
    assert evidence(store) == [
        (CLONE, one.kid, (one.incarnation, other.incarnation), (one.head(), other.head(5)))
    ]


def test_a_clone_of_the_terminal_itself_is_told_once_its_own_feed_has_a_head(store):
    log, own, clone = CheckLog(store), Diary(start=1), Diary(start=2).fill(5)
    number = log.open_feed(own.origin, own.entries[0], NOW, kid=own.kid)
    take(store, clone)
    before = evidence(store)
    log.sign_off(own.key)
    clone.fill(9)

    take(store, clone, 5, 9)

    assert (number, before) == (1, [])
    ((kind, _, between, heads),) = evidence(store)
    assert (kind, between) == (CLONE, (own.incarnation, clone.incarnation))
    assert heads == (own.head(), clone.head())


def test_two_terminals_that_begin_are_no_clone(store):
    for name in ("east", "west"):
        take(store, Diary(name).fill(3))

    assert evidence(store) == []


# Evidence that others found.


def take_evidence(store, first, second, *, owner):
    texts = (first.encode(), second.encode())
    Intake(store, SITE, SECRET).take_evidence(Diary().kid, *texts, owner, NOW)


def test_two_heads_of_one_size_that_contradict_each_other_prove_themselves_once(store):
    diary = Diary().fill(9)
    other = with_other(diary, 5)

    for first, second in ((diary, other), (other, diary)):
        take_evidence(store, first.head(), second.head(), owner=diary.owner)

    assert [kind for kind, *_ in evidence(store)] == [FORK]
    ((kid, *heads),) = Intake(store, SITE, SECRET).forks()
    assert (kid, sorted(heads)) == (diary.kid, sorted([diary.head(), other.head()]))


def test_heads_that_do_not_contradict_each_other_are_passed_over(store):
    diary = Diary().fill(9)

    take_evidence(store, diary.head(8), diary.head(9), owner=diary.owner)
    take_evidence(store, diary.head(9), diary.head(9), owner=diary.owner)
    take_evidence(store, diary.head(9), with_other(diary, 5).head(), owner=None)

    assert evidence(store) == []


def signed_as(origin):
    return Diary().fill(9).head(origin=origin)


@pytest.mark.parametrize(
    "first",
    [
        Diary("west").head(),
        Diary(word="thief").head(),
        signed_as("yardpass/hz07/west/" + "01" * 8),
        signed_as("yardpass/bj01/east/" + "01" * 8),
        signed_as("yardpass/hz07/east/zz"),
        signed_as("yardpass/hz07/east/" + "01" * 7),
        signed_as("yardpass/hz07/east/" + "AB" * 8),
        signed_as("yardpass/hz07/east/"),
        "no head",
        "",
    ],
)
def test_what_is_no_head_of_that_terminal_is_no_evidence(store, first):
    diary = Diary().fill(9)

    for texts in ((first, diary.head()), (diary.head(), first)):
        with pytest.raises(Refused) as caught:
            take_evidence(store, *texts, owner=diary.owner)
        assert caught.value.reason == "R-LEDGER"

    assert evidence(store) == []


def test_a_head_that_is_not_text_is_no_evidence(store):
    with pytest.raises(Refused, match="not UTF-8"):
        Intake(store, SITE, SECRET).take_evidence(b"", b"\xff", b"\xff", Diary().owner, NOW)


def test_evidence_against_each_terminal_has_a_bound_of_its_own(store):
    intake = Intake(store, SITE, SECRET)

    with store.transaction():
        for number in range(MAX_EVIDENCE + 9):
            one = number.to_bytes(8, "big")
            for kid in (b"east", b"west"):
                intake.keep_evidence(CLONE, kid, (one, one), ("a", "b"), NOW)

    counts = store.rows("SELECT count(*) FROM feed_evidence GROUP BY kid")
    assert [count for (count,) in counts] == [MAX_EVIDENCE] * 2
