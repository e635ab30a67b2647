"""The day of a box that is updated again and again: every way in which an update can go wrong.

Each scene is one boot or more of one card image, in turn; after each the box must run a slot that
works. The firmware's choice is that of firmware.py.
"""

import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ledger_sync.errors import Unavailable
from workshop import ota
from workshop.board import Board
from workshop.firmware import Firmware, make_stick
from workshop.guest import Guest, Heard
from workshop.host import run
from workshop.layout import parts_of
from workshop.ota import Keys

NEWER, OLDER = "9.0.0-1", "0.0.1-1"
BAD = {
    "panic": ("rdinit=/nowhere", ""),
    "hang": ("", "#!/bin/busybox sh\nexec /bin/busybox sleep 99999\n"),
    "unhealthy": ("systemd.mask=persistent.mount", ""),
}
"""Of a slot that does not work: what stands on its command line, what its initrd does."""
HANG_SECONDS = 45.0  # then the watchdog bites: on a Pi that of the firmware, here we
_MOUNT = "mkdir -p /run/bundles; mount -r LABEL=bundles /run/bundles; cd /run/bundles\n"
_TELL = "echo RUNS $(yardpass update status --json)\n"
_ENDED = "systemctl show -P ExecMainExitTimestampMonotonic yardpass-health"
_WELL = f'until [ "$({_ENDED})" != 0 ]; do sleep 1; done\n'
_INSTALL = "yardpass update install {} 2>&1 || {{ echo NOT INSTALLED; systemctl poweroff; }}\n"
_END = "sync; echo DONE; systemctl poweroff\n"
_STAY = "sleep 999\n"  # whatever ends this start, it is not the script
Say = Callable[[str], None]


@dataclass
class Day:
    """One card and its bundles. `log` holds what each boot said."""

    board: Board
    build: Path
    folder: Path
    keys: Keys
    say: Say
    seed: int = 1
    console: Path = Path("/dev/null")
    log: list[Heard] = field(default_factory=list)

    def prepare(self) -> None:
        """A card as it is sold, and a disk with good and bad bundles."""
        shutil.copy(self.build / f"yardpass-{self.board.label}.img", self.image)
        content = self.folder / "bundles"
        content.mkdir()
        self._bundle(content / "good", NEWER)
        self._bundle(content / "older", OLDER)
        stranger = ota.make_keys(self.folder / "stranger", "stranger")
        self._bundle(content / "stranger", NEWER, keys=stranger)
        for name, (words, init) in BAD.items():
            self._bundle(content / name, NEWER, boot=self._boot(name, words, init))
        _tamper(content / "good", content / "tampered")
        size = sum(one.stat().st_size for one in content.iterdir()) >> 20
        make_disk(content, self.folder / "bundles.img", size + size // 8 + 32)

    @property
    def image(self) -> Path:
        return self.folder / "card.img"

    def _bundle(
        self, target: Path, version: str, *, keys: Keys | None = None, boot: Path | None = None
    ) -> None:
        ota.bundle(self.board, self.build, keys or self.keys, target, version=version, boot=boot)

    def _boot(self, name: str, words: str, init: str) -> Path:
        """A boot partition with more on its command line, or another first process."""
        made, text = self.folder / f"{name}.vfat", self.folder / "cmdline.txt"
        shutil.copy(self.build / "boot.vfat", made)
        text.write_text(f"{run('mtype', '-i', made, '::cmdline.txt').strip()} {words}\n")
        run("mcopy", "-o", "-i", made, text, "::cmdline.txt")
        if init:
            text.write_bytes((self.build / "initrd").read_bytes() + archive_of("init", init))
            run("mcopy", "-o", "-i", made, text, "::initrd.img")
        return made

    def boot(self, script: str, **options: object) -> Heard:
        """One boot that runs this script."""
        files = self.folder / "stick"
        files.mkdir(exist_ok=True)
        (files / "do").write_text(_MOUNT + script, encoding="utf-8")
        stick = self.folder / "stick.img"
        make_stick(files, stick, 4)
        bundles = self.folder / "bundles.img"
        drive = ("-drive", f"file={bundles},if=none,id=bundles,format=raw,readonly=on")
        more = (*drive, "-device", "virtio-blk-pci,drive=bundles,serial=bundles")
        firmware = Firmware(self.board, self.image, self.folder)
        guest = Guest(self.board, firmware, stick, more, self.console)
        began = time.monotonic()
        heard = guest.boot(**options)  # type: ignore[arg-type]  # passed through
        self.log.append(heard)
        trial = " on trial" if heard.start.is_trial else ""
        took = time.monotonic() - began
        self.say(f"boot {len(self.log)}: partition {heard.start.partition}{trial}, {took:.0f} s")
        return heard

    # The scenes. Each raises `Unavailable` with the console if it ends as it must not.

    def refusals(self) -> None:
        """Another's key, an older version and a changed byte are refused, each by its reason."""
        heard = self.boot(
            "".join(
                f"yardpass update install {name} 2>&1 | tr '\\n' ' ' | sed 's/^/{name}: /'; echo; "
                for name in ("stranger", "older", "tampered")
            )
            + _TELL
            + _END
        )
        expect(heard, r"stranger: .*(signature|verif|certificate)", "another's key is refused")
        expect(heard, r"older: .*not newer", "an older version is refused")
        expect(heard, r"verity: .*corrupted", "a changed bit is found by the hash tree")
        expect(heard, r"tampered: .*failed", "a changed bit stops the update")
        self._runs(heard, "a")

    def bad(self, name: str) -> None:
        """A bad system is tried once; then the slot before runs, and is still the one chosen."""
        self.boot(_INSTALL.format(name))
        heard = self._hang() if name == "hang" else self.boot(_STAY)
        if not heard.start.is_trial:
            raise Unavailable(f"{name}: the other slot was not tried:\n{tail(heard)}")
        self._runs(self.boot(_TELL + _END), "a")

    def _hang(self) -> Heard:
        try:
            return self.boot(_STAY, max_seconds=HANG_SECONDS)
        except Unavailable:
            firmware = Firmware(self.board, self.image, self.folder)
            return Heard(firmware.start()._replace(is_trial=True))  # what hung was the trial

    def cuts(self, count: int) -> None:
        """The guest dies while an update is written: the slot that runs is untouched."""
        chance = random.Random(self.seed)  # noqa: S311 - no secret
        for _ in range(count):
            after = chance.uniform(0.5, 8.0)
            script = f"(sleep {after:.1f}; echo CUT HERE) & yardpass update install good 2>&1\n"
            heard = self.boot(script, cut_at="CUT HERE")
            if not heard.is_cut:
                raise Unavailable(f"nothing was cut:\n{tail(heard)}")
            self._runs(self.boot(_TELL + _END), "a")

    def good(self) -> None:
        """A good system is tried, found well and kept; a cold start stays with it; then back."""
        self.boot(_INSTALL.format("good"))
        tried = self.boot(_WELL + _TELL + _END)
        if not tried.start.is_trial:
            raise Unavailable(f"the update was not tried:\n{tail(tried)}")
        self._runs(tried, "b")
        cold = self.boot(_TELL + "yardpass update revert\n")
        self._runs(cold, "b")
        self._runs(self.boot(_TELL + _END), "a")

    def damaged(self) -> None:
        """The kept slot is damaged: after three starts the initrd takes the other one."""
        part = next(one for one in parts_of(self.board) if one.name == "system_a")
        with self.image.open("r+b") as file:
            file.seek(part.at)
            file.write(bytes(1 << 20))
        for _ in range(3):
            expect(self.boot(_END), "system_a cannot be mounted", "a damaged slot says so")
        expect(self.boot(_END), "the other one is taken", "the damaged slot is given up")
        self._runs(self.boot(_TELL + _END), "b")

    def _runs(self, heard: Heard, slot: str) -> None:
        """This slot runs, and is the one that is started again."""
        expect(heard, rf'RUNS .*"running": "{slot}", "chosen": "{slot}"', f"slot {slot} runs")


def expect(heard: Heard, pattern: str, what: str) -> None:
    if not heard.said(pattern):
        raise Unavailable(f"not seen: {what}\n{tail(heard)}")


def tail(heard: Heard) -> str:
    return "\n".join(heard.lines[-60:])


def archive_of(name: str, text: str) -> bytes:
    """One executable file as a cpio archive, behind which an initrd's own file of that name stands
    back. Linux Documentation/driver-api/early-userspace/buffer-format.rst."""
    made = b"\0" * 4
    for file, data, mode in ((name, text.encode(), 0o100755), ("TRAILER!!!", b"", 0)):
        numbers = (1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(file) + 1, 0)
        head = "070701" + "".join(f"{one:08x}" for one in numbers)
        for part in (head.encode() + file.encode() + b"\0", data):
            made += part + b"\0" * (-len(part) % 4)
    return made


def make_disk(content: Path, disk: Path, mib: int) -> None:
    disk.unlink(missing_ok=True)
    run("mke2fs", "-q", "-t", "ext4", "-L", "bundles", "-d", content, disk, f"{mib}M")


def _tamper(good: Path, target: Path) -> None:
    """One bit in the middle of the payload, which the signature covers by its hash tree."""
    data = bytearray(good.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
