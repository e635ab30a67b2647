"""`yardpass demo`: a whole compound, every scene as the script says, and nothing left behind."""

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from appliance import cli
from appliance.commands import demo as command
from appliance.commands.office_rule import PRESETS
from appliance.demo import show
from appliance.demo.compound import START, Compound
from appliance.demo.presets import VISITS
from appliance.demo.scenes import Scene, script
from appliance.gate.terminal import Recorder
from appliance.policy.verdict import Action, Colour
from ledger_sync.errors import Refused, Unavailable

pytestmark = pytest.mark.long

YARDPASS = Path(sys.executable).with_name("yardpass")
NUMBER_OF_SCENES = 16
NUMBER_OF_ACTS = 8


def yardpass(*arguments, folder):
    """The command in a process of its own, with `folder` for temporary files."""
    return subprocess.run(
        [YARDPASS, *arguments],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def run(*arguments):
    return CliRunner().invoke(cli.cli, ["demo", *arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The plain demo with its compound kept: what it said, and the folder."""
    folder = tmp_path_factory.mktemp("demo")
    return run("--headless", "--keep", str(folder / "a yard")), folder / "a yard"


@pytest.fixture
def short(monkeypatch):
    """A demo of a few scenes: the first, the one at the exit, the picture of nothing."""

    def some(yard):
        return [scene for number, scene in enumerate(script(yard)) if number in (0, 12, 13)]

    monkeypatch.setattr(show, "script", some)
    return some


def spoiled(monkeypatch, number, **changes):
    """The short demo with another ending in one scene."""
    some = show.script

    def script_of(yard):
        scenes = some(yard)
        scenes[number] = scenes[number]._replace(**changes)
        return scenes

    monkeypatch.setattr(show, "script", script_of)


def test_the_demo_ends_every_scene_as_the_script_says_and_leaves_nothing_behind(tmp_path):
    done = yardpass("demo", "--headless", "--json", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert [scene["ok"] for scene in found["scenes"]] == [True] * NUMBER_OF_SCENES
    assert sorted(found["terminals"]) == ["exit", "garage", "north"]
    for terminal in found["terminals"].values():
        assert terminal["ok"] is True
        assert terminal["replayed_equal"] == terminal["checks"] > 0
    assert list(tmp_path.iterdir()) == []


def test_each_scene_is_one_readable_block(kept):
    said, _ = kept

    intro, *blocks, summary = said.stdout.split("\n\n")
    blocks, acts = blocks[:NUMBER_OF_SCENES], blocks[NUMBER_OF_SCENES:]
    visits, acts = acts[: len(VISITS)], acts[len(VISITS) :]

    assert said.exit_code == 0
    assert "three terminals" in intro
    assert len(acts) == NUMBER_OF_ACTS
    assert all(block.startswith("north  Under the rule '") for block in visits)
    for block in blocks:
        title, verdict = block.splitlines()
        assert title.split()[0] in ("north", "garage", "exit")
        assert verdict.endswith(" ms)")
        shape, word = verdict.split()[:2]
        assert (shape, word) in {"●": "GREEN", "▲": "YELLOW", "■": "RED", "·": "nothing"}.items()
        assert ("R-" in verdict) == (word == "RED")
    assert "16 of 16 scenes as scripted; 14 checks on record," in summary
    assert "\x1b" not in said.stdout


def test_every_verdict_is_told_in_one_sentence_that_a_guard_can_read_out(kept):
    said, _ = kept
    blocks = said.stdout.split("\n\n")[1:][: NUMBER_OF_SCENES + len(VISITS)]

    told = [block.splitlines()[1] for block in blocks if "nothing" not in block]

    assert all(re.search(r"[A-Z].*; ledger \d+ (s|min) old\.", line) for line in told)
    revoked = [line for line in told if "R-REVOKED" in line]
    assert all("The office revoked this pass, 07:50; ledger" in line for line in revoked)
    assert len(revoked) == 2


def test_the_three_rules_that_ship_say_of_each_visit_what_the_table_says(kept):
    said, _ = kept
    blocks = said.stdout.split("\n\n")[1 + NUMBER_OF_SCENES :][: len(VISITS)]

    assert {one.preset for one in VISITS} == set(PRESETS)
    found = [block.splitlines()[1].strip().split("  ")[0] for block in blocks]
    assert found == [one.ends for one in sorted(VISITS, key=lambda one: one.minute)]


def test_an_outage_costs_what_the_acts_say_and_no_more(kept):
    said, _ = kept

    blocks = said.stdout.split("\n\n")[1 + NUMBER_OF_SCENES + len(VISITS) : -1]
    acts = [block.splitlines() for block in blocks]

    ends = {title.split(" ", 1)[1].strip(): end.strip() for title, end in acts}
    assert ends["Her code, photographed and shown at the other gate"] == "RED R-REPLAY"
    assert ends["The photograph at the garage, which has not heard of it"] == "GREEN"
    mended = ends["The cable is mended: each terminal reports it, once"]
    assert mended.startswith("1 code was used twice: north-1 check ")
    assert "garage-1 check 3" in mended
    burnt = ends["The terminal at the exit burns down"]
    assert "entries of exit-1 are at its peers, signed by its key" in burnt
    assert burnt.endswith("what it recorded after that is lost (2 here)")


def test_a_kept_compound_can_be_tried_with_the_line_that_is_shown(kept):
    said, folder = kept
    line = said.stdout.splitlines()[-1]
    assert line.startswith("try: yardpass check ")
    assert "a yard/pictures/10.png" in line

    done = subprocess.run(
        line.removeprefix("try: ").replace("yardpass", f"'{YARDPASS}'", 1),
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{folder}/pictures/10.png: ● GREEN")


def test_a_kept_folder_is_never_written_into(kept):
    _, folder = kept
    before = sorted(folder.rglob("*"))

    with pytest.raises(Refused, match="a yard exists; --keep takes a new folder"):
        run("--keep", str(folder))

    assert sorted(folder.rglob("*")) == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable, match=r"below cannot be written .*; check the path"):
        run("--keep", str(tmp_path / "file" / "below"))


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (1, {"ends": (Colour.RED, Action.OPEN, ())}),
        (2, {"ends": (Colour.GREEN, Action.OPEN, ())}),
    ],
)
def test_a_scene_that_ends_in_another_way_fails_the_demo(short, monkeypatch, number, changes):
    spoiled(monkeypatch, number, **changes)

    said = run("--headless")

    assert said.exit_code == 1
    assert said.stdout.count("<< NOT AS SCRIPTED") == 1
    assert "2 of 3 scenes as scripted" in said.stdout
    (bad,) = (block for block in said.stdout.split("\n\n") if "NOT AS SCRIPTED" in block)
    assert list_of_titles(said.stdout)[number] in bad


def list_of_titles(text):
    return [block.splitlines()[0].split(maxsplit=1)[1] for block in text.split("\n\n")[1:4]]


def test_a_wrong_script_fails_the_json_as_well(short, monkeypatch):
    spoiled(monkeypatch, 0, ends=None)

    said = run("--json")

    found = json.loads(said.stdout)
    assert (said.exit_code, found["ok"]) == (1, False)
    assert [scene["ok"] for scene in found["scenes"]] == [False, True, True]


def test_a_record_that_replays_to_another_verdict_fails_the_demo(short, monkeypatch):
    monkeypatch.setattr(show, "decide", lambda facts, at: None)

    found = json.loads(run("--json").stdout)

    assert found["ok"] is False
    assert [scene["ok"] for scene in found["scenes"]] == [True] * 3
    north = found["terminals"]["north"]
    assert (north["ok"], north["checks"], north["replayed_equal"]) == (False, 1, 0)


def test_a_check_that_is_not_on_record_fails_its_scene(short, monkeypatch):
    monkeypatch.setattr(Recorder, "record", lambda *presentation: None)

    found = json.loads(run("--json").stdout)

    assert [scene["ok"] for scene in found["scenes"]] == [False, False, True]
    assert found["terminals"]["north"]["checks"] == 0


def test_a_pulse_that_no_scene_accounts_for_fails_the_demo(tmp_path, short, monkeypatch):
    with Compound(tmp_path) as yard:
        stray = []

        def pulse_once(played):
            stray.append(played)
            yard.stations["garage"].relay.pulse(100)

        found = show.play(yard, pulse_once)

    assert (found["ok"], found["terminals"]["garage"]["ok"]) == (False, False)
    assert found["terminals"]["garage"]["pulses"] == len(stray) == 3


def test_a_scene_is_told_in_colour_on_a_terminal_and_has_its_document(short, tmp_path, capsys):
    with Compound(tmp_path) as yard, click.Context(command.demo, color=True).scope():
        found = show.play(yard, lambda played: command._tell(played, True))

    opened, left, nothing = found["scenes"]
    assert (opened["verdict"], opened["opened"], opened["recorded"]) == ("GREEN", True, True)
    assert opened["verified"]["form"] == "code by reference"
    assert opened["ledger_age_seconds"] == 41
    assert (left["gate"], left["verdict"], left["opened"]) == ("exit", "RED", True)
    assert "verdict" not in nothing
    assert "\x1b[1;38;2;0;158;115m● GREEN" in capsys.readouterr().out


def test_the_scenes_are_about_different_things(tmp_path):
    with Compound(tmp_path) as yard:
        scenes = script(yard)

    assert len({scene.title for scene in scenes}) == NUMBER_OF_SCENES
    assert all(isinstance(scene, Scene) and scene.wait >= 0 for scene in scenes)
    assert yard.clock.now == START


def test_a_folder_of_its_own_is_taken_away_at_the_end():
    with ExitStack() as stack:
        folder = command._folder(None, stack)
        assert folder.is_dir()

    assert not folder.exists()
