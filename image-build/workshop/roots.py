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
COMPILERS = ("gcc", "libc6-dev", "swig", "python3-dev", "python3-pip", "python3-setuptools")
"""What the workbench has beside: sources.py says for which packages."""
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


def workbench(board: Board) -> Path:
    """What compiles Python packages for the box, as a tar archive, of the box's architecture."""
    return _made(f"workbench-{board.label}", board, board.arch, "minbase", COMPILERS)


def camera(board: Board) -> Path:
    """libcamera and its Python, unpacked, as a tar archive; newer than the release's own, whose
    virtual camera fails under Picamera2."""
    newer = f"{board.suite}-backports"
    wanted = (f"libcamera-ipa/{newer}", f"python3-libcamera/{newer}", "python3-prctl")
    return _made(f"camera-{board.label}", board, board.arch, "extract", wanted)


def kernel(board: Board) -> Path:
    """The kernel with all its modules and a static busybox, unpacked, as a tar archive."""
    wanted = (board.kernel, "busybox-static")
    return _made(f"kernel-{board.label}", board, board.arch, "extract", wanted)


def _made(name: str, board: Board, arch: str, variant: str, packages: Sequence[str]) -> Path:
    """Made once for these packages; a newer snapshot is made when the file is removed."""
    path = cache() / f"{name}-{key_of(board.suite, arch, variant, *packages)}.tar"
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
    archives = [f"deb {mirror()} {suite} main" for suite in _suites(board, packages)]
    run("mmdebstrap", *options, board.suite, part, *archives, settings=settings)
    part.rename(path)
    return path


def key_of(*words: str) -> str:
    """What stands in the name of a kept thing: other words, another thing."""
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:12]


def _suites(board: Board, packages: Sequence[str]) -> list[str]:
    """The board's, and those that a package is asked of: `NAME/SUITE`."""
    return sorted({board.suite, *(one.partition("/")[2] or board.suite for one in packages)})


def unpack(archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    run("tar", "--extract", "--numeric-owner", "--file", archive, "-C", folder)
