"""`yardpass doctor`: the technician's self-test of a terminal."""

import json
import os
import sys
from functools import partial
from pathlib import Path

import click as cli

from appliance.commands.ledger_options import json_option
from appliance.commands.settings_option import settings_option
from appliance.credentials import handed
from appliance.doctor import bundle as bundles
from appliance.doctor import lines, machine_probes
from appliance.doctor.examination import examine
from appliance.doctor.lines import Level, Line
from appliance.settings import Settings, load
from ledger_sync.errors import Refused, Unavailable

COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red", Level.ABSENT: None}
DISCONNECT = "the relay will switch; take the gate's wires off it first"


@cli.command()
@settings_option
@json_option
@cli.option("--click", is_flag=True, help="Switch the relay on for a moment; asks first.")
@cli.option(
    "--bundle",
    type=cli.Path(path_type=Path, dir_okay=False),
    help="Write a .tar.gz for support, without secrets and names.",
)
def doctor(path: Path, as_json: bool, click: bool, bundle: Path | None) -> None:
    """Examine this terminal: each part OK, WARN, FAIL or not here, and what to do.

    A gate that systemd runs is asked how camera, readers and inputs are; stop it to see through
    the camera. As root it sees everything. 1 if anything failed.
    """
    if click:
        _warn_of_click(path, as_json=as_json)
    found = []
    for line in examine(path, click=click, handed=partial(handed, environment=os.environ)):
        found.append(line)
        if not as_json:
            _show(line)
    if as_json:
        told = {"lines": [lines.document(line) for line in found], "ok": lines.is_well(found)}
        cli.echo(json.dumps(told, indent=1))
    if bundle is not None:
        held = bundles.write(bundle, _settings(path), found, run=machine_probes.run)
        cli.echo(f"{bundle} holds {', '.join(held)}; look through it before you send it", err=True)
    if not lines.is_well(found):
        sys.exit(1)


def _settings(path: Path) -> Settings | Path:
    """The terminal's folder for settings that cannot be read: that may be why support is asked."""
    try:
        return load(path)
    except (Refused, Unavailable):
        return path.parent


def _warn_of_click(path: Path, *, as_json: bool) -> None:
    """Two steps: whoever asks for it also types the gate's name, by hand."""
    if as_json or not sys.stdin.isatty():
        raise cli.UsageError("--click asks first: run it on a terminal, without --json")
    name = load(path).gate.name
    typed = cli.prompt(
        f"{DISCONNECT}.\nType the name of the gate ({name}) to go on",
        default="",
        show_default=False,
    )
    if typed != name:
        raise cli.UsageError(f"{typed!r} is not {name}; nothing was switched")


def _show(line: Line) -> None:
    mark = cli.style(
        f"{line.level.value:<8}", fg=COLOURS[line.level], bold=line.level is Level.FAIL
    )
    cli.echo(mark + lines.text(line)[8:])
