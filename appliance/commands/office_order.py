"""`yardpass office order`: the office shuts gates, frees them, sets or ends a curfew."""

from pathlib import Path

import click

from appliance.commands.dry_run import rehearsable
from appliance.commands.office_options import FILE, folder_option, now, open_office
from appliance.commands.order_words import KINDS, in_zones
from appliance.office import ordering
from ledger_sync import files
from ledger_sync.order import ALL_ZONES, ZONE_COUNT, Kind


@click.command()
@folder_option
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("file", type=FILE)
@click.option(
    "--zone",
    "zones",
    type=click.IntRange(0, ZONE_COUNT - 1),
    multiple=True,
    help="Zone it is for; repeat. All zones without it.",
)
@rehearsable("file", says=True)
def order(folder: Path, kind: str, file: Path, zones: tuple[int, ...]) -> None:
    """Write an order to gates to FILE: lockdown shuts entries, free opens gates, curfew is for the
    rule to read, release ends each of them.

    It needs no quorum and no publishing, and stands until a newer one: release is an order, too.
    """
    mask = sum(1 << zone for zone in set(zones)) or ALL_ZONES
    files.replace(file, ordering.sign(open_office(folder), Kind(kind), mask, now=now()))
    what = in_zones(Kind(kind), mask)
    click.echo(f"wrote {file}, {what}; next: yardpass ledger order {file} --site FOLDER")
