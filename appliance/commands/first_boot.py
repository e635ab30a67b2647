"""`yardpass first-boot`: a new box takes what the office wrote for it."""

import os
from pathlib import Path

import click

from appliance.commands import enrolment_screen, pulled
from appliance.commands.ledger_options import now
from appliance.gate.identity import fingerprint
from appliance.provision import parcel, refusal, taker
from hw import board_light
from hw.board_light import Light
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import SEED_BYTES

HOME = "/var/lib/yardpass"
WAITING = """\
This box is no terminal yet.
At the office: yardpass provision FOLDER --name NAME --gate GATE, onto a stick named YARDPASS.
Put the stick into this box: it takes what is on it, and shows a code for the office.
"""


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
@click.option("--waiting", is_flag=True, help="Say what this box waits for, also by its light.")
@click.option("--show", is_flag=True, help="Show the enrolment code of this terminal again.")
@click.option(
    "--wait", is_flag=True, help="With --show: until it is enrolled, or Enter is pressed."
)
def first_boot(
    places: tuple[Path, ...], home: Path, waiting: bool, show: bool, wait: bool
) -> None:
    """Make this box a terminal from what the office wrote, and show its enrolment code.

    Everything is verified first; then the box makes its own keys. Compare the genesis policy that
    it shows with the office's. The code goes to the office as a picture of the screen, or as the
    file enrolment.txt on the stick. The board's light blinks slowly while a stick is awaited,
    evenly while it is read, fast when it was refused, and is steady when it can be taken out.
    """
    if (show, waiting, bool(places)).count(True) != 1:
        raise click.UsageError("give --from FOLDER, --waiting or --show")
    if wait and not show:
        raise click.UsageError("--wait goes with --show")
    if show:
        (enrolment_screen.wait if wait else enrolment_screen.show_again)(home)
        return
    if waiting:
        _say_waiting(home)
        return
    taker.check_free(home)
    place = next((one for one in places if (one / parcel.LIST).exists()), None)
    if place is None:
        raise Unavailable(
            f"nothing for this box in {', '.join(map(str, places))}; {enrolment_screen.NONE}"
        )
    board_light.show(Light.BUSY)
    try:
        with pulled.heard("read"):
            made = _taken(place, home)
    except (Refused, Unavailable) as error:
        refusal.remember(str(error), home, place)
        board_light.show(Light.REFUSED)
        raise
    board_light.show(Light.DONE)
    enrolment_screen.show(made.code)


def _say_waiting(home: Path) -> None:
    """For the screen of a box that nobody has brought anything, or nothing good."""
    click.echo(WAITING)
    found = refusal.remembered(home)
    board_light.show(Light.REFUSED if found else Light.WAITING)
    if found:
        click.echo(f"What was brought last was refused: {found}")


def _taken(place: Path, home: Path) -> taker.Taken:
    made = taker.take(place, home, seed=os.urandom(SEED_BYTES), now=now)
    refusal.forget(home, place)
    click.echo(f"this box is {made.terminal} of {made.origin}, with {made.entries} entries")
    click.echo(f"genesis policy {fingerprint(made.genesis)}: compare it with the office's")
    if not taker.give_back(place, made.code):
        click.echo(f"{place} cannot be written: it still holds the site's secret", err=True)
    return made
