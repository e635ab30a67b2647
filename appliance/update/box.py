"""The parts of a box that an update touches: two files, one sector, the slot that was started."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.update import autoboot, counter
from appliance.update.counter import Counter
from ledger_sync.errors import Refused, Unavailable

PLACES = "what an image of Yardpass has; a checkout has none, and is updated by git"
_WORD = re.compile(r"(?:^| )yardpass\.(partition|tryboot)=(\d)(?= |$)")
_VERSION, _KIND = "IMAGE_VERSION", "IMAGE_ID"


@dataclass(frozen=True, slots=True)
class Box:
    """Where these parts are. `remount` makes the boot partition writable for one sector."""

    choice: Path = Path("/bootfs/autoboot.txt")
    counter: Path = Path("/dev/disk/by-partlabel/counter")
    firmware: Path = Path("/proc/device-tree/chosen/bootloader")
    cmdline: Path = Path("/proc/cmdline")
    release: Path = Path("/usr/lib/os-release")
    data: Path = Path("/persistent")
    slots: Path = Path("/dev/disk/by-partlabel")

    def chosen(self) -> str:
        """The slot that is started from now on. Raises `Unavailable`, `Refused`."""
        return autoboot.slot_of(_read(self.choice, autoboot.MAX_BYTES))

    def choose(self, slot: str) -> None:
        """Starts `slot` from now on. One sector is overwritten in place and flushed: after a power
        cut it is the old one or the new one, see autoboot.py. Raises `Unavailable`, `Refused`."""
        if self.chosen() == slot:
            return
        with _writable(self.choice.parent):
            _overwrite(self.choice, autoboot.text_of(slot))

    def running(self) -> str:
        """The slot that was started. Raises `Unavailable` where nothing tells."""
        number = self._told("partition")
        for slot, partition in autoboot.PARTITIONS.items():
            if partition == number:
                return slot
        raise Unavailable(f"nothing tells which slot was started: {PLACES}")

    def is_on_trial(self) -> bool:
        """Whether the firmware started this slot once, to try it."""
        return self._told("tryboot") == 1

    def _told(self, what: str) -> int | None:
        """By a Pi's firmware in the device tree, else by the command line."""
        file = self.firmware / what
        if file.exists():
            return int.from_bytes(_read(file, 4), "big")
        found = dict(_WORD.findall(_read(self.cmdline, 4_096).decode(errors="replace").strip()))
        return int(found[what]) if what in found else None

    def starts(self) -> Counter:
        return counter.counter_of(_read(self.counter, counter.SECTOR))

    def set_starts(self, now: Counter) -> None:
        """Raises `Unavailable`."""
        _overwrite(self.counter, now.to_bytes())

    def version(self) -> str:
        """That of the image, `0.1.0-1795305600`. Raises `Unavailable` where there is none."""
        return self._named(_VERSION)

    def kind(self) -> str:
        """Which bundles it takes, `yardpass-pi5-arm64`: what they call compatible."""
        return self._named(_KIND)

    def _named(self, what: str) -> str:
        text = _read(self.release, 65_536).decode(errors="replace")
        for line in text.splitlines():
            name, _, value = line.partition("=")
            if name == what:
                return value.strip('"')
        raise Unavailable(f"{self.release} names no {what}: {PLACES}")


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        raise Unavailable(f"cannot read {path} ({error.strerror}): {PLACES}") from error


def _overwrite(path: Path, data: bytes) -> None:
    """In place, no byte longer or shorter, and flushed."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if os.fstat(handle).st_size not in (len(data), 0):  # 0: a device
                raise Refused(f"{path} has another length than {len(data)} bytes; write it anew")
            os.pwrite(handle, data, 0)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}; is the card worn?") from error


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """The boot partition is read-only but for this second."""
    if not os.path.ismount(folder):
        yield
        return
    remount(folder, "rw")
    try:
        yield
    finally:
        remount(folder, "ro")


def remount(folder: Path, mode: str) -> None:
    import subprocess

    command = ["/usr/bin/mount", "-o", f"remount,{mode}", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise Unavailable(f"cannot remount {folder} {mode}: {done.stderr.strip()}")
