"""Writes an image to a card, and what makes the box a terminal beside it; reads all of it again.

A wrong disk cannot be brought back: what is mounted, or is no card, is refused, and what the disk
is stands on the screen before anything is written.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from appliance.provision.parcel import LIST, opened
from ledger_sync.errors import Refused, Unavailable
from workshop.host import run

PIECE = 4 << 20
GPT = b"EFI PART"  # at byte 512 (UEFI 2.10, 5.3.2)
ZSTD = bytes.fromhex("28b52ffd")  # RFC 8878, 3.1.1
PARCEL = "yardpass"  # the folder on the boot partition that a first boot looks for
MAX_PARCEL = 16 << 20  # bytes
Progress = Callable[[int, int], None]
SYS = Path("/sys/block")
MOUNTS = Path("/proc/self/mountinfo")
SWAPS = Path("/proc/swaps")


class Disk(NamedTuple):
    """What the kernel says of a disk. `uses` are mount points of it, and what else holds it."""

    path: Path
    model: str
    size: int
    is_removable: bool
    is_read_only: bool
    uses: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"{self.path}: {self.model or 'unknown model'}, {self.size / 1e9:.1f} GB"


def disk_of(path: Path, *, sys: Path = SYS, mounts: Path = MOUNTS, swaps: Path = SWAPS) -> Disk:
    """Raises `Refused` for anything but a whole disk."""
    real = path.resolve()
    folder = sys / real.name
    if not (folder / "size").exists():
        raise Refused(f"{path} is no whole disk of this machine; see: lsblk -d")
    return Disk(
        path=real,
        model=" ".join(filter(None, (_word(folder / "device" / name) for name in _NAMES))),
        size=int(_word(folder / "size") or 0) * 512,
        is_removable=_word(folder / "removable") == "1" or real.name.startswith("mmcblk"),
        is_read_only=_word(folder / "ro") == "1",
        uses=tuple(_uses(real.name, folder, mounts, swaps)),
    )


_NAMES = ("vendor", "model", "name")


def _word(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _uses(name: str, folder: Path, mounts: Path, swaps: Path) -> Iterator[str]:
    """Mount points and swap of the disk or its partitions, and devices made of them."""
    parts = {name, *(one.parent.name for one in folder.glob(f"{name}*/partition"))}
    numbers = {
        _word(folder / one / "dev") if one != name else _word(folder / "dev") for one in parts
    }
    for line in _word(mounts).splitlines():
        words = line.split()
        if len(words) > 4 and words[2] in numbers:
            yield words[4]
    for line in _word(swaps).splitlines()[1:]:
        if Path(line.split()[0]).name in parts:
            yield "swap"
    for one in parts:
        place = folder / "holders" if one == name else folder / one / "holders"
        yield from (held.name for held in (place.iterdir() if place.is_dir() else ()))


def check(disk: Disk, needed: int, *, is_forced: bool) -> None:
    """Raises `Refused` for a disk that should not be overwritten. What is in use never is."""
    if disk.uses:
        raise Refused(f"{disk.sentence} is in use ({', '.join(disk.uses)}); unmount it first")
    if disk.is_read_only:
        raise Refused(f"{disk.sentence} is read-only; look at the switch of the card")
    if disk.size < needed:
        raise Refused(f"{disk.sentence} is too small: the image has {needed / 1e9:.1f} GB")
    if not disk.is_removable and not is_forced:
        raise Refused(f"{disk.sentence} is no removable disk; --force if it is the right one")


def write(image: Path, device: Path, progress: Progress) -> str:
    """Writes and flushes; the hash of what was written. Raises `Unavailable`."""
    size, done, digest = image.stat().st_size, 0, hashlib.sha256()
    with translated(device):
        # O_EXCL: the kernel refuses a disk that was mounted a moment ago.
        handle = os.open(device, os.O_WRONLY | os.O_EXCL | os.O_CLOEXEC)
        try:
            with image.open("rb") as source:
                while piece := source.read(PIECE):
                    _write_all(handle, piece, done)
                    digest.update(piece)
                    done += len(piece)
                    progress(done, size)
            os.fsync(handle)
        finally:
            os.close(handle)
    return digest.hexdigest()


def _write_all(handle: int, piece: bytes, at: int) -> None:
    view = memoryview(piece)
    while view:
        count = os.pwrite(handle, view, at)
        view, at = view[count:], at + count


def verify(device: Path, size: int, wanted: str, progress: Progress) -> None:
    """Reads it again from the disk itself. Raises `Unavailable` if it is something else."""
    digest, done = hashlib.sha256(), 0
    with translated(device):
        handle = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)  # not from memory
            while done < size:
                piece = os.pread(handle, min(PIECE, size - done), done)
                if not piece:
                    break
                digest.update(piece)
                done += len(piece)
                progress(done, size)
        finally:
            os.close(handle)
    if digest.hexdigest() != wanted:
        raise Unavailable(f"{device} gives back other bytes than were written; take another card")


class translated:
    """Turns what the kernel says of a disk into `Unavailable`."""

    def __init__(self, device: Path) -> None:
        self._device = device

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, Unavailable):
            what = f"{self._device}: {error.strerror}; is it a card, is it free, are you root?"
            raise Unavailable(what) from error


def check_parcel(folder: Path, name: str | None = None) -> str:
    """For which terminal the parcel is. Raises `Refused` or `Unavailable` for a folder that is not
    as `yardpass provision` wrote it, or for another terminal than the one of this name."""
    if not (folder / LIST).is_file():
        raise Refused(f"{folder} holds no {LIST}; make it with: yardpass provision {folder}")
    terminal = opened(folder).listed.terminal
    if name not in (None, terminal):
        raise Refused(f"the parcel in {folder} is for {terminal}, not for {name}")
    files = [one for one in folder.rglob("*") if not one.is_dir()]
    if any(not stat.S_ISREG(one.lstat().st_mode) for one in files):
        raise Refused(f"{folder} holds something that is no file; make it anew")
    if sum(one.stat().st_size for one in files) > MAX_PARCEL:
        raise Refused(f"{folder} has more than {MAX_PARCEL >> 20} MiB")
    return terminal


def check_image(image: Path) -> None:
    """Raises `Refused` for a file that no card could start from."""
    with image.open("rb") as file:
        head = file.read(1024)
    if head[512:520] == GPT:
        return
    step = f"unpack it: zstd -d {image}" if head[:4] == ZSTD else "name what build made"
    raise Refused(f"{image} is no image of a card; {step}")


def first_partition(device: Path) -> int:
    """Where the first partition of a GPT begins, in bytes (UEFI 5.3). Raises `Unavailable`."""
    with translated(device), device.open("rb") as file:
        head = file.read(3 * 512)
    if head[512:520] != GPT:
        raise Unavailable(f"{device} has no partition table that is ours")
    return int.from_bytes(head[1024 + 32 : 1024 + 40], "little") * 512


def plant(folder: Path, device: Path, at: int) -> None:
    """Copies a parcel into the FAT that begins at byte `at`. Raises `Unavailable`."""
    place = f"{device}@@{at}"
    run("mmd", "-D", "s", "-i", place, f"::{PARCEL}")
    run("mcopy", "-s", "-o", "-i", place, *sorted(folder.iterdir()), f"::{PARCEL}/")
    os.sync()
