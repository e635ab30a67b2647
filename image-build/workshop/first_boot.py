"""A new box, from the office to the first person let in, with nothing typed: in the twin.

The office's commands make a parcel and a printed pass; the card gets the parcel; the box takes it
at its first start. Then the gate sees the pass in a picture, before there is any network, and the
relay's line of the twin's simulated chip goes high and low again, where it has one.
"""

import re
import shutil
from pathlib import Path

from ledger_sync.errors import Unavailable
from workshop import asked, line_history, terminal
from workshop.board import Board
from workshop.firmware import Firmware, make_stick
from workshop.guest import MAX_SECONDS, Guest, Heard
from workshop.layout import part_of
from workshop.line_history import change_of, highs
from workshop.ota_run import expect

LEAST_MS, MAX_PULSE_MS, SLACK_MS = 500, 5_000, 50  # the office's 700 begin with the asking
MS = 1_000_000  # of nanoseconds
_OWN_MIB = 96  # at most, that a filesystem keeps of that for itself
_LINE = "/sys/devices/platform/gpio-sim.0/gpiochip*/sim_gpio17/value"  # of the office's pin
_SEEN = f"""\
[ ! -e {_LINE} ] || python3 /run/stick/line_history.py {_LINE} /run/line 0.001 &
{asked.SEEN}\
journalctl -b -o short-monotonic --no-pager -u yardpass-gate | grep -m 1 GREEN
yardpass ledger fsck --site /var/lib/yardpass
echo GROWN $(df -m --output=size /persistent | tail -n 1)
[ ! -e /run/line ] || sed 's/^/LINE /' /run/line
systemctl poweroff
"""


def let_in(guest: Guest, files: Path) -> float:
    """Seconds of an enrolled box's own time from its start to the first GREEN. Raises
    `Unavailable` with the console for anything that is not as it must be."""
    seen = boot(guest, files, _SEEN)
    expect(seen, r"store\.db: sound", "what was recorded is sound")
    check_grown(guest.board, seen)
    if guest.board.has_pins:
        check_line(seen.said("LINE [0-9]"))
    return green_at(seen)


def check_grown(board: Board, heard: Heard) -> None:
    """The data partition and its filesystem have grown over the card. Raises `Unavailable`."""
    least = part_of(board, "persistent").size_mib + terminal.SPARE_MIB - _OWN_MIB
    found = [int(line.split()[-1]) for line in heard.said(r"GROWN \d+")]
    if not found or found[0] < least:
        raise Unavailable(f"/persistent has {found} MiB, of a card for {least}")


def green_at(heard: Heard) -> float:
    """When the first pass was let in, seconds of the box's own time. Raises `Unavailable`."""
    found = re.search(r"\[\s*([0-9.]+)\].*GREEN", "\n".join(heard.lines))
    if found is None:
        raise Unavailable("nobody was let in:\n" + "\n".join(heard.lines[-40:]))
    return float(found[1])


def check_line(told: list[str]) -> None:
    """The relay's line went high, each time for its pulse, and low again. Raises
    `Unavailable`."""
    changes = [change_of(one.partition("LINE ")[2]) for one in told]
    found = highs(changes)
    is_well = all(LEAST_MS * MS <= one.most <= (MAX_PULSE_MS + SLACK_MS) * MS for one in found)
    if not found or not is_well or changes[-1].level:
        raise Unavailable(f"the relay's line shows no pulse of 700 ms, or others: {told}")


def enrolled(board: Board, build: Path, folder: Path, console: Path) -> tuple[Guest, Path]:
    """A box that took its parcel and has a printed pass in front of its camera, and the folder of
    the stick that tells it what to do."""
    image = terminal.make(board, build, folder, folder / "card.img", console)
    files = folder / "stick"
    files.mkdir()
    shutil.copy(line_history.__file__, files)
    guest = Guest(board, Firmware(board, image, folder), folder / "stick.img", console=console)
    return guest, files


def boot(
    guest: Guest,
    files: Path,
    script: str,
    *,
    is_kept: bool = True,
    max_seconds: float = MAX_SECONDS,
) -> Heard:
    """One start in which the box runs `script`; its stick holds `files`."""
    assert guest.stick is not None
    (files / "do").write_text(script, encoding="utf-8")
    make_stick(files, guest.stick, 16)
    return guest.boot(is_kept=is_kept, max_seconds=max_seconds)
