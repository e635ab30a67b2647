"""`yardpass ledger`: load a ledger file into a terminal, and say what the terminal holds."""

import json
import sys
import time
from pathlib import Path

import click

from appliance.gate import words
from appliance.gate.assembly import open_replica, policy_of
from appliance.settings import FILE_NAME, load
from ledger_sync.accept import MAX_FILE, NOWHERE, accept, join
from ledger_sync.errors import Refused
from ledger_sync.files import read_bounded, replace
from ledger_sync.fsck import findings
from ledger_sync.store import Store

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


@ledger.command()
@_site
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def fsck(site: Path, as_json: bool) -> None:
    """Check every stored entry, row and head of a terminal; exit 1 on any damage.

    Reads only. What is damaged is named, in the ledger, in the state made of it, in the feeds.
    """
    settings = load(site / FILE_NAME)
    policy = policy_of(settings.policy)
    with Store(settings.store) as store:
        found = findings(store, policy)
    if as_json:
        click.echo(json.dumps({"ok": not found, "findings": found}))
    else:
        for sentence in found:
            click.echo(sentence)
        if found:
            next_step = "keep the store for evidence and make the terminal anew"
            click.echo(f"{len(found)} finding(s); {next_step}", err=True)
        else:
            click.echo(f"{settings.store}: sound")
    sys.exit(1 if found else 0)


@ledger.command()
@click.argument("file", type=click.Path(path_type=Path))
@_site
def export(file: Path, site: Path) -> None:
    """Write the terminal's ledger to FILE, as another terminal can import it."""
    settings = load(site / FILE_NAME)
    with open_replica(settings) as replica:
        note, entries = replica.note(), list(replica.entries())
    if not note:
        raise Refused(f"{settings.origin} has accepted no ledger yet", reason="R-LEDGER")
    replace(file, join(note, entries))
    click.echo(f"wrote {file}, {len(entries)} entries of {settings.origin}")


@ledger.command()
@click.argument("file", type=click.Path(path_type=Path))
@_site
def verify(file: Path, site: Path) -> None:
    """Verify a ledger FILE as this terminal would, from nothing; exit 1 if it is not good."""
    settings = load(site / FILE_NAME)
    data = read_bounded(file, MAX_FILE, hint="give a ledger file")
    policy = policy_of(settings.policy)
    try:
        accepted = accept(data, policy=policy, origin=settings.origin, known=NOWHERE)
    except Refused as refused:
        raise Refused(f"{file}: {refused}", reason=refused.reason) from None
    size, root = accepted.checkpoint.size, accepted.checkpoint.root.hex()
    click.echo(f"{file}: {settings.origin}, {size} entries, root {root[:16]}..., sound")
