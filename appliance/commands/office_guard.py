"""`yardpass office guard`: who may open by hand, deny and hand over at a console."""

from datetime import UTC, datetime
from pathlib import Path

import click

from appliance.commands.dry_run import rehearsable
from appliance.commands.office_options import FILE, PUBLISH, folder_option, now, open_office
from appliance.gate.guard_keys import MAX_PIN, MIN_PIN
from appliance.office import guards
from appliance.office.office import Office
from ledger_sync import keyfile
from ledger_sync.errors import Refused

DAY = 86_400
MAX_FILE = 128  # bytes of a file with PINs


@click.command()
@folder_option
@click.argument("name", required=False)
@click.option(
    "--to", "terminals", type=FILE, multiple=True,
    help="Folder of a terminal that gets the guard's files; repeat.",
)  # fmt: skip
@click.option(
    "--days", type=click.IntRange(1, 3_650), default=730, show_default=True,
    help="How long the keys are good.",
)  # fmt: skip
@click.option("--no-orders", is_flag=True, help="May not shut gates or set a curfew.")
@click.option(
    "--pin-file", type=FILE, help="File (mode 0600): the PIN, on a second line the other."
)
@click.option("--end", is_flag=True, help="The guard's keys are good no more.")
@rehearsable("terminals", says=True)
def guard(
    folder: Path,
    name: str | None,
    terminals: tuple[Path, ...],
    days: int,
    no_orders: bool,
    pin_file: Path | None,
    end: bool,
) -> None:
    """Name a guard, who unlocks a console with a PIN, opens by hand with a reason, denies, gives
    orders and hands over; without NAME list them.

    The name stands in the ledger, which all terminals hold. A second PIN unlocks alike, and the
    other terminals show a call for help.
    """
    office, at = open_office(folder), now()
    if name is None:
        _list(office, at)
        return
    if end:
        guards.end(office, name, now=at)
        click.echo(f"{name} is no guard from now on; {PUBLISH}")
        return
    is_there = any(one.name == name for one in guards.listed(office, now=at))
    if not (is_there and terminals):
        terms = {"now": at, "until": at + days * DAY, "may_order": not no_orders}
        guards.add(office, name, _pins(pin_file), **terms)  # type: ignore[arg-type]  # three kinds of value in one dict
        click.echo(f"guard {name}; {PUBLISH}")
    for terminal in terminals:
        guards.give(office, name, terminal)
        click.echo(f"{name} can unlock the console of {terminal}")
    if not terminals:
        click.echo(f"next: yardpass office guard {name} --to FOLDER, for each terminal of theirs")


def _list(office: Office, at: int) -> None:
    found = guards.listed(office, now=at)
    for one in found:
        until = datetime.fromtimestamp(one.until, UTC).date().isoformat()
        click.echo(f"{one.name}, until {until}")
    if not found:
        click.echo("no guards; make one with: yardpass office guard NAME", err=True)


def _pins(pin_file: Path | None) -> tuple[str, str | None]:
    """The PINs of a file, or typed twice each; an empty second one is none."""
    if pin_file is not None:
        data = keyfile.read_private(pin_file, hint="--pin-file names it", most=MAX_FILE)
        lines = data.decode("ascii", "replace").split("\n")
        if not lines[0] or any(lines[2:]):
            raise Refused(f"{pin_file} does not hold a PIN, and on a second line another")
        return lines[0], (lines[1] if len(lines) > 1 else "") or None
    pin = _typed(f"PIN, {MIN_PIN} to {MAX_PIN} digits")
    second = _typed("second PIN, to be used when forced to (empty for none)", default="")
    return pin, second or None


def _typed(what: str, default: str | None = None) -> str:
    return str(
        click.prompt(
            what, default=default, hide_input=True, confirmation_prompt=True, show_default=False,
            err=True,
        )
    )  # fmt: skip
