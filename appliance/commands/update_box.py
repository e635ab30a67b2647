"""What the commands of an update act on: the box that they run on, its relay, its screen."""

from contextlib import suppress
from pathlib import Path

import click

from appliance.gate import inquiry
from appliance.settings import load
from appliance.update import gate, programs
from appliance.update.agent import Agent
from appliance.update.box import Box
from appliance.update.inbox import Inbox
from appliance.update.taking import Taking
from ledger_sync.errors import Refused, Unavailable

SITE = Path("/var/lib/yardpass/site.toml")
SCREEN = Path("/dev/tty1")


def agent() -> Agent:
    """Of this box."""
    return Agent(Box(), programs.run, is_open, check_judges)


def is_open() -> bool:
    """Whether the relay is on, or the gate stands open by its contact."""
    try:
        store = load(SITE, has_devices=False).store
    except (Refused, Unavailable):  # no terminal: nobody passes
        return gate.is_open(SITE)
    return gate.is_open(SITE) or inquiry.stands_open(store)


def check_judges(settings: Path) -> None:
    """Raises `Unavailable`, `Refused` unless the gate's process refuses a code of nobody's."""
    inquiry.check_judges(load(settings, has_devices=False).store)


def taking() -> Taking:
    """Of this box."""
    acts = agent()
    return Taking(acts, Inbox(acts.box.data), say)


def say(sentence: str) -> None:
    """To the journal, and the screen of a new box."""
    click.echo(sentence)
    on_screen(sentence)


def on_screen(sentence: str) -> None:
    """Of a box that is no terminal yet; a terminal's belongs to its console, which tells it."""
    if SITE.exists():
        return
    with suppress(OSError), SCREEN.open("w", encoding="utf-8") as screen:
        screen.write(f"{sentence}\n")
