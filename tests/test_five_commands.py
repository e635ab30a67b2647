"""The README's way from an empty folder to a terminal that believes a ledger, line by line.

Every line runs as it stands there; only the port of the web server is a free one.
"""

import os
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from desk import NOW, ORIGIN, POST, SIZE, YARDPASS, run, status

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
CHAPTER = README.partition("## A compound from nothing\n")[2].partition("\n## ")[0]
FIVE, PLACES = (block.splitlines() for block in re.findall(r"```sh\n(.*?)```", CHAPTER, re.DOTALL))
LIMIT_SECONDS = 60


class Shell:
    """A user in a folder that holds `./yardpass` and nothing else."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = dict(os.environ)
        for name in ("YARDPASS_SITE", "YARDPASS_PASSPHRASE_FILE"):
            self.environment.pop(name, None)
        bin_folder = Path(sys.executable).parent
        self.environment |= {"PATH": f"{bin_folder}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
        launcher = folder / "yardpass"
        launcher.write_text(f"#!/bin/sh\nexec '{YARDPASS}' \"$@\"\n")
        launcher.chmod(0o755)

    def say(self, line):
        """What a line prints; it must do what it is told."""
        done = subprocess.run(
            line, shell=True, cwd=self.folder, env=self.environment, capture_output=True,
            text=True, check=False, timeout=LIMIT_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def serving(self, line):
        """Runs a line that serves until it is stopped; the port, and what was asked so far."""
        log = self.folder / "server.log"
        with log.open("wb") as asked, subprocess.Popen(
            f"exec {line}", shell=True, cwd=self.folder, env=self.environment,
            stdout=subprocess.PIPE, stderr=asked, text=True,
        ) as server:  # fmt: skip
            try:
                port = re.search(r"port (\d+)", server.stdout.readline())[1]
                yield port, lambda: re.findall(r'"GET (\S+) \S+" (\d+)', log.read_text())
            finally:
                server.terminate()
                server.stdout.read()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """After the five commands: the shell, and what each line said. The pass is in chen.txt."""
    shell = Shell(tmp_path_factory.mktemp("five"))
    said = [shell.say(line) for line in FIVE]
    (shell.folder / "chen.txt").write_text(said[1])
    return shell, said


@pytest.fixture
def inside(made, monkeypatch):
    """Stands in the folder, for what is between the lines."""
    monkeypatch.chdir(made[0].folder)
    monkeypatch.delenv("YARDPASS_PASSPHRASE_FILE", raising=False)


def test_they_are_five_commands():
    assert [line.split()[0] for line in FIVE] == ["./yardpass"] * 5
    assert [" ".join(line.split()[1:3]) for line in FIVE] == [
        *("office init", "office enrol", "office terminal", "office publish", "ledger import")
    ]


def test_five_commands_lead_from_nothing_to_a_terminal_that_believes_the_ledger(made, inside):
    shell, said = made

    found, verdict = status(), run("check", "chen.txt", "--site", "north-1", "--at", "now").stdout

    assert said[-1] == f"{ORIGIN}: {SIZE} entries, {SIZE} new\n"
    assert (found["origin"], found["size"], found["forks"]) == (ORIGIN, SIZE, 0)
    assert verdict.startswith("chen.txt: ● GREEN")
    assert (shell.folder / "chen.pdf").read_bytes().startswith(b"%PDF-")
    assert {path.name for path in shell.folder.iterdir()} == {
        *("yardpass", "office", "public", "north-1", "chen.pdf", "chen.txt")
    }


def test_the_same_terminal_takes_the_same_ledger_from_a_server_and_from_a_stick(made, inside):
    shell, _ = made
    serve, fetch, export, carry = PLACES
    run("office", "revoke", "Chen, flat 40")
    run("office", "publish", "public")
    os.utime("public/checkpoint", (NOW, NOW))  # a file of this very second is asked for again
    run("office", "terminal", "south-1", "--name", "south-1", *POST[2:])

    with shell.serving(serve.replace("8000", "0")) as (port, asked):
        new, unchanged = (shell.say(fetch.replace("8000", port)) for _ in range(2))
        requests = asked()
    written, known = shell.say(export), shell.say(carry)
    other = run(*shlex.split(carry.replace("north-1", "south-1"), comments=True)[1:]).stdout

    size = SIZE + 1
    assert new == f"{ORIGIN}: {size} entries, 1 new\n"
    still = rf"{ORIGIN}: {size} entries, 0 new, \d+ (s|min) old\n"
    assert re.fullmatch(still, unchanged) and re.fullmatch(still, known)
    assert requests == [
        ("/checkpoint", "200"),
        (f"/tile/entries/000.p/{size}", "200"),
        ("/checkpoint", "304"),
    ]
    assert written == f"wrote stick, {size} entries of {ORIGIN}\n"
    assert other == f"{ORIGIN}: {size} entries, {size} new\n"
    assert status()["root"] == status("south-1")["root"]
    said = run("check", "chen.txt", "--site", "south-1", "--at", "now").stdout
    assert "R-REVOKED" in said
