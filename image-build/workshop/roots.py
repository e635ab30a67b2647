"""Debian trees that a build starts from, made by mmdebstrap and kept: one snapshot each.

The base is what the box runs. The toolbox is of this machine's own architecture and has the
programs that make filesystems, so that every builder has the same versions. A kernel is only
unpacked: installing one in an emulated root takes minutes.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from workshop import foreign
from workshop.board import Board
from workshop.host import cache, check_programs, epoch, making, mirror, run

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


class _Tree(NamedTuple):
    """What is kept as one archive; `extract` is unpacked only, not configured."""

    name: str
    arch: str
    packages: tuple[str, ...]
    variant: str = "minbase"


def base(board: Board) -> Path:
    """The tree of the system slot, as a tar archive."""
    return _made(board, _base(board))


def toolbox(board: Board) -> Path:
    """The programs, as a tar archive."""
    return _made(board, _toolbox(board))


def workbench(board: Board) -> Path:
    """What compiles Python packages for the box, as a tar archive, of the box's architecture."""
    return _made(board, _workbench(board))


def camera(board: Board) -> Path:
    """libcamera and its Python, unpacked, as a tar archive; newer than the release's own, whose
    virtual camera fails under Picamera2."""
    newer = f"{board.suite}-backports"
    wanted = (f"libcamera-ipa/{newer}", f"python3-libcamera/{newer}", "python3-prctl")
    return _made(board, _Tree(f"camera-{board.label}", board.arch, wanted, "extract"))


def kernel(board: Board) -> Path:
    """The kernel with all its modules and a static busybox, unpacked, as a tar archive."""
    return _made(board, _kernel(board))


def absent(board: Board) -> list[str]:
    """The names of what a build of this board would have to make first."""
    wanted = (_base(board), _toolbox(board), _workbench(board), _kernel(board))
    return [tree.name for tree in wanted if not _place(board, tree).exists()]


def _base(board: Board) -> _Tree:
    return _Tree(f"base-{board.label}", board.arch, board.packages)


def _toolbox(board: Board) -> _Tree:
    return _Tree(f"toolbox-{board.suite}", native(), TOOLS)


def _workbench(board: Board) -> _Tree:
    return _Tree(f"workbench-{board.label}", board.arch, COMPILERS)


def _kernel(board: Board) -> _Tree:
    wanted = (board.kernel, "busybox-static")
    return _Tree(f"kernel-{board.label}", board.arch, wanted, "extract")


def _place(board: Board, tree: _Tree) -> Path:
    key = key_of(board.suite, tree.arch, tree.variant, *tree.packages)
    return cache() / f"{tree.name}-{key}.tar"


def _made(board: Board, tree: _Tree) -> Path:
    """Made once for these packages; a newer snapshot is made when the file is removed."""
    path = _place(board, tree)
    with making():
        if not path.exists():
            _make(board, tree, path)
    return path


def _make(board: Board, tree: _Tree, path: Path) -> None:
    check_programs(_PROGRAMS)
    if tree.variant != "extract":
        foreign.make_ready(tree.arch, native())
    part = path.with_suffix(".part.tar")
    options = [
        f"--variant={tree.variant}",
        f"--architectures={tree.arch}",
        f"--include={','.join(tree.packages)}",
    ]
    options += ['--aptopt=Acquire::Languages "none"', "--quiet"]
    if tree.variant != "extract":
        options += [f"--dpkgopt={line}" for line in _SLIM]
    settings = {"SOURCE_DATE_EPOCH": str(epoch())}
    archives = [f"deb {mirror()} {suite} main" for suite in _suites(board, tree.packages)]
    run("mmdebstrap", *options, board.suite, part, *archives, settings=settings)
    part.rename(path)


def key_of(*words: str) -> str:
    """What stands in the name of a kept thing: other words, another thing."""
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:12]


def _suites(board: Board, packages: Sequence[str]) -> list[str]:
    """The board's, and those that a package is asked of: `NAME/SUITE`."""
    return sorted({board.suite, *(one.partition("/")[2] or board.suite for one in packages)})


def unpack(archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    run("tar", "--extract", "--numeric-owner", "--file", archive, "-C", folder)
