"""The replica: applied as a whole or not at all, and what it answers the gate."""

import sqlite3
from itertools import product

import pytest
from yard import LIST, NOW, ORIGIN, Yard, handle_of, issuer, key_of, pass_of, small_yard, status

from ledger_sync import replica as module
from ledger_sync.accept import NOWHERE
from ledger_sync.entries import Rule, Unknown, Unpass
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, ES256
from ledger_sync.replica import IssuerKey, Replica, Standing
from ledger_sync.state import holder_of, number_of
from ledger_sync.store import Store

FLOOR = NOW - 5_000
HOLDER = holder_of(key_of("anna").public.raw)


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


def mark(store, holder, at):
    store.write("INSERT OR REPLACE INTO holder_mark VALUES (?, ?)", holder, at)


def test_a_new_replica_stands_nowhere(replica):
    ledger = replica.ledger()

    assert ledger == (0, ORIGIN, 0, NOWHERE.root, 0, FLOOR, 0)
    assert replica.position() == NOWHERE
    assert (replica.note(), replica.pass_count(), list(replica.entries())) == (b"", 0, [])
    assert (replica.frontier().size, replica.issuers(), replica.rule("gate")) == (0, {}, None)


def test_what_was_accepted_is_the_state(replica):
    yard = small_yard()

    replica.apply(yard.accepted())

    assert replica.ledger() == (1, ORIGIN, *yard.position, NOW, NOW, 4)
    assert replica.position() == yard.position
    assert replica.frontier().peaks == yard.frontier.peaks
    assert replica.note() == yard.note
    assert list(replica.entries()) == yard.entries
    assert replica.pass_count() == 1
    assert replica.rule("gate") == b"{}"


def test_any_way_to_cut_a_ledger_gives_the_same_rows_byte_for_byte(tmp_path):
    yard = small_yard()
    dumps = set()
    for cut in range(len(yard.entries) + 1):
        with Store.create(tmp_path / f"{cut}.db", origin=ORIGIN, floor=FLOOR) as store:
            replica = Replica(store)
            for part in (Yard(entries=yard.entries[:cut]), yard):
                replica.apply(part.accepted(replica.position()))
            dumps.add("\n".join(dump(store)))

    assert len(dumps) == 1


def test_an_error_at_any_statement_leaves_the_old_state(store, replica):
    replica.apply(Yard().add(pass_of("anna")).accepted())
    before = dump(store)
    accepted = Yard(entries=list(replica.entries()))
    accepted.entries += small_yard().entries
    accepted = accepted.accepted(replica.position())
    tables = ("ledger_entry", "issuer", "status_list", "pass", "status", "rule")
    for table, when in [*((table, "INSERT") for table in tables), ("ledger", "UPDATE")]:
        store.write(
            f"CREATE TEMP TRIGGER broken BEFORE {when} ON {table} BEGIN"
            " SELECT RAISE(ABORT, 'the card is worn out'); END"
        )
        with pytest.raises(Unavailable, match="the card is worn out"):
            replica.apply(accepted)
        store.write("DROP TRIGGER broken")
        assert dump(store) == before
        assert not store.db.in_transaction

    replica.apply(accepted)

    assert replica.ledger().size == 8


def test_an_interrupted_apply_leaves_the_old_state(store, replica, monkeypatch):
    monkeypatch.setattr(module, "PROGRESS_EVERY", 2)
    before, seen = dump(store), []

    def stop(seq):
        seen.append(seq)
        if seq == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replica.apply(small_yard().accepted(), progress=stop)

    assert seen == [0, 2, 4]
    assert dump(store) == before


def test_a_ledger_that_another_process_moved_is_not_moved_back(store, replica):
    yard = small_yard()
    slow, same = Yard(entries=yard.entries[:3]).accepted(), Yard().accepted()
    replica.apply(yard.accepted())
    before = dump(store)

    for stale in (slow, same):
        with pytest.raises(Refused, match="meanwhile; retry"):
            replica.apply(stale)

    assert dump(store) == before


def test_version_moves_with_every_change_and_the_floor_only_up(replica):
    yard = small_yard()
    seen = []
    for time in (NOW, NOW - 9, NOW + 9):
        yard.cosigned = {"committee": time, "property": time}
        replica.apply(yard.accepted(replica.position()))
        ledger = replica.ledger()
        seen.append((ledger.version, ledger.quorum_time, ledger.floor))
        assert replica.standing(LIST, 7, None).version == ledger.version

    assert seen == [(1, NOW, NOW), (2, NOW, NOW), (3, NOW + 9, NOW + 9)]


def test_a_quorum_before_the_floor_leaves_the_floor(replica):
    yard = Yard(cosigned={"committee": 5, "property": 5})

    replica.apply(yard.accepted())

    assert (replica.ledger().quorum_time, replica.ledger().floor) == (5, FLOOR)


def test_critical_classes_add_up(replica):
    yard = Yard().add(Unknown("a", 1), Unknown("b", 4), Unknown("c", 0))

    replica.apply(yard.accepted())

    assert replica.ledger().critical == 5


@pytest.mark.parametrize(
    ("value", "last_at", "alg"), list(product([None, 0, 1, 2, 3], [0, NOW], [ED25519, ES256]))
)
def test_an_enrolled_pass_is_answered_with_how_its_holder_stands(
    store, replica, value, last_at, alg
):
    yard = Yard().add(pass_of("anna", alg=alg))
    if value is not None:
        yard.add(status((7, value), (8, 1)))
    replica.apply(yard.accepted())
    raw = key_of("anna", alg).public.raw
    if last_at:
        mark(store, holder_of(raw), last_at)

    found = replica.enrolled(handle_of("anna"))

    kid = key_of("issuer").public.kid
    assert found == (
        *(kid, 2, 5, 1, NOW - 100, NOW + 100, raw, holder_of(raw)),
        *(value or 0, last_at, 1),
    )
    assert replica.standing(LIST, 7, holder_of(raw)) == Standing(value or 0, last_at, 1)


def test_unknown_bearer_and_removed_handles_are_not_enrolled(replica):
    yard = Yard().add(
        pass_of("bearer", alg=None), pass_of("gone"), Unpass(handle_of("gone")), pass_of("anna")
    )

    replica.apply(yard.accepted())

    for word in ("nobody", "bearer", "gone"):
        assert replica.enrolled(handle_of(word)) is None
    assert replica.enrolled(handle_of("anna")) is not None
    assert replica.pass_count() == 2


def test_a_pass_enrolled_again_takes_the_place_of_the_old_one(replica):
    yard = Yard().add(pass_of("anna"), status((7, 1)), pass_of("anna", index=9))

    replica.apply(yard.accepted())

    assert replica.enrolled(handle_of("anna")).status == 0
    assert replica.pass_count() == 1


def test_lists_do_not_reach_into_one_another(replica):
    other, last = LIST + "2", 131_071
    yard = Yard().add(
        status((0, 1), (last, 2)),
        status((0, 3), uri=other),
        pass_of("anna", index=last),
        pass_of("bela", uri=other, index=0),
        pass_of("carl", uri=other, index=last),
    )

    replica.apply(yard.accepted())

    assert [replica.enrolled(handle_of(word)).status for word in ("anna", "bela", "carl")] == [
        *(2, 3, 0)
    ]
    found = [
        replica.standing(uri, index, None).status for uri in (LIST, other) for index in (0, last)
    ]
    assert found == [1, 2, 3, 0]


@pytest.mark.parametrize("index", [0, 7, 131_071])
def test_the_standing_in_a_list_nobody_published_is_unknown(store, replica, index):
    replica.apply(Yard().add(pass_of("anna"), status((7, 1))).accepted())
    mark(store, HOLDER, NOW)

    assert replica.standing(LIST + "?", index, HOLDER) == Standing(-1, NOW, 1)
    assert replica.standing(LIST, index, HOLDER) == Standing(int(index == 7), NOW, 1)
    assert replica.standing(LIST, index, None) == Standing(int(index == 7), 0, 1)


def test_of_two_statuses_or_rules_the_later_in_the_ledger_counts(replica):
    yard = Yard().add(status((7, 1)), status((7, 3), at=NOW - 9), Rule("a", b"1"), Rule("a", b"2"))

    replica.apply(yard.accepted())

    assert replica.standing(LIST, 7, None).status == 3
    assert (replica.rule("a"), replica.rule("b")) == (b"2", None)


def test_issuers_are_found_by_kid_and_two_may_share_one(store, replica):
    replica.apply(Yard().add(issuer("one", classes=1), issuer("one", classes=3)).accepted())
    one, two = key_of("one").public, key_of("two", ES256).public
    store.write("INSERT INTO issuer VALUES (?, 'two', ?, ?, 1, 2, 4)", one.kid, two.alg, two.raw)

    found = replica.issuers()

    assert set(found) == {one.kid}
    assert set(found[one.kid]) == {
        IssuerKey(one, NOW - 1_000, NOW + 1_000, 3, "Hofzeile 7"),
        IssuerKey(two, 1, 2, 4, "two"),
    }


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
        lambda: list(replica.entries()),
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
