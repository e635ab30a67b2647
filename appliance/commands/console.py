"""`yardpass console`: the guard's screen at a terminal."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path

import click

from appliance.commands import enrolment_screen
from appliance.commands.ledger_options import now
from appliance.commands.settings_option import settings_option
from appliance.console import asking, catalogue
from appliance.console.clerk import Clerk
from appliance.console.desk import Desk
from appliance.console.flow import Post as GuardPost
from appliance.console.gate_link import GateLink
from appliance.console.looking import Looking
from appliance.console.palette import palette_of
from appliance.console.survey import Post, Survey
from appliance.console.tries_file import NAME as TRIES
from appliance.console.tries_file import TriesFile
from appliance.console.view import View
from appliance.console.watch import Watch
from appliance.credentials import handed
from appliance.gate import console_socket, guard_keys
from appliance.gate.assembly import open_replica, system_clock
from appliance.gate.identity import HINT
from appliance.gate.notify import Beat, told
from appliance.gate.remote import State
from appliance.settings import Settings, load
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keyfile import read_secret


@click.command()
@settings_option
@click.option(
    "--enrolment",
    is_flag=True,
    help="First show the enrolment code of a new box, until it is enrolled or Enter is pressed.",
)
@click.option("--once", is_flag=True, help="Print the screen once, as plain text.")
@click.option(
    "--language", type=click.Choice(catalogue.LANGUAGES), default="en", show_default=True,
    help="Language to begin with; the key g changes it.",
)  # fmt: skip
def console(path: Path, enrolment: bool, once: bool, language: str) -> None:
    """The guard's screen: the newest check of this gate, alarms, a row for each terminal, the
    checks of all; and what a guard does, unlocked by a PIN.

    It reads this terminal's store and opens nothing by itself: what a guard signs is sent to
    `yardpass gate`. F1 shows the keys.
    """
    settings = handed(load(path), os.environ)
    if not once and not is_on_terminal():
        raise click.UsageError("the console needs a terminal; --once prints its screen")
    with told(os.environ) as beat:
        if enrolment:
            _enrol_first(settings, beat)
        run(settings, language, once=once, beat=beat)


def _unwatched() -> None:
    """Nobody watches whether it lives."""


def _enrol_first(settings: Settings, beat: Beat) -> None:
    """The screen comes up behind it, also where the code cannot be shown; what it takes long to
    load is loaded before anybody watches whether this process lives."""
    import_module("appliance.console.app")
    try:
        enrolment_screen.wait(settings.folder, beat)
    except (Refused, Unavailable) as error:
        click.echo(error, err=True)


def run(
    settings: Settings,
    language: str,
    *,
    once: bool = False,
    now: Callable[[], int] = now,
    beat: Callable[[], None] = _unwatched,
) -> None:
    """The console of this terminal until it is ended, or printed once. `now` is Unix seconds."""
    secret = _secret(settings)
    with ExitStack() as stack:
        replica = stack.enter_context(open_replica(settings))
        watch = Watch(replica.store, secret, now=now)
        post = Post(settings.terminal, settings.store.parent, secret)
        survey = Survey(replica, post, now, watch.calls)
        link = GateLink(console_socket.path_beside(settings.store))
        stack.callback(link.close)
        palette = palette_of(os.environ)
        desk = desk_of(settings, language, has_cjk=palette.has_cjk)
        if once:
            desk.view.add(watch.look())
            desk.look(survey.look()._replace(gate=_settled(link)), now())
            for line in desk.lines(*shutil.get_terminal_size((80, 25))):
                click.echo(line.text.rstrip())
            return
        from appliance.console.app import Console, Wires

        tries = TriesFile(settings.store.parent / TRIES)
        clerk = Clerk(settings, link, lambda: _looking(settings, secret), tries, now)
        wires = Wires(
            beat=beat,
            look=watch.look,
            survey=survey.look,
            now=now,
            gate=lambda: link.poll(time.monotonic()),
            do=clerk.do,
            end=clerk.close,
            is_asking=lambda seen: asking.is_asking(seen, settings.terminal),
        )
        Console(desk, wires, palette=palette).run()


def desk_of(settings: Settings, language: str, *, has_cjk: bool = True) -> Desk:
    """The desk of this terminal, in that language if the screen can show it."""
    loaded = catalogue.load()
    shown = tuple(tag for tag in catalogue.LANGUAGES if has_cjk or tag not in catalogue.CJK)
    zones = sum(1 << zone for zone in range(53) if settings.gate.zones >> zone & 1)
    guards = tuple(guard_keys.names(settings.guards))
    post = GuardPost(settings.terminal, settings.gate.name, zones, guards, loaded.faults)
    return Desk(
        View(settings.terminal),
        loaded.words,
        post,
        language=language if language in shown else "en",
        languages=shown,
    )


@contextmanager
def _looking(settings: Settings, secret: bytes) -> Iterator[Looking]:
    with open_replica(settings) as replica:
        yield Looking(replica, settings.gate, secret, system_clock())


def _settled(link: GateLink) -> State | None:
    """How the gate is, for a screen that is printed once: a moment to answer."""
    for _ in range(10):
        state = link.poll(time.monotonic())
        if state is not None:
            return state
        time.sleep(0.05)
    return None


def is_on_terminal() -> bool:
    """Whether there is a screen to draw on, and keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _secret(settings: Settings) -> bytes:
    """What tells whose a check is; empty, and said so, where it cannot be read."""
    try:
        return read_secret(settings.site_secret, hint=HINT)
    except (Refused, Unavailable) as error:
        click.echo(f"{error}; calls for help by duress keys are not shown", err=True)
        return b""
