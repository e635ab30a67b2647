"""`yardpass office terminal` and `gone`: terminals come into the ledger and leave it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from appliance.commands.dry_run import rehearsable
from appliance.commands.office_authority import fingerprint
from appliance.commands.office_options import (
    FILE,
    PUBLISH,
    Command,
    folder_option,
    open_office,
    zones_option,
)
from appliance.commands.office_phone import enrolment
from appliance.office import terminal_kit
from appliance.office.office import Office
from hw import drivers
from hw.gate_io import MAX_PIN, MIN_PIN
from ledger_sync.errors import Refused
from ledger_sync.keys import SEED_BYTES
from ledger_sync.wire import address_of


def addresses_of(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        try:
            address_of(value)
        except Refused as refused:
            raise click.BadParameter(str(refused)) from None
    return values


def post_options(*, are_needed: bool) -> Callable[[Command], Command]:
    """What says where a terminal stands; `are_needed`: its name and its gate must be given."""

    def add(command: Command) -> Command:
        for option in reversed(_options(are_needed)):
            command = option(command)
        return command

    return add


def _options(are_needed: bool) -> list[Callable[[Command], Command]]:
    return [
        click.option("--name", required=are_needed, help="Name of the terminal, e.g. north-1."),
        click.option("--gate", required=are_needed, help="Name of its gate, e.g. north."),
        click.option(
            "--direction",
            type=click.Choice(["in", "out"]),
            default="in",
            show_default=True,
            help="Which way the gate leads; the way out is never blocked.",
        ),
        zones_option("Zone the gate leads to; repeat for more."),
        click.option(
            "--camera",
            type=click.Choice(drivers.names("camera")),
            default="picamera2",
            show_default=True,
            help="Driver of its camera.",
        ),
        click.option(
            "--relay",
            type=click.Choice(("gpio", "sim")),
            default="gpio",
            show_default=True,
            help="Its relay: gpio on a pin, which yardpass relay drives; sim moves nothing.",
        ),
        click.option(
            "--pin",
            type=click.IntRange(MIN_PIN, MAX_PIN),
            default=17,
            show_default=True,
            help="Pin of its relay, BCM number.",
        ),
        click.option(
            "--address",
            "addresses",
            multiple=True,
            callback=addresses_of,
            help="HOST:PORT where the other terminals find it; repeat.",
        ),
        click.option(
            "--listen",
            default="0.0.0.0:7461",
            show_default=True,
            callback=lambda context, option, value: addresses_of(context, option, (value,))[0],
            help="HOST:PORT it listens at.",
        ),
    ]


@click.command()
@folder_option
@click.argument("target", type=FILE)
@post_options(are_needed=False)
@click.option(
    "--enrol",
    metavar="TEXT_OR_FILE",
    help="TARGET is the name of a new box, which shows this: YPT1:...; a picture (PNG, JPEG), the "
    "file enrolment.txt that it left, or the text in single quotes.",
)
@rehearsable("target")
def terminal(
    folder: Path, target: Path, zones: tuple[int, ...], enrol: str | None, **post: Any
) -> None:
    """Make the folder TARGET a terminal starts from, and name the terminal in the ledger. With
    --enrol: name a box in the ledger that was provisioned and made its own keys."""
    for name in ("name", "gate"):
        if post[name] is None and enrol is None:
            raise click.UsageError(f"Missing option '--{name}'.")
    office = open_office(folder)
    if enrol is not None:
        _enrol(office, target.name, enrol)
        return
    made = terminal_kit.Post(zones=list(zones), **post)
    terminal_kit.make(office, target, made, seed=os.urandom(SEED_BYTES))
    click.echo(f"terminal {made.name} in {target}; genesis policy {fingerprint(office)}")
    click.echo(f"{PUBLISH}, then yardpass ledger import SOURCE --site {target}")


def _enrol(office: Office, name: str, given: str) -> None:
    found = enrolment(given)
    if found.name != name:
        raise Refused(f"this code is of {found.name}, not of {name}; scan the right box's")
    terminal_kit.enrol(office, found)
    at = f" at {', '.join(found.addresses)}" if found.addresses else ""
    click.echo(f"terminal {name} of gate {found.gate}{at} is enrolled; {PUBLISH}")
    click.echo("it hears of that from the peers that its own ledger names; the first boxes")
    click.echo("of a site know none: there, yardpass ledger import SOURCE")


@click.command()
@folder_option
@click.argument("name")
@rehearsable()
def gone(folder: Path, name: str) -> None:
    """Take the terminal NAME out of the ledger: no other terminal believes it any more."""
    open_office(folder).take_away(name)
    click.echo(f"terminal {name} is gone; {PUBLISH}")
