"""What fsck says of feeds as they come about: sound ones are passed, whatever their past."""

import hashlib

import pytest
from diary import NOW, SECRET, SITE, Diary, check, use
from yard import Yard, issuer, key_of

from ledger_sync import certificate, entries, snapshot, state_digest
from ledger_sync.bootstrap import trust_in
from ledger_sync.checklog import CheckLog
from ledger_sync.entries import Snapshot, Terminal
from ledger_sync.feed import check_of, use_of
from ledger_sync.fsck import findings
from ledger_sync.intake import Intake
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.masks import DAY_SECONDS
from ledger_sync.replica import Replica
from ledger_sync.shelf import MAX_ENTRIES, Shelf
from ledger_sync.store import Store

LINKS = {name: SigningKey(ED25519, name.ljust(32).encode()) for name in ("west", "new west")}
OWN = Diary("north").uses(use(-7, NOW - 1, code=b"own"))


def terminal(name, word="", link="west"):
    der = certificate.make(name, LINKS[link].seed)
    return Terminal(name, key_of(word or name).public, name, "gate", der)


YARD = Yard().add(issuer(), terminal("north"), terminal("west"))


@pytest.fixture
def store(tmp_path):
    yield from opened(tmp_path, YARD)


def opened(folder, held):
    with Store.create(folder / "store.db", origin=held.origin, floor=0) as store:
        store.row("PRAGMA synchronous = OFF")
        held.fill(Replica(store))
        yield store


def told(store, secret=SECRET, held=YARD):
    return findings(store, held.trust, site_secret=secret)


def write(store, diary, stop=None):
    log, stop = CheckLog(store), stop or diary.size
    ids = {"kid": diary.kid, "previous": diary.previous}
    number = log.open_feed(diary.origin, diary.entries[0], NOW, **ids)
    for seq in range(1, stop):
        one = use_of(diary.entries[seq], SECRET)
        log.append(number, seq, diary.entries[seq], sealed=diary.sealed[seq], use=one)
    return number


def receive(store, diary, start=0):
    intake, shelf = Intake(store, SITE, SECRET), Shelf(store)
    for batch in diary.batches(start):
        with store.transaction():
            held = shelf.histories(diary.kid, diary.incarnation)
            intake.take(batch, diary.owner, held, now=NOW)


def settle(store):
    """Looks at all entries, as the exchange does in quiet moments."""
    intake, shelf = Intake(store, SITE, SECRET), Shelf(store)
    owners = shelf.owners()
    with store.transaction():
        for held in shelf.feeds():
            intake.settle(held.number, held.size, owners.get(held.kid), now=NOW)


def acknowledge(store, number, text, peer="west"):
    with store.transaction():
        Shelf(store).put_acknowledged(number, peer, int(text.split("\n")[1]), text)


def test_a_feed_that_is_written_now_is_sound_before_its_first_head_and_behind_it(store):
    number = write(store, OWN)
    before = told(store)
    CheckLog(store).sign_off(OWN.key)

    CheckLog(store).append(number, OWN.size, check(hlc=9).to_bytes())

    assert (before, told(store)) == ([], [])


def test_without_the_sites_secret_a_sound_store_is_sound_and_less_is_told(store):
    write(store, OWN)
    receive(store, Diary("west").uses(use(5)))
    sound = told(store, b"")
    store.write("UPDATE holder_mark SET code_at = code_at + 1")

    assert (sound, told(store, b"")) == ([], [])
    assert len(told(store)) == 2


def test_another_sites_secret_is_told_for_it_reads_other_holders(store):
    write(store, OWN)

    assert any("its holder is another" in one for one in told(store, b"another"))


def test_malformed_checks_of_a_peer_are_no_damage_and_own_ones_are(store):
    receive(store, Diary("west").write(b"", b"\1garbage", bytes(3_000)))
    before = told(store)
    write(store, Diary("north").write(b"\1garbage"))

    (after,) = told(store)

    assert before == []
    assert after == f"feed {OWN.origin}: entry 1: not a check"


def test_uses_are_sound_before_they_are_settled_and_behind_it(store):
    write(store, OWN)
    receive(store, Diary("west").uses(use(5, code=b"twice")).fill(300).uses(use(6)))
    receive(store, Diary("west", start=2, previous=b"\1" * 8).uses(use(7, code=b"twice")))
    before = told(store)

    settle(store)

    assert (before, told(store)) == ([], [])
    assert store.row("SELECT count(*) FROM conflict") == (1,)


def test_what_is_sealed_beside_a_bundle_is_vouched_for_by_nobody_until_it_is_settled(store):
    batch = Diary("west").seal(b"box").fill(256).batch()._replace(sealed=b"\3bad" + bytes(255))
    with store.transaction():
        Intake(store, SITE, SECRET).take(batch, Diary("west").owner, [], now=NOW)
    before = told(store)

    settle(store)
    after = told(store)
    store.write("UPDATE feed_bundle SET sealed = ?", batch.sealed)

    assert (before, after) == ([], [])
    assert [one.partition(": ")[2] for one in told(store)] == [
        "from entry 0 on: what is sealed is not what the checks state"
    ]


def test_what_was_forgotten_is_no_damage(store):
    old = NOW - 40 * DAY_SECONDS
    own, peer = Diary("north").seal(b"own", at=old), Diary("west").seal(b"peer", at=old)
    number = write(store, own)
    CheckLog(store).sign_off(own.key)
    receive(store, peer)
    acknowledge(store, number, own.acknowledged("west", LINKS["west"]))
    later = Diary("north", start=2, previous=own.incarnation)

    CheckLog(store).forget(write(store, later), 1, NOW, NOW - 30 * DAY_SECONDS)

    assert told(store) == []
    assert Shelf(store).part(number, 0, 2).sealed == b""


def test_a_feed_of_before_a_restore_is_sound_with_what_peers_gave_back(store):
    whole = Diary("north").uses(use(-7, code=b"own")).fill(300).uses(use(-8, code=b"lost"))
    write(store, whole, 200)
    CheckLog(store).sign_off(whole.key)
    later = Diary("north", start=2, previous=whole.incarnation)
    write(store, later)

    receive(store, whole, 200)

    assert Shelf(store).bodies(1) == whole.entries
    assert told(store) == []


def test_a_disk_that_was_replaced_holds_its_own_past_as_a_peers(store):
    past = Diary("north", start=3, previous=b"\2" * 8).uses(use(-7))
    receive(store, past)
    write(store, OWN)
    acknowledge(store, 1, past.acknowledged("west", LINKS["west"]))

    assert told(store) == []


def test_starts_in_a_row_are_sound_and_one_that_was_lost_is_told(store):
    starts = [Diary("north", n, previous=bytes([n - 1]) * 8 * (n > 1)) for n in (1, 2, 3)]
    for diary in starts:
        write(store, diary)
    before = told(store)

    store.write("DELETE FROM feed WHERE id = 2")
    store.write("DELETE FROM feed_entry WHERE id / ? = 2", MAX_ENTRIES)

    assert before == []
    assert told(store) == [f"feed {starts[2].origin}: it does not follow the feed before it"]


def test_two_histories_and_what_follows_in_both_are_sound(store):
    one, other = (Diary("west").fill(n).uses(use(n, code=b"%d" % n)).fill(270) for n in (9, 12))
    for diary in (one, other):
        receive(store, diary)
    for diary in (one, other):
        receive(store, diary.fill(520), 270)

    assert store.row("SELECT count(*), max(branch), min(size) FROM feed") == (2, 1, 520)
    assert told(store) == []


def test_feeds_and_acknowledgements_of_who_is_gone_or_has_new_keys_stay_sound(tmp_path):
    held = Yard().add(issuer(), terminal("north"), terminal("west"))
    for store in opened(tmp_path, held):
        number = write(store, OWN)
        CheckLog(store).sign_off(OWN.key)
        receive(store, Diary("west").uses(use(5)))
        acknowledge(store, number, OWN.acknowledged("west", LINKS["west"]))
        sound = []

        for change in (terminal("west", "second key", "new west"), Terminal("west")):
            held.add(change).fill(Replica(store))
            sound.append(told(store, held=held))

        assert sound == [[], []]
        acknowledge(store, number, OWN.acknowledged("west", LINKS["new west"]), "new west")
        assert told(store, held=held) == [
            f"feed {OWN.origin}: the acknowledgement of new west is damaged"
        ]


def test_a_store_that_began_with_a_snapshot_knows_whose_links_were_in_it(tmp_path):
    held = Yard().add(issuer(), Terminal("bare", key_of("bare").public), terminal("west"))
    size = len(held.entries)
    with Store.create(tmp_path / "whole.db", origin=held.origin, floor=0) as whole:
        Replica(whole).append(held.entries, trust=held.trust)
        file = snapshot.packed(held.frontier, state_digest.rows_of(whole.db))
        digest = state_digest.state_digest(whole.db)
    held.add(Snapshot(size, hashlib.sha256(file).digest(), len(file), digest), terminal("north"))
    image = snapshot.with_partial(snapshot.opened(file), held.entries[:size])
    with Store.create(tmp_path / "begun.db", origin=held.origin, floor=0) as store:
        trust = trust_in(image, held.trust)
        accepted = held.accepted()._replace(start=size, chunks=[held.entries[size:]])
        Replica(store).apply(accepted, trust=trust, base=image)
        number = write(store, OWN)
        CheckLog(store).sign_off(OWN.key)
        acknowledge(store, number, OWN.acknowledged("west", LINKS["west"]))

        assert told(store, held=held) == []
        assert Replica(store).history.base() is not None


def test_an_entry_that_only_mentions_terminals_and_one_without_a_link_are_passed_over(store):
    held = Yard().add(*map(entries.parse, YARD.entries))
    held.add(entries.Rule("terminal", b"{}"), Terminal("bare", key_of("bare").public))
    held.add(Terminal("odd", key_of("odd").public, "odd", "gate", b"\x30\x82certificate"))
    held.fill(Replica(store))
    number = write(store, OWN)
    CheckLog(store).sign_off(OWN.key)

    acknowledge(store, number, OWN.acknowledged("west", LINKS["west"]))

    assert told(store, held=held) == []


def test_a_feed_that_cannot_be_read_is_told_once_and_not_for_all_that_follows_from_it(store):
    receive(store, Diary("west").uses(use(5, code=b"1")).fill(300))
    receive(store, Diary("west", start=2).uses(use(6, code=b"1")))
    store.write("UPDATE feed_bundle SET body = x'00'")

    (said,) = told(store)

    assert said.startswith(f"feed {Diary('west').origin}: the bundle ends before")


def test_evidence_of_forks_and_clones_is_sound_and_a_time_ahead_leaves_no_mark(store):
    ahead = use(9, NOW + 10**6, code=b"ahead")
    for diary in (Diary("west").uses(ahead), Diary("west").write(b"2"), Diary("west", start=2)):
        receive(store, diary)

    kinds = [kind for (kind,) in store.rows("SELECT kind FROM feed_evidence ORDER BY id")]
    assert kinds == ["fork", "clone"]
    assert store.row("SELECT count(*) FROM holder_mark") == (0,)
    assert check_of(Shelf(store).bodies(1)[1]).code_at == NOW + 10**6
    assert told(store) == []
