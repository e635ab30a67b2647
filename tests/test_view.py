"""A view of the store opened ahead of need makes checks quicker; an old one never counts."""

import sqlite3

import compound as yard
import pytest
from compound import ANN, NOW, SITE, B, C, show

from appliance.gate.checker import Checker
from appliance.gate.terminal import Recorder, Terminal
from appliance.policy.facts import Direction, Gate
from hw.sim.relay import SimRelay
from ledger_sync.checklog import CheckLog, Outdated
from ledger_sync.clock import Reading
from ledger_sync.feed import Feed, check_of
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.replica import Replica
from ledger_sync.store import Store


@pytest.fixture
def compound(tmp_path):
    made = yard.furnish(yard.Compound(tmp_path))
    yield made
    made.store.close()


@pytest.fixture
def gate(compound):
    """A terminal on a second connection: (terminal, its relay, its store, its log)."""
    with Store(compound.store.path) as store:
        log, relay = CheckLog(store), SimRelay()
        feed = Feed(origin="yardpass/hz07/t/01", key=SigningKey(ED25519, b"t" * 32))
        recorder = Recorder(log, feed, log.open_feed(feed.origin, b"\0", NOW), b"s" * 32)
        feed.append(b"\0")
        terminal = Terminal(
            gate="north",
            direction=Direction.IN,
            checker=Checker(Replica(store), Gate(SITE, "north", Direction.IN, 1)),
            recorder=recorder,
            relay=relay,
            pulse_ms=700,
            clock=lambda: Reading(NOW, True, 1, True),
        )
        yield terminal, relay, store, log


def pulses(relay):
    return [event.event for event in relay.history].count("on")


def test_a_check_after_a_look_opens_and_is_on_record(gate):
    terminal, relay, store, log = gate
    terminal.rest()

    outcome = terminal.present(show(C, ANN))

    assert (outcome.is_opened, outcome.is_recorded, pulses(relay)) == (True, True, 1)
    assert not store.has_view
    assert check_of(log.entries("yardpass/hz07/t/01")[-1]).colour == outcome.verdict.colour


def test_a_revocation_written_after_the_look_counts(compound, gate):
    terminal, relay, _, log = gate
    terminal.rest()
    compound.publish(ANN.status(1))

    outcome = terminal.present(show(C, ANN))

    assert (outcome.verdict.reasons, outcome.is_recorded) == (("R-REVOKED",), True)
    assert pulses(relay) == 0
    assert len(log.entries("yardpass/hz07/t/01")) == 2


def test_a_code_used_elsewhere_after_the_look_is_a_replay(compound, gate):
    terminal, relay, _, _ = gate
    terminal.rest()
    compound.used(ANN, NOW)

    outcome = terminal.present(show(B, ANN))

    assert outcome.verdict.reasons == ("R-REPLAY",)
    assert pulses(relay) == 0


def test_a_write_from_an_outdated_view_stores_nothing_and_says_so(compound, gate):
    _, _, store, log = gate
    store.look()
    compound.publish(ANN.status(3))

    with pytest.raises(Outdated):
        log.append(2, 1, b"entry")

    assert log.entries("yardpass/hz07/t/01") == [b"\0"]
    assert not store.has_view


def test_an_open_view_does_not_keep_another_connection_from_writing(compound, gate):
    _, _, store, _ = gate
    store.look()

    compound.publish(ANN.status(2))

    other = sqlite3.connect(store.path)
    try:
        assert other.execute("SELECT count(*) FROM status WHERE value = 2").fetchone()[0] >= 1
    finally:
        other.close()


def test_a_transaction_and_a_single_write_end_the_view_first(gate):
    _, _, store, log = gate
    store.look()
    log.save_head(2, 1, "head")
    was_ended = not store.has_view
    store.look()

    with store.transaction():
        store.db.execute("UPDATE ledger SET floor = floor + 1")

    assert was_ended and not store.has_view
    assert log.heads("yardpass/hz07/t/01") == [(1, "head")]
