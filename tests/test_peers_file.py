"""What the daemon says of its peers is what people read; a damaged file says nothing."""

import json

import pytest

from ledger_sync import peers_file
from ledger_sync.errors import Unavailable
from ledger_sync.peers import Peer
from ledger_sync.peers_file import NAME, SILENT_SECONDS, PeersFile


def peer(name="east", **state):
    return Peer(name, b"kid", b"der", (), **state)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"is_up": True}, "peer east: here"),
        ({"since": 100.0}, "peer east: connecting"),
        ({"since": 100.0 - SILENT_SECONDS}, "peer east: silent for more than a minute"),
        ({"faults": 2, "last_fault": "no HELLO"}, "peer east: cut off, no HELLO"),
        ({"is_up": True, "faults": 2, "last_fault": "no HELLO"}, "peer east: here"),
    ],
)
def test_each_state_is_a_sentence(tmp_path, state, sentence):
    PeersFile(tmp_path).report([peer(**state)], 100.1)

    assert [peers_file.sentence(one) for one in peers_file.read(tmp_path)] == [sentence]


def test_it_is_written_when_something_changed_and_not_before(tmp_path):
    file, one = PeersFile(tmp_path), peer(is_up=True)
    file.report([one], 1.0)
    (tmp_path / NAME).unlink()

    file.report([one], 2.0)
    unchanged = (tmp_path / NAME).exists()
    one.is_up = False
    file.report([one], 3.0)

    assert not unchanged
    assert peers_file.read(tmp_path)[0]["state"] == "connecting"


def test_a_folder_that_takes_nothing_is_a_fault_with_the_next_step_and_tried_again(tmp_path):
    file = PeersFile(tmp_path / "gone")

    for _ in range(2):
        with pytest.raises(Unavailable, match="free disk space or check its folder"):
            file.report([peer()], 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        json.dumps({"peers": 7}),
        json.dumps({"peers": [7, {}, {"name": "x", "state": "odd", "faults": 0, "fault": ""}]}),
        json.dumps({"peers": [{"name": "x", "state": [], "faults": 0, "fault": ""}]}),
        json.dumps({"peers": [{"name": 7, "state": "here", "faults": 0, "fault": ""}]}),
        "[" * 100_000,
        "x" * (peers_file.MAX_FILE + 1),
    ],
    ids=[
        "empty",
        "cut",
        "a list",
        "no peers",
        "a number",
        "strange",
        "no state",
        "no name",
        "deep",
        "huge",
    ],
)
def test_a_damaged_file_says_nothing(tmp_path, text):
    (tmp_path / NAME).write_text(text)

    assert peers_file.read(tmp_path) == []


def test_no_file_says_nothing(tmp_path):
    assert peers_file.read(tmp_path) == []
