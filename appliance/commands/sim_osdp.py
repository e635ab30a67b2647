"""`yardpass sim reader osdp`: an OSDP reader made of memory, told on stdin what happens to it."""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import click

from hw.errors import Refused
from hw.readers.osdp_card import MAX_BITS
from hw.readers.osdp_key import read_key
from hw.sim.osdp import SimCommand, SimOsdp
from hw.sim.osdp_wire import Wire

MAX_LINE = 300
"""Longest line on stdin, in characters."""
COLOURS = ("off", "red", "green", "amber", "blue", "magenta", "cyan", "white")
"""Names of the colours of a lamp (SIA OSDP 2.2)."""
ACTS = """\
  card HEX [BITS]   hold a card to it, by its number and how many bits it has
  tamper on|off     open or close its housing
  cut, mend         cut the cable, mend it
  noise             spoil a frame
  unplug, plug      pull the adapter out, put it back
  quit              end, as the end of stdin does"""


@click.command("osdp", epilog="\b\nOn stdin, one act a line:\n" + ACTS)
@click.option(
    "--port", type=click.Path(path_type=Path), required=True,
    help="Name to be made for the serial port that a gate is told.",
)  # fmt: skip
@click.option(
    "--address", type=click.IntRange(0, 126), default=0, show_default=True,
    help="The reader's address.",
)  # fmt: skip
@click.option("--key", help="Key file shared with the gate; without one it waits in install mode.")
def osdp(port: Path, address: int, key: str | None) -> None:
    """Be an OSDP reader on a pseudo terminal. Prints what lamp and buzzer are told."""
    known = read_key(key) if key else None
    if port.is_symlink() or port.exists():
        raise Refused(f"{port} is there already; give another name", reason="R-SETTINGS")
    wire = Wire(port)
    sim = SimOsdp(wire, address=address, key=known, tell=lambda told: click.echo(_sentence(told)))
    click.echo(f"an OSDP reader at address {address} is on {port}")
    try:
        for line in iter(lambda: sys.stdin.readline(MAX_LINE), ""):
            if line.strip() == "quit":
                break
            _act(line, sim, wire)
    finally:
        sim.close()
        wire.unplug()


def _act(line: str, sim: SimOsdp, wire: Wire) -> None:
    """Does what a line says, or prints what it should say."""
    name, *words = line.split() or [""]
    plain: Mapping[str, Callable[[], object]] = {
        "": lambda: None,
        "cut": wire.cut,
        "mend": wire.mend,
        "noise": wire.spoil,
        "unplug": wire.unplug,
        "plug": wire.plug,
    }
    if name in plain and not words:
        plain[name]()
    elif name == "tamper" and words in (["on"], ["off"]):
        sim.tamper(words == ["on"])
    elif name == "card" and (card := _card(words)) is not None:
        sim.show(*card)
    else:
        click.echo(f"what is {line.strip()[:40]!r}? It may be:\n{ACTS}", err=True)


def _card(words: list[str]) -> tuple[bytes, int] | None:
    """Number and bits of a card; None for what is none."""
    with suppress(ValueError):
        number = bytes.fromhex(words[0]) if words else b""
        bits = int(words[1]) if len(words) == 2 else 8 * len(number)
        if len(words) <= 2 and number and 1 <= bits <= min(MAX_BITS, 8 * len(number)):
            return number, bits
    return None


def _sentence(command: SimCommand) -> str:
    match command.told:
        case "lamp":
            return f"lamp {COLOURS[command.value % len(COLOURS)]}"
        case "buzzer":
            return f"buzzer {command.value} x"
        case "key":
            return "a new key was set"
        case _:
            return "another command"
