"""`image-build/yardpass-image`: the technician's command. No logic here."""

import sys
from pathlib import Path

import click

from ledger_sync.errors import Refused, Unavailable
from workshop import board, build, roots, wheels
from workshop.host import IMAGE_BUILD

OUT = IMAGE_BUILD / "build"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Build the image of a box, write it to a card, boot it here."""


@cli.command("build")
@click.argument("name", metavar="BOARD")
@click.option("--arch", type=click.Choice(["amd64", "arm64"]), help="Of the twin; this machine's.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder; image-build/build/BOARD-ARCH."
)
@click.option("--release", is_flag=True, help="Also pack it, as it is handed out.")
def build_(name: str, arch: str | None, out: Path | None, release: bool) -> None:
    """Build the image of BOARD: sim, the twin that boots here, or pi4, pi5."""
    wanted = board.load(name, arch or roots.native())
    built = build.build(wanted, out or OUT / wanted.label, _say)
    click.echo(f"{built.image}, {built.version}")
    if release:
        click.echo(str(build.release(wanted, built)))


@cli.command()
def lock() -> None:
    """Choose the Python packages anew and write their hashes to locks/."""
    for arch in wheels.MACHINES:
        click.echo(f"{wheels.lock_path(arch)}: {wheels.lock(arch)} packages")


def _say(what: str) -> None:
    click.echo(f"yardpass-image: {what}", err=True)


def main() -> None:
    try:
        cli()
    except (Refused, Unavailable) as error:
        click.echo(f"yardpass-image: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
