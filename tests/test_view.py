"""A view of the store opened ahead of need makes checks quicker; an old one never counts."""

import sqlite3

import compound as yard
import pytest
from compound import ANN, NOW, SITE, B, C, show

from appliance.gate.asking import Asking
from appliance.gate.card_checker import CardChecker
from appliance.gate.card_desk import CardDesk
from appliance.gate.checker import Checker
from appliance.gate.opener import RelayOpener
from appliance.gate.recorder import Recorder
from appliance.gate.terminal import Terminal
from appliance.policy.facts import Direction, Gate
from hw.sim.relay import SimRelay
from ledger_sync.cards import Cards
from ledger_sync.checklog import CheckLog, Outdated
from ledger_sync.clock import Reading
from ledger_sync.feed import Feed, Head, check_of
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.replica import Replica
from ledger_sync.store import Store
from ledger_sync.tries import TriesLog


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
        key = SigningKey(ED25519, b"t" * 32)
        feed = Feed(origin="yardpass/hz07/t/01", key=key)
        number = log.open_feed(feed.origin, b"\0", NOW, kid=key.public.kid)
        recorder = Recorder(log, feed, number, b"s" * 32)
        feed.append(b"\0")
        checker = Checker(Replica(store), Gate(SITE, "north", Direction.IN, 1))
        cards = CardChecker(checker, Cards(store), b"s" * 32)
        terminal = Terminal(
            gate=Gate(SITE, "north", Direction.IN, 1),
            checker=checker,
            desk=CardDesk(cards, TriesLog(store), Asking(key.public.raw)),
            recorder=recorder,
            opener=RelayOpener(relay, 700),
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
    log.save_heads(2, [Head(1, "head", (bytes(32),))])
    was_ended = not store.has_view
    store.look()

    with store.transaction():
        store.db.execute("UPDATE ledger SET floor = floor + 1")

    assert was_ended and not store.has_view
    assert log.heads("yardpass/hz07/t/01") == [(1, "head")]


def test_a_check_meets_another_process_that_is_writing_and_is_recorded(compound):
    """SQLite waits for no other writer while a view is open; the gate must judge again without."""
    with Store(compound.path) as store, Store(compound.path) as other:
        log = CheckLog(store)
        number = log.open_feed("yardpass/hz07/t/02", b"opening", NOW)
        store.look()
        other.db.execute("BEGIN IMMEDIATE")

        with pytest.raises(Outdated):
            log.append(number, 1, b"check")
        other.db.execute("COMMIT")
        log.append(number, 1, b"check")

        assert log.entries("yardpass/hz07/t/02") == [b"opening", b"check"]
