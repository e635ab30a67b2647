"""`yardpass ledger`: load a ledger file into a terminal, and say what the terminal holds."""

import json
import sys
import time
from pathlib import Path

import click

from appliance.gate import words
from appliance.gate.assembly import open_replica, policy_of
from appliance.settings import FILE_NAME, load
from ledger_sync.accept import MAX_FILE, accept
from ledger_sync.errors import Refused
from ledger_sync.files import read_bounded

_site = click.option(
    "--site",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="Folder of a terminal.",
)


@click.group()
def ledger() -> None:
    """The ledger a terminal believes: signed by the log, cosigned by a quorum."""


@ledger.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@_site
def import_(file: Path, site: Path) -> None:
    """Verify FILE and make it the terminal's ledger. A refused file changes nothing."""
    settings = load(site / FILE_NAME)
    policy = policy_of(settings.policy)
    data = read_bounded(file, MAX_FILE, hint="make one with: yardpass office publish")
    click.echo(f"verifying {file}, {len(data)} bytes", err=True)
    with open_replica(settings) as replica:
        known = replica.position()
        try:
            accepted = accept(data, policy=policy, origin=settings.origin, known=known)
        except Refused as refused:
            stays = f"{settings.origin} stays at {known.size} entries"
            raise Refused(f"{file}: {refused}; {stays}", reason=refused.reason) from None
        new_count = len(accepted.new_entries)
        with click.progressbar(length=new_count, label="Applying", file=sys.stderr) as bar:

            def advance(seq: int) -> None:
                bar.update(seq - known.size - bar.pos)

            replica.apply(accepted, progress=advance)
            bar.update(new_count - bar.pos)
    click.echo(f"{settings.origin}: {accepted.checkpoint.size} entries, {new_count} new")


@ledger.command()
@_site
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def status(site: Path, as_json: bool) -> None:
    """How large and how old the terminal's ledger is."""
    settings = load(site / FILE_NAME)
    with open_replica(settings) as replica:
        held, passes = replica.ledger(), replica.pass_count()
    age = max(0, int(time.time()) - held.quorum_time) if held.quorum_time else None
    if as_json:
        found = {
            "origin": held.origin,
            "size": held.size,
            "root": held.root.hex(),
            "passes": passes,
            "age_seconds": age,
        }
        click.echo(json.dumps(found))
        return
    heard = "nothing accepted yet" if age is None else f"{words.age(age)} old"
    click.echo(f"{held.origin}: {held.size} entries, {passes} passes, {heard}")
