"""`yardpass console`: the screen of a terminal's own compound."""

import json
import time

import pytest
from click.testing import CliRunner

from appliance import cli
from appliance.commands import console
from appliance.demo.compound import Compound
from appliance.gate import doorbell
from appliance.gate.remote import State
from appliance.settings import FILE_NAME
from appliance.version import shown, software
from ledger_sync import peers_file


@pytest.fixture
def yard(tmp_path, monkeypatch):
    with Compound(tmp_path / "yard") as made:
        made.host = made.phone("Ann")
        made.open()
        monkeypatch.setattr(time, "time", lambda: float(made.clock.now))
        yield made


def run(yard, *words):
    settings = yard.folder / "north-1" / FILE_NAME
    return CliRunner().invoke(cli.cli, ["console", "--settings", str(settings), *words])


def test_once_prints_what_the_gate_saw(yard):
    yard.stations["north"].terminal.present(yard.host.reference(yard.clock.now))

    said = run(yard, "--once")

    assert said.exit_code == 0, said.output
    lines = said.stdout.splitlines()
    assert len(lines) == 24 or len(lines) == 25
    assert lines[0].split()[:3] == ["YARDPASS", "hz07", "north-1"]
    assert f"   opens   in by north, 08:00   {shown(software())}" in lines
    assert [line.split()[0] for line in lines if " -" in line] == ["exit-1", "garage-1"]
    assert " ! yardpass sync is not running here: no other gate hears of these checks" in lines


def test_once_says_who_of_the_others_is_here(yard, monkeypatch):
    peers = [
        {"name": "exit-1", "state": "here", "faults": 0, "fault": ""},
        {"name": "garage-1", "state": "away", "faults": 0, "fault": ""},
    ]
    folder = yard.stations["north"].settings.store.parent
    (folder / peers_file.NAME).write_text(json.dumps({"at": 1, "peers": peers}))
    monkeypatch.setattr(doorbell, "is_answered", lambda path: True)

    lines = run(yard, "--once").stdout.splitlines()

    assert [line.split()[:2] for line in lines if "  -" in line] == [
        ["exit-1", "here"], ["garage-1", "SILENT"], ["north-1", "this"],
    ]  # fmt: skip
    assert not [line for line in lines if " ! " in line]


def test_without_a_terminal_it_names_the_way_out(yard):
    said = run(yard)

    assert said.exit_code == 2
    assert "needs a terminal; --once prints its screen" in said.output


def test_on_a_terminal_the_screen_runs_on_the_store_s_own_checks(yard, monkeypatch):
    ran = []

    class Screen:
        def __init__(self, desk, wires, *, palette):
            ran.append((desk, wires.look(), wires.survey(), wires.now(), wires.gate()))

        def run(self):
            ran.append("run")

    monkeypatch.setattr("appliance.console.app.Console", Screen)
    monkeypatch.setattr(console, "is_on_terminal", lambda: True)
    yard.stations["north"].terminal.present(yard.host.reference(yard.clock.now))

    said = run(yard)

    assert said.exit_code == 0, said.output
    (_, seen, standing, at, gate), end = ran
    assert [one.gate for one in seen] == ["north"]
    assert standing.names == ("exit-1", "garage-1", "north-1")
    assert (at, end) == (yard.clock.now, "run")
    assert gate == State()  # nobody answered yet


def test_without_the_secret_of_the_site_it_says_what_is_missing(yard):
    (yard.folder / "north-1" / "site.secret").unlink()

    said = run(yard, "--once")

    assert said.exit_code == 0
    assert "calls for help by duress keys are not shown" in said.stderr


def test_a_terminal_without_a_store_is_told_in_a_sentence(yard):
    store = yard.stations["north"].settings.store
    for path in store.parent.glob(store.name + "*"):
        path.unlink()

    said = run(yard, "--once")

    assert said.exit_code != 0
    assert "Traceback" not in said.output
