"""`yardpass office page`: one sheet of paper for residents, one for guards."""

from pathlib import Path

import click

from appliance.commands.office_options import FILE
from appliance.commands.office_phone import address
from appliance.office.pages import drawing
from appliance.office.pages.content import PAGES
from appliance.office.pages.texts import LANGUAGES, catalogue
from ledger_sync import files
from ledger_sync.errors import Refused


@click.command()
@click.argument("who", type=click.Choice(tuple(PAGES)))
@click.argument("file", type=FILE)
@click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", show_default=True,
    help="Language of the page.",
)  # fmt: skip
@click.option("--link", metavar="URL", help="Address of the wallet, drawn as a code.")
def page(who: str, file: Path, language: str, link: str | None) -> None:
    """Write a page that explains the gate to FILE (.pdf), one side of A4.

    WHO is resident (phone, card, visitors, what the gate shows, a lost phone) or guard (the
    screen, its keys, what to do at each colour). Telephone numbers are left open, to be filled in.
    """
    if file.suffix.lower() != ".pdf":
        raise Refused(f"{file} must end in .pdf", reason="R-SETTINGS")
    made = drawing.page(PAGES[who], catalogue(language), language, link=address(link) or "")
    files.replace(file, made)
    click.echo(f"wrote {file}")
