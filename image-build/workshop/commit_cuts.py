"""Cuts the power while a box chooses its slot: autoboot.txt on a FAT, in the twin, by its kernel.

The box's own code overwrites the file; every write to the card is recorded as in power_cuts.py.
After each cut the file must name one slot, and the FAT must have no fault.
"""

import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from mmap import mmap
from pathlib import Path

from appliance.update import autoboot
from ledger_sync.errors import Refused, Unavailable
from workshop import blockdev, journal
from workshop.board import Board
from workshop.firmware import Firmware, make_stick
from workshop.guest import Guest
from workshop.host import copied, run
from workshop.journal import ACK_BYTES

DISK_MIB = 32
COMMITS = 60
_STATE = 0x25  # of a FAT16 boot sector
_SCRIPT = """\
mkdir -p /run/bootfs
mount -t vfat -o noatime /dev/disk/by-id/virtio-{method} /run/bootfs
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

disk = os.open("/dev/disk/by-id/virtio-{method}", os.O_RDWR | os.O_DIRECT)
block = mmap.mmap(-1, 4096)
end = os.lseek(disk, 0, os.SEEK_END) - 4096
for number in range({commits} + 1):
    if number:
        slot = autoboot.SLOTS[number % 2]
        ({call})(slot)
    block[:8] = struct.pack("<Q", number)
    os.pwrite(disk, block, end)
print("COMMITTED", number, "{method}")
PYTHON
umount /run/bootfs
"""
_CALLS = {"in-place": "box.choose", "rename": "rename"}


def record(
    board: Board, build: Path, folder: Path, methods: Sequence[str]
) -> dict[str, list[journal.Event]]:
    """What choosing a slot again and again, by each of these methods on a FAT of its own, did to
    `base.img`: one start of the twin."""
    base = folder / "base.img"
    _make_fat(folder, base)
    files = folder / "stick"
    files.mkdir(exist_ok=True)
    (files / "do").write_text(_script(methods), encoding="utf-8")
    make_stick(files, folder / "stick.img", 4)
    image = folder / "card.img"
    shutil.copy(build / f"yardpass-{board.label}.img", image)
    firmware = Firmware(board, image, folder)
    with ExitStack() as served:
        drives = [words for one in methods for words in _recorded(served, base, folder, one)]
        heard = Guest(board, firmware, folder / "stick.img", drives).boot(is_kept=False)
    if not all(heard.said(f"COMMITTED {COMMITS} {method}") for method in methods):
        raise Unavailable("the guest did not commit:\n" + "\n".join(heard.lines[-30:]))
    return {one: journal.events_of((folder / f"{one}.journal").read_bytes()) for one in methods}


def _script(methods: Sequence[str]) -> str:
    acts = (_SCRIPT.format(method=one, commits=COMMITS, call=_CALLS[one]) for one in methods)
    return "".join(acts) + "systemctl poweroff\n"


def _recorded(served: ExitStack, base: Path, folder: Path, method: str) -> list[str]:
    """The words that plug a copy of `base` into the twin, whose writes go into a journal."""
    disk, socket = copied(base, folder / f"{method}.img"), folder / f"{method}.nbd"
    served.enter_context(blockdev.served(disk, folder / f"{method}.journal", socket))
    drive = f"file=nbd+unix:///?socket={socket},if=none,id={method},format=raw,cache=none"
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive={method},serial={method}"]


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


def judged(image: Path, number: int) -> str:
    """`old` or `new` by how many times a slot was chosen for sure, or what is wrong."""
    told = _run("mtype", "-i", image, "::autoboot.txt")
    if told.returncode:
        return "unreadable"
    try:
        slot = autoboot.slot_of(told.stdout)
    except Refused:
        return "garbled"
    if _run("fsck.vfat", "-n", image).returncode:
        return "FAT damaged"
    return "old" if slot == autoboot.SLOTS[number % 2] else "new"


def _run(*command: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own words


def cut(
    base: Path, events: Sequence[journal.Event], count: int, chance: random.Random
) -> Counter[str]:
    """Cuts the power at least `count` times at moments spread over all of them; how often what
    was found. `base` is the disk before, and is not that afterwards."""
    found, data = Counter[str](), base.read_bytes()
    moments = journal.moments_of(len(data), events)
    with base.open("r+b") as file, mmap(file.fileno(), 0) as disk:
        while found.total() < count:
            disk[:] = data
            replay = journal.Replay(disk, events)
            for moment in sorted(chance.sample(moments, min(count, len(moments)))):
                replay.go_to(moment)
                with replay.cut(chance), _not_unmounted(disk):
                    found[judged(base, int.from_bytes(replay.beside[:8], "little"))] += 1
    return found


@contextmanager
def _not_unmounted(disk: mmap) -> Iterator[None]:
    """Meanwhile the FAT says what it says after every cut: nothing of having been unmounted."""
    before = disk[_STATE]
    disk[_STATE] = before & ~1
    try:
        yield
    finally:
        disk[_STATE] = before


def is_sound(found: Counter[str]) -> bool:
    return set(found) <= {"old", "new"}
