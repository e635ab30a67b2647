"""The replica: applied as a whole or not at all, and what it answers the gate."""

import sqlite3
import struct
from dataclasses import replace
from itertools import chain, product

import pytest
from yard import (
    LIST,
    NOW,
    ORIGIN,
    Yard,
    charter,
    full_yard,
    handle_of,
    issuer,
    key_of,
    pass_of,
    shard,
    small_yard,
    snapshot_after,
    status,
)

from ledger_sync import entries, materialise
from ledger_sync.accept import NOWHERE, accept
from ledger_sync.entries import Blob, Recognise, Rule, Snapshot, Terminal, Unknown, Unpass
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.history import MAX_EVIDENCE
from ledger_sync.keys import ED25519, ES256
from ledger_sync.merkle import Frontier, frontier_of
from ledger_sync.replica import IssuerKey, Replica, Standing
from ledger_sync.spool import Spool
from ledger_sync.state import LIST_SIZE, holder_of, number_of
from ledger_sync.state_digest import TABLES, rows_of, state_digest
from ledger_sync.store import Store
from ledger_sync.tiles import bundle_of
from ledger_sync.trust import digest_of, pinned

FLOOR = NOW - 5_000
HOLDER = holder_of(key_of("anna").public.raw)
PLACES = f'{{"z3":{NOW * 2}}}'


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store.db", origin=ORIGIN, floor=FLOOR) as store:
        yield store


@pytest.fixture
def replica(store):
    return Replica(store)


def dump(store):
    """All rows as text, but the time at which a migration ran."""
    return [line for line in store.db.iterdump() if '"_sqlite_migrations" VALUES' not in line]


def entries_in(replica):
    return list(chain.from_iterable(replica.bundles()))


def mark(store, holder, at):
    row = (holder, at, 0, at, 1, PLACES)  # one use, on the way in
    store.write("INSERT OR REPLACE INTO holder_mark VALUES (?, ?, ?, ?, ?, ?)", *row)


def test_a_new_replica_stands_nowhere(replica):
    ledger = replica.ledger()

    assert ledger == (0, ORIGIN, 0, NOWHERE.root, 0, FLOOR, 0)
    assert replica.position() == NOWHERE
    assert (replica.note(), replica.pass_count(), entries_in(replica)) == (b"", 0, [])
    assert (replica.frontier().size, replica.issuers(), replica.rule("gate")) == (0, {}, None)


def test_what_was_accepted_is_the_state(replica):
    yard = small_yard()

    yard.fill(replica)

    assert replica.ledger() == (1, ORIGIN, *yard.position, NOW, NOW, 4)
    assert replica.position() == yard.position
    assert replica.frontier().peaks == yard.frontier.peaks
    assert replica.note() == yard.note
    assert list(replica.bundles()) == [yard.entries]
    assert replica.pass_count() == 1
    assert replica.rule("gate") == b"{}"


def test_any_way_to_cut_a_ledger_gives_the_same_rows_byte_for_byte(tmp_path):
    yard = small_yard()
    dumps = set()
    for cut in range(len(yard.entries) + 1):
        with Store.create(tmp_path / f"{cut}.db", origin=ORIGIN, floor=FLOOR) as store:
            replica = Replica(store)
            for part in (Yard(entries=yard.entries[:cut]), yard):
                part.fill(replica)
            dumps.add("\n".join(dump(store)))

    assert len(dumps) == 1


def test_an_error_at_any_statement_leaves_the_old_state(store, replica, tmp_path):
    yard = full_yard(tmp_path)
    old = Yard(genesis=yard.genesis, entries=yard.entries[:5])
    old.fill(replica)
    before = dump(store)
    accepted = yard.accepted(replica.frontier())
    tables = ("bundle", "policy", "status_list", "pass", "status", "rule", "terminal", "blob")
    tables += ("recognise", "snapshot", "bridge")
    writes = [*((table, "INSERT") for table in tables), ("ledger", "UPDATE")]
    writes += [(table, "DELETE") for table in ("pass", "terminal", "recognise")]
    for table, when in [*writes, ("status_list", "UPDATE")]:
        store.write(
            f"CREATE TEMP TRIGGER broken BEFORE {when} ON {table} BEGIN"
            " SELECT RAISE(ABORT, 'the card is worn out'); END"
        )
        with pytest.raises(Unavailable, match="the card is worn out"):
            replica.apply(accepted, trust=yard.trust)
        store.write("DROP TRIGGER broken")
        assert dump(store) == before
        assert not store.db.in_transaction

    replica.apply(accepted, trust=yard.trust)

    assert replica.ledger().size == len(yard.entries)


def test_an_interrupted_apply_leaves_the_old_state(store, replica):
    yard = Yard().add(issuer(), *(pass_of(f"p{number}", index=number) for number in range(600)))
    before, seen = dump(store), []

    def stop(size):
        seen.append(size)
        if size == 512:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replica.apply(yard.accepted(), trust=yard.trust, progress=stop)

    assert seen == [256, 512]
    assert dump(store) == before


def test_a_ledger_that_another_process_moved_is_not_moved_back(store, replica):
    yard = small_yard()
    slow, same = Yard(entries=yard.entries[:3]).accepted(), Yard().accepted()
    yard.fill(replica)
    before = dump(store)

    for stale in (slow, same):
        with pytest.raises(Refused, match="meanwhile; retry"):
            replica.apply(stale, trust=yard.trust)

    assert dump(store) == before


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "ends in the middle"),
        (b"\xff", "ledger entry"),
        (entries.to_bytes(status((7, 1), at=NOW - 1)), "was applied before"),
        (entries.to_bytes(pass_of()._replace(kid=bytes(8))), "of no issuer"),
        (entries.to_bytes(shard(word="stranger")), "nobody known"),
        (entries.to_bytes(Snapshot(9, bytes(32), 1, bytes(32))), "stands at"),
        (entries.to_bytes(Snapshot(7, bytes(32), 1, bytes(32))), "another state"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_an_entry_that_may_not_stand_there_refuses_all_though_everybody_signed(
    store, replica, raw, why
):
    yard = Yard(entries=small_yard().entries[:-1])
    Yard(entries=yard.entries[:4]).fill(replica)
    before = dump(store)
    yard.add(pass_of("carl"))
    yard.entries.append(raw)

    with pytest.raises(Refused, match=why) as caught:
        yard.fill(replica)

    assert caught.value.reason == "R-LEDGER"
    assert dump(store) == before


@pytest.mark.parametrize("count", [0, 1, 6, 8])
def test_fewer_or_more_entries_than_were_verified_are_not_applied(store, replica, count):
    yard = small_yard()
    before = dump(store)

    other = yard.accepted()._replace(chunks=[[*yard.entries, yard.entries[-1]][:count]])
    with pytest.raises(Refused, match="changed after they were verified"):
        replica.apply(other, trust=yard.trust)

    assert dump(store) == before


def test_entries_the_disk_gives_back_otherwise_than_it_got_them_are_not_applied(
    store, replica, tmp_path, monkeypatch
):
    yard = small_yard()
    before = dump(store)
    with Spool(tmp_path) as spool:
        spool.add(yard.entries)
        accepted = accept(yard.candidate(), spool, trust=yard.trust, frontier=Frontier())
        changed = [*yard.entries[:-1], entries.to_bytes(Unknown("lockdown", 2))]
        record = bundle_of(changed)
        head = struct.pack(">HI", len(changed), len(record))
        monkeypatch.setattr(spool, "_records", lambda: iter([(head, record)]))

        with pytest.raises(Refused, match="the disk lost entries"):
            replica.apply(accepted, trust=yard.trust)

    assert dump(store) == before


def test_version_moves_with_every_change_and_the_floor_only_up(replica):
    yard = small_yard()
    seen = []
    for time in (NOW, NOW - 9, NOW + 9):
        yard.cosigned = {"committee": time, "property": time}
        yard.fill(replica)
        ledger = replica.ledger()
        seen.append((ledger.version, ledger.quorum_time, ledger.floor))
        assert replica.standing(LIST, 7, None).version == ledger.version

    assert seen == [(1, NOW, NOW), (2, NOW, NOW), (3, NOW + 9, NOW + 9)]


def test_a_quorum_before_the_floor_leaves_the_floor(replica):
    yard = Yard(cosigned={"committee": 5, "property": 5})

    yard.fill(replica)

    assert (replica.ledger().quorum_time, replica.ledger().floor) == (5, FLOOR)


def test_critical_classes_add_up(replica):
    yard = Yard().add(Unknown("a", 1), Unknown("b", 4), Unknown("c", 0))

    yard.fill(replica)

    assert replica.ledger().critical == 5


@pytest.mark.parametrize(
    ("value", "last_at", "alg"), list(product([None, 0, 1, 2, 3], [0, NOW], [ED25519, ES256]))
)
def test_an_enrolled_pass_is_answered_with_how_its_holder_stands(
    store, replica, value, last_at, alg
):
    yard = Yard().add(issuer(), pass_of("anna", alg=alg))
    if value is not None:
        yard.add(status((7, value), (8, 1)))
    yard.fill(replica)
    raw = key_of("anna", alg).public.raw
    if last_at:
        mark(store, holder_of(raw), last_at)

    found = replica.enrolled(handle_of("anna"))

    kid = key_of("issuer").public.kid
    never = (-1, 0, 0, "{}")
    use = (0, last_at, 1, PLACES) if last_at else never  # way, when, the first of all, and where
    assert found == (
        *(kid, 2, 5, 1, NOW - 100, NOW + 100, raw, holder_of(raw)),
        *(value or 0, last_at, *use, 1),
    )
    assert replica.standing(LIST, 7, holder_of(raw)) == Standing(value or 0, last_at, *use, 1)


def test_unknown_bearer_and_removed_handles_are_not_enrolled(replica):
    gone = (pass_of("gone"), Unpass(handle_of("gone")))
    yard = Yard().add(issuer(), pass_of("bearer", alg=None), *gone, pass_of("anna"))

    yard.fill(replica)

    for word in ("nobody", "bearer", "gone"):
        assert replica.enrolled(handle_of(word)) is None
    assert replica.enrolled(handle_of("anna")) is not None
    assert replica.pass_count() == 2


def test_a_pass_enrolled_again_takes_the_place_of_the_old_one(replica):
    yard = Yard().add(issuer(), pass_of("anna"), status((7, 1)), pass_of("anna", index=9))

    yard.fill(replica)

    assert replica.enrolled(handle_of("anna")).status == 0
    assert replica.pass_count() == 1


def test_lists_do_not_reach_into_one_another(replica):
    other, last = LIST + "2", 131_071
    yard = Yard().add(
        issuer(),
        status((0, 1), (last, 2)),
        status((0, 3), uri=other),
        pass_of("anna", index=last),
        pass_of("bela", uri=other, index=0),
        pass_of("carl", uri=other, index=last),
    )

    yard.fill(replica)

    assert [replica.enrolled(handle_of(word)).status for word in ("anna", "bela", "carl")] == [
        *(2, 3, 0)
    ]
    found = [
        replica.standing(uri, index, None).status for uri in (LIST, other) for index in (0, last)
    ]
    assert found == [1, 2, 3, 0]


@pytest.mark.parametrize("index", [0, 7, 131_071])
def test_the_standing_in_a_list_nobody_published_is_unknown(store, replica, index):
    Yard().add(issuer(), pass_of("anna"), status((7, 1))).fill(replica)
    mark(store, HOLDER, NOW)

    assert replica.standing(LIST + "?", index, HOLDER) == Standing(-1, NOW, 0, NOW, 1, PLACES, 1)
    status_here = int(index == 7)
    assert replica.standing(LIST, index, HOLDER) == Standing(
        status_here, NOW, 0, NOW, 1, PLACES, 1
    )
    assert replica.standing(LIST, index, None) == Standing(status_here, 0, -1, 0, 0, "{}", 1)


def test_of_two_statuses_or_rules_the_later_in_the_ledger_counts(replica):
    yard = Yard().add(status((7, 1)), status((7, 3)), Rule("a", b"1"), Rule("a", b"2"))

    yard.fill(replica)

    assert replica.standing(LIST, 7, None).status == 3
    assert (replica.rule("a"), replica.rule("b")) == (b"2", None)


def test_issuers_are_found_by_kid_and_two_may_share_one(store, replica):
    Yard().add(issuer("one", classes=1), issuer("one", classes=3)).fill(replica)
    one, two = key_of("one").public, key_of("two", ES256).public
    row = (one.kid, two.alg, two.raw)
    store.write("INSERT INTO issuer VALUES (?, 'two', ?, ?, 1, 2, 4, NULL)", *row)

    found = replica.issuers()

    assert set(found) == {one.kid}
    assert set(found[one.kid]) == {
        IssuerKey(one, NOW - 1_000, NOW + 1_000, 3, "Hofzeile 7"),
        IssuerKey(two, 1, 2, 4, "two"),
    }


@pytest.mark.parametrize(("rights", "found"), [(None, 1), (0, 0), (1, 1), (2, 0), (3, 1)])
def test_a_key_that_may_only_sign_deny_notes_is_no_issuer_of_passes(replica, rights, found):
    Yard().add(replace(issuer(), rights=rights)).fill(replica)

    assert len(replica.issuers()) == found


def test_a_store_without_its_ledger_row_is_unavailable_not_empty(store, replica):
    store.write("DELETE FROM ledger")

    for ask in (replica.ledger, replica.position, lambda: replica.standing(LIST, 7, None)):
        with pytest.raises(Unavailable, match="yardpass ledger fsck"):
            ask()
    assert replica.enrolled(handle_of("anna")) is None
    assert (replica.frontier().size, replica.note()) == (0, b"")


def test_a_store_that_fails_is_unavailable_to_every_reader(store, replica):
    store.close()

    for ask in (
        replica.ledger,
        replica.issuers,
        replica.note,
        lambda: replica.enrolled(handle_of("anna")),
        lambda: replica.standing(LIST, 7, HOLDER),
        lambda: list(replica.bundles()),
        lambda: replica.bundle(0),
        replica.history.bridges,
        replica.history.evidence,
    ):
        with pytest.raises(Unavailable) as caught:
            ask()
        assert isinstance(caught.value.__cause__, sqlite3.Error)


def test_handles_of_every_sign_are_keys_of_their_own(store, replica):
    key = key_of("anna").public
    for number, raw in enumerate(("00" * 8, "ff" * 8, "80" + "00" * 7, "7f" + "ff" * 7)):
        row = (number_of(bytes.fromhex(raw)), key.kid, 131_072, number, key.raw)
        store.write("INSERT INTO pass VALUES (?, ?, 's', ?, ?, 0, 0, 0, 0, -8, ?, 1)", *row)

    found = [replica.enrolled(bytes.fromhex(raw)).klass for raw in ("00" * 8, "ff" * 8)]

    assert found == [0, 1]


# The entries as they are kept: bundles of 256, the last one partly filled.


def many(count, start=0):
    return [Unpass(number.to_bytes(8, "big")) for number in range(start, start + count)]


@pytest.mark.parametrize("sizes", [(1, 255, 1), (255, 2), (256, 256), (300, 1), (1, 600), (513,)])
def test_bundles_fill_up_to_256_entries_however_the_ledger_arrived(store, replica, sizes):
    yard, total = Yard(), 0
    for size in sizes:
        yard.add(*many(size, total)).fill(replica)
        total += size

    kept = dict(store.rows("SELECT number, body FROM bundle"))

    assert list(replica.bundles()) == yard.chunks()
    assert kept == {number: bundle_of(chunk) for number, chunk in enumerate(yard.chunks())}
    assert [len(replica.bundle(number)) for number in kept] == [len(c) for c in yard.chunks()]


@pytest.mark.parametrize(
    ("start", "size"), [(0, 600), (1, 600), (255, 257), (256, 512), (300, 301), (600, 600), (0, 0)]
)
def test_bundles_are_read_from_any_entry_to_any_other(replica, start, size):
    yard = Yard().add(*many(600))
    yard.fill(replica)

    found = list(replica.bundles(start, size))

    assert list(chain.from_iterable(found)) == yard.entries[start:size]
    assert all(found)


@pytest.mark.parametrize(("start", "size"), [(-1, 5), (6, 5), (0, 2**63)])
def test_entries_outside_of_any_ledger_are_refused(replica, start, size):
    small_yard().fill(replica)

    with pytest.raises(Refused):
        list(replica.bundles(start, size))


@pytest.mark.parametrize(("number", "size"), [(0, None), (1, None), (1, 300), (-1, None)])
def test_a_bundle_that_was_lost_is_unavailable_with_the_way_to_get_it_back(
    store, replica, number, size
):
    Yard().add(*many(300)).fill(replica)
    store.write("DELETE FROM bundle")

    with pytest.raises(Unavailable, match=r"fetch it .*yardpass ledger import"):
        replica.bundle(number)
    with pytest.raises(Unavailable, match="bundle"):
        list(replica.bundles(0, size))


def test_nothing_is_put_behind_a_bundle_that_was_lost(store, replica):
    yard = Yard().add(*many(3))
    yard.fill(replica)
    store.write("DELETE FROM bundle")
    before = dump(store)

    with pytest.raises(Refused, match="bundle 0 of the store is missing"):
        yard.add(*many(1, 3)).fill(replica)

    assert dump(store) == before


def test_nothing_is_put_behind_a_bundle_that_was_damaged(store, replica):
    yard = Yard().add(*many(3))
    yard.fill(replica)
    store.write("UPDATE bundle SET body = substr(body, 2)")

    with pytest.raises(Refused, match="bundle ends before entry"):
        yard.add(*many(1, 3)).fill(replica)


# Adding to one's own log, before anybody has signed.


def test_what_is_appended_is_the_state_without_a_checkpoint(store, replica, tmp_path):
    yard = full_yard(tmp_path)

    sizes = [
        replica.append(part, trust=replica.history.trust(yard.trust))
        for part in (yard.entries, [])
    ]

    assert sizes == [len(yard.entries)] * 2
    assert replica.position() == yard.position
    assert replica.frontier().peaks == yard.frontier.peaks
    assert (replica.note(), *replica.ledger()[4:6]) == (b"", 0, FLOOR)
    with Store.create(tmp_path / "theirs.db", origin=ORIGIN, floor=0) as theirs:
        yard.fill(Replica(theirs))
        assert state_digest(theirs.db) == state_digest(store.db)


def test_what_is_written_within_an_append_stands_or_falls_with_it(store, replica):
    before = dump(store)

    def spoil(db):
        db.execute("UPDATE ledger SET floor = 1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replica.append(map(entries.to_bytes, many(3)), trust=Yard().trust, within=spoil)
    after = dump(store)
    seen = []
    replica.append(map(entries.to_bytes, many(3)), trust=Yard().trust, within=seen.append)

    assert after == before
    assert seen == [store.db]
    assert replica.ledger().size == 3


def test_of_a_batch_with_one_bad_entry_nothing_is_appended(store, replica):
    before = dump(store)

    with pytest.raises(Refused, match="of no issuer"):
        replica.append(map(entries.to_bytes, [*many(600), pass_of()]), trust=Yard().trust)

    assert dump(store) == before


def test_issuers_and_lists_of_earlier_batches_are_known_to_later_ones(store, replica):
    trust = Yard().trust
    replica.append([entries.to_bytes(issuer()), entries.to_bytes(status((1, 1)))], trust=trust)

    replica.append([entries.to_bytes(pass_of()), entries.to_bytes(shard((7, 3)))], trust=trust)

    assert replica.enrolled(handle_of("anna")).status == 3
    assert [replica.standing(LIST, at, None).status for at in (7, 1)] == [3, 0]
    with pytest.raises(Refused, match="was applied before"):
        replica.append([entries.to_bytes(status((1, 1), at=NOW - 1))], trust=trust)


# What each kind leaves in the store.


def test_the_other_kinds_are_rows_that_stand_until_they_are_taken_back(store, tmp_path):
    yard = full_yard(tmp_path)
    yard.fill(Replica(store))
    second = pinned(yard.entries[0], ORIGIN)
    certificate, hints = b"\x30\x82certificate", "10.0.0.7:4711\ngate-n.local"

    terminals = list(store.rows("SELECT * FROM terminal ORDER BY name"))
    recognised = list(store.rows("SELECT * FROM recognise ORDER BY authority"))
    blobs = list(store.rows("SELECT * FROM blob ORDER BY name"))
    policies = list(store.rows("SELECT version, seq FROM policy"))
    rights = dict(store.rows("SELECT name, rights FROM issuer"))

    assert terminals == [
        ("n", ED25519, key_of("n").public.raw, "north", "gate", certificate, hints),
        ("s", ES256, key_of("s", ES256).public.raw, "", "", None, ""),
    ]
    assert recognised == [
        ("yardpass/bj01", bytes(range(32)), 6, bytes((0, 1, 1, 3)), 3_600, NOW + 1),
        ("yardpass/bj02", bytes(32), 0, bytes((0, 1, 2, 3)), 0, 0),
    ]
    assert blobs == [
        ("help", bytes(32), 0, ""),
        ("update", bytes(range(32, 64)), 1 << 20, hints),
    ]
    assert policies == [(1, 0), (2, len(yard.entries) - 3)]
    assert rights == {"Hofzeile 7": None, "Hofzeile 9": 63, "guard": 10}
    assert second.version == 1
    assert store.row("SELECT size FROM snapshot") == (len(yard.entries) - 2,)
    assert store.row("SELECT seq FROM skipped") == (len(yard.entries) - 1,)


def test_a_terminal_recognition_or_blob_of_the_same_name_takes_the_place_of_the_old_one(
    store, replica
):
    def of(raw):
        return [
            Terminal("n", key_of(raw).public, raw),
            Recognise("yardpass/bj01", raw.encode() * 32),
            Blob("update", raw.encode() * 32, ord(raw)),
        ]

    Yard().add(*of("a"), *of("b")).fill(replica)

    assert store.row("SELECT key, gate FROM terminal") == (key_of("b").public.raw, "b")
    assert store.row("SELECT policy FROM recognise") == (b"b" * 32,)
    assert store.row("SELECT sha256, length FROM blob") == (b"b" * 32, ord("b"))


def test_a_shard_replaces_all_that_its_list_said_and_nothing_of_another(replica):
    other = LIST + "2"
    yard = Yard().add(
        issuer(), status((7, 1), (131_071, 2)), status((7, 1), (0, 1), uri=other), shard((3, 2))
    )

    yard.fill(replica)

    def told(uri):
        return [replica.standing(uri, at, None).status for at in (0, 3, 7, 131_071)]

    assert told(LIST) == [0, 2, 0, 0]
    assert told(other) == [1, 0, 1, 0]


@pytest.mark.parametrize("value", [4, 5, 6, 7])
def test_a_denial_stays_on_top_of_whatever_the_ledger_says(store, replica, value):
    yard = Yard().add(issuer(), status((7, 1), (8, 1)))
    yard.fill(replica)
    store.write("UPDATE status SET value = ? WHERE slot = ?", value, LIST_SIZE + 7)

    def value_of(index):
        row = store.row("SELECT value FROM status WHERE slot = ?", LIST_SIZE + index)
        return row and row[0]

    seen = []
    for change in (status((7, 3), (8, 2)), shard((9, 1)), shard((7, 2))):
        yard.add(change).fill(replica)
        seen.append((value_of(7), value_of(8)))

    assert seen == [(7, 2), (4, None), (6, None)]


# How the trust of a store came about.


def test_the_policy_in_force_is_the_newest_of_the_ledger(replica, tmp_path):
    yard, bare = full_yard(tmp_path), Yard().trust
    before = replica.history.trust(yard.trust)

    yard.fill(replica)

    assert before == yard.trust
    assert replica.history.trust(yard.trust).version == 2
    assert replica.history.trust(yard.trust, at=1) == yard.trust
    assert replica.history.trust(replace(yard.trust, cosigning=True)).cosigning
    with pytest.raises(Refused, match="make the terminal anew"):
        replica.history.trust(bare)


def test_a_store_of_another_first_policy_is_not_believed(replica, tmp_path):
    full_yard(tmp_path).fill(replica)

    with pytest.raises(Refused, match="not descend from the pinned policy"):
        replica.history.trust(pinned(entries.to_bytes(charter(announced=())), ORIGIN))


def test_the_checkpoint_that_led_from_one_policy_to_the_next_is_kept(replica, tmp_path):
    yard = full_yard(tmp_path)
    first = Yard(genesis=yard.genesis, entries=yard.entries[:4])
    first.fill(replica)
    before = replica.history.bridges()
    yard.fill(replica)
    bridge = yard.note
    yard.add(Unknown("a", 0))
    replica.apply(yard.accepted(replica.frontier()), trust=replica.history.trust(yard.trust))

    assert (before, replica.history.bridges()) == ([], [(1, bridge)])
    assert (replica.history.bridge(1), replica.history.bridge(2)) == (bridge, None)
    assert replica.history.trust(yard.trust).digest == digest_of(entries.parse(yard.entries[-4]))


def test_evidence_is_kept_once_and_in_order(replica):
    history = replica.history
    pairs = [(5, b"a", b"b"), (6, b"a", b"b"), (4, b"b", b"a"), (3, b"c", b"b")]
    for at, first, second in pairs:  # the third is the first, told the other way round
        history.keep_evidence(first, second, at=at)

    assert history.evidence() == [(5, b"a", b"b"), (3, b"c", b"b")]


def test_more_signature_lines_and_more_forks_do_not_fill_the_disk(replica):
    history = replica.history
    history.keep_evidence(b"a\n\none", b"b\n\none", at=1)
    history.keep_evidence(b"a\n\none\ntwo", b"b\n\ntwo", at=2)
    once = history.evidence()

    for number in range(MAX_EVIDENCE + 5):
        history.keep_evidence(b"a", b"%d" % number, at=number)

    assert once == [(1, b"a\n\none", b"b\n\none")]
    assert len(history.evidence()) == MAX_EVIDENCE


def test_tags_are_kept_by_place_and_the_newest_counts(replica):
    history = replica.history
    for place, tag in [("a", "1"), ("b", "2"), ("a", "3")]:
        history.keep_tag(place, tag)

    assert [history.tag(place) for place in "abc"] == ["3", "2", ""]


# The digest of the state (invariant I2).


def digests_of(yard, folder, cuts):
    """The digest and position of a store that took the ledger in at these sizes."""
    with Store.create(folder / f"{len(cuts)}-{sum(cuts)}.db", origin=ORIGIN, floor=0) as store:
        replica = Replica(store)
        for cut in [*cuts, len(yard.entries)]:
            part = yard.entries[replica.ledger().size : cut]
            replica.append(part, trust=replica.history.trust(yard.trust))
        return state_digest(store.db), replica.position()


def test_any_batches_of_a_ledger_end_in_the_same_state(tmp_path, monkeypatch):
    yard = full_yard(tmp_path)
    found = set()
    for batch in (1, 3, 4_096):
        monkeypatch.setattr(materialise, "BATCH", batch)
        for step in (1, 2, 7, 99):
            folder = tmp_path / f"{batch}-{step}"
            folder.mkdir()
            cuts = list(range(step, len(yard.entries), step))
            found.add(digests_of(yard, folder, cuts))

    assert len(found) == 1


def test_a_snapshot_is_believed_only_where_replaying_gives_its_state(store, replica, tmp_path):
    yard = Yard(entries=small_yard().entries[:-1])
    right = snapshot_after(yard, tmp_path)
    wrong = replace(right, digest=right.digest[:-1] + bytes((right.digest[-1] ^ 1,)))

    with pytest.raises(Refused, match="another state"):
        Yard(entries=[*yard.entries, entries.to_bytes(wrong)]).fill(replica)
    yard.add(right)
    yard.add(snapshot_after(yard, tmp_path)).fill(replica)

    assert list(store.rows("SELECT size FROM snapshot")) == [(6,), (7,)]
    assert store.row("SELECT digest FROM snapshot") == (right.digest,)


def test_a_terminal_that_had_to_skip_an_entry_does_not_judge_snapshots(store, replica):
    yard = small_yard().add(Snapshot(7, bytes(32), 1, bytes(32)))

    yard.fill(replica)

    assert store.row("SELECT seq FROM skipped") == (6,)
    assert store.row("SELECT digest FROM snapshot") == (bytes(32),)


OTHER = {
    "INTEGER": "coalesce({0}, 0) + 1000000007",
    "BLOB": "CAST(coalesce({0}, x'') || x'21' AS BLOB)",
    "TEXT": "{0} || '!'",
}
"""A value that stands nowhere, by type of the column it is made from."""


def test_any_value_that_is_altered_and_any_row_that_is_lost_changes_the_digest(store, tmp_path):
    full_yard(tmp_path).fill(Replica(store))
    store.write("DELETE FROM status WHERE value = 0")  # a row that says nothing
    good = state_digest(store.db)
    seen = []

    def is_told(statement, key):
        store.write("SAVEPOINT whole")
        store.write(statement, key)
        seen.append((state_digest(store.db), statement, key))
        store.write("ROLLBACK TO whole")
        store.write("RELEASE whole")

    for table in TABLES.keys() - {"ledger"}:
        columns = list(store.rows("SELECT name, type, pk FROM pragma_table_info(?)", table))
        key = max(columns, key=lambda column: column[2])[0]
        for (row,) in list(store.rows(f"SELECT {key} FROM {table}")):
            is_told(f"DELETE FROM {table} WHERE {key} = ?", row)
            for name, kind, _ in columns:
                other = "1 + value % 3" if name == "value" else OTHER[kind].format(name)
                is_told(f"UPDATE {table} SET {name} = {other} WHERE {key} = ?", row)
    is_told("UPDATE ledger SET critical = critical + ?", 1)

    assert len({digest for digest, *_ in seen} | {good}) == len(seen) + 1
    assert len(seen) > 140
    assert state_digest(store.db) == good


def test_a_denial_does_not_change_the_digest(store, tmp_path):
    yard = full_yard(tmp_path)
    yard.fill(Replica(store))
    good = state_digest(store.db)

    store.write("UPDATE status SET value = value | 4")
    store.write("INSERT INTO status VALUES (5, 4)")

    assert state_digest(store.db) == good


def test_checks_marks_evidence_and_what_a_terminal_waits_for_are_no_part_of_the_digest(store):
    small_yard().fill(Replica(store))
    good = state_digest(store.db)

    mark(store, HOLDER, NOW)
    Replica(store).history.keep_evidence(b"a", b"b", at=1)
    Replica(store).history.keep_tag("place", "tag")
    Replica(store).history.keep_bridge(3, b"note")
    store.write("UPDATE ledger SET version = 9, floor = 9, quorum_time = 8")

    assert state_digest(store.db) == good


def test_the_digest_covers_every_row_behind_its_length(store):
    small_yard().fill(Replica(store))

    rows = list(rows_of(store.db))

    assert len(rows) == len(set(rows)) == 1 + 1 + 1 + 1 + 1 + 1
    assert frontier_of(rows).size == len(rows)
