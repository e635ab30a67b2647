"""`yardpass office`: the manager's and the authority's commands."""

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from appliance.office import printing, terminal_kit
from appliance.office.office import Office
from appliance.passes import code
from appliance.passes.token import Assurance, HolderClass
from hw import drivers
from ledger_sync import cbor, files
from ledger_sync.errors import Refused
from ledger_sync.keys import SEED_BYTES, PublicKey, public_key

CLASSES = [klass.name.lower() for klass in HolderClass]
STATUSES = {"reinstate": 0, "revoke": 1, "suspend": 2, "condition": 3}

_Command = TypeVar("_Command", bound=Callable[..., object])
_folder = click.option(
    "--office",
    "folder",
    type=click.Path(path_type=Path),
    default="office",
    show_default=True,
    help="Folder of the office.",
)


def _zones(help_text: str) -> Callable[[_Command], _Command]:
    kind = click.IntRange(0, 52)
    return click.option(
        "--zone",
        "zones",
        type=kind,
        multiple=True,
        default=(0,),
        show_default=True,
        help=help_text,
    )


@click.group()
def office() -> None:
    """Enrol residents, issue and revoke passes, publish the ledger."""


@office.command()
@_folder
@click.option("--site", required=True, help="Short name of the compound, e.g. hz07.")
def init(folder: Path, site: str) -> None:
    """Make a new office: keys, site secret, quorum policy, an empty log.

    Back the folder up: whoever loses its keys must enrol everybody again.
    """
    if not site.isascii() or not site.isalnum() or len(site) > 24:
        raise click.UsageError("--site takes 1 to 24 letters and digits")
    made = Office.create(folder, site=f"yp:{site.lower()}", now=int(time.time()))
    click.echo(f"office of {made.site} in {folder}; next: yardpass office enrol, then publish")


@office.command()
@_folder
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the terminal, e.g. north-1.")
@click.option("--gate", required=True, help="Name of its gate, e.g. north.")
@click.option(
    "--direction",
    type=click.Choice(["in", "out"]),
    default="in",
    show_default=True,
    help="Which way the gate leads; the way out is never blocked.",
)
@_zones("Zone the gate leads to; repeat for more.")
@click.option(
    "--camera",
    type=click.Choice(drivers.names("camera")),
    default="picamera2",
    show_default=True,
    help="Driver of its camera.",
)
@click.option(
    "--relay",
    type=click.Choice(drivers.names("relay")),
    default="gpio",
    show_default=True,
    help="Driver of its relay.",
)
def terminal(
    folder: Path,
    target: Path,
    name: str,
    gate: str,
    direction: str,
    zones: tuple[int, ...],
    camera: str,
    relay: str,
) -> None:
    """Make the folder TARGET a terminal starts from: settings, key, policy, store."""
    post = terminal_kit.Post(name, gate, direction, list(zones), camera, relay)
    terminal_kit.make(Office.open(folder), target, post, seed=os.urandom(SEED_BYTES))
    click.echo(f"terminal {name} in {target}; next: yardpass ledger import FILE --site {target}")


@office.command()
@_folder
@click.argument("resident")
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Holder key, COSE_Key.")
@click.option(
    "--class",
    "klass",
    type=click.Choice(CLASSES),
    default="resident",
    show_default=True,
    help="Who the pass is for.",
)
@_zones("Zone the pass covers; repeat for more.")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="How long the pass is valid.",
)
@click.option(
    "--print",
    "print_to",
    type=click.Path(path_type=Path),
    help="Picture of the code to make, .png or .svg.",
)
def enrol(
    folder: Path,
    resident: str,
    key_file: Path | None,
    klass: str,
    zones: tuple[int, ...],
    days: int,
    print_to: Path | None,
) -> None:
    """Enrol RESIDENT and print the pass as text.

    With --key the pass is bound to that holder key (a file with a COSE_Key, in bytes or hex).
    Without it, it is a static pass for print: whoever copies it can use it until it is revoked.
    """
    if print_to:
        printing.check_name(print_to)  # before anybody is enrolled
    made = Office.open(folder).enrol(
        resident,
        key=_holder_key(key_file) if key_file else None,
        klass=HolderClass[klass.upper()],
        zones=sum(1 << zone for zone in set(zones)),
        now=int(time.time()),
        days=days,
        assurance=Assurance.SOFTWARE_KEY,
    )
    text = code.to_text(made.token)
    click.echo(text.decode())  # first: it is enrolled, even if the picture cannot be written
    if print_to:
        printing.card(text, print_to, caption=f"{resident}  {made.handle.hex()}")
        click.echo(f"wrote {print_to}", err=True)
    click.echo("next: yardpass office publish", err=True)


def _holder_key(file: Path) -> PublicKey:
    data = files.read_bounded(file, 1_024, hint="the phone shows the key when it is set up")
    with contextlib.suppress(ValueError):  # not hex: the bytes themselves
        data = bytes.fromhex(data.decode("ascii").strip())
    try:
        return public_key(cbor.decode(data))
    except Refused as refused:
        raise Refused(f"{file} is not a holder key: {refused}") from None


def _status_command(name: str, help_text: str) -> click.Command:
    @click.argument("resident")
    @_folder
    def run(folder: Path, resident: str) -> None:
        count = Office.open(folder).set_status(resident, STATUSES[name], now=int(time.time()))
        click.echo(f"{name}: {count} pass(es) of {resident}; next: yardpass office publish")

    return office.command(name, help=help_text)(run)


_status_command("revoke", "Take all passes of RESIDENT out of force, for good.")
_status_command("suspend", "Take all passes of RESIDENT out of force for now.")
_status_command("condition", "Send RESIDENT to the guard at every gate (yellow).")
_status_command("reinstate", "Put all passes of RESIDENT in force again.")


@office.command()
@_folder
@click.argument("file", type=click.Path(path_type=Path))
def rule(folder: Path, file: Path) -> None:
    """Make FILE (JSON) the rule of all gates; `{}` gives the defaults."""
    text = files.read_bounded(file, 60_000, hint="write the rule first")
    try:
        made = Office.open(folder).set_rule(text)
    except Refused as refused:
        raise Refused(f"{file} is no rule: {refused}", reason=refused.reason) from None
    click.echo(f"rule {made.digest.hex()}; next: yardpass office publish")


@office.command("list")
@_folder
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_(folder: Path, as_json: bool) -> None:
    """Who is enrolled, and how they stand."""
    words = ("in force", "revoked", "suspended", "condition")
    rows = Office.open(folder).residents()
    if as_json:
        keys = ("resident", "class", "expires_at", "carrier", "status")
        click.echo(json.dumps([dict(zip(keys, row, strict=True)) for row in rows]))
        return
    for who, klass, expires, carrier, status in rows:
        until = time.strftime("%Y-%m-%d", time.gmtime(expires))
        click.echo(f"{who:<24} {klass:<10} {carrier:<6} until {until}  {words[status]}")


@office.command()
@_folder
@click.argument("file", type=click.Path(path_type=Path))
def publish(folder: Path, file: Path) -> None:
    """Sign the log as it is now and write the ledger FILE that terminals import."""
    data = Office.open(folder).publish(now=int(time.time()))
    files.replace(file, data)
    click.echo(f"wrote {file}, {len(data)} bytes; next: yardpass ledger import {file}")
