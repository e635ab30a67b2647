"""Python packages of a box that have no wheel: built from locked sources by its own release.

`locks/sources.txt` names each with its version and the SHA-256 of its one file. On a Raspberry Pi
they come from its distribution, so this is for twins alone.
"""

import tempfile
from pathlib import Path

from workshop import roots, wheels
from workshop.board import Board
from workshop.host import IMAGE_BUILD, cache, chrooted, making, run

LOCK = IMAGE_BUILD / "locks" / "sources.txt"
_SETTINGS = ("PYPI=1", "CFLAGS=-g0", "LDFLAGS=-s")  # PYPI: lgpio brings its own C library
_WHEEL = ("python3", "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation")


def install(board: Board, folder: Path) -> None:
    """Unpacks what was built, or builds it now, into `folder`. Raises `Unavailable` if a source is
    gone or differs, or its compiler fails."""
    for wheel in built(board):
        wheels.put(wheel, folder, board.arch)


def built(board: Board, lock: Path = LOCK) -> list[Path]:
    """The wheels of a lock, by name; kept until the lock or the compilers change."""
    bench = roots.workbench(board)
    store = cache() / f"built-{board.label}-{roots.key_of(lock.read_text(), bench.name)}"
    with making():
        if not store.exists():
            _keep(bench, lock, store)
    return sorted(store.glob("*.whl"))


def _keep(bench: Path, lock: Path, store: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="yardpass-sources-", dir=cache()) as name:
        _build(bench, lock, Path(name, "bench")).rename(store)


def _build(bench: Path, lock: Path, tree: Path) -> Path:
    """The folder of wheels, inside a workbench unpacked at `tree`."""
    roots.unpack(bench, tree)
    work = tree / "work"
    work.mkdir()
    wheels.download_sources(lock, work / "sources")
    for source in sorted((work / "sources").iterdir()):
        file = f"/work/sources/{source.name}"
        chrooted(tree, ["env", *_SETTINGS, *_WHEEL, "--wheel-dir", "/work/made", file])
    run("chown", "-R", "0:0", work / "made")
    return work / "made"
