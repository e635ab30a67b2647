"""`image-build/yardpass-image`: the technician's command. No logic here."""

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ledger_sync.errors import Refused, Unavailable
from workshop import (
    board,
    build,
    commit_cuts,
    ota,
    rootfs,
    roots,
    rpi,
    starts,
    wheels,
)
from workshop.card_command import OUT, card_
from workshop.host import copied
from workshop.ota_run import Day
from workshop.scenes import NAMES, Scenes

BOARDS = ("pi4", "pi5")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Build the image of a box, write it to a card, boot it here."""


@cli.command("build")
@click.argument("name", metavar="BOARD")
@click.option("--arch", type=click.Choice(["amd64", "arm64"]), help="Of the twin; this machine's.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder; image-build/build/BOARD-ARCH."
)
@click.option(
    "--keys", type=click.Path(path_type=Path), default=ota.KEYS, help="Who signs updates."
)
@click.option("--release", is_flag=True, help="Also pack it, as it is handed out.")
@click.option(
    "--rpi-image-gen", "folder", type=click.Path(path_type=Path), help="Its clone, for a board."
)
def build_(
    name: str, arch: str | None, out: Path | None, keys: Path, release: bool, folder: Path | None
) -> None:
    """Build the image of BOARD: pi4 or pi5 by rpi-image-gen, or sim, the twin that boots here."""
    if name in BOARDS:
        _build_board(name, out or OUT / f"{name}-arm64", keys, folder)
        return
    wanted = board.load(name, arch or roots.native())
    built = build.build(wanted, out or OUT / wanted.label, _say, keyring=_keyring(keys))
    click.echo(f"{built.image}, {built.version}")
    if release:
        click.echo(str(build.release(wanted, built)))


def _build_board(name: str, target: Path, keys: Path, folder: Path | None) -> None:
    generator = rpi.generator_in(folder)
    target.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target / "stage", ignore_errors=True)
    _stage(name, target / "stage", keys)
    image = rpi.build(name, generator, target / "stage", target, _say)
    rpi.take_apart(image, f"{name}-arm64", build.version_of())
    click.echo(str(image))


def _board_of(name: str, arch: str) -> board.Board:
    """A board has no file of its own: what matters of it here is the twin's."""
    return (
        replace(board.load("sim", arch), name=name) if name in BOARDS else board.load(name, arch)
    )


def _stage(name: str, folder: Path, keys: Path) -> None:
    wanted = _board_of(name, "arm64")
    rootfs.make_stage(wanted, folder, build.version_of(), _keyring(keys))


def _keyring(keys: Path) -> Path:
    """What the image trusts for updates. The first image of a folder of keys makes them."""
    keyring = ota.keys_in(keys).certificate
    if not keyring.exists():
        made = ota.make_keys(keys, "updates")
        _say(f"{made.key} is new and signs updates for what trusts this image; keep it off-line")
    return keyring


@cli.command()
@click.argument("name", metavar="BOARD", type=click.Choice(BOARDS))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--keys", type=click.Path(path_type=Path), default=ota.KEYS, help="Who signs updates."
)
def stage(name: str, folder: Path, keys: Path) -> None:
    """Write to FOLDER what a board has over Raspberry Pi OS, for rpi-image-gen to lay over it."""
    _stage(name, folder, keys)
    click.echo(f"{folder}; next: rpi-image-gen build -S {rpi.SOURCES} -c yardpass-{name}.yaml")
    click.echo(f"    -- IGconf_yardpass_stage={folder.resolve()}")


@cli.command()
@click.option("--keys", type=click.Path(path_type=Path), default=ota.KEYS, help="Folder.")
@click.option("--name", default="updates", help="Whose key it is.")
def keys(keys: Path, name: str) -> None:
    """Make the key that signs updates, and the certificate that images trust."""
    made = ota.make_keys(keys, name)
    click.echo(f"{made.key} signs; keep it off-line. {made.certificate} goes into images")


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), default=ota.KEYS, help="Who signs.")
def bundle(folder: Path, target: Path, keys: Path) -> None:
    """Pack and sign what a build left in FOLDER, as TARGET, for `yardpass update install`."""
    name, _, arch = folder.resolve().name.rpartition("-")
    made = ota.bundle(_board_of(name, arch), folder, ota.keys_in(keys), target)
    click.echo(f"{made}, {made.stat().st_size / 2**20:.0f} MiB")


@cli.command("rehearse")
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--keys", type=click.Path(path_type=Path), default=ota.KEYS, help="Who signs.")
@click.option("--scene", "scenes", multiple=True, type=click.Choice(NAMES), help="Only these.")
@click.option("--cuts", default=20, type=click.IntRange(min=1), help="Power cuts of an update.")
@click.option("--boot", "boots", default=3, type=click.IntRange(min=0), help="Of them, started.")
@click.option(
    "--short", "is_short", is_flag=True, help="Of the bad systems only the first is installed."
)
@click.option("--seed", default=1, help="Chooses moments and sectors.")
@click.option("--within", default=1e9, help="Seconds after which no further scene is begun.")
@click.option(
    "--card", type=click.Path(path_type=Path), help="A terminal's, of this build; made if missing."
)
@click.option("--console", type=click.Path(path_type=Path), default="/dev/null", help="A file.")
def rehearse(
    folder: Path,
    keys: Path,
    scenes: tuple[str, ...],
    seed: int,
    within: float,
    card: Path | None,
    console: Path,
    **how: Any,  # fields of Scenes
) -> None:
    """Boot the twin in FOLDER and update it in every way that can go wrong; exit 1 if one does."""
    folder = folder.resolve()  # what is below it is told to programs that stand elsewhere
    name, _, arch = folder.name.rpartition("-")
    with tempfile.TemporaryDirectory(prefix="yardpass-ota-", dir=folder) as place:
        found = board.load(name, arch)
        day = Day(found, folder, Path(place), ota.keys_in(keys), _say, seed, console)
        with _timed("prepared"):
            day.prepare(card)
        for scene, play in Scenes(day, **how).due(scenes or NAMES, within):
            with _timed(scene):
                play()
        with _timed("the box runs a slot that works"):
            day.home()


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    click.echo(f"{what}: {time.monotonic() - began:.0f} s")


@cli.command()
@click.argument("name", metavar="BOARD")
@click.option("--arch", type=click.Choice(["amd64", "arm64"]), help="Of the twin; this machine's.")
def kept(name: str, arch: str | None) -> None:
    """Tell whether all that Debian lends to a build is kept here; exit 1 if it has to be made."""
    absent = roots.absent(board.load(name, arch or roots.native()))
    click.echo("all is kept" if not absent else f"to be made: {', '.join(absent)}")
    sys.exit(bool(absent))


@cli.command("commit-cuts")
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--cuts", default=600, type=click.IntRange(min=1), help="Torn cuts.")
@click.option("--control", default=200, type=click.IntRange(min=0), help="Cuts of a rename.")
@click.option("--seed", default=1, help="Chooses moments and sectors.")
def commit_cuts_(folder: Path, cuts: int, control: int, seed: int) -> None:
    """Cut the power while the twin in FOLDER chooses its slot; exit 1 if a cut leaves none.

    As a control the same is done by writing a new file and renaming it, which must fail.
    """
    name, _, arch = folder.resolve().name.rpartition("-")
    counts = {"in-place": cuts} | ({"rename": control} if control else {})
    results, chance = {}, random.Random(seed)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory(prefix="yardpass-commit-", dir=folder) as text:
        place = Path(text)
        recorded = commit_cuts.record(board.load(name, arch), folder, place, tuple(counts))
        for method, events in recorded.items():
            disk = copied(place / "base.img", place / "cut.img")
            told = commit_cuts.cut(disk, events, counts[method], chance)
            results[method] = commit_cuts.is_sound(told)
            parts = ", ".join(f"{number} {what}" for what, number in sorted(told.items()))
            click.echo(f"{method}: {told.total()} cuts: {parts}")
    sys.exit(0 if results["in-place"] and not results.get("rename") else 1)


@cli.command()
def lock() -> None:
    """Choose the Python packages anew and write their hashes to locks/."""
    for arch in wheels.MACHINES:
        click.echo(f"{wheels.lock_path(arch)}: {wheels.lock(arch)} packages")


for command in (card_, *starts.COMMANDS):
    cli.add_command(command)


def _say(what: str) -> None:
    click.echo(f"yardpass-image: {what}", err=True)


def main() -> None:
    try:
        cli(prog_name="yardpass-image")
    except (Refused, Unavailable) as error:
        click.echo(f"yardpass-image: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
