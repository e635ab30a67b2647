"""Updates that come by a stick: what is taken, what is refused and told, and never an open gate.

RAUC is played here by one that reads JSON files; the real one is asked in the heavy part.
"""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from test_update_agent import KIND, NEW, OLD, Machine

from appliance.commands import update as commands
from appliance.commands import update_box
from appliance.update import agent as agents
from appliance.update import inbox as inboxes
from appliance.update import outcome, outcome_file, programs, stick, taking
from appliance.update.inbox import Inbox
from appliance.update.outcome import MAX_TRIES, Outcome, State, outcome_of
from appliance.update.taking import RunsHere, Taking
from hw import board_light
from ledger_sync.errors import Refused, Unavailable

NEWER = "0.1.0-1795305602"


class Box(Machine):
    """A box whose RAUC believes files that say `ours`, and a stick in it."""

    def __init__(self, folder, **options):
        super().__init__(folder, **options)
        self.stick = folder / "stick" / "update"
        self.inbox, self.said, self.lights = Inbox(folder), [], []
        self.taking = Taking(self.agent, self.inbox, self.said.append)

    def run(self, command, **_):
        words = list(command)
        if words[:2] == ["/usr/bin/rauc", "info"]:
            return self._info(Path(words[-1]))
        return super().run(command)

    def _info(self, path):
        try:
            found = json.loads(path.read_bytes())
        except ValueError:
            raise Unavailable("rauc failed: signature size exceeds the bundle") from None
        if found.pop("key") != "ours":
            raise Unavailable("rauc failed: signature verification failed: self-signed")
        return json.dumps(found)

    def bring(self, name, version=NEW, *, key="ours", compatible=KIND):
        self.stick.mkdir(parents=True, exist_ok=True)
        made = {"compatible": compatible, "version": version, "key": key}
        (self.stick / f"{name}.raucb").write_text(json.dumps(made))
        return self.stick / f"{name}.raucb"

    @property
    def state(self):
        last = self.agent.last()
        return last and (last.state, last.version)

    def restarts(self):
        return [one for one in self.called if "reboot" in one]


def box_of(folder, monkeypatch, **options):
    made = Box(folder, **options)
    monkeypatch.setattr(programs, "run", made.run)
    monkeypatch.setattr(agents.time, "sleep", lambda _: None)
    monkeypatch.setattr(taking.time, "sleep", lambda _: None)
    monkeypatch.setattr(update_box, "agent", lambda: made.agent)
    monkeypatch.setattr(board_light, "show", made.lights.append)
    monkeypatch.setattr(update_box, "SCREEN", folder / "tty1")
    monkeypatch.setattr(update_box, "SITE", folder / "site.toml")
    return made


@pytest.fixture
def box(tmp_path, monkeypatch):
    return box_of(tmp_path, monkeypatch)


def command(*words):
    return CliRunner().invoke(commands.update, [str(one) for one in words])


def on_stick(box):
    return {path.name: path.read_text() for path in box.stick.glob("*.txt")}


# What is taken.


def test_a_stick_is_put_in_and_the_box_restarts_into_what_it_brought(box):
    box.bring("v2")

    copied = command("take", box.stick)
    waits = box.state
    shutil.rmtree(box.stick.parent)  # pulled: the bundle is copied
    written = command("waiting", "--tell", box.stick)
    tried = command("try", "--if-written")

    assert [done.exit_code for done in (copied, written, tried)] == [0, 0, 0]
    assert waits == (State.WAITING, NEW)
    assert box.called[-2:] == [
        f"/usr/bin/rauc install {box.inbox.bundle}",
        "/usr/bin/systemctl reboot --reboot-argument=0 tryboot",
    ]
    assert box.state == (State.TRYING, NEW)
    assert box.box.chosen() == "a"
    assert box.lights == [board_light.Light.BUSY, board_light.Light.DONE] * 2


def test_what_came_of_it_is_left_on_the_stick(box):
    box.bring("v2")
    (box.stick / "REFUSED.txt").write_text("of another day\n")

    command("take", box.stick)
    copied = on_stick(box)
    command("waiting", "--tell", box.stick)

    assert copied == {
        "OUTCOME.txt": f"{NEW} is copied and will be installed; the stick can be taken out\n"
    }
    assert on_stick(box) == {"OUTCOME.txt": f"{NEW} is written; the box restarts to try it\n"}


def test_of_ten_bundles_the_newest_for_this_box_is_taken(box):
    for number in range(8):
        box.bring(f"v{number}", f"0.1.0-{1795305600 + number}")
    box.bring("z-other-kind", "9.0.0-1", compatible="yardpass-pi4-arm64")
    box.bring("a-other-key", "9.0.0-1", key="stranger's")

    assert box.taking.from_stick(box.stick).version == "0.1.0-1795305607"
    assert json.loads(box.inbox.bundle.read_bytes())["version"] == "0.1.0-1795305607"
    assert [path.name for path in box.inbox.folder.iterdir()] == [inboxes.NAME]


@pytest.mark.parametrize("make", [lambda one: None, lambda one: one.stick.mkdir(parents=True)])
def test_a_stick_without_bundles_changes_nothing(box, make):
    make(box)

    done = command("take", box.stick)

    assert (done.exit_code, done.stdout) == (0, f"no bundle in {box.stick}\n")
    assert (box.state, box.inbox.is_full) == (None, False)
    assert command("waiting").exit_code == 0
    assert command("try", "--if-written").exit_code == 0
    assert (box.called, box.lights) == ([], [])


def test_a_stick_that_stays_in_after_the_update_says_that_it_runs(box):
    box.bring("v1", OLD)
    box.bring("v0", "0.0.9-1")

    done = command("take", box.stick)

    assert done.exit_code == 0
    assert on_stick(box) == {"OUTCOME.txt": f"{OLD} is on the stick and runs here\n"}
    assert (box.state, box.lights[-1]) == (None, board_light.Light.DONE)


def test_a_box_that_is_no_terminal_yet_tells_it_on_its_screen_and_a_terminal_by_its_console(box):
    box.bring("v2")
    screen = box.folder / "tty1"
    screen.touch()

    command("take", box.stick)
    new = screen.read_text()
    screen.write_text("")
    (box.folder / "site.toml").touch()
    command("take", box.stick)

    assert new == f"{NEW} is copied and will be installed; the stick can be taken out\n"
    assert screen.read_text() == ""


# What is refused, and told in each place.


def truncated(box):
    path = box.bring("v2")
    path.write_bytes(path.read_bytes()[:-9])


def linked(box):
    path = box.bring("v2")
    path.rename(box.folder / "elsewhere.raucb")
    path.symlink_to(box.folder / "elsewhere.raucb")


def of_links(box):
    linked(box)
    box.stick.rename(box.folder / "real")
    box.stick.symlink_to(box.folder / "real")


def too_many(box):
    for number in range(stick.MAX_BUNDLES + 1):
        box.bring(f"v{number}", NEW)


def piped(box):
    box.stick.mkdir(parents=True)
    os.mkfifo(box.stick / "v2.raucb")


WRONG = {
    "another key": (lambda box: box.bring("v2", key="stranger's"), "signature verification"),
    "older": (lambda box: box.bring("v2", "0.0.9-9"), "not newer than 0.1.0-1795305600"),
    "no version": (lambda box: box.bring("v2", "soon"), "no version of an image"),
    "another kind": (
        lambda box: box.bring("v2", compatible="yardpass-pi5-arm64"),
        "it is for boxes 'yardpass-pi5-arm64'",
    ),
    "truncated": (truncated, "signature size exceeds"),
    "a link": (linked, "is a link, which is not followed; put the file itself there"),
    "a folder of links": (of_links, "update is a link, which is not followed"),
    "a pipe": (piped, "is no file; put a bundle of the maker there"),
    "33 of them": (too_many, "leave the newest one there"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_may_not_be_taken_is_refused_on_stick_light_and_record_and_nothing_waits(box, case):
    make, told = WRONG[case]
    make(box)

    done = command("take", box.stick)

    assert isinstance(done.exception, Refused | Unavailable)
    assert told in str(done.exception)
    assert box.state == (State.REFUSED, "")
    assert told in box.agent.last().sentence
    assert box.lights == [board_light.Light.BUSY, board_light.Light.REFUSED]
    assert not box.inbox.is_full
    if not box.stick.is_symlink():
        assert on_stick(box)["REFUSED.txt"] == f"{done.exception}\n"
    assert command("waiting").exit_code == 0
    assert not any("install" in one for one in box.called)


def test_many_wrong_ones_are_told_by_three_and_a_count(box):
    for number in range(5):
        box.bring(f"v{number}", key="stranger's")

    with pytest.raises(Refused, match=r"v0.*v1.*v2.*; and 2 more$"):
        box.taking.from_stick(box.stick)


def test_what_waits_is_replaced_by_what_is_brought_later_and_never_two_are_kept(box):
    box.bring("v2")
    box.taking.from_stick(box.stick)
    box.bring("v3", NEWER)

    box.taking.from_stick(box.stick)

    assert [path.name for path in box.inbox.folder.iterdir()] == [inboxes.NAME]
    assert json.loads(box.inbox.bundle.read_bytes())["version"] == NEWER


def test_a_disk_without_room_says_how_much_is_missing(box, monkeypatch):
    box.bring("v2")
    real = os.statvfs(box.folder)
    monkeypatch.setattr(
        inboxes.os, "statvfs", lambda _: os.statvfs_result((*real[:3], 1, 1, *real[5:]))
    )

    done = command("take", box.stick)

    assert "no room: 0 MiB are free; free 64 MiB, or replace the card" in str(done.exception)
    assert (box.state, box.inbox.is_full) == ((State.REFUSED, ""), False)


class Pulled:
    """os, of which the stick goes while it is read: after so many pieces, by error or end."""

    def __init__(self, pieces, ends):
        self.left, self.ends = pieces, ends

    def __getattr__(self, name):
        return getattr(os, name)

    def read(self, handle, size):
        self.left -= 1
        if self.left < 0:
            if self.ends:
                return b""
            raise OSError(5, "Input/output error")
        return os.read(handle, 16)


@pytest.mark.parametrize("pieces", [0, 1, 3])
@pytest.mark.parametrize("ends", [True, False])
def test_a_stick_that_is_pulled_half_way_leaves_nothing_and_says_so(
    box, monkeypatch, pieces, ends
):
    box.bring("v2")
    monkeypatch.setattr(inboxes, "os", Pulled(pieces, ends))

    done = command("take", box.stick)

    assert "was the stick pulled?" in str(done.exception)
    assert list(box.inbox.folder.iterdir()) == []
    assert box.state == (State.REFUSED, "")
    assert command("waiting").exit_code == 0
    assert box.called == []


def test_a_copy_that_failed_leaves_nothing_of_what_waited_before(box, monkeypatch):
    box.bring("v2")
    box.taking.from_stick(box.stick)
    monkeypatch.setattr(inboxes, "os", Pulled(1, ends=True))

    with pytest.raises(Unavailable):
        box.inbox.take(box.stick / "v2.raucb")
    assert list(box.inbox.folder.iterdir()) == []


@pytest.mark.parametrize(
    "make", [lambda path, to: path.symlink_to(to), lambda path, _: os.mkfifo(path)]
)
def test_the_inbox_itself_follows_no_link_and_reads_no_pipe(box, make):
    path = box.folder / "x.raucb"
    make(path, box.bring("v2"))

    with pytest.raises(Refused, match=r"is a link|is no file"):
        box.inbox.take(path)
    assert not box.inbox.is_full


def test_systemd_that_stops_the_copying_is_a_stick_that_was_pulled(box, monkeypatch):
    box.bring("v2")
    before = signal.getsignal(signal.SIGTERM)

    def stopped(*_):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Taking, "from_stick", stopped)

    done = command("take", box.stick)

    assert "stopped while it was copied; was the stick pulled?" in str(done.exception)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_stick_whose_bundle_changes_under_the_reader_is_refused(box, monkeypatch):
    path, real = box.bring("v2"), box.inbox.take

    def swapped(source, progress):
        made = real(source, progress)
        made.write_text(path.read_text().replace("ours", "his!"))
        return made

    monkeypatch.setattr(Inbox, "take", lambda self, *words: swapped(*words))

    with pytest.raises(Unavailable, match="signature"):
        box.taking.from_stick(box.stick)
    assert not box.inbox.is_full


def test_no_link_on_the_stick_leads_what_is_told_out_of_it(box):
    box.bring("v2", key="stranger's")
    victim = box.folder / "victim"
    victim.write_text("mine")
    (box.stick / "REFUSED.txt").symlink_to(victim)
    (box.stick / "OUTCOME.txt").symlink_to(victim)

    command("take", box.stick)
    box.stick.rename(box.folder / "real")
    box.stick.symlink_to(box.folder / "real")
    stick.tell(box.stick, "by a folder that is a link", is_refused=False)

    assert victim.read_text() == "mine"
    assert (
        (box.folder / "real/REFUSED.txt")
        .read_text()
        .startswith("v2.raucb: no bundle for this box (rauc failed")
    )
    assert not (box.folder / "real/OUTCOME.txt").exists()


def test_a_stick_that_takes_no_write_is_taken_all_the_same(box, monkeypatch):
    box.bring("v2")
    monkeypatch.setattr(stick, "_put", lambda *_: (_ for _ in ()).throw(OSError(30, "read-only")))

    assert command("take", box.stick).exit_code == 0
    assert box.inbox.is_full


# The gate, the trial, the power.


def test_an_open_gate_is_waited_for_and_then_the_update_waits_on(box):
    box.bring("v2")
    command("take", box.stick)
    box.is_open = True

    first = command("waiting", "--tell", box.stick)
    command("try", "--if-written")
    while_open = (box.state, list(box.called), box.inbox.is_full)
    box.is_open = False
    command("waiting")
    box.is_open = True
    refused = command("try", "--if-written")

    assert (first.exit_code, "tried again later" in first.stdout) == (0, True)
    assert while_open == ((State.WAITING, NEW), [], True)
    assert box.state == (State.WRITTEN, NEW)
    assert isinstance(refused.exception, agents.GateOpen)
    assert box.restarts() == []


def test_a_gate_that_opens_and_closes_lets_the_update_go_on(box, monkeypatch):
    box.bring("v2")
    command("take", box.stick)
    looks = iter([True, True, False])
    object.__setattr__(box.agent, "is_open", lambda: next(looks))

    assert command("waiting").exit_code == 0
    assert (box.state, next(looks, None)) == ((State.WRITTEN, NEW), None)


def test_a_trial_that_runs_is_waited_for_and_then_it_is_refused_as_by_hand(tmp_path, monkeypatch):
    box = box_of(tmp_path, monkeypatch, trial=True)
    box.bring("v2")
    command("take", box.stick)

    done = command("waiting")

    assert "is on trial and not yet found well" in str(done.exception)
    assert not any("install" in one for one in box.called)


def test_a_trial_that_is_found_well_meanwhile_lets_the_update_go_on(tmp_path, monkeypatch):
    box = box_of(tmp_path, monkeypatch, trial=True)
    box.bring("v2")
    command("take", box.stick)
    waits = iter([None, None])

    def slept(_):
        if next(waits, "over") == "over":
            box.agent.validate()

    monkeypatch.setattr(taking.time, "sleep", slept)

    assert command("waiting").exit_code == 0
    assert (box.state, next(waits, "over")) == ((State.WRITTEN, NEW), "over")


def test_a_bundle_for_other_boxes_is_refused_by_hand_as_well(box):
    path = box.bring("v2", compatible="yardpass-pi5-arm64")

    with pytest.raises(Refused, match="it is for boxes"):
        box.agent.install(path)
    assert not any("install" in one for one in box.called)


def test_a_block_that_is_not_what_it_was_ends_it_and_the_bundle_goes(box):
    box.bring("v2")
    command("take", box.stick)
    box.answers["rauc install"] = Unavailable("rauc failed: a block is not what it was")

    done = command("waiting", "--tell", box.stick)

    assert "a block" in str(done.exception)
    assert (box.state[0], box.inbox.is_full) == (State.REFUSED, False)
    assert "a block" in on_stick(box)["REFUSED.txt"]
    assert command("try", "--if-written").exit_code == 0
    assert box.restarts() == []


def starts(box, version):
    """The box has started, with this version; its health check has looked."""
    (box.folder / "os-release").write_text(f"IMAGE_ID={KIND}\nIMAGE_VERSION={version}\n")
    partition, tryboot = (2, 0) if version == OLD else (3, 1)
    told = f"yardpass.partition={partition} yardpass.tryboot={tryboot}\n"
    (box.folder / "cmdline").write_text(told)
    return command("health")


def brought(box):
    box.bring("v2")
    command("take", box.stick)
    command("waiting")
    return command("try", "--if-written")


def test_a_trial_that_is_well_is_kept_and_the_bundle_goes(box):
    brought(box)

    starts(box, NEW)

    assert (box.state, box.inbox.is_full) == ((State.KEPT, NEW), False)
    assert box.agent.last().sentence == f"update {NEW} works and is kept"


@pytest.mark.parametrize("is_first", [True, False], ids=["health first", "the stick first"])
def test_a_stick_that_stays_in_over_the_trial_takes_nothing_back(box, monkeypatch, is_first):
    brought(box)
    box.called.clear()
    if is_first:
        starts(box, NEW)
    else:
        partition = "yardpass.partition=3 yardpass.tryboot=1\n"
        (box.folder / "cmdline").write_text(partition)
        (box.folder / "os-release").write_text(f"IMAGE_ID={KIND}\nIMAGE_VERSION={NEW}\n")
        monkeypatch.setattr(taking.time, "sleep", lambda _: command("health"))

    done = [command("take", box.stick), command("waiting", "--tell", box.stick)]
    command("try", "--if-written")

    assert [one.exit_code for one in done] == [0, 0]
    assert (box.state, box.inbox.is_full) == ((State.KEPT, NEW), False)
    assert on_stick(box) == {"OUTCOME.txt": f"{NEW} is on the stick and runs here\n"}
    assert (box.restarts(), box.lights[-1]) == ([], board_light.Light.DONE)


def test_a_trial_that_is_still_running_leaves_its_bundle_for_a_second_try(box, monkeypatch):
    brought(box)
    (box.folder / "cmdline").write_text("yardpass.partition=3 yardpass.tryboot=1\n")
    (box.folder / "os-release").write_text(f"IMAGE_ID={KIND}\nIMAGE_VERSION={NEW}\n")

    assert command("waiting").exit_code == 0
    assert (box.state, box.inbox.is_full) == ((State.TRYING, NEW), True)


def test_a_trial_that_is_not_well_is_never_tried_again_by_itself_but_by_hand(box, monkeypatch):
    brought(box)
    monkeypatch.setattr(agents.health, "faults", lambda *_, **__: iter(["gate: it does not run"]))
    monkeypatch.setattr(agents, "HEALTH_SECONDS", -1.0)

    starts(box, NEW)
    failed = box.agent.last()
    monkeypatch.undo()
    again = box_of(box.folder, monkeypatch)
    starts(again, OLD)
    by_itself, by_stick = command("waiting"), command("take", again.stick)
    still = again.agent.last()
    by_hand = command("install", again.stick / "v2.raucb", "--no-restart")

    assert (
        failed.sentence == f"update {NEW} did not work and was taken back: gate: it does not run"
    )
    assert (by_itself.exit_code, still) == (0, failed)
    assert "was tried and did not work; bring a newer one, or insist" in str(by_stick.exception)
    assert "was tried and did not work" in (again.stick / "REFUSED.txt").read_text()
    assert (by_hand.exit_code, again.state) == (0, (State.WRITTEN, NEW))


def test_a_trial_that_ends_without_a_word_is_tried_once_more_and_no_more(box):
    brought(box)

    starts(box, OLD)
    first = (box.state, box.inbox.is_full)
    command("waiting")
    command("try", "--if-written")
    second = box.state
    starts(box, OLD)
    third = command("waiting")

    assert first == ((State.FAILED, NEW), True)
    assert "it did not start, it hung, or the power went" in box.agent.last().why
    assert second == (State.TRYING, NEW)
    assert (third.exit_code, len(box.restarts())) == (0, 2)
    assert not box.inbox.is_full


def test_the_power_that_goes_before_the_restart_loses_nothing(box):
    box.bring("v2")
    command("take", box.stick)
    command("waiting")

    starts(box, OLD)
    command("waiting")
    command("try", "--if-written")

    assert sum("rauc install" in one for one in box.called) == 1
    assert box.state == (State.TRYING, NEW)


@pytest.mark.parametrize("state", [State.COPYING, State.WRITING])
def test_what_a_power_cut_ended_is_told_at_the_next_start(box, state):
    box.agent.note_step(NEW, "stick", state)

    starts(box, OLD)

    assert "the box stopped while it was" in box.agent.last().sentence


def test_a_refusal_does_not_hide_an_update_that_is_under_way(box):
    brought(box)

    box.agent.note_refused("", "stick", "another key")

    assert box.state == (State.TRYING, NEW)


# The record.


@given(st.binary(max_size=300))
def test_any_file_is_an_outcome_or_none(data):
    # Invariant: outcome_of never raises, and what it finds is written again to the same outcome.
    found = outcome_of(data)

    assert found is None or outcome_of(found.to_bytes()) == found


TEXTS = st.text(st.characters(categories=("L", "N", "P")), max_size=20)


@given(
    st.builds(
        Outcome, TEXTS, TEXTS, st.sampled_from(State), st.integers(0, 2**53 - 1), TEXTS,
        st.dictionaries(TEXTS, st.integers(0, 9), max_size=5),
    )
)  # fmt: skip
def test_an_outcome_is_read_again_as_it_was_written(made):
    assert outcome_of(made.to_bytes()) == made
    assert made.sentence


@pytest.mark.parametrize("state", State)
def test_an_outcome_without_a_reason_is_a_sentence_too(state):
    said = Outcome("", "", state, 0).sentence

    assert said[-1].isalnum() and "{" not in said


@pytest.mark.parametrize("state", State)
def test_what_went_wrong_is_news_for_a_week_and_a_slot_given_up_until_another_update(state):
    last, day = Outcome(NEW, "stick", state, 100 * 86_400), 86_400
    told = [last.is_wrong(last.at + days * day) for days in (-8, -6, 0, 6, 7, 900)]

    wrong, is_lasting = state in (State.FAILED, State.REFUSED), state is State.GIVEN_UP
    assert told == [is_lasting, *[wrong or is_lasting] * 3, is_lasting, is_lasting]


def test_an_outcome_with_a_line_break_or_a_lie_in_it_is_none():
    good = json.loads(Outcome(NEW, "stick", State.KEPT, 7).to_bytes())

    for wrong in ({"why": "a\nb"}, {"at": -1}, {"at": True}, {"state": "x"}, {"tries": [1]}):
        assert outcome_of(json.dumps(good | wrong).encode()) is None
    assert outcome_of(b"[" * 9_000) is None


def test_only_so_many_versions_are_remembered():
    last = None
    for number in range(20):
        version = f"0.1.0-{number + 1}"
        last = outcome.tried(outcome.begun(last, version, "stick", State.WRITTEN, now=number))

    assert list(last.tries) == [f"0.1.0-{number}" for number in range(13, 21)]
    assert set(last.tries.values()) == {1} < {1, MAX_TRIES}


def test_a_disk_that_takes_no_record_stops_no_update(box, monkeypatch):
    monkeypatch.setattr(
        outcome_file, "write", lambda *_: (_ for _ in ()).throw(Unavailable("the disk is full"))
    )

    assert box.agent.install(box.bring("v2")).version == NEW


def test_runs_here_is_not_said_of_another_key(box):
    box.bring("v1", OLD, key="stranger's")

    with pytest.raises(Refused, match="signature"):
        box.taking.from_stick(box.stick)
    box.bring("v1b", OLD)
    with pytest.raises(RunsHere):
        box.taking.from_stick(box.stick)


# The real RAUC, of the machine that tests.


MANIFEST = """\
[update]
compatible={}
version={}

[bundle]
format=verity

[image.system]
filename=system.img
"""


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    """Makes real bundles with real keys."""
    if not shutil.which("rauc") or not shutil.which("mksquashfs"):
        pytest.skip("rauc is not here: apt-get install rauc squashfs-tools")
    folder = tmp_path_factory.mktemp("maker")
    for name in ("ours", "stranger"):
        own = ("-x509", "-days", "36500", "-subj", f"/O=Yardpass/CN={name}")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        files = ("-keyout", f"{name}.key", "-out", f"{name}.pem")
        subprocess.run(
            ["openssl", "req", *curve, *own, *files], cwd=folder, check=True, capture_output=True
        )

    def make(target, version, *, key="ours", compatible=KIND):
        content = folder / f"{target.stem}-content"
        content.mkdir(exist_ok=True)
        (content / "manifest.raucm").write_text(MANIFEST.format(compatible, version))
        (content / "system.img").write_bytes(os.urandom(300_000))
        signer = (f"--key={folder}/{key}.key", f"--cert={folder}/{key}.pem")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["rauc", *signer, "bundle", content, target], check=True, capture_output=True
        )
        shutil.rmtree(content)
        return target

    return folder, make


@pytest.fixture
def real(box, maker, monkeypatch):
    """The box, which asks the real RAUC; it believes the maker's certificate."""
    folder, make = maker

    def info(path):
        words = ["/usr/bin/rauc", f"--keyring={folder}/ours.pem", "info"]
        return real_run([*words, "--output-format=json", str(path)])

    real_run = REAL_RUN
    monkeypatch.setattr(box, "_info", info)
    box.make = lambda name, version=NEW, **options: make(
        box.stick / f"{name}.raucb", version, **options
    )
    return box


REAL_RUN = programs.run


@pytest.mark.heavy
def test_the_real_rauc_lets_the_newest_of_the_maker_through_and_nothing_else(real):
    real.make("a-newest", NEWER)
    real.make("b-new")
    real.make("c-older", "0.0.9-1")
    real.make("d-stranger", "9.0.0-1", key="stranger")
    real.make("e-other-box", "9.0.0-1", compatible="yardpass-pi4-arm64")
    cut = real.make("f-truncated", "9.0.0-2")
    cut.write_bytes(cut.read_bytes()[:-100])
    half = real.make("g-half", "9.0.0-3")
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    (real.stick / "h-empty.raucb").touch()
    (real.stick / "i-noise.raucb").write_bytes(os.urandom(100_000))
    (real.stick / "j-link.raucb").symlink_to(real.stick / "b-new.raucb")

    assert real.taking.from_stick(real.stick).version == NEWER
    assert real.inbox.bundle.read_bytes() == (real.stick / "a-newest.raucb").read_bytes()
    (real.stick / "a-newest.raucb").unlink()
    (real.stick / "b-new.raucb").unlink()
    with pytest.raises(
        Refused, match=r"c-older.*not newer.*d-stranger.*signature verif.*and 5 more"
    ):
        real.taking.from_stick(real.stick)


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["stranger", "truncated", "noise"])
def test_the_real_rauc_s_refusal_is_told_in_one_line(real, name):
    path = real.make(name, key="stranger" if name == "stranger" else "ours")
    if name == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    if name == "noise":
        path.write_bytes(os.urandom(100_000))

    command("take", real.stick)

    assert real.agent.last().state is State.REFUSED
    assert real.agent.last().sentence.isprintable()
    assert f"{name}.raucb: " in (real.stick / "REFUSED.txt").read_text()
