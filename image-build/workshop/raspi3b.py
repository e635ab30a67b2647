"""The arm64 twin on a Raspberry Pi 3B as QEMU has it: its relay's pin, seen from outside.

No board image: Debian's kernel, started by firmware.py. But the pins are those of the chip, driven
by the kernel's own pinctrl-bcm2835 through lgpio, and what is looked at are the chip's registers.
As Raspberry Pi's own kernels do, the kernel is told to leave a pin as it was when the process that
drove it dies: then only what the box itself does brings the relay down.
"""

import time
from pathlib import Path
from typing import NamedTuple

from ledger_sync.errors import Unavailable
from workshop import asked, card, first_boot, machine, terminal
from workshop.board import Board
from workshop.firmware import Firmware
from workshop.guest import Guest
from workshop.host import copied, run
from workshop.line_history import High, highs
from workshop.ota_run import expect, tail
from workshop.pin_watch import PinWatch
from workshop.pins import Pin

REVISION = "a02082"  # Pi 3B 1.2; Raspberry Pi documentation, "Raspberry Pi revision codes"
PIN = 17  # of the relay, unless the office says otherwise
WORDS = "pinctrl_bcm2835.persist_gpio_outputs=y module_blacklist=bcm2835_wdt"
"""QEMU's watchdog of a Pi does not count: armed, it resets at once."""
MAX_SECONDS = 1_200.0
_ENDS = "reboot: "  # QEMU has no way to switch this board off
_HOLD_MS = 4_000
_TIME = """\
date -s @{seconds}
python3 - <<'END'
import ctypes, struct
told = ctypes.create_string_buffer(struct.pack("@I4xqqqqi", 0x1C, 0, 0, 1000, 1000, 1), 512)
ctypes.CDLL(None).adjtimex(told)
END
"""
"""This board has no clock of its own and no network here: what a time server's answer does,
adjtimex(2): status, bounds of the error, disciplined. Without it the pass would be grey."""
_DO = f"""\
{asked.ended("first-boot")}\
install -d /var/lib/yardpass/pictures
install -m 644 /bootfs/pass.png /var/lib/yardpass/pictures/
{asked.SEEN}\
echo BOARD $(tr -d '\\0' </proc/device-tree/model)
journalctl -b -o short-monotonic --no-pager -u yardpass-gate | grep -m 1 GREEN
sleep 6
cat >/run/pulse.py <<'END'
import time
from hw.relay_line import RelayLine, RelayLineOptions
def begun(seconds):
    open("/run/begun", "w").close()
    time.sleep(99)
RelayLine(RelayLineOptions("/run/yardpass-relay/relay.sock"), wait=begun).pulse({_HOLD_MS})
END
export PYTHONPATH=/usr/lib/yardpass/site
relayd=$(systemctl show -P MainPID yardpass-relay)
python3 /run/pulse.py &
until [ -e /run/begun ]; do sleep 0.1; done
kill -9 $relayd && echo KILLED
sleep 5
until systemctl is-active -q yardpass-relay; do sleep 1; done
echo AGAIN $(systemctl is-active yardpass-relay)
sync; systemctl poweroff
"""


class Told(NamedTuple):
    """What the pin did, and the box said of itself."""

    model: str
    seconds: float  # of its own time, from its start to the first GREEN
    highs: list[High]
    last: Pin | None


def rehearse(board: Board, build: Path, folder: Path, console: Path) -> Told:
    """A parcel is taken, a pass let in, and relayd killed in the middle of a pulse; one start.
    Raises `Unavailable` with the console for anything that is not as it must be."""
    office, image = folder / "desk", folder / "card.img"
    terminal.prepare_desk(office, "--relay", "gpio")
    copied(build / f"yardpass-{board.label}.img", image)
    with image.open("r+b") as file:  # a card's size is a power of two
        file.truncate(1 << (image.stat().st_size - 1).bit_length())
    at = card.first_partition(image)
    card.plant(office / "parcel", image, at)
    script = _TIME.format(seconds=int(time.time())) + _DO
    (folder / "do").write_text(script, encoding="utf-8")
    run("mcopy", "-i", f"{image}@@{at}", folder / "do", office / "pass.png", "::")
    monitor = folder / "monitor"
    guest = Guest(
        board,
        Firmware(board, image, folder),
        extra=("-qmp", f"unix:{monitor},server,nowait"),
        console=console,
        machine=machine.raspi3b(_tree(build, folder)),
        entry="exec sh /bootfs/do",
    )
    with PinWatch(monitor, PIN) as watch:
        heard = guest.boot(words=WORDS, until=_ENDS, max_seconds=MAX_SECONDS)
    expect(heard, "KILLED", "relayd is killed")
    expect(heard, "AGAIN active", "relayd comes back")
    found = highs(watch.history)
    if not is_safe(found, watch.last):
        raise Unavailable(f"the relay's pin: {found}, then {watch.last}\n{tail(heard)}")
    model = heard.said("BOARD ")[0].partition("BOARD ")[2]
    return Told(model, first_boot.green_at(heard), found, watch.last)


def _tree(build: Path, folder: Path) -> Path:
    """The kernel's device tree of the board, and the revision that the board's firmware adds."""
    tree = copied(build / machine.RASPI3B_TREE, folder / machine.RASPI3B_TREE)
    run("fdtput", "-p", "-t", "x", tree, "/system", "linux,revision", REVISION)
    return tree


def is_safe(found: list[High], last: Pin | None) -> bool:
    """One pulse for the pass, and one that was cut short when relayd was killed; low behind."""
    longest = (first_boot.MAX_PULSE_MS + first_boot.SLACK_MS) * first_boot.MS
    is_low = last is not None and not last.is_driven_high
    return (
        len(found) == 2
        and is_low
        and all(one.most <= longest for one in found)
        and found[0].most >= first_boot.LEAST_MS * first_boot.MS
        and found[1].most < _HOLD_MS * first_boot.MS
    )
