"""`yardpass simulate` lives through worlds, says what came of them, and how to see one again."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.commands import simulate as command
from ledger_sync.sim import world as worlds
from ledger_sync.sim.world import World

SMALL = ("--nodes", "3", "--steps", "40")


@pytest.fixture
def alone(monkeypatch):
    """One core: everything happens in this process."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})


def test_worlds_that_keep_their_promises_are_summed_up(main, alone):
    code, said, errors = main("simulate", "--seeds", "3", *SMALL)

    first, second, third = said.splitlines()
    assert (code, errors) == (0, "")
    assert first.startswith("3 worlds, ")
    assert second == "violations 0"
    assert [part.split()[0] for part in third.split(", ")] == list(command.SUMS)


@pytest.mark.long
def test_on_all_cores_the_worlds_are_the_same(main, monkeypatch):
    found = []
    for cores in ({0}, {0, 1}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, cores=cores: cores)
        code, said, _ = main("simulate", "--seeds", "6", "--start", "4", "--json", *SMALL)
        found.append({k: v for k, v in json.loads(said).items() if "second" not in k})

    assert code == 0
    assert found[0] == found[1]
    assert found[0]["seeds"] == 6
    assert found[0]["records"] > 0


def broken_in(seed, monkeypatch):
    def step(world, plain=World.step):
        plain(world)
        if world.seed == seed:
            world.watch.violations.append("I8 t0: something was altered")
            raise RuntimeError("and then it ended")

    monkeypatch.setattr(worlds.World, "step", step)


def test_a_broken_promise_is_said_with_its_seed_and_how_to_see_it_again(main, alone, monkeypatch):
    broken_in(8, monkeypatch)

    code, said, errors = main("simulate", "--seeds", "4", "--start", "6", *SMALL)

    assert code == 1
    assert "violations 2" in said
    assert errors.splitlines() == [
        "seed 8: I8 t0: something was altered",
        "seed 8: I7 a process ended in RuntimeError: and then it ended",
        "again: yardpass simulate --start 8 --seeds 1 --nodes 3 --steps 40",
    ]


def test_json_is_one_document_with_the_broken_worlds_in_it(main, alone, monkeypatch):
    broken_in(1, monkeypatch)

    code, said, _ = main("simulate", "--seeds", "2", "--json", *SMALL)

    document = json.loads(said)
    assert code == 1
    assert (document["seeds"], document["violations"]) == (2, 2)
    assert [report["seed"] for report in document["broken"]] == [1]


def test_an_interruption_ends_all_processes_and_says_so(tmp_path):
    script = "from appliance import cli; cli.main()"
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", script, "simulate", "--seeds", "100000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment,
        start_new_session=True,
    ) as running:  # fmt: skip
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        while not children.read_text().split():  # the earliest moment is the worst
            with pytest.raises(subprocess.TimeoutExpired):
                running.wait(timeout=0.05)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        try:
            said, errors = running.communicate(timeout=20)
        finally:
            running.kill()

    assert running.returncode == 1
    assert said == ""
    assert errors.strip() == "stopped"
