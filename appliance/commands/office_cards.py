"""`yardpass office cards`: printed passes as cards on paper."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from appliance.commands.office_options import FILE, folder_option, now, open_office
from appliance.office import printing
from appliance.office.printing import Side
from appliance.office.residents import Resident
from appliance.passes import code


@click.command()
@folder_option
@click.argument("file", type=FILE)
@click.option(
    "--names",
    type=click.Choice([str(side) for side in Side]),
    default="front",
    show_default=True,
    help="Where names stand: back makes pages for both sides of the paper.",
)
def cards(folder: Path, file: Path, names: str) -> None:
    """Draw all printed passes in force to FILE (.pdf), ten to a page, by name.

    Hand the file to a print shop or print it yourself: A4 at 100 %, cut at the marks. With the
    names on the back, print on both sides and turn over the long edge. A card without a name tells
    its finder less.
    """
    office = open_office(folder)
    found = office.cards(now=now())
    site = office.site.removeprefix("yp:")
    made = [
        printing.Card(code.to_text(at.token), at.resident, at.handle.hex(), _note(site, at))
        for at in found
    ]
    tell_nameless(printing.sheet(made, file, side=Side(names), label=f"{site}, {len(made)} cards"))
    turn = ", on both sides, turned over the long edge" if names == "back" else ""
    click.echo(f"wrote {file}, {len(made)} cards; print it at 100 %{turn}")


def _note(site: str, held: Resident) -> str:
    """What a card says of itself; the day is the last whole one, by UTC."""
    return f"{site}, until {time.strftime('%Y-%m-%d', time.gmtime(held.expires_at))}"


def tell_nameless(left_out: Sequence[str]) -> None:
    """Says on stderr which cards bear no name."""
    for caption in left_out:
        why = "no font here can show it, or it is too long"
        click.echo(f"the card of {caption!r} bears no name: {why}", err=True)
