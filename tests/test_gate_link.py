"""The console hears how the gate is, says within two seconds that it is gone, and finds it."""

import threading
from contextlib import contextmanager

import pytest

from appliance.console.app import LOOK_SECONDS
from appliance.console.gate_link import SILENT_SECONDS, GateLink
from appliance.gate.console_socket import ConsoleSocket
from appliance.gate.remote import ASK, Answer, Request, State, Why

WELL = State("closed", ("tamper",), "GOOD")
NOTE = Request(b"yardpass/hz07/act\n")


@contextmanager
def gate(path, answer=lambda packet: (WELL if packet == ASK else Answer(True)).to_bytes()):
    """A gate that answers at once; `answer` may give None for silence."""
    consoles, heard = ConsoleSocket(path), threading.Condition()
    count = [0]

    def serve():
        for asked in consoles.asked():
            said = answer(asked.packet)
            if said is not None:
                asked.answer(said)
            with heard:
                count[0] += 1
                heard.notify_all()

    def wait_for(times):
        with heard:
            assert heard.wait_for(lambda: count[0] >= times, 10)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield wait_for
    finally:
        consoles.close()
        thread.join(10)


@pytest.fixture
def link(tmp_path):
    made = GateLink(tmp_path / "gate.sock")
    yield made
    made.close()


def settled(link, ticks, wanted, step=0.0):
    """Polls until the state is the one that is wanted; how late it was by then."""
    for _ in range(2_000):
        if link.poll(ticks) == wanted:
            return ticks
        ticks += step
        threading.Event().wait(0.001)
    raise AssertionError(f"never {wanted}")


def test_it_is_told_how_the_gate_is_and_nothing_bad_before_it_answered(tmp_path, link):
    with gate(tmp_path / "gate.sock"):
        assert link.poll(100.0) in (State(), WELL)
        settled(link, 100.0, WELL)


def test_a_gate_that_is_gone_is_told_within_two_seconds_and_found_again(tmp_path, link):
    with gate(tmp_path / "gate.sock"):
        settled(link, 100.0, WELL)
    ticks = 100.0
    while link.poll(ticks) is not None:
        ticks += LOOK_SECONDS

    assert ticks - 100.0 <= 2.0
    assert link.poll(ticks + 60) is None
    with gate(tmp_path / "gate.sock"):
        settled(link, ticks + 61, WELL)


@pytest.mark.long
def test_a_gate_that_hangs_is_gone_as_well(tmp_path, link):
    with gate(tmp_path / "gate.sock", lambda packet: None) as wait_for:
        link.poll(100.0)
        wait_for(1)
        assert link.poll(100.0 + SILENT_SECONDS) is not None
        assert link.poll(100.1 + SILENT_SECONDS) is None


def test_where_no_gate_ever_was_it_is_gone_after_a_moment(link):
    assert link.poll(0.0) == State()
    assert link.poll(SILENT_SECONDS + 0.1) is None


@pytest.mark.parametrize("noise", [b"", b"?", b"=nonsense", b"+"])
def test_a_gate_that_answers_nonsense_is_gone(tmp_path, link, noise):
    with gate(tmp_path / "gate.sock", lambda packet: noise) as wait_for:
        link.poll(100.0)
        wait_for(1)
        ticks = 100.0
        while link.poll(ticks) is not None:
            ticks += LOOK_SECONDS
        assert ticks <= 102.0


def test_what_was_signed_is_answered(tmp_path, link):
    with gate(tmp_path / "gate.sock"):
        assert link.do(NOTE) == Answer(True)
    with gate(tmp_path / "gate.sock", lambda packet: Answer(False, Why.STUCK).to_bytes()):
        assert link.do(NOTE) == Answer(False, Why.STUCK)


def test_a_command_to_a_gate_that_is_gone_or_talks_nonsense_is_not_done(tmp_path, link):
    assert link.do(NOTE).why is Why.GONE
    for noise in (b"=nonsense", WELL.to_bytes()):
        with gate(tmp_path / "gate.sock", lambda packet, said=noise: said):
            assert link.do(NOTE).why is Why.GONE
