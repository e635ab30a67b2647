"""What a box would do with a card after a power cut, and whether it then runs a whole slot.

The firmware's choice and the initrd's are made here as they make them. A slot is whole if both
its partitions begin with the very bytes that were built or signed, by their SHA-256. The data
partition is recovered as the box recovers it, then its filesystem and the ledger's store may have
no fault.
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from mmap import mmap
from pathlib import Path
from typing import NamedTuple

from appliance.update import autoboot, counter
from ledger_sync.errors import Refused, Unavailable
from workshop import blockdev
from workshop.board import Board
from workshop.firmware import FLAG, Firmware
from workshop.host import YARDPASS, run
from workshop.journal import ACK_BYTES
from workshop.layout import Part, parts_of

STORE_SOUND = "store.db: sound"
_STATE = 0x25  # of a FAT16 boot sector: "was not unmounted", as after every cut


class Whole(NamedTuple):
    """What a partition of a slot holds: so many bytes with this SHA-256."""

    size: int
    digest: str


Slots = Mapping[str, Whole]
"""By the partition's name, as `system_a`."""


class Next(NamedTuple):
    """What is started next: a slot, by the firmware's flag or by what is kept."""

    slot: str
    is_trial: bool


def whole_of(file: Path) -> Whole:
    with file.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return Whole(file.stat().st_size, digest)


def next_of(choice: bytes, sector: bytes, flag: bytes) -> Next:
    """By autoboot.txt, the sector that counts starts, and the firmware's flag (pure). Raises
    `Refused` where autoboot.txt names no slot."""
    kept = autoboot.slot_of(choice)
    if flag.startswith(FLAG):
        return Next(autoboot.other(kept), is_trial=True)
    counted = counter.counter_of(sector)
    if counted.slot == kept and counted.starts >= counter.LIMIT:
        return Next(autoboot.other(kept), is_trial=False)
    return Next(kept, is_trial=False)


class TornCard:
    """A card in a file, whose bytes are `disk`. `slots` is what whole slots hold."""

    def __init__(self, board: Board, image: Path, disk: mmap, slots: Slots, folder: Path) -> None:
        self._firmware = Firmware(board, image, folder)
        self._parts = {part.name: part for part in parts_of(board)}
        self._disk = disk
        self._slots = slots
        self._folder = folder

    def next(self, flag: bytes) -> Next:
        """Raises `Refused`, `Unavailable` for a card that starts nothing."""
        choice = self._firmware.read(1, "autoboot.txt")
        return next_of(choice, self._bytes("counter", counter.SECTOR), flag)

    def is_whole(self, slot: str) -> bool:
        return all(
            hashlib.sha256(self._bytes(name, self._slots[name].size)).hexdigest()
            == self._slots[name].digest
            for name in (f"system_{slot}", f"boot_{slot}")
        )

    def faults(self, flag: bytes) -> Iterator[str]:
        """What is wrong with this card, nothing for one that works. A trial that was asked for is
        still taken after a reset, and forgotten after a power cut: both must work."""
        try:
            ways = {self.next(b""), self.next(flag)}
        except (Refused, Unavailable) as error:
            yield f"starts nothing: {str(error).splitlines()[0]}"
            return
        for way in sorted(ways):
            if not self.is_whole(way.slot):
                trial = " on trial" if way.is_trial else ""
                yield f"starts slot {way.slot}{trial}, which is not whole"
        yield from self._choice_faults()
        yield from self._data_faults()

    def _choice_faults(self) -> Iterator[str]:
        data = bytearray(self._bytes("bootconfig"))
        data[_STATE] &= ~1
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".vfat") as file:
            file.write(data)
            file.flush()
            try:
                run("fsck.vfat", "-n", file.name)
            except Unavailable as error:
                yield f"bootconfig: {error}"

    def _data_faults(self) -> Iterator[str]:
        """Recovered as at the next start, then looked at."""
        file, tree = self._folder / "persistent.img", self._folder / "tree"
        tree.mkdir(exist_ok=True)
        rest = len(self._disk) - ACK_BYTES - self._parts["persistent"].at  # grown over the card
        file.write_bytes(self._bytes("persistent", rest))
        try:
            recover(file)
            with blockdev.mounted(file, tree):
                if not (tree / ".slot-b-is-bad").exists() and not self.is_whole("b"):
                    yield "slot b is not whole, and nothing says so"
                told = run(YARDPASS, "ledger", "fsck", "--site", tree / "yardpass")
                if STORE_SOUND not in told:
                    yield f"store: {told.strip()}"
            run("e2fsck", "-f", "-n", file)
        except Unavailable as error:
            yield f"data partition: {str(error).splitlines()[0]}"

    def _bytes(self, name: str, size: int = 0) -> bytes:
        part: Part = self._parts[name]
        return self._disk[part.at : part.at + (size or part.size_mib << 20)]


def recover(file: Path) -> None:
    """As systemd does at each start: the journal is taken in, small faults are mended. Raises
    `Unavailable` for more."""
    done = subprocess.run(  # noqa: S603 - our own words
        ["e2fsck", "-p", file],  # noqa: S607 - of the PATH
        capture_output=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        said = done.stdout.decode(errors="replace").strip()
        raise Unavailable(f"e2fsck -p failed with {done.returncode}: {said}")
