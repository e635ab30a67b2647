"""fsck beside a terminal at work: what is written while it reads is no damage."""

from itertools import count

import pytest
from authority import Book, Terminal
from desk import NOW, loaded, run
from yard import issuer, pass_of, status

from appliance.gate.assembly import open_terminal
from appliance.gate.identity import trust_of
from appliance.settings import load
from hw.sim.relay import SimRelay
from ledger_sync.clock import Reading
from ledger_sync.fsck import findings
from ledger_sync.replica import Replica
from ledger_sync.store import Store

GOOD_TIME = Reading(NOW, synchronised=True, error_seconds=1, has_chip=True)


@pytest.fixture
def settings(desk):
    """The settings of a terminal with a ledger."""
    loaded()
    return load(desk / "north-1" / "site.toml")


@pytest.fixture
def gate(settings):
    """The terminal at work."""
    stated = {"incarnation": bytes(8), "relay": SimRelay()}
    with open_terminal(settings, clock=lambda: GOOD_TIME, **stated) as terminal:
        yield terminal


def day_at_work(gate):
    """One thing after the other that happens at a gate: checks, and now and then a new ledger."""
    for number in count():
        if number % 8 == 0:
            run("office", "enrol", f"guest {number}")
            loaded(f"public-{number}")
        yield gate.present(b"menu %d" % number).is_recorded


@pytest.mark.long
def test_a_store_that_is_written_while_it_is_read_is_sound(settings, gate):
    work, steps = day_at_work(gate), []
    with Store(settings.store) as store:
        size = Replica(store).ledger().size
        store.db.set_trace_callback(lambda statement: steps.append(next(work)))
        found = findings(store, trust_of(settings))
        store.db.set_trace_callback(None)

        assert found == []
        assert len(steps) > 30 and all(steps)
        assert Replica(store).ledger().size > size + 3
        assert findings(store, trust_of(settings)) == []


@pytest.fixture
def terminal(tmp_path):
    book = Book.opened().add(issuer(), pass_of("anna"), status((7, 1)))
    with Terminal(tmp_path, book.pinned) as terminal:
        terminal.update(book.source())
        yield terminal


def test_a_sound_store_and_a_damaged_one_are_left_without_a_view(terminal):
    for damage in ("", "UPDATE pass SET zones = 63"):
        if damage:
            terminal.store.write(damage)

        assert bool(findings(terminal.store, terminal.pinned)) == bool(damage)

        assert not terminal.store.db.in_transaction


def test_the_view_of_a_gate_is_read_and_left_open(terminal):
    terminal.store.look()
    with Store(terminal.path) as other:
        other.write("UPDATE pass SET zones = 63")

    assert findings(terminal.store, terminal.pinned) == []

    assert terminal.store.has_view and terminal.store.db.in_transaction
    terminal.store.look()
    assert findings(terminal.store, terminal.pinned) != []
