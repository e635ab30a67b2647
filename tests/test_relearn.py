"""What one version had to skip, the next one applies: from the entries that were stored."""

import logging

import pytest
from authority import Book, Terminal
from desk import NOW as TODAY
from desk import judged, run
from yard import LIST, NOW, Yard, issuer, pass_of, status

from appliance.gate.assembly import open_terminal
from appliance.office.office import Office
from appliance.policy.reasons import Reason
from appliance.settings import load
from hw.sim.relay import SimRelay
from ledger_sync import deny, entries, order, relearn
from ledger_sync.clock import Reading
from ledger_sync.denials import Denials
from ledger_sync.errors import Refused
from ledger_sync.fsck import findings
from ledger_sync.order import Kind
from ledger_sync.orders import InForce, Orders
from ledger_sync.replica import Replica
from ledger_sync.state_digest import state_digest
from ledger_sync.store import Store

from yard import key_of  # isort: skip

UPDATE = entries.Blob("update", bytes(32), 9)
CRITICAL = 0b110
MALFORMED = entries.Unknown("blob", CRITICAL)  # what a version without blobs takes, and no other


def store_of(path, yard):
    Store.create(path, origin=yard.origin, floor=0).close()
    return Store(path)


@pytest.fixture
def yard():
    """A log with an entry that an older version does not know, critical for two classes."""
    made = Yard().add(issuer(classes=6), pass_of("anna"), status((7, 2)))
    return made.add(UPDATE, critical=CRITICAL).add(
        status((7, 0), (8, 3)), pass_of("bela", index=8)
    )


@pytest.fixture
def older(tmp_path, yard, monkeypatch):
    """A store that was filled by a version without blobs, and updated since."""
    with monkeypatch.context() as patch:
        patch.delitem(entries.KINDS, "blob")
        with store_of(tmp_path / "older.db", yard) as store:
            yard.fill(Replica(store))
    with Store(tmp_path / "older.db") as store:
        yield store


@pytest.fixture
def newer(tmp_path, yard):
    with store_of(tmp_path / "newer.db", yard) as store:
        yard.fill(Replica(store))
        yield store


def test_a_skipped_entry_turns_its_classes_grey_until_it_is_learned(older, yard):
    replica = Replica(older)
    before = replica.ledger()

    assert relearn.relearn(replica, yard.trust)

    after = replica.ledger()
    assert (before.critical, after.critical) == (CRITICAL, 0)
    assert after.version == before.version + 1
    assert after[1:6] == before[1:6]


def test_the_state_is_that_of_a_store_that_never_skipped(older, newer, yard):
    assert state_digest(older.db) != state_digest(newer.db)

    relearn.relearn(Replica(older), yard.trust)

    assert state_digest(older.db) == state_digest(newer.db)
    assert findings(older, yard.trust) == []


def test_there_is_nothing_to_learn_twice_nor_for_who_never_skipped(older, newer, yard):
    relearn.relearn(Replica(older), yard.trust)

    assert not relearn.relearn(Replica(older), yard.trust)
    assert not relearn.relearn(Replica(newer), yard.trust)


def test_a_kind_that_is_still_unknown_stays_skipped(older, yard, monkeypatch):
    monkeypatch.delitem(entries.KINDS, "blob")

    assert not relearn.relearn(Replica(older), yard.trust)
    assert Replica(older).ledger().critical == CRITICAL


def test_a_denial_stays_in_effect(older, yard):
    note = deny.sign(yard.origin, [(LIST, 7)], issued_at=NOW, key=key_of("issuer"))
    Denials(older).add(note, trust=yard.trust, now=NOW)

    relearn.relearn(Replica(older), yard.trust)

    assert Replica(older).standing(LIST, 7, None).status == 4
    assert findings(older, yard.trust) == []


def test_orders_stay_in_effect(older, yard):
    held = entries.Issuer("guard", key_of("guard").public, 0, NOW, 0, entries.MAY_ORDER)
    Replica(older).append([entries.to_bytes(held)], trust=yard.trust)
    text = order.sign(yard.origin, Kind.LOCKDOWN, 5, issued_at=NOW, key=key_of("guard"))
    Orders(older).add(text, trust=yard.trust, now=NOW)
    before = Orders(older).in_force()

    assert relearn.relearn(Replica(older), yard.trust)

    assert Orders(older).in_force() == before != InForce(0, 0, 0, ())


def test_a_snapshot_is_no_reason_to_stop_for_who_skipped_an_entry(
    tmp_path, yard, newer, monkeypatch
):
    size, digest = len(yard.entries), state_digest(newer.db)
    yard.add(entries.Snapshot(size, bytes(32), 1, digest))
    with monkeypatch.context() as patch:
        patch.delitem(entries.KINDS, "blob")
        with store_of(tmp_path / "behind.db", yard) as store:
            yard.fill(Replica(store))
            assert Replica(store).ledger().size == size + 1
    with Store(tmp_path / "behind.db") as store:
        assert relearn.relearn(Replica(store), yard.trust)
        yard.fill(Replica(newer))
        assert state_digest(store.db) == state_digest(newer.db)


def test_a_snapshot_of_another_state_is_refused_once_it_can_be_told(tmp_path, yard, monkeypatch):
    yard.add(entries.Snapshot(len(yard.entries), bytes(32), 1, b"d" * 32))
    with monkeypatch.context() as patch:
        patch.delitem(entries.KINDS, "blob")
        with store_of(tmp_path / "behind.db", yard) as store:
            yard.fill(Replica(store))
    with Store(tmp_path / "behind.db") as store:
        before = state_digest(store.db)

        with pytest.raises(Refused, match=r"cannot apply entry 6 of the .* another state"):
            relearn.relearn(Replica(store), yard.trust)

        assert state_digest(store.db) == before
        assert Replica(store).ledger().critical == CRITICAL


# What was skipped and turns out to be malformed.


@pytest.fixture
def misled(tmp_path, monkeypatch):
    """A terminal that took a malformed entry in, when its version did not know the kind."""
    book = Book.opened().add(issuer(), MALFORMED, pass_of("anna"))
    with Terminal(tmp_path, book.pinned) as terminal:
        with monkeypatch.context() as patch:
            patch.delitem(entries.KINDS, "blob")
            terminal.update(book.source())
        yield terminal


def test_a_skipped_entry_that_is_malformed_stays_skipped_and_is_named(misled):
    before = misled.state()

    for _ in range(2):
        with pytest.raises(Refused, match="this version cannot apply entry 2 of the ledger held"):
            relearn.relearn(misled.replica, misled.pinned)

    assert misled.state() == before
    assert misled.replica.ledger().critical == CRITICAL
    assert list(misled.store.rows("SELECT seq FROM skipped")) == [(2,)]


def test_an_update_says_which_entry_stands_in_its_way_and_changes_nothing(misled):
    book = Book.opened().add(issuer(), MALFORMED, pass_of("anna")).grow(9)
    before = misled.state()

    with pytest.raises(Refused, match="cannot apply entry 2 of the ledger held here: ") as caught:
        misled.update(book.source())

    assert caught.value.reason == "R-LEDGER"
    assert misled.state() == before


@pytest.fixture
def kit(desk, monkeypatch):
    """The same, made by the commands: its office had the older version, too."""
    with monkeypatch.context() as patch:
        patch.delitem(entries.KINDS, "blob")
        Office.open(desk / "office").add(MALFORMED)
        run("office", "publish", "public")
        run("ledger", "import", "public", "--site", "north-1")
    return desk / "north-1"


def at_work(kit):
    clock = Reading(TODAY, synchronised=True, error_seconds=1, has_chip=True)
    stated = {"clock": lambda: clock, "incarnation": bytes(8), "relay": SimRelay()}
    return open_terminal(load(kit / "site.toml"), **stated)


def test_a_gate_starts_with_the_state_it_had_and_one_warning(kit, caplog):
    text = (kit.parent / "chen.txt").read_bytes().strip()

    with caplog.at_level(logging.WARNING), at_work(kit) as terminal:
        verdict = terminal.present(text).verdict

    assert verdict.reasons == (Reason.UPDATE,)
    (warning,) = caplog.messages
    assert "this version cannot apply entry 5 of the ledger held here: " in warning
    assert warning.endswith("; the state stays that of the version before")


def test_an_import_behind_such_an_entry_is_refused_with_one_sentence(kit, main):
    code, said, told = main("ledger", "import", "public", "--site", kit)

    assert (code, said) == (1, "")
    assert "cannot apply entry 5 of the ledger held here" in told
    assert told.endswith("; yardpass/hz07 stays at 6 entries\n")
    assert judged("chen.txt") == ["GREY ASK G-UPDATE"]
