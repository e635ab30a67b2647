"""`yardpass console`: the guard's screen at a terminal."""

import shutil
import sys
from pathlib import Path

import click

from appliance.commands.ledger_options import now
from appliance.commands.settings_option import settings_option
from appliance.console.survey import Post, standing_of
from appliance.console.view import View
from appliance.console.watch import Watch
from appliance.gate.assembly import open_replica
from appliance.gate.identity import HINT
from appliance.settings import Settings, load
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keyfile import read_secret


@click.command()
@settings_option
@click.option("--once", is_flag=True, help="Print the screen once, as plain text.")
def console(path: Path, once: bool) -> None:
    """Show what all gates see and how they are: the newest check of this gate, alarms, a row for
    each terminal, the checks of all.

    It reads this terminal's store and opens nothing. Keys: f lists all, what was not green,
    alarms, or this terminal alone; q ends it.
    """
    settings = load(path)
    if not once and not is_on_terminal():
        raise click.UsageError("the console needs a terminal; --once prints its screen")
    post = Post(settings.terminal, settings.store.parent, _secret(settings))
    view = View(settings.terminal)
    with open_replica(settings) as replica:
        watch = Watch(replica.store)
        if once:
            view.add(watch.look())
            width, height = shutil.get_terminal_size((80, 25))
            for line in view.lines(standing_of(replica, post, now), now(), width, height):
                click.echo(line.text.rstrip())
            return
        from appliance.console.app import Console

        Console(
            view,
            look=watch.look,
            survey=lambda: standing_of(replica, post, now),
            now=now,
        ).run()


def is_on_terminal() -> bool:
    """Whether there is a screen to draw on, and keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _secret(settings: Settings) -> bytes:
    """What tells whose a check is; empty, and said so, where it cannot be read."""
    try:
        return read_secret(settings.site_secret, hint=HINT)
    except (Refused, Unavailable) as error:
        click.echo(f"{error}; calls for help by duress keys are not shown", err=True)
        return b""
