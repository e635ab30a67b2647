"""Hardware in the loop: the twin with pins, a camera, a keyboard and the product's own services.

The guest is the twin's image as it is handed out; over its /usr lies one disk with what a Pi's own
system brings, see pi_os.py. What happens inside is hardware_day.py.
"""

import re
import shutil
from pathlib import Path

from PIL import Image

from hw.sim.optics import Shot
from hw.sim.photos import empty_scene, photograph
from ledger_sync.errors import Refused, Unavailable
from workshop import card, pi_os
from workshop.board import Board
from workshop.firmware import Firmware, make_stick
from workshop.guest import Guest, unit_words
from workshop.host import IMAGE_BUILD, YARDPASS, run
from workshop.machine import twin

FACTS = ("services", "camera", *("kill",) * 4, "watchdog", "reader", "door", "quiet")
"""What must be so, in this order."""
MAX_SECONDS = 1_500  # it takes 11 min where three times as many want the cores as there are
_INSIDE = ("__init__.py", "hardware_day.py", "inside.py", "line_history.py", "keyboard.py")
CODES, EMPTIES = 3, 7  # pictures of one turn of the camera; each is shown for about half a second
WIRING = """\
[[reader]]
driver = "wedge"
device = "/run/twin/wedge"

[sensors]
driver = "gpio"
contact = 27
contact_pull = "none"            # gpio-sim forgets its own when a pull is asked for
"""
_DISK_UNIT = """\
[Unit]
DefaultDependencies=no
After=systemd-udevd.service systemd-remount-fs.service
Before=basic.target yardpass-first-boot.service
[Service]
Type=oneshot
ExecStart=/bin/sh -ec 'udevadm wait -t 60 /dev/disk/by-id/virtio-pi-os /dev/disk/by-label/stick; \
mkdir /run/pi-os /run/stick; mount -r /dev/disk/by-id/virtio-pi-os /run/pi-os; \
mount -r LABEL=stick /run/stick; cp -r /run/stick/codes /run/frames; \
mount -t overlay -o lowerdir=/run/pi-os/usr:/usr pi-os /usr'
"""
_DO = """\
export PYTHONPATH=/run/stick:/usr/lib/yardpass/site PYTHONDONTWRITEBYTECODE=1
python3 -m workshop.hardware_day ||
    journalctl -b -o short-monotonic --no-pager -n 150 -u 'yardpass*' -u pi-os -u twin-board
systemctl poweroff
"""


def rehearse(board: Board, build: Path, folder: Path, console: Path) -> list[str]:
    """What each fact showed. Raises `Unavailable` with those that are not so."""
    if not board.has_pins:
        raise Refused(f"{board.label} has no pins; build and name the twin that has: build pins")
    desk, image, system = folder / "desk", folder / "card.img", folder / "pi-os.erofs"
    pi_os.make(board, system, folder / "pi-os")
    shutil.rmtree(folder / "pi-os")
    files = folder / "stick"
    _prepare(desk, files)
    shutil.copy(build / f"yardpass-{board.label}.img", image)
    card.plant(desk / "parcel", image, card.first_partition(image))
    stick = folder / "stick.img"
    make_stick(files, stick, 32)
    plugged = twin(board.arch).disk(system, "pi-os", ",readonly=on")
    guest = Guest(board, Firmware(board, image, folder), stick, plugged, console)
    words = unit_words("pi-os", _DISK_UNIT)
    return facts_of(guest.boot(words=words, max_seconds=MAX_SECONDS).lines)


def facts_of(lines: list[str]) -> list[str]:
    """The facts that a guest told. Raises `Unavailable` if one is false, or is missing."""
    told = [found for line in lines if (found := re.search(r"(FACT|FALSE) (\w+): .*", line))]
    if any(one[1] == "FALSE" for one in told) or tuple(one[2] for one in told) != FACTS:
        said = "\n".join([*lines[-20:], "", *(one[0] for one in told)])
        raise Unavailable(f"not every fact is so:\n{said}")
    return [one[0].removeprefix("FACT ") for one in told]


def _prepare(desk: Path, files: Path) -> None:
    """The office makes a parcel and two passes, of which it takes one back."""
    desk.mkdir()
    files.mkdir()
    run(YARDPASS, "office", "init", "--site", "HZ07", cwd=desk)
    shown, revoked = (run(YARDPASS, "office", "enrol", one, cwd=desk) for one in ("Chen", "Rosa"))
    wired = ("--camera", "picamera2", "--wiring", "wiring.toml", "--ledger", "ledger.yardpass")
    (desk / "wiring.toml").write_text(WIRING, encoding="utf-8")
    for words in (
        ("office", "revoke", "Rosa"),
        ("office", "publish", "ledger.yardpass"),
        ("provision", "parcel", "--name", "north-1", "--gate", "north", *wired),
    ):
        run(YARDPASS, *words, cwd=desk)
    (files / "revoked.txt").write_text(revoked, encoding="utf-8")
    (files / "do").write_text(_DO, encoding="utf-8")
    (files / "workshop").mkdir()
    for name in _INSIDE:
        shutil.copy(IMAGE_BUILD / "workshop" / name, files / "workshop")
    _draw(shown.strip(), files)


def _draw(text: str, files: Path) -> None:
    """What the camera shows: a code that comes and goes, or nobody for ever."""
    code = photograph(text, Shot(side=0.5), seed=1)
    empty = empty_scene(seed=1)
    for name, shown in (("codes", CODES), ("empty", 0)):
        (files / name).mkdir()
        for number in range(CODES + EMPTIES):
            picture = Image.fromarray(code if number < shown else empty).convert("RGB")
            picture.save(files / name / f"{number}.jpg", quality=90)
