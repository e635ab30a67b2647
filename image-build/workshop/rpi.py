"""Builds the image of a real board by rpi-image-gen, over Raspberry Pi OS.

It does not run as root, wants a Debian of the board's own kind (arm64), and fetches the packages.
Raspberry Pi, rpi-image-gen 2.x, README: the image is `work/image-NAME/NAME.img`.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from ledger_sync.errors import Refused, Unavailable
from workshop.host import IMAGE_BUILD, run

SOURCE = "github.com/raspberrypi/rpi-image-gen"
SOURCES = IMAGE_BUILD / "rpi-image-gen"  # ours: configurations and a layer


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
    config = f"yardpass-{name}.yaml"
    say(f"{generator} with {config}: it fetches Raspberry Pi OS, which takes a while")
    given = f"IGconf_yardpass_stage={stage.resolve()}"
    run(generator, "build", "-S", SOURCES, "-c", config, "--", given, cwd=generator.parent)
    made = generator.parent / "work" / f"image-yardpass-{name}" / f"yardpass-{name}.img"
    if not made.is_file():
        raise Unavailable(f"rpi-image-gen made no {made}; look through what it left there")
    image = target / f"yardpass-{name}-arm64.img"
    shutil.copyfile(made, image)
    return image
