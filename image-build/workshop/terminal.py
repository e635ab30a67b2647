"""A card whose box is a terminal, made as a new box becomes one: by the office's parcel on it.

Its relay is relayd's, on the twin's pins or, where it has none, on pins in memory; its camera
sees a printed pass once at each start.
"""

import os
import shutil
from pathlib import Path

from ledger_sync.errors import Unavailable
from workshop import asked, card
from workshop.board import Board
from workshop.firmware import Firmware, make_stick
from workshop.guest import Guest
from workshop.host import YARDPASS, copied, run

SITE = "/var/lib/yardpass"
SPARE_MIB = 512  # that a card is larger than the image
WIRING = '[[reader]]\ndriver = "sim"\n'
"""A reader that reads nothing: a gate of which nothing is left to read would end."""
_TAKEN = f"""\
{asked.ended("first-boot")}\
{{pins}}
install -d {SITE}/pictures
install -m 644 /run/stick/pass.png {SITE}/pictures/
echo TERMINAL $(cat {SITE}/enrolment.txt)
echo LEFT $(ls /bootfs/yardpass)
sync; systemctl poweroff
"""
_NO_PINS = f"""sed -i 's/^\\[relayd\\]/&\\nfactory = "mock"/' {SITE}/site.toml"""


def make(board: Board, build: Path, folder: Path, target: Path, console: Path) -> Path:
    """Boots a copy of the image in `build` once, on a card that has `SPARE_MIB` more. Raises
    `Unavailable` with its console if it does not become a terminal that shows its enrolment code,
    or leaves a secret of the parcel's."""
    desk, files, stick = folder / "desk", folder / "desk-stick", folder / "desk-stick.img"
    prepare_desk(desk, "--relay", "gpio")
    copied(build / f"yardpass-{board.label}.img", target)
    os.truncate(target, target.stat().st_size + (SPARE_MIB << 20))
    card.plant(desk / "parcel", target, card.first_partition(target))
    files.mkdir()
    (files / "pass.png").write_bytes((desk / "pass.png").read_bytes())
    script = _TAKEN.format(pins="" if board.has_pins else _NO_PINS)
    (files / "do").write_text(script, encoding="utf-8")
    make_stick(files, stick, 16)
    heard = Guest(board, Firmware(board, target, folder), stick, console=console).boot()
    if not heard.said("TERMINAL YP"):
        raise Unavailable("no terminal was made:\n" + "\n".join(heard.lines[-40:]))
    if any("site.secret" in line for line in heard.said("LEFT ")):
        raise Unavailable("the site's secret is still on the card")
    return target


def keep(card: Path, target: Path) -> None:
    """A copy of a terminal's card for another day, whole once it is there, and its office."""
    shutil.rmtree(desk_of(target), ignore_errors=True)
    shutil.copytree(card.parent / "desk", desk_of(target))
    copied(card, target.with_suffix(".part")).rename(target)


def desk_of(card: Path) -> Path:
    """The folder with the office of a card that was kept."""
    return card.with_suffix(".desk")


def prepare_desk(folder: Path, *wired: str, wiring: str = WIRING) -> None:
    """An office in a folder, with a parcel for a terminal and a printed pass."""
    folder.mkdir()
    (folder / "wiring.toml").write_text(wiring, encoding="utf-8")
    own = (*wired, "--camera", "files", "--ledger", "ledger.yardpass", "--wiring", "wiring.toml")
    for words in (
        ("office", "init", "--site", "HZ07"),
        ("office", "enrol", "Chen", "--print", "pass.png"),
        ("office", "publish", "ledger.yardpass"),
        ("provision", "parcel", "--name", "north-1", "--gate", "north", *own),
    ):
        run(YARDPASS, *words, cwd=folder)
