"""`yardpass demo`: a whole compound on this machine, scene by scene."""

import json
import shlex
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from appliance.commands import console
from appliance.demo import evening, outage, presets
from appliance.demo.compound import GUARD, PIN, START, Compound
from appliance.demo.outage import Act
from appliance.demo.show import Played, play
from appliance.gate import words
from appliance.version import software
from ledger_sync import files
from ledger_sync.errors import Refused


@click.command()
@click.option("--headless", is_flag=True, help="Plain lines without colour, for logs and CI.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="Make the compound in this new folder and keep it, pictures too, to try `check` on.",
)
def demo(headless: bool, as_json: bool, keep: Path | None) -> None:
    """Enrol a compound, photograph codes, decide, record, open mock relays.

    Three terminals with their own replicas; every picture goes through the file camera and the
    sandboxed decoder. Then a Thursday under each of the rules that ship. Then they exchange their
    logs over TLS, one is cut off, one is destroyed. On a terminal it ends in the guard's console.
    Exits 0 only if every scene ended as the script says.
    """
    colour = not headless and not as_json and sys.stdout.isatty()
    with ExitStack() as stack:
        folder = _folder(keep, stack)
        yard = stack.enter_context(Compound(folder))
        if not as_json:
            click.echo("A compound is enrolled; three terminals load its ledger.\n")
        found = play(yard, (lambda one: None) if as_json else (lambda one: _tell(one, colour)))
        rules = presets.play(yard, (lambda one: None) if as_json else _tell_act)
        acts = outage.play(yard, (lambda one: None) if as_json else _tell_act)
        found["rules"] = [one.as_json() for one in rules]
        found["outage"] = [one.as_json() for one in acts]
        found["ok"] = found["ok"] and all(one.ok for one in (*rules, *acts))
        if as_json:
            click.echo(json.dumps(found, indent=1))
        else:
            _sum_up(found, keep)
        if found["ok"] and not (headless or as_json) and console.is_on_terminal():
            _sit_down(yard)
    sys.exit(0 if found["ok"] else 1)


def _sit_down(yard: Compound) -> None:
    """The guard's console, with people coming to its gate."""
    click.echo(f"\nThe guard's console follows; {GUARD} unlocks it with the PIN {PIN}, q ends it.")
    click.pause("Press a key.")
    evening.play(yard, lambda settings, now: console.run(settings, "en", now=now))


def _folder(keep: Path | None, stack: ExitStack) -> Path:
    if keep is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yardpass-demo-")))
    if keep.exists():
        raise Refused(f"{keep} exists; --keep takes a new folder", reason="R-SETTINGS")
    files.make_folder(keep, mode=0o750)
    return keep


def _tell(one: Played, colour: bool) -> None:
    gate, title = one.scene.gate, one.scene.title
    if one.outcome is None:
        line = "· nothing       stays shut   "
    else:
        line = words.line(one.outcome, colour=colour, said=one.sentence)
    mark = "" if one.ok else "   << NOT AS SCRIPTED"
    click.echo(f"{gate:<7}{title}\n       {line}  ({one.milliseconds:.0f} ms){mark}\n")


def _tell_act(one: Act) -> None:
    mark = "" if one.ok else "   << NOT AS SCRIPTED"
    click.echo(f"{one.gate:<7}{one.title}\n       {one.ends}{mark}\n")


def _sum_up(found: dict[str, object], keep: Path | None) -> None:
    scenes, terminals = found["scenes"], found["terminals"]
    assert isinstance(scenes, list) and isinstance(terminals, dict)
    good = sum(scene["ok"] for scene in scenes)
    checks = sum(one["checks"] for one in terminals.values())
    same = sum(one["replayed_equal"] for one in terminals.values())
    click.echo(f"{good} of {len(scenes)} scenes as scripted; {checks} checks on record,")
    click.echo(f"{same} of them replayed from the log to the same verdict; all by {software()}.")
    if keep:
        at = datetime.fromtimestamp(START + 300, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        shown, site = (shlex.quote(str(keep / one)) for one in ("pictures/10.png", "north-1"))
        click.echo(f"try: yardpass check {shown} --site {site} --at {at}")
