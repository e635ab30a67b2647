"""Builds the image of a real board by rpi-image-gen, over Raspberry Pi OS.

It does not run as root, wants a Debian of the board's own kind (arm64), and fetches the packages.
Raspberry Pi, rpi-image-gen 2.x, README: the image is `work/image-NAME/NAME.img`. Its layer
image-rota has six partitions, the first at 8 MiB; the counter of starts goes in front of them.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger_sync.errors import Refused, Unavailable
from workshop import layout
from workshop.host import IMAGE_BUILD, check_programs, run

SOURCE = "github.com/raspberrypi/rpi-image-gen"
SOURCES = IMAGE_BUILD / "rpi-image-gen"  # ours: configurations and a layer
ROTA = ("bootconfig", "boot_a", "boot_b", "system_a", "system_b", "persistent")
"""The partitions of image-rota, by number."""
SECTOR = 512  # bytes
COUNTER_AT, COUNTER_SECTORS = 2_048, 2_048
PIECE = 4 << 20  # bytes that are copied at once


def generator_in(folder: Path | None) -> Path:
    """The program. Raises `Refused` with how to get it."""
    named = folder / "rpi-image-gen" if folder else shutil.which("rpi-image-gen")
    if not named or not Path(named).is_file():
        where = f"{folder} holds none" if folder else "this machine has none"
        step = "name its folder with --rpi-image-gen, after: sudo ./install_deps.sh in it"
        raise Refused(f"rpi-image-gen: {where}; clone {SOURCE}, then {step}", reason="R-SETTINGS")
    return Path(named).resolve()


def build(
    name: str, generator: Path, stage: Path, target: Path, say: Callable[[str], None]
) -> Path:
    """The image `yardpass-NAME-arm64.img` in `target`. Raises `Unavailable` with what it says."""
    check_programs({"sfdisk": "fdisk"})
    config = f"yardpass-{name}.yaml"
    say(f"{generator} with {config}: it fetches Raspberry Pi OS, which takes a while")
    given = f"IGconf_yardpass_stage={stage.resolve()}"
    run(generator, "build", "-S", SOURCES, "-c", config, "--", given, cwd=generator.parent)
    made = generator.parent / "work" / f"image-yardpass-{name}" / f"yardpass-{name}.img"
    if not made.is_file():
        raise Unavailable(f"rpi-image-gen made no {made}; look through what it left there")
    image = target / f"yardpass-{name}-arm64.img"
    shutil.copyfile(made, image)
    complete(image)
    return image


def take_apart(image: Path, board: str, version: str) -> None:
    """Leaves beside the image what an update of it brings: one slot, and its version. Raises
    `Unavailable` for another layout."""
    parts = {part.get("name"): part for part in _table(image)}
    folder = image.parent
    for name, file in (("system_a", "system.erofs"), ("boot_a", "boot.vfat")):
        if name not in parts:
            raise Unavailable(f"{image.name} has no partition {name}")
        at, left = parts[name]["start"] * SECTOR, parts[name]["size"] * SECTOR
        with image.open("rb") as source, (folder / file).open("wb") as target:
            source.seek(at)
            while left and (piece := source.read(min(left, PIECE))):
                target.write(piece)
                left -= len(piece)
    about = {"board": board, "claim": "built", "version": version}
    (folder / "build.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _table(image: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("sfdisk", "--json", image))["partitiontable"][
        "partitions"
    ]
    return found


def complete(image: Path) -> None:
    """Adds what our own layout has over image-rota's: the partition `counter`, and the type by
    which systemd-repart finds the data partition. Raises `Unavailable` for another layout."""
    table = _table(image)
    names = [part.get("name", "") for part in table]
    if names != list(ROTA):
        raise Unavailable(f"{image.name} has the partitions {', '.join(names)}; not {ROTA}")
    first = min(part["start"] for part in table)
    if first < (COUNTER_AT + COUNTER_SECTORS):
        raise Unavailable(f"{image.name} has no room in front of its first partition")
    line = f"start={COUNTER_AT}, size={COUNTER_SECTORS}, type={layout.LINUX_TYPE}, name=counter\n"
    run("sfdisk", "--quiet", "--append", image, stdin=line.encode())
    number = str(ROTA.index("persistent") + 1)
    run("sfdisk", "--quiet", "--part-type", image, number, layout.PERSISTENT_TYPE)
