"""`yardpass office terminal` and `gone`: terminals come into the ledger and leave it."""

import os
from pathlib import Path
from typing import Any

import click

from appliance.commands.dry_run import rehearsable
from appliance.commands.office_authority import fingerprint
from appliance.commands.office_options import (
    FILE,
    PUBLISH,
    folder_option,
    open_office,
    zones_option,
)
from appliance.office import terminal_kit
from hw import drivers
from hw.gate_io import MAX_PIN, MIN_PIN
from ledger_sync.errors import Refused
from ledger_sync.keys import SEED_BYTES
from ledger_sync.wire import address_of


def _addresses(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        try:
            address_of(value)
        except Refused as refused:
            raise click.BadParameter(str(refused)) from None
    return values


@click.command()
@folder_option
@click.argument("target", type=FILE)
@click.option("--name", required=True, help="Name of the terminal, e.g. north-1.")
@click.option("--gate", required=True, help="Name of its gate, e.g. north.")
@click.option(
    "--direction",
    type=click.Choice(["in", "out"]),
    default="in",
    show_default=True,
    help="Which way the gate leads; the way out is never blocked.",
)
@zones_option("Zone the gate leads to; repeat for more.")
@click.option(
    "--camera",
    type=click.Choice(drivers.names("camera")),
    default="picamera2",
    show_default=True,
    help="Driver of its camera.",
)
@click.option(
    "--relay",
    type=click.Choice(("gpio", "sim")),
    default="gpio",
    show_default=True,
    help="Its relay: gpio on a pin, which yardpass relay drives; sim moves nothing.",
)
@click.option(
    "--pin",
    type=click.IntRange(MIN_PIN, MAX_PIN),
    default=17,
    show_default=True,
    help="Pin of its relay, BCM number.",
)
@click.option(
    "--address",
    "addresses",
    multiple=True,
    callback=_addresses,
    help="HOST:PORT where the other terminals find it; repeat.",
)
@click.option(
    "--listen",
    default="0.0.0.0:7461",
    show_default=True,
    callback=lambda context, option, value: _addresses(context, option, (value,))[0],
    help="HOST:PORT it listens at.",
)
@rehearsable("target")
def terminal(folder: Path, target: Path, zones: tuple[int, ...], **post: Any) -> None:
    """Make the folder TARGET a terminal starts from, and name the terminal in the ledger."""
    office = open_office(folder)
    made = terminal_kit.Post(zones=list(zones), **post)
    terminal_kit.make(office, target, made, seed=os.urandom(SEED_BYTES))
    click.echo(f"terminal {made.name} in {target}; genesis policy {fingerprint(office)}")
    click.echo(f"{PUBLISH}, then yardpass ledger import SOURCE --site {target}")


@click.command()
@folder_option
@click.argument("name")
@rehearsable()
def gone(folder: Path, name: str) -> None:
    """Take the terminal NAME out of the ledger: no other terminal believes it any more."""
    open_office(folder).take_away(name)
    click.echo(f"terminal {name} is gone; {PUBLISH}")
