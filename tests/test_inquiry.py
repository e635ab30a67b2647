"""The gate asked how it is: by its own socket, answered, silent, speaking nonsense, not there."""

import pytest
from answering import answering

from appliance.commands import update_box
from appliance.gate import inquiry
from appliance.gate.door import State as Door
from appliance.gate.remote import DONE, Answer, State, Why
from appliance.update import gate
from ledger_sync.errors import Unavailable


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store.db"


def test_a_gate_at_work_says_how_it_is(store):
    said = State("open", ("fire",), "GOOD", (("camera", "gone"),), "disk full")

    with answering(store, said.to_bytes()):
        assert inquiry.condition_at(store) == said


@pytest.mark.parametrize("answer", [b"nonsense", DONE, b"= {}"])
def test_what_is_no_answer_is_none(store, answer):
    with answering(store, answer), pytest.raises(Unavailable, match="process does not"):
        inquiry.condition_at(store)


@pytest.mark.parametrize("asks", [inquiry.condition_at, inquiry.check_judges])
def test_a_gate_that_is_silent_or_away_does_not_answer(store, asks):
    with pytest.raises(Unavailable, match="does not answer"):
        asks(store)
    with answering(store, None), pytest.raises(Unavailable, match="timed out"):
        asks(store, seconds=0.05)
    assert not inquiry.stands_open(store)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(True), ""),
        (Answer(False, Why.DISK, "judged GREEN"), "judged GREEN"),
        (Answer(False, Why.FORM), "the gate's process says form"),
        (State("closed"), "does not say how it judges"),
    ],
)
def test_a_gate_judges_only_if_it_says_that_it_refused(store, answer, told):
    with answering(store, answer.to_bytes()):
        found = ""
        try:
            inquiry.check_judges(store)
        except Unavailable as error:
            found = str(error)

    assert told in found and bool(told) is bool(found)


@pytest.mark.parametrize("door", Door)
def test_a_gate_is_open_unless_it_is_known_to_be_shut_or_nobody_knows(store, door):
    with answering(store, State(door.value).to_bytes()):
        found = inquiry.stands_open(store)

    assert found is (door not in (Door.UNSEEN, Door.CLOSED, Door.SETTLING))


def test_an_update_waits_for_a_gate_that_stands_open_though_its_relay_is_off(desk, monkeypatch):
    site, store = (desk / "north-1" / name for name in ("site.toml", "store.db"))
    monkeypatch.setattr(update_box, "SITE", site)
    assert not gate.is_open(site)
    assert not update_box.is_open()

    with answering(store, State("held").to_bytes()):
        assert update_box.is_open()
    with answering(store, State("closed").to_bytes()):
        assert not update_box.is_open()
    monkeypatch.setattr(update_box, "SITE", desk / "none.toml")
    assert not update_box.is_open()
