"""Stands in for a Raspberry Pi's boot firmware: reads autoboot.txt from the image, starts a slot.

As the firmware does, it takes the partition of [tryboot] once after it was told to, else that of
[all]; and kernel, initrd and command line out of that partition's FAT. What it hands over in the
device tree on a Pi is on the command line here. Raspberry Pi documentation, "autoboot.txt".
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ledger_sync.errors import Unavailable
from workshop.board import Board
from workshop.host import run
from workshop.layout import parts_of

DEFAULT = 1  # the partition that the firmware takes when nothing is chosen
FLAG_BYTES = 4_096
FLAG = b"TRYBOOT"
_SECTION = re.compile(r"^\[(\w+)\]$")


class Start(NamedTuple):
    """What the firmware starts, as files of this machine."""

    partition: int
    is_trial: bool
    kernel: Path
    initrd: Path
    cmdline: str


def partition_of(text: str, *, is_trial: bool) -> int:
    """The partition that autoboot.txt chooses. Later lines win; [tryboot] counts on a trial."""
    found, section = DEFAULT, "all"
    for line in text.splitlines():
        heading = _SECTION.fullmatch(line.strip())
        if heading:
            section = heading[1]
        name, _, value = line.strip().partition("=")
        is_meant = section == "all" or (section == "tryboot" and is_trial)
        if name == "boot_partition" and is_meant and value.isdigit():
            found = int(value)
    return found


@dataclass(frozen=True, slots=True)
class Firmware:
    """The firmware in front of one image. `flag` is the disk that is told of a trial."""

    board: Board
    image: Path
    folder: Path

    @property
    def flag(self) -> Path:
        return self.folder / "tryboot.img"

    def start(self) -> Start:
        """Raises `Unavailable` where a Pi would show a rainbow: no partition, no kernel in it."""
        is_trial = self._take_flag()
        partition = partition_of(self.read(1, "autoboot.txt").decode(), is_trial=is_trial)
        files = {name: self.folder / name for name in ("vmlinuz", "initrd.img")}
        for name, path in files.items():
            path.write_bytes(self.read(partition, name))
        told = f"yardpass.partition={partition} yardpass.tryboot={int(is_trial)}"
        cmdline = self.read(partition, "cmdline.txt").decode().strip()
        return Start(
            partition, is_trial, files["vmlinuz"], files["initrd.img"], f"{cmdline} {told}"
        )

    def read(self, partition: int, name: str) -> bytes:
        """A file of a FAT, by its partition's number."""
        parts = parts_of(self.board)
        if not 1 <= partition <= len(parts):
            raise Unavailable(f"firmware: no partition {partition}")
        place = f"{self.image}@@{parts[partition - 1].at}"
        done = subprocess.run(  # noqa: S603 - our own words
            ["mtype", "-i", place, f"::{name}"],  # noqa: S607 - of the PATH
            capture_output=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise Unavailable(f"firmware: partition {partition} holds no {name}: {said}")
        return done.stdout

    def _take_flag(self) -> bool:
        """Whether a trial was asked for; asked once, it is granted once."""
        is_set = self.flag.exists() and self.flag.read_bytes().startswith(FLAG)
        self.flag.write_bytes(bytes(FLAG_BYTES))
        return is_set


def make_box_stick(stick: Path, files: Mapping[str, Path]) -> None:
    """A USB stick as people have them, a FAT, under the name that a box looks at, with these files
    below its root, in one folder at most."""
    stick.unlink(missing_ok=True)
    with stick.open("wb") as made:
        made.truncate(sum(file.stat().st_size for file in files.values()) + (64 << 20))
    run("mkfs.vfat", "-n", "YARDPASS", stick)
    for name, file in files.items():
        folder, _, _ = name.rpartition("/")
        if folder:
            run("mmd", "-i", stick, f"::{folder}")
        run("mcopy", "-i", stick, file, f"::{name}")


def make_stick(folder: Path, stick: Path, mib: int) -> None:
    """A USB stick as the guest sees one: a disk named `stick` with these files."""
    stick.unlink(missing_ok=True)
    run("mke2fs", "-q", "-t", "ext4", "-L", "stick", "-d", folder, stick, f"{mib}M")
