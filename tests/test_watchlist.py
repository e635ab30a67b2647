"""Alarms of all gates, at every peer: a gate that was forced, or does not close, is told wherever
its feed is held, until it says that it is over."""

import pytest
from diary import Diary
from yard import NOW, ORIGIN

from ledger_sync.checklog import CheckLog
from ledger_sync.feed import origin_of
from ledger_sync.gate_alarm import GateAlarm
from ledger_sync.intake import Intake
from ledger_sync.recent import LOOKED_AT
from ledger_sync.store import Store
from ledger_sync.watchlist import standing_alarms

EAST = "east"


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store.db", origin=ORIGIN, floor=NOW) as store:
        store.row("PRAGMA synchronous = OFF")
        yield store


def alarm(kind, at=NOW):
    return GateAlarm(kind, at, at * 1_000 << 16, "north").to_bytes()


def own(store, *entries, incarnation=b"1" * 8, name=EAST):
    """A feed that a gate of this terminal writes."""
    log = CheckLog(store)
    number = log.open_feed(origin_of("hz07", name, incarnation), b"opening", NOW, kid=incarnation)
    for seq, entry in enumerate(entries, start=1):
        log.append(number, seq, entry)


def heard(store):
    return [(name, one.kind, one.at) for name, one in standing_alarms(store)]


def test_a_gate_without_alarms_is_not_told(store):
    own(store, b"\1check")

    assert heard(store) == []


def test_what_stands_is_told_until_it_is_over(store):
    own(store, alarm("tamper"), alarm("held", NOW + 1), alarm("stuck", NOW + 2))
    own(store, alarm("forced"), alarm("cleared"), incarnation=b"2" * 8, name="west")

    assert heard(store) == [(EAST, "tamper", NOW), (EAST, "stuck", NOW + 2)]


def test_a_gate_that_was_restarted_begins_anew(store):
    own(store, alarm("stuck"))
    own(store, alarm("open at start", NOW + 9), incarnation=b"2" * 8)

    assert heard(store) == [(EAST, "open at start", NOW + 9)]


def test_what_cannot_be_read_hides_nothing(store):
    own(store, b"\3cut", alarm("fire"), b"\3" + b"\xff" * 300)

    assert heard(store) == [(EAST, "fire", NOW)]


def test_a_peer_hears_of_it_with_the_feed(store):
    far = Diary("west").write(alarm("forced"))
    far.fill(40)
    intake = Intake(store, "hz07", b"secret")
    for batch in far.batches():
        with store.transaction():
            intake.take(batch, far.owner, [], now=NOW)

    assert heard(store) == [("west", "forced", NOW)]


@pytest.mark.long
def test_a_long_feed_is_looked_at_from_its_last_entries(store):
    far = Diary("west").write(alarm("tamper")).fill(LOOKED_AT + 600).write(alarm("held"))
    intake, held = Intake(store, "hz07", b"secret"), []
    for batch in far.batches():
        with store.transaction():
            held = [intake.take(batch, far.owner, held, now=NOW).held]

    assert heard(store) == [("west", "held", NOW)]
