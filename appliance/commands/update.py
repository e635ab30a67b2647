"""`yardpass update`: the system of a box, its two slots, and what is kept of them."""

import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click

from appliance.commands import update_box, update_itself
from appliance.update import health as healths
from appliance.update.agent import CLOSED_SECONDS
from appliance.update.autoboot import other
from appliance.update.outcome import State
from ledger_sync.errors import Unavailable


@click.group()
def update() -> None:
    """Bring a new system onto this box, and go back if it does not work.

    A box has two slots. A new system is tried once and kept only if it is found well.
    """


@update.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def status(as_json: bool) -> None:
    """Which slot runs, which is started next, whether this is a trial; what became of the last
    update."""
    agent = update_box.agent()
    standing, version, starts = agent.standing(), agent.box.version(), agent.box.starts()
    last = agent.last()
    if as_json:
        found = standing._asdict() | {"version": version, "starts": starts.starts}
        found["last"] = json.loads(last.to_bytes()) if last else None
        click.echo(json.dumps(found))
        return
    click.echo(f"slot {standing.running} runs {version}")
    if standing.is_committed:
        click.echo(f"it is kept; an update goes to slot {standing.target}")
    else:
        click.echo(f"on trial; slot {standing.chosen} is started again unless it is found well")
    if last is not None:
        click.echo(last.sentence)


@update.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--no-restart", is_flag=True, help="Write it; try it at another time.")
@click.option(
    "--wait",
    "seconds",
    default=CLOSED_SECONDS,
    show_default=True,
    type=click.IntRange(1, 86_400),
    help="Seconds an open gate is waited for.",
)
def install(bundle: Path, no_restart: bool, seconds: int) -> None:
    """Verify BUNDLE, write it to the other slot, and restart into it on trial.

    Only what is signed for boxes like this and newer than what runs. Waits for an open gate.
    """
    agent = replace(update_box.agent(), wait_seconds=seconds)
    offered = agent.install(bundle)
    slot = other(agent.box.running())
    click.echo(f"wrote {offered.version} to slot {slot}")
    if no_restart:
        click.echo("next: yardpass update try")
    else:
        agent.try_other()


@update.command("try")
@click.option(
    "--if-written", is_flag=True, help="Only if an update was written and not tried yet."
)
def try_(if_written: bool) -> None:
    """Restart into the other slot once, as after an install."""
    agent = update_box.agent()
    last = agent.last()
    if not if_written or (last is not None and last.state is State.WRITTEN):
        agent.try_other()


@update.command()
def validate() -> None:
    """Keep the slot that runs, whatever its health check says."""
    click.echo(f"slot {update_box.agent().validate()} is kept")


@update.command()
def revert() -> None:
    """Go back to the other slot and restart."""
    click.echo(f"going back to slot {update_box.agent().revert()}")


@update.command("prevent-revert")
def prevent_revert() -> None:
    """Empty the other slot: nobody goes back to what was mended."""
    click.echo(f"slot {update_box.agent().prevent_revert()} is empty")


@update.command("factory-reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
def factory_reset(yes: bool) -> None:
    """Make this box a new one: keys, ledger and checks are removed at the next start.

    Checks that no peer holds are lost: see `yardpass ledger status` first.
    """
    if not yes:
        click.confirm("remove keys, ledger and all checks of this box?", abort=True)
    update_box.agent().factory_reset()


@update.command()
def health() -> None:
    """Find out whether this box is well: keep the slot if so, else end its trial.

    Runs at every start. Exits 1 if something is wrong; on a trial the box then restarts.
    """
    taking = update_box.taking()
    agent = taking.agent
    with suppress(Unavailable):  # a disk that takes no write is told below
        if said := agent.heed_given_up():
            update_box.say(said)
    found = agent.check()
    for sentence in found:
        click.echo(sentence, err=True)
    if not found:
        click.echo(f"well: slot {agent.validate()} is kept")
        taking.settle()
        return
    if agent.box.is_on_trial():
        taking.settle(found[0])
        click.echo("the trial has failed: restarting into the slot before", err=True)
        agent.end_trial()
    elif all(one.startswith(healths.FULL) for one in found):
        click.echo(f"slot {agent.validate()} is kept: a full disk is no fault of it", err=True)
    sys.exit(1)


@update.command(hidden=True)
@click.argument("words", nargs=-1)
def backend(words: tuple[str, ...]) -> None:
    """Answer RAUC, which knows no Raspberry Pi."""
    for line in update_box.agent().backend(words):
        click.echo(line)


for _command in (update_itself.take, update_itself.waiting, update_itself.fetch):
    update.add_command(_command)
