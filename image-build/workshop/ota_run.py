"""The day of a box that is updated again and again: its card, its bundles, its starts.

One card image, started in turn; the firmware's choice is that of firmware.py. What is done to it
is in scenes.py.
"""

import random
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger_sync.errors import Unavailable
from workshop import bad_slots, ota, terminal
from workshop.board import Board
from workshop.firmware import FLAG, FLAG_BYTES, Firmware, make_stick
from workshop.guest import Guest, Heard
from workshop.host import copied, run
from workshop.layout import part_of, parts_of
from workshop.machine import twin
from workshop.ota import Keys

MAX_SECONDS = 1_200  # of one boot on a machine that others use
NEWER, OLDER = "9.0.0-1", "0.0.1-1"
TELL = "echo RUNS $(yardpass update status --json)\n"
END = "sync; echo DONE; systemctl poweroff\n"
_MOUNT = "mkdir -p /run/bundles; mount -r LABEL=bundles /run/bundles; cd /run/bundles\n"
_WATCHDOG = ("-device", "i6300esb", "-action", "watchdog=reset")
Say = Callable[[str], None]


@dataclass
class Day:
    """One card and its bundles. `log` holds what each boot said, `kept` is the slot that the next
    start must run, `plugged` a stick for the box that is left in it, `network` what QEMU is told
    of one."""

    board: Board
    build: Path
    folder: Path
    keys: Keys
    say: Say
    seed: int = 1
    console: Path = Path("/dev/null")
    kept: str = "a"
    plugged: Path | None = None
    network: Sequence[str] = ()
    log: list[Heard] = field(default_factory=list)

    @property
    def image(self) -> Path:
        return self.folder / "card.img"

    @property
    def desk(self) -> Path:
        """The office of the card's terminal, this day's own."""
        return self.folder / "office"

    @property
    def firmware(self) -> Firmware:
        return Firmware(self.board, self.image, self.folder)

    def prepare(self, card: Path | None) -> None:
        """A terminal's card, the other slot of it damaged, and a disk with good and bad bundles.
        `card` is where the terminal's is kept for another day."""
        kept = card or self.folder / "terminal.img"
        if not kept.exists():
            made = terminal.make(self.board, self.build, self.folder, self.image, self.console)
            terminal.keep(made, kept)
        shutil.copytree(terminal.desk_of(kept), self.desk)
        copied(kept, self.image)
        self.spoil("b")
        self._bundles(self.folder / "bundles")

    def spoil(self, slot: str) -> None:
        """Other bytes in all of a slot: what is found whole there later was written since."""
        chance = random.Random(self.seed)  # noqa: S311 - no secret
        with self.image.open("r+b") as file:
            for part in parts_of(self.board):
                if part.name in (f"system_{slot}", f"boot_{slot}"):
                    file.seek(part.at)
                    file.write(chance.randbytes(1 << 20) * part.size_mib)

    def put(self, slot: str, boot: Path) -> None:
        """A boot partition into a slot, and the firmware told to try that: what an install that
        went well and `yardpass update try` leave."""
        self.lay(f"boot_{slot}", boot)
        self.firmware.flag.write_bytes(FLAG.ljust(FLAG_BYTES, b"\0"))

    def lay(self, name: str, file: Path) -> None:
        """What a file holds into a partition of the card."""
        part = part_of(self.board, name)
        with self.image.open("r+b") as card:
            card.seek(part.at)
            card.write(file.read_bytes())

    @property
    def newer(self) -> Path:
        """The system that the good bundle brings."""
        return self.folder / "newer.erofs"

    def boot_of(self, name: str) -> Path:
        """The boot partition that a bundle brings."""
        return self.folder / f"{name}.vfat"

    def _bundles(self, content: Path) -> None:
        """The bad ones bring a boot partition alone: the system is that of the good one."""
        content.mkdir()
        made, stranger = self.build / "boot.vfat", ota.make_keys(self.folder / "stranger", "no")
        bad_slots.make_boot(made, bad_slots.Bad("yardpass.bundle=good"), self.boot_of("good"))
        with ota.toolbox(self.board, self.folder) as tools:
            good = ota.content_of(self.board, self.build)
            good = good._replace(version=NEWER, boot=self.boot_of("good"))
            good = ota.renamed(tools, self.board, good, self.newer)
            ota.pack(tools, good, self.keys, content / "good")
            small = good._replace(system=None)
            ota.pack(tools, small, self.keys, content / "light")
            older = small._replace(version=OLDER)
            ota.pack(tools, older, self.keys, content / "older")
            ota.pack(tools, small, stranger, content / "stranger")
            for name, bad in bad_slots.slots().items():
                boot = bad_slots.make_boot(made, bad, self.boot_of(name))
                ota.pack(tools, small._replace(boot=boot), self.keys, content / name)
        data = (content / "good").read_bytes()
        half = len(data) // 2
        (content / "truncated").write_bytes(data[:half])
        (content / "tampered").write_bytes(
            data[:half] + bytes([data[half] ^ 1]) + data[half + 1 :]
        )
        size = sum(one.stat().st_size for one in content.iterdir()) >> 20
        make_disk(content, self.folder / "bundles.img", size + size // 8 + 32)

    def boot(self, script: str, places: Mapping[str, str] | None = None) -> Heard:
        """One boot that runs this script. Raises `Unavailable` if it does not end."""
        files = self.folder / "stick"
        files.mkdir(exist_ok=True)
        (files / "do").write_text(_MOUNT + script, encoding="utf-8")
        stick = self.folder / "stick.img"
        make_stick(files, stick, 4)
        bundles = self.folder / "bundles.img"
        drive = ("-drive", f"file={bundles},if=none,id=bundles,format=raw,readonly=on")
        more = [*drive, "-device", "virtio-blk-pci,drive=bundles,serial=bundles", *_WATCHDOG]
        if self.plugged:
            more += twin(self.board.arch).disk(self.plugged, "plugged")
        more += self.network
        guest = Guest(self.board, self.firmware, stick, more, self.console, places=places or {})
        began = time.monotonic()
        heard = guest.boot(max_seconds=MAX_SECONDS)
        self.log.append(heard)
        trial = " on trial" if heard.start.is_trial else ""
        took = time.monotonic() - began
        self.say(f"boot {len(self.log)}: partition {heard.start.partition}{trial}, {took:.0f} s")
        return heard

    def home(self, script: str = END) -> Heard:
        """A start of the slot that is kept, which first shows that it runs: so each start proves
        the end of what was done before it."""
        heard = self.boot(TELL + script)
        self.expect_running(heard, self.kept)
        return heard

    def trial(self, script: str, places: Mapping[str, str] | None = None) -> Heard:
        heard = self.boot(script, places)
        if not heard.start.is_trial:
            raise Unavailable(f"the other slot was not tried:\n{tail(heard)}")
        return heard

    def expect_running(self, heard: Heard, slot: str) -> None:
        """This slot runs, and is the one that is started again."""
        expect(heard, rf'RUNS .*"running": "{slot}", "chosen": "{slot}"', f"slot {slot} runs")


def expect(heard: Heard, pattern: str, what: str) -> None:
    if not heard.said(pattern):
        raise Unavailable(f"not seen: {what}\n{tail(heard)}")


def tail(heard: Heard) -> str:
    return "\n".join(heard.lines[-60:])


def make_disk(content: Path, disk: Path, mib: int) -> None:
    disk.unlink(missing_ok=True)
    run("mke2fs", "-q", "-t", "ext4", "-L", "bundles", "-d", content, disk, f"{mib}M")
