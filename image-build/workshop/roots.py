"""Debian trees that a build starts from, made by mmdebstrap and kept: one snapshot each.

The base is what the box runs. The toolbox is of this machine's own architecture and has the
programs that make filesystems, so that every builder has the same versions. A kernel is only
unpacked: installing one in an emulated root takes minutes.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from workshop import foreign
from workshop.board import Board
from workshop.host import cache, check_programs, epoch, mirror, run

TOOLS = (
    *("erofs-utils", "e2fsprogs", "dosfstools", "mtools", "cpio", "zstd", "xz-utils", "kmod"),
    *("python3", "systemd", "fdisk", "rauc", "squashfs-tools"),
)
"""What the toolbox has. Its Python compiles ours, which is then the box's own version."""
_PROGRAMS = {"mmdebstrap": "mmdebstrap", "tar": "tar", "dpkg": "dpkg"}
_SLIM = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)


def native() -> str:
    return run("dpkg", "--print-architecture").strip()


def base(board: Board) -> Path:
    """The tree of the system slot, as a tar archive."""
    return _made(f"base-{board.label}", board, board.arch, "minbase", board.packages)


def toolbox(board: Board) -> Path:
    """The programs, as a tar archive."""
    return _made(f"toolbox-{board.suite}", board, native(), "minbase", TOOLS)


def kernel(board: Board) -> Path:
    """The kernel with all its modules and a static busybox, unpacked, as a tar archive."""
    wanted = (board.kernel, "busybox-static")
    return _made(f"kernel-{board.label}", board, board.arch, "extract", wanted)


def _made(name: str, board: Board, arch: str, variant: str, packages: Sequence[str]) -> Path:
    """Made once for these packages; a newer snapshot is made when the file is removed."""
    wanted = " ".join((board.suite, arch, variant, *packages))
    key = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    path = cache() / f"{name}-{key}.tar"
    if path.exists():
        return path
    check_programs(_PROGRAMS)
    if variant != "extract":
        foreign.make_ready(arch, native())
    part = path.with_suffix(".part.tar")
    options = [
        f"--variant={variant}",
        f"--architectures={arch}",
        f"--include={','.join(packages)}",
    ]
    options += ['--aptopt=Acquire::Languages "none"', "--quiet"]
    if variant != "extract":
        options += [f"--dpkgopt={line}" for line in _SLIM]
    settings = {"SOURCE_DATE_EPOCH": str(epoch())}
    run("mmdebstrap", *options, board.suite, part, mirror(), settings=settings)
    part.rename(path)
    return path


def unpack(archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    run("tar", "--extract", "--numeric-owner", "--file", archive, "-C", folder)
