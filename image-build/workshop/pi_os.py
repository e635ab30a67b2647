"""What a Raspberry Pi's own system has and the twin has not: libcamera, Picamera2, as one disk.

The disk lies over the twin's /usr in a guest that tests hardware; the twin's own slot stays as it
is. Whatever the slot has is left out here, so the product's files are the slot's.
"""

import shutil
import tarfile
from pathlib import Path

from workshop import roots, sources, wheels
from workshop.board import Board
from workshop.host import IMAGE_BUILD, chrooted, run
from workshop.rootfs import SITE, lay_over

OVERLAY = IMAGE_BUILD / "hardware"
LOCKS = IMAGE_BUILD / "locks"
_LEFT_OUT = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/perl5", "usr/lib/modules"),
    *("usr/lib/*-linux-gnu*/libLLVM*", "usr/lib/*-linux-gnu*/libgallium*", "usr/lib/*/dri"),
)
"""Drawing on a screen is what half of it is for."""
_TAKES_THE_PLACE = "\nfrom twin_camera import Picamera2\n"
_DISK = ["mkfs.erofs", "--quiet", "-T0", "/work/pi-os.erofs", "/work/pi-os"]


def make(board: Board, target: Path, place: Path) -> None:
    """Writes the disk to `target`; `place` is a new folder to work in."""
    stage, tools = place / "tools" / "work" / "pi-os", place / "tools"
    roots.unpack(roots.toolbox(board), tools)
    roots.unpack(roots.camera(board), stage)
    for pattern in _LEFT_OUT:
        for path in list(stage.glob(pattern)):
            run("rm", "-rf", path)
    _take_out(roots.base(board), stage)
    site = stage / SITE
    wheels.install(board.arch, site, LOCKS / f"camera-{board.arch}.txt")
    for wheel in sources.built(board, LOCKS / "camera-sources.txt"):
        wheels.put(wheel, site, board.arch)
    lay_over(OVERLAY, stage)
    with (site / "picamera2" / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(_TAKES_THE_PLACE)
    chrooted(tools, _DISK)
    shutil.move(tools / "work" / "pi-os.erofs", target)


def _take_out(base: Path, stage: Path) -> None:
    """What the slot has, and whatever is not below /usr."""
    with tarfile.open(base) as archive:
        for member in archive:
            path = stage / member.name
            if not member.isdir() and (path.is_symlink() or path.is_file()):
                path.unlink()
    for path in list(stage.iterdir()):
        if path.name != "usr":
            run("rm", "-rf", path)
