"""`yardpass-image card`: an image and a terminal's parcel onto a card. No logic here."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ledger_sync.errors import Refused
from workshop import card, site_plan
from workshop.host import IMAGE_BUILD

OUT = IMAGE_BUILD / "build"


@click.command("card")
@click.argument("device", type=click.Path(path_type=Path))
@click.option("--image", type=click.Path(path_type=Path, exists=True), help="Of `build`.")
@click.option("--board", "label", default="pi5-arm64", show_default=True, help="BOARD-ARCH built.")
@click.option("--site", type=click.Path(path_type=Path), help="The site's file: see README.")
@click.option("--parcel", type=click.Path(path_type=Path), help="Folder of `yardpass provision`.")
@click.option("--name", help="Of the terminal: in the site's file, or the parcel's.")
@click.option("--force", is_flag=True, help="Even a disk that cannot be taken out.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def card_(
    device: Path,
    image: Path | None,
    label: str,
    site: Path | None,
    parcel: Path | None,
    name: str | None,
    force: bool,
    yes: bool,
) -> None:
    """Write an image to the card in DEVICE, with what makes the box a terminal; read it again.

    Refuses a disk that is in use, and one that cannot be taken out unless --force.
    """
    source = image or OUT / label / f"yardpass-{label}.img"
    if not source.exists():
        raise Refused(f"no {source}; build it first, or name one with --image")
    if site and (parcel or not name):
        raise click.UsageError("--site goes with --name, and without --parcel")
    if name and not (site or parcel):
        raise click.UsageError("--name goes with --site or --parcel")
    card.check_image(source)
    disk = card.disk_of(device)
    size = source.stat().st_size
    card.check(disk, size, is_forced=force)
    with tempfile.TemporaryDirectory(prefix="yardpass-parcel-") as place:
        if site and name:
            parcel = Path(place, "parcel")
            site_plan.provision(site, name, parcel)
        if parcel:
            name = card.check_parcel(parcel, name)
        _write_card(disk, source, parcel, name, yes=yes)


def _write_card(
    disk: card.Disk, source: Path, parcel: Path | None, name: str | None, *, yes: bool
) -> None:
    size = source.stat().st_size
    if not yes:
        click.confirm(f"{disk.sentence}: overwrite all of it?", abort=True)
    with _bar("Writing", size) as progress:
        digest = card.write(source, disk.path, progress)
    with _bar("Reading again", size) as progress:
        card.verify(disk.path, size, digest, progress)
    if parcel:
        card.plant(parcel, disk.path, card.first_partition(disk.path))
    click.echo(f"{disk.path} holds {source.name}, {_next_step(name)}")


def _next_step(name: str | None) -> str:
    if name:
        return f"for {name}; put it into the box"
    return "and no parcel: the box will wait for one on a stick, see yardpass provision"


@contextmanager
def _bar(label: str, size: int) -> Iterator[card.Progress]:
    with click.progressbar(length=size, label=label, file=sys.stderr) as bar:
        yield lambda done, _: bar.update(done - bar.pos)
