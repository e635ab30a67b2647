"""Commands of `yardpass-image` that start what was built, in emulation, and look at it. No logic
here."""

import sys
import tempfile
from pathlib import Path

import click

from workshop import board, boot_cost, first_boot, hardware, raspi3b, terminal


@click.command("first-boot")
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--cost", is_flag=True, help="Also count, as boot-cost does.")
@click.option(
    "--card", type=click.Path(path_type=Path), help="Where the terminal's is left, for rehearse."
)
@click.option("--console", type=click.Path(path_type=Path), default="/dev/null", help="A file.")
def first_boot_(folder: Path, cost: bool, card: Path | None, console: Path) -> None:
    """Make the twin in FOLDER a terminal by a parcel on its card, and let somebody in."""
    name, _, arch = folder.resolve().name.rpartition("-")
    with tempfile.TemporaryDirectory(prefix="yardpass-first-", dir=folder) as place:
        guest, files = first_boot.enrolled(board.load(name, arch), folder, Path(place), console)
        if card:
            terminal.keep(guest.firmware.image, card)
        seconds = first_boot.let_in(guest, files)
        costs = boot_cost.measure(guest, files, 1) if cost else []
    click.echo(f"nothing was typed; GREEN {seconds:.1f} s after the start, without a network")
    _tell(costs)


@click.command("hardware")
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--console", type=click.Path(path_type=Path), default="/dev/null", help="A file.")
def hardware_(folder: Path, console: Path) -> None:
    """Give the twin in FOLDER pins, a camera and a reader; kill and stop its services.

    One line for each fact; exit 1 if one is not so.
    """
    name, _, arch = folder.resolve().name.rpartition("-")
    with tempfile.TemporaryDirectory(prefix="yardpass-hardware-", dir=folder) as place:
        facts = hardware.rehearse(board.load(name, arch), folder, Path(place), console)
    click.echo("\n".join(facts))


@click.command("raspi3b")
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--console", type=click.Path(path_type=Path), default="/dev/null", help="A file.")
def raspi3b_(folder: Path, console: Path) -> None:
    """Start the arm64 twin in FOLDER on an emulated Pi 3B; watch its relay's pin from outside."""
    name, _, arch = folder.resolve().name.rpartition("-")
    with tempfile.TemporaryDirectory(prefix="yardpass-pi-", dir=folder) as place:
        told = raspi3b.rehearse(board.load(name, arch), folder, Path(place), console)
    pulses = " and ".join(f"{one.most / 1e6:.0f} ms" for one in told.highs)
    click.echo(f"{told.model}: GREEN {told.seconds:.1f} s after the start, without a network")
    click.echo(
        f"its pin was high for at most {pulses}; relayd was killed amid the last; it is low"
    )


@click.command("boot-cost")
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--runs", default=1, type=click.IntRange(1, 10), help="Starts.")
@click.option("--console", type=click.Path(path_type=Path), default="/dev/null", help="A file.")
def boot_cost_(folder: Path, runs: int, console: Path) -> None:
    """Count what the twin in FOLDER executes until it decides; exit 1 if the network is first."""
    name, _, arch = folder.resolve().name.rpartition("-")
    with tempfile.TemporaryDirectory(prefix="yardpass-cost-", dir=folder) as place:
        guest, files = first_boot.enrolled(board.load(name, arch), folder, Path(place), console)
        costs = boot_cost.measure(guest, files, runs)
    _tell(costs)


def _tell(costs: list[boot_cost.Cost]) -> None:
    for cost in costs:
        click.echo(
            f"first decision {cost.decision:.2f} s, network.target {cost.network:.2f} s, "
            f"multi-user.target {cost.multi_user:.2f} s; decision / multi-user {cost.ratio:.2f}"
        )
    if not all(cost.is_within for cost in costs):
        sys.exit(1)


COMMANDS = (first_boot_, hardware_, raspi3b_, boot_cost_)
