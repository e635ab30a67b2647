"""The signboard: the number is in challenge.txt exactly while it is needed, a printed one gets in
once, and no fault of a disk stops the gate. Ticks are numbers that are added to."""

import logging
import stat

import pytest
from compound import ANN, BOB, GATE, NOW, C, show
from stand import GOOD_TIME, Stand

from appliance.gate import signboard
from appliance.gate.signboard import Sign, Signboard, put_printed, sign_in
from appliance.passes import challenge_text
from ledger_sync.clock import Reading
from ledger_sync.errors import Refused, Unavailable

POOR_TIME = Reading(NOW, synchronised=False, error_seconds=16, has_chip=False)
PAPER = b"on paper"
TEXTS = [challenge_text.to_text(GATE, b"number%02d" % number) for number in range(3)]
SECOND = 10**9


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        made.reading = POOR_TIME
        yield made


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "beside"
    made.mkdir()
    return made


def ends(stand, text):
    verdict = stand.terminal.present(text).verdict
    return " ".join((verdict.colour.name, *verdict.reasons))


def answer(who, nonce, at=NOW):
    return show(C, who, at, audience=GATE, nonce=nonce)


def test_the_file_holds_the_number_and_when_it_changes_for_all_to_read(stand, folder):
    with Signboard(stand.terminal, folder):
        file = folder / "challenge.txt"
        assert file.read_bytes() == TEXTS[0] + b"\n30000000000\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_a_screen_is_told_each_number_once_and_the_file_follows(stand, folder):
    screen = []
    with Signboard(stand.terminal, folder, show=screen.append) as board:
        for stand.ticks in (0.0, 29.9, 30.0, 30.1, 59.9, 60.0):
            board.look()
            assert (folder / "challenge.txt").read_bytes().startswith(screen[-1] + b"\n")

    assert screen == TEXTS


def test_it_is_gone_when_the_clock_is_well_again_and_when_the_gate_ends(stand, folder):
    screen = []
    stand.reading = GOOD_TIME
    with Signboard(stand.terminal, folder, show=screen.append) as board:
        assert list(folder.iterdir()) == []
        stand.reading = POOR_TIME
        board.look()
        assert [path.name for path in folder.iterdir()] == ["challenge.txt"]
        stand.reading = GOOD_TIME
        board.look()
        assert list(folder.iterdir()) == []
        stand.reading = POOR_TIME
        board.look()
        assert [path.name for path in folder.iterdir()] == ["challenge.txt"]

    assert list(folder.iterdir()) == []
    assert screen == [TEXTS[0]] * 2


def test_it_is_gone_after_an_error_too_and_what_was_left_behind_goes_at_the_start(stand, folder):
    (folder / "challenge.txt").write_text("of a gate that was killed")
    stand.reading = GOOD_TIME
    with pytest.raises(KeyboardInterrupt), Signboard(stand.terminal, folder) as board:
        assert list(folder.iterdir()) == []
        stand.reading = POOR_TIME
        board.look()
        raise KeyboardInterrupt

    assert list(folder.iterdir()) == []


def test_a_printed_number_gets_in_once_and_only_its_group_could_read_it(stand, folder, caplog):
    caplog.set_level(logging.INFO)
    put_printed(folder, PAPER, 12 * 3_600)
    file = folder / "printed-challenge"
    assert file.read_bytes() == PAPER.hex().encode() + b" 43200\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640

    with Signboard(stand.terminal, folder) as board:
        assert not file.exists()
        assert ends(stand, answer(ANN, PAPER)) == "GREY G-CLOCK"
        stand.ticks = 43_199.0
        board.look()
        assert ends(stand, answer(BOB, PAPER)) == "GREY G-CLOCK"
        stand.ticks = 43_200.0
        assert ends(stand, answer(BOB, PAPER, NOW + 1)) == "RED R-NONCE"
    assert caplog.messages == ["a printed number is taken for 12 h"]


def test_a_printed_number_begins_when_it_is_first_seen_also_by_a_clock_that_is_good(stand, folder):
    stand.reading = GOOD_TIME
    with Signboard(stand.terminal, folder) as board:
        stand.ticks = 5_000.0
        put_printed(folder, PAPER, 3_600)
        assert ends(stand, answer(ANN, PAPER)) == "RED R-NONCE"
        board.look()
        stand.ticks = 8_599.0

        assert ends(stand, answer(ANN, PAPER)) == "GREEN"


def test_the_next_print_ends_the_one_before(stand, folder):
    with Signboard(stand.terminal, folder) as board:
        for paper in (PAPER, b"of later"):
            put_printed(folder, paper, 3_600)
            board.look()

        assert ends(stand, answer(ANN, PAPER)) == "RED R-NONCE"
        assert ends(stand, answer(ANN, b"of later")) == "GREY G-CLOCK"


def test_a_start_after_the_number_was_taken_does_not_take_it_again(tmp_path, folder):
    put_printed(folder, PAPER, 3_600)
    found = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with Stand(tmp_path / name) as stand:
            stand.reading = POOR_TIME
            with Signboard(stand.terminal, folder):
                found.append(ends(stand, answer(ANN, PAPER)))

    assert found == ["GREY G-CLOCK", "RED R-NONCE"]


SPOILED = [
    b"",
    b"noise",
    PAPER.hex().encode(),
    PAPER.hex().upper().encode() + b" 60\n",
    PAPER.hex().encode() + b" 0\n",
    PAPER.hex().encode() + b" 259201\n",
    PAPER.hex().encode() + b" -1\n",
    PAPER.hex().encode() + b" 60\n\n",
    PAPER[1:].hex().encode() + b" 60\n",
    b"\xff" * 20,
]


@pytest.mark.parametrize("data", SPOILED)
def test_a_printed_number_that_is_none_is_told_and_gone(stand, folder, caplog, data):
    (folder / "printed-challenge").write_bytes(data)

    with Signboard(stand.terminal, folder):
        assert (folder / "challenge.txt").exists()
        assert ends(stand, answer(ANN, PAPER)) == "RED R-NONCE"

    name = folder / "printed-challenge"
    assert caplog.messages == [f"{name} was no number and is gone; print it again"]
    assert not name.exists()


@pytest.mark.parametrize("kind", ["folder", "too long"])
def test_what_cannot_be_read_or_removed_is_told_once_and_not_believed(stand, folder, caplog, kind):
    name = folder / "printed-challenge"
    if kind == "folder":
        name.mkdir()
        told = f"no file {name}; print the number again"
    else:
        name.write_bytes(b"0" * 601)
        told = f"{name} is longer than 600 bytes"

    with Signboard(stand.terminal, folder) as board:
        board.look()
        assert stand.challenge.nonces() == (b"number00",)

    assert caplog.messages == [told]


def test_a_number_that_cannot_be_taken_away_is_not_believed(stand, folder, caplog, monkeypatch):
    put_printed(folder, PAPER, 3_600)
    monkeypatch.setattr(signboard.Path, "unlink", stuck)
    with Signboard(stand.terminal, folder) as board:
        board.look()
        assert ends(stand, answer(ANN, PAPER)) == "RED R-NONCE"
        monkeypatch.undo()
        board.look()
        assert ends(stand, answer(ANN, PAPER)) == "GREY G-CLOCK"
    assert sum("printed-challenge cannot be taken away" in line for line in caplog.messages) == 1


def stuck(path, missing_ok=False):
    raise PermissionError(13, "Permission denied")


def test_a_disk_that_takes_no_file_leaves_the_screen_and_the_gate_at_work(
    stand, folder, caplog, monkeypatch
):
    def full(*args, **kwargs):
        raise Unavailable("the disk is full; free disk space")

    screen = []
    with monkeypatch.context() as patch:
        patch.setattr(signboard.files, "replace", full)
        with Signboard(stand.terminal, folder, show=screen.append) as board:
            board.look()
            assert ends(stand, answer(ANN, b"number00")) == "GREY G-CLOCK"
            patch.undo()
            board.look()
            assert sign_in(folder, 0) == Sign(TEXTS[0], 30.0)

    assert screen == TEXTS[:1]
    assert caplog.messages == ["the disk is full; free disk space"]


# What others read of it.


def test_a_sign_says_how_long_it_stands(stand, folder):
    stand.ticks = 100.0
    with Signboard(stand.terminal, folder):
        found = [sign_in(folder, ticks * SECOND) for ticks in (100, 129, 130, 159)]

        assert found == [Sign(TEXTS[0], seconds) for seconds in (30.0, 1.0, 0.0, 0.0)]


@pytest.mark.parametrize("seconds", [160, 99, 0, 10_000])
def test_a_sign_that_a_killed_gate_left_or_of_another_start_is_none(stand, folder, seconds):
    stand.ticks = 100.0
    with Signboard(stand.terminal, folder):
        assert sign_in(folder, seconds * SECOND) is None


def test_no_file_is_no_sign(folder):
    assert sign_in(folder, 0) is None


@pytest.mark.parametrize("data", [b"", TEXTS[0], TEXTS[0] + b"\n", b"YP1:A\n5\n", b"\xff" * 9])
def test_another_file_of_that_name_is_refused(folder, data):
    (folder / "challenge.txt").write_bytes(data)

    with pytest.raises(Refused, match="is no number of a gate; remove it"):
        sign_in(folder, 0)
