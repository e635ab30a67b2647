"""The command line as an office uses it, in a folder with an office, a resident and a terminal.

The `desk` fixture in conftest.py gives such a folder; its clock stands still at `NOW`.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from appliance import cli
from appliance.version import BUILD_TIME

NOW = BUILD_TIME + 86_400
ORIGIN = "yardpass/hz07"
SIZE = 5  # entries: policy, issuer, rule, the pass, the terminal
POST = ["--name", "north-1", "--gate", "north", "--camera", "files", "--relay", "sim"]
YARDPASS = Path(sys.executable).with_name("yardpass")
RESTORE = "restore the newest copy of the office"


def run(*arguments, **options):
    """What a command says and how it exits; what it raises comes through."""
    texts = [str(one) for one in arguments]
    return CliRunner().invoke(cli.cli, texts, catch_exceptions=False, **options)


def furnish(folder):
    """Makes the office and the terminal, and enrols Chen, whose pass is in chen.txt."""
    office = ("--office", folder / "office")
    run("office", "init", "--site", "HZ07", *office)
    (folder / "chen.txt").write_text(run("office", "enrol", "Chen", *office).stdout)
    run("office", "terminal", folder / "north-1", *POST, *office)


def loaded(target="public"):
    """Publishes the ledger, and the terminal imports it; what both said."""
    made = run("office", "publish", target)
    return made, run("ledger", "import", target, "--site", "north-1")


def iso(moment):
    return datetime.fromtimestamp(moment, UTC).isoformat()


def judged(*texts, at=NOW):
    """What the terminal would say of these files, shown at that moment."""
    said = run("check", *texts, "--site", "north-1", "--at", iso(at), "--json").stdout
    checks = json.loads(said)["checks"]
    return [" ".join((one["verdict"], one["action"], *one["reasons"])) for one in checks]


def status(site="north-1"):
    return json.loads(run("ledger", "status", "--site", site, "--json").stdout)


def snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
