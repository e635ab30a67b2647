"""`yardpass challenge`: the number of a gate that has lost the time, on a screen or on paper."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import click

from appliance.commands.qr_lines import show_qr
from appliance.commands.settings_option import settings_option
from appliance.gate.assembly import open_replica, system_clock
from appliance.gate.checker import Checker
from appliance.gate.signboard import MAX_PRINTED_HOURS, Sign, put_printed, sign_in
from appliance.office import printing
from appliance.passes.challenge_text import to_text
from appliance.passes.code import NONCE_BYTES
from appliance.settings import Settings, load
from appliance.version import BUILD_TIME
from ledger_sync.clock import Grade, grade_of
from ledger_sync.errors import Unavailable

LOOK_SECONDS = 0.5  # between two looks whether the number is another one
PRINTED = """\
{path}: a number for {gate}, good for {hours} h from when the gate takes it, at once if it runs.
The one before it is good no more, and none after the gate starts again: print it anew then."""
PRINT_HELP = f"""Print a number to FILE (.pdf, .svg, .png) that the gate takes beside those that it
shows, for --hours, 1 to {MAX_PRINTED_HOURS}."""


@click.command()
@settings_option
@click.option("--once", is_flag=True, help="Show it once, do not follow its changes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--print", "paper", type=click.Path(path_type=Path), help=PRINT_HELP)
@click.option(
    "--hours", type=click.IntRange(1, MAX_PRINTED_HOURS), default=12, show_default=True,
    help="How long the printed number is good.",
)  # fmt: skip
def challenge(path: Path, once: bool, as_json: bool, paper: Path | None, hours: int) -> None:
    """Show the number that codes must answer at a gate that does not know the time.

    As a QR code on the terminal, until interrupted; a phone scans it and shows a code made for it.
    Exits with 1 and says why if the gate shows none.
    """
    if paper is not None and (once or as_json):
        raise click.UsageError("--print shows nothing; leave --once and --json away")
    settings = load(path)
    if paper is not None:
        click.echo(print_number(settings, paper, hours))
    elif as_json:
        sign = look(settings)
        found = {"text": sign.text.decode(), "expires_in_seconds": round(sign.seconds, 3)}
        click.echo(json.dumps(found))
    elif once:
        show_qr(look(settings).text)
    else:
        follow(lambda: look(settings), show_qr, time.sleep)


def follow(
    look: Callable[[], Sign], show: Callable[[bytes], None], pause: Callable[[float], None]
) -> None:
    """Shows each number as it comes, until interrupted; ends with what `look` raises."""
    shown = b""
    try:
        while True:
            text = look().text
            if text != shown:
                show(text)
                shown = text
            pause(LOOK_SECONDS)
    except KeyboardInterrupt:
        return


def look(settings: Settings) -> Sign:
    """What the gate shows. Raises `Unavailable` with the reason if that is nothing."""
    sign = sign_in(settings.store.parent, time.monotonic_ns())
    if sign is not None:
        return sign
    with open_replica(settings) as replica:
        floor = Checker(replica, settings.gate, build_time=BUILD_TIME).floor
    grade = grade_of(system_clock()(), floor)
    if grade is Grade.POOR:
        raise Unavailable("the gate shows no number: it is not at work here; run: yardpass gate")
    why = f"this machine knows the time ({grade.name}), so codes need none"
    raise Unavailable(f"the gate shows no number: {why}")


def print_number(settings: Settings, paper: Path, hours: int) -> str:
    """Prints a new number, leaves it for the gate, and says so."""
    nonce = os.urandom(NONCE_BYTES)
    gate = f"{settings.gate.site}/{settings.gate.name}"
    printing.card(to_text(gate, nonce), paper, caption=f"{gate}, {hours} h")
    put_printed(settings.store.parent, nonce, hours * 3_600)
    return PRINTED.format(path=paper, gate=gate, hours=hours)
