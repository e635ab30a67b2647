"""The enrolment code of a new box on its screen, until the ledger names the box."""

import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from appliance.commands.qr_lines import show_qr
from appliance.passes import terminal_text
from appliance.provision import enrolled, taker
from appliance.settings import FILE_NAME, load
from ledger_sync.files import read_bounded

BEAT_SECONDS = 0.5
NONE = "write one at the office: yardpass provision FOLDER"


def show(code: bytes) -> None:
    """The code, and what the office does with it."""
    name = terminal_text.enrolment_in(code).name
    click.echo(f"at the office: yardpass office terminal {name} --enrol CODE_OR_PICTURE_OR_FILE\n")
    show_qr(code)


def show_again(home: Path) -> None:
    """The code of the box made in `home`. Raises `Unavailable` if it has none."""
    show(read_bounded(home / taker.ENROLMENT, terminal_text.MAX_TEXT + 1, hint=NONE).strip())


def _nobody() -> None:
    """Nobody watches who waits."""


def wait(home: Path, beat: Callable[[], object] = _nobody) -> None:
    """Shows the code until the box is enrolled or somebody presses Enter; nothing on a box that is
    enrolled or has no code. `beat` is called every BEAT_SECONDS."""
    if not _is_waiting(home):
        return
    show_again(home)
    click.echo("waiting until the ledger names this box; Enter goes on without")

    def pause(seconds: float) -> bool:
        for _ in range(round(seconds / BEAT_SECONDS)):
            beat()
            if _is_enter_pressed(BEAT_SECONDS):
                return True
        return False

    enrolled.wait(load(home / FILE_NAME, has_devices=False), pause)


def _is_waiting(home: Path) -> bool:
    if not (home / taker.ENROLMENT).exists():
        return False
    return not enrolled.is_enrolled(load(home / FILE_NAME, has_devices=False))


def _is_enter_pressed(seconds: float) -> bool:
    """Whether it is within `seconds`."""
    if not sys.stdin.isatty():
        time.sleep(seconds)
        return False
    if not select.select([sys.stdin], [], [], seconds)[0]:
        return False
    sys.stdin.readline()  # not for who reads keys next
    return True
