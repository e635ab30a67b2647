"""`yardpass first-boot`: a new box takes what the office wrote for it."""

import os
from pathlib import Path

import click

from appliance.commands.ledger_options import now
from appliance.commands.qr_lines import show_qr
from appliance.gate.identity import fingerprint
from appliance.passes import terminal_text
from appliance.provision import parcel, taker
from ledger_sync.errors import Unavailable
from ledger_sync.files import read_bounded
from ledger_sync.keys import SEED_BYTES

HOME = "/var/lib/yardpass"
NONE = "write one at the office: yardpass provision FOLDER"


@click.command("first-boot")
@click.option(
    "--from",
    "places",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Folder that yardpass provision wrote; repeat: the first that is there is taken.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=HOME,
    show_default=True,
    help="Where the terminal is made.",
)
@click.option("--show", is_flag=True, help="Show the enrolment code of this terminal again.")
def first_boot(places: tuple[Path, ...], home: Path, show: bool) -> None:
    """Make this box a terminal from what the office wrote, and show its enrolment code.

    Everything is verified first; then the box makes its own keys. Compare the genesis policy that
    it shows with the office's. The code goes to the office as a picture of the screen, or as the
    file enrolment.txt on the stick.
    """
    if show == bool(places):
        raise click.UsageError("give --from FOLDER, or --show")
    if show:
        _show(read_bounded(home / taker.ENROLMENT, terminal_text.MAX_TEXT + 1, hint=NONE).strip())
        return
    taker.check_free(home)
    place = next((one for one in places if (one / parcel.LIST).exists()), None)
    if place is None:
        raise Unavailable(f"nothing for this box in {', '.join(map(str, places))}; {NONE}")
    made = taker.take(place, home, seed=os.urandom(SEED_BYTES), now=now)
    click.echo(f"this box is {made.terminal} of {made.origin}, with {made.entries} entries")
    click.echo(f"genesis policy {fingerprint(made.genesis)}: compare it with the office's")
    if not taker.give_back(place, made.code):
        click.echo(f"{place} cannot be written: it still holds the site's secret", err=True)
    _show(made.code)


def _show(code: bytes) -> None:
    name = terminal_text.enrolment_in(code).name
    click.echo(f"at the office: yardpass office terminal {name} --enrol CODE_OR_PICTURE_OR_FILE\n")
    show_qr(code)
