"""Cuts the power while a box chooses its slot: autoboot.txt on a FAT, in the twin, by its kernel.

The box's own code overwrites the file; every write to the card is recorded as in power_cuts.py.
After each cut the file must name one slot, and the FAT must have no fault.
"""

import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from appliance.update import autoboot
from ledger_sync.errors import Refused, Unavailable
from workshop import blockdev, journal
from workshop.board import Board
from workshop.firmware import Firmware, make_stick
from workshop.guest import Guest
from workshop.host import copied, run
from workshop.journal import ACK_BYTES, Cut

DISK_MIB = 32
COMMITS = 60
_STATE = 0x25  # of a FAT16 boot sector
_SCRIPT = """\
mkdir -p /run/bootfs
mount -t vfat -o noatime /dev/disk/by-id/virtio-recorded /run/bootfs
python3 - <<'PYTHON'
import mmap, os, struct, sys
sys.path.insert(0, "/usr/lib/yardpass/site")
from pathlib import Path
from appliance.update import box as boxes, autoboot
boxes.os.path.ismount = lambda _: False  # it is mounted writable here
choice = Path("/run/bootfs/autoboot.txt")
box = boxes.Box(choice=choice)

def rename(slot):
    new = choice.with_suffix(".new")
    with new.open("wb") as file:
        file.write(autoboot.text_of(slot))
        file.flush()
        os.fsync(file.fileno())
    new.rename(choice)
    folder = os.open("/run/bootfs", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)

disk = os.open("/dev/disk/by-id/virtio-recorded", os.O_RDWR | os.O_DIRECT)
block = mmap.mmap(-1, 4096)
end = os.lseek(disk, 0, os.SEEK_END) - 4096
for number in range({commits} + 1):
    if number:
        slot = autoboot.SLOTS[number % 2]
        ({call})(slot)
    block[:8] = struct.pack("<Q", number)
    os.pwrite(disk, block, end)
print("COMMITTED", number)
PYTHON
umount /run/bootfs
systemctl poweroff
"""
_CALLS = {"in-place": "box.choose", "rename": "rename"}


def record(
    board: Board, build: Path, folder: Path, method: str
) -> tuple[bytes, list[journal.Event]]:
    """The FAT before, and what choosing a slot again and again did to it."""
    base, written = folder / "base.img", folder / "journal"
    _make_fat(folder, base)
    files = folder / "stick"
    files.mkdir(exist_ok=True)
    script = _SCRIPT.format(commits=COMMITS, call=_CALLS[method])
    (files / "do").write_text(script, encoding="utf-8")
    make_stick(files, folder / "stick.img", 4)
    image = folder / "card.img"
    shutil.copy(build / f"yardpass-{board.label}.img", image)
    socket = folder / "nbd"
    with blockdev.served(copied(base, folder / "recorded.img"), written, socket):
        drive = f"file=nbd+unix:///?socket={socket},if=none,id=recorded,format=raw,cache=none"
        device = "virtio-blk-pci,drive=recorded,serial=recorded"
        firmware = Firmware(board, image, folder)
        guest = Guest(board, firmware, folder / "stick.img", ("-drive", drive, "-device", device))
        heard = guest.boot(is_kept=False)
    if not heard.said(f"COMMITTED {COMMITS}"):
        raise Unavailable("the guest did not commit:\n" + "\n".join(heard.lines[-30:]))
    return base.read_bytes(), journal.events_of(written.read_bytes())


def _make_fat(folder: Path, base: Path) -> None:
    text = folder / "autoboot.txt"
    text.write_bytes(autoboot.text_of("a"))
    with base.open("wb") as file:
        file.truncate(DISK_MIB << 20)
    run(
        "mkfs.vfat",
        "-F",
        "16",
        "-n",
        "BOOTCONFIG",
        base,
        str(((DISK_MIB << 20) - ACK_BYTES) // 1024),
    )
    run("mcopy", "-i", base, text, "::autoboot.txt")


def judged(cut: Cut, folder: Path) -> str:
    """`old` or `new` by what was acknowledged, or what is wrong."""
    image = folder / "cut.img"
    data = bytearray(cut.image[:-ACK_BYTES])
    data[_STATE] &= ~1  # "was not unmounted", as after every cut
    image.write_bytes(data)
    told = _run("mtype", "-i", image, "::autoboot.txt")
    if told.returncode:
        return "unreadable"
    try:
        slot = autoboot.slot_of(told.stdout)
    except Refused:
        return "garbled"
    checked = _run("fsck.vfat", "-n", image)
    if checked.returncode:
        return "FAT damaged"
    number = int.from_bytes(cut.acknowledged[:8], "little")
    return "old" if slot == autoboot.SLOTS[number % 2] else "new"


def _run(*command: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own words


def cut(
    board: Board, build: Path, folder: Path, method: str, count: int, seed: int
) -> Counter[str]:
    """Records once and cuts `count` times; how often what was found."""
    base, events = record(board, build, folder, method)
    chance, found = random.Random(seed), Counter[str]()  # noqa: S311 - no secret
    while found.total() < count:
        found.update(judged(one, folder) for one in journal.cuts(base, events, count, chance))
    return found


def is_sound(found: Counter[str]) -> bool:
    return set(found) <= {"old", "new"}
