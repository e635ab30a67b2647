"""A disk of this machine that is recorded: nbdkit behind a loop device, with a filesystem on it.

Needs root, nbdkit with its Python plugin, nbdfuse and loop devices. What it mounts and starts, it
takes down again.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from ledger_sync.errors import Unavailable
from workshop.host import copied
from workshop.journal import ACK_BYTES

RECORDER = Path(__file__).with_name("recorder.py")
NEEDED = ("nbdkit", "nbdfuse", "losetup", "mkfs.ext4", "mount", "umount")
EXT4_OPTIONS = "noatime,commit=5"  # as the box mounts its data partition
START_SECONDS = 10.0
_POLL_SECONDS = 0.02
_TIMEOUT_SECONDS = 60


class Mounted(NamedTuple):
    """A recorded disk in use: its mount point, its device, and where it is told what counts."""

    folder: Path
    device: Path
    ack_offset: int


def missing() -> list[str]:
    """The programs that are not installed here."""
    return [name for name in NEEDED if shutil.which(name) is None]


def run(*command: str | Path) -> str:
    """Runs a program; its output. Raises `Unavailable` with what it said."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"cannot run {command[0]}: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().replace("\n", " / ")
        raise Unavailable(f"{command[0]} failed with {done.returncode}: {said}")
    return done.stdout


def make_ext4(image: Path, mib: int) -> None:
    """An empty ext4 in a file, and behind it the block for acknowledgements."""
    size = mib << 20
    with image.open("wb") as made:
        made.truncate(size)
    # 4096: the block size of the data partition whatever its size, so that cuts mean the same
    options = ("-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0")
    run("mkfs.ext4", *options, image, str((size - ACK_BYTES) // 4096))


@contextmanager
def recorded(base: Path, journal: Path, folder: Path) -> Iterator[Mounted]:
    """The disk `base`, mounted, with every write and flush written down in `journal`."""
    socket, file, tree = folder / "nbd", folder / "disk", folder / "tree"
    size = base.stat().st_size
    tree.mkdir()
    file.touch()
    with ExitStack() as stack:
        stack.enter_context(served(copied(base, folder / "recorded.img"), journal, socket))
        stack.enter_context(_fused(file, socket, size))
        device = Path(run("losetup", "--find", "--show", file).strip())
        stack.callback(run, "losetup", "--detach", device)
        run("mount", "-t", "ext4", "-o", EXT4_OPTIONS, device, tree)
        stack.callback(run, "umount", tree)
        yield Mounted(tree, device, size - ACK_BYTES)


@contextmanager
def served(disk: Path, journal: Path, socket: Path) -> Iterator[None]:
    """The file `disk` at a Unix socket, by NBD; what is done to it is written to `journal`."""
    socket.unlink(missing_ok=True)
    words = ["nbdkit", "-f", "-U", str(socket), "python", str(RECORDER)]
    with _started([*words, f"disk={disk}", f"journal={journal}"], socket):
        yield


@contextmanager
def _started(command: list[str], sign: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command) as running:  # noqa: S603 - our own words
        try:
            _await(sign.exists, running, command[0])
            yield running
        finally:
            running.terminate()


@contextmanager
def _fused(file: Path, socket: Path, size: int) -> Iterator[None]:
    command = ["nbdfuse", str(file), "--unix", str(socket)]
    with subprocess.Popen(command) as running:  # noqa: S603 - our own words
        try:
            _await(lambda: file.stat().st_size == size, running, "nbdfuse")
            yield
        finally:
            try:
                _unmount(file)
                running.wait(_TIMEOUT_SECONDS)
            finally:
                running.kill()  # or this would wait for it for ever


def _unmount(file: Path) -> None:
    """A loop device over the file is let go of a moment after it was detached: whoever looks at
    disks just then holds it. Raises `Unavailable` if it stays busy."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            run("umount", file)
            return
        except Unavailable as error:
            if "busy" not in str(error) or time.monotonic() > end:
                raise
        time.sleep(_POLL_SECONDS)


def _await(is_there: object, running: subprocess.Popen[bytes], name: str) -> None:
    assert callable(is_there)
    end = time.monotonic() + START_SECONDS
    while not is_there():
        if running.poll() is not None or time.monotonic() > end:
            raise Unavailable(f"{name} did not start; see what it printed above")
        time.sleep(_POLL_SECONDS)


@contextmanager
def mounted_copy(image: bytes, folder: Path, tree: Path) -> Iterator[None]:
    """A disk as it is found after a cut, at `tree`: the kernel recovers its journal. Raises
    `Unavailable` for one that cannot be mounted.

    Each copy is a file and a device of its own: mount takes a loop device that still stands for a
    file of the same name, with what the kernel has cached of the disk before.
    """
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".img") as file:
        file.write(image)
        file.flush()
        with mounted(Path(file.name), tree):
            yield


@contextmanager
def mounted(file: Path, tree: Path) -> Iterator[None]:
    """An ext4 in a file, at `tree`. Raises `Unavailable` for one that cannot be mounted."""
    device = run("losetup", "--find", "--show", file).strip()
    try:
        run("mount", "-t", "ext4", "-o", "noatime", device, tree)
        try:
            yield
        finally:
            run("umount", tree)
    finally:
        run("losetup", "--detach", device)
