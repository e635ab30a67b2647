"""`yardpass update`: the system of a box, its two slots, and what is kept of them."""

import json
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from appliance.commands.ledger_options import now
from appliance.commands.office_options import Bars
from appliance.commands.settings_option import settings_option
from appliance.settings import Settings, load
from appliance.update import fetching, gate, programs, quiet, stick
from appliance.update import health as healths
from appliance.update.agent import CLOSED_SECONDS, Agent, GateOpen
from appliance.update.autoboot import other
from appliance.update.box import Box
from appliance.update.inbox import Inbox
from appliance.update.outcome import State
from appliance.update.taking import LEDGER, RunsHere, Taking
from hw import board_light
from hw.board_light import Light
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.store import Store

SITE = Path("/var/lib/yardpass/site.toml")


@click.group()
def update() -> None:
    """Bring a new system onto this box, and go back if it does not work.

    A box has two slots. A new system is tried once and kept only if it is found well.
    """


@update.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def status(as_json: bool) -> None:
    """Which slot runs, which is started next, whether this is a trial; what became of the last
    update."""
    agent = _agent()
    standing, version, starts = agent.standing(), agent.box.version(), agent.box.starts()
    last = agent.last()
    if as_json:
        found = standing._asdict() | {"version": version, "starts": starts.starts}
        found["last"] = json.loads(last.to_bytes()) if last else None
        click.echo(json.dumps(found))
        return
    click.echo(f"slot {standing.running} runs {version}")
    if standing.is_committed:
        click.echo(f"it is kept; an update goes to slot {standing.target}")
    else:
        click.echo(f"on trial; slot {standing.chosen} is started again unless it is found well")
    if last is not None:
        click.echo(last.sentence)


@update.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--no-restart", is_flag=True, help="Write it; try it at another time.")
@click.option(
    "--wait",
    "seconds",
    default=CLOSED_SECONDS,
    show_default=True,
    type=click.IntRange(1, 86_400),
    help="Seconds an open gate is waited for.",
)
def install(bundle: Path, no_restart: bool, seconds: int) -> None:
    """Verify BUNDLE, write it to the other slot, and restart into it on trial.

    Only what is signed for boxes like this and newer than what runs. Waits for an open gate.
    """
    agent = replace(_agent(), wait_seconds=seconds)
    offered = agent.install(bundle)
    slot = other(agent.box.running())
    click.echo(f"wrote {offered.version} to slot {slot}")
    if no_restart:
        click.echo("next: yardpass update try")
    else:
        agent.try_other()


@update.command("try")
@click.option(
    "--if-written", is_flag=True, help="Only if an update was written and not tried yet."
)
def try_(if_written: bool) -> None:
    """Restart into the other slot once, as after an install."""
    agent = _agent()
    last = agent.last()
    if not if_written or (last is not None and last.state is State.WRITTEN):
        agent.try_other()


@update.command()
@click.argument("folder", type=click.Path(path_type=Path))
def take(folder: Path) -> None:
    """Take the newest bundle in FOLDER that is newer than what runs, and let it wait.

    What a box does with a stick named YARDPASS that has bundles in its folder update. What came of
    it is left there, in OUTCOME.txt or REFUSED.txt. Next: yardpass update waiting.
    """
    signal.signal(signal.SIGTERM, _pulled)
    board_light.show(Light.BUSY)
    try:
        offered = _taking().from_stick(folder)
    except RunsHere as told:
        _done(str(told), folder)
        return
    except (Refused, Unavailable) as error:
        _refused(error, folder)
        raise
    if offered is None:
        click.echo(f"no bundle in {folder}")
        return
    _done(f"{offered.version} is copied and will be installed; the stick can be taken out", folder)


@update.command()
@click.option(
    "--tell",
    type=click.Path(path_type=Path),
    help="Folder of a stick that is told what came of it.",
)
def waiting(tell: Path | None) -> None:
    """Install the bundle that waits, if one does: what a box does by itself.

    As yardpass update install, but for the restart: next: yardpass update try --if-written. While
    the gate stays open the bundle waits on. One that the ledger names is taken only if the
    settings say so ([update] automatic), and when nobody came for quiet_minutes.
    """
    taking, settings = _taking(), _settings()
    if settings is not None and not _is_time(taking, settings):
        return
    board_light.show(Light.BUSY)
    try:
        offered = taking.install()
    except GateOpen as error:
        click.echo(f"{error}; tried again later", err=True)
        return
    except (Refused, Unavailable) as error:
        _refused(error, tell)
        raise
    if offered is not None:
        _done(f"{offered.version} is written; the box restarts to try it", tell)


@update.command()
@settings_option
def fetch(path: Path) -> None:
    """Get the update that the ledger names for this box, if it is newer and [update] says so.

    From the addresses in the ledger, in pieces, going on where it stopped; what it is the hash in
    the ledger says. yardpass sync runs this; it installs nothing: yardpass update waiting.
    """
    settings = load(path, has_devices=False)
    folder = settings.store.parent
    with Store(settings.store) as store:
        update = fetching.wanted(store, Box()) if settings.update.is_automatic else None
    if update is None:
        fetching.clear(folder)
        click.echo("nothing to fetch")
        return
    with Bars() as bars:
        fetching.fetch(folder, update, lambda done, total: bars("Fetching", done, total))
    click.echo(f"{update.version} is here; next: yardpass update waiting")


def _settings() -> Settings | None:
    """Of the terminal that this box is; None for one that is none yet, or whose settings are
    damaged: an update may be what mends it."""
    try:
        return load(SITE, has_devices=False)
    except (Refused, Unavailable):
        return None


def _is_time(taking: Taking, settings: Settings) -> bool:
    """Whether what waits may be installed now; what the ledger brought, only in a quiet time."""
    folder, rules = settings.store.parent, settings.update
    is_brought = taking.inbox.is_full and taking.source != LEDGER
    if is_brought or not rules.is_automatic:
        return is_brought
    with Store(settings.store) as store:
        update = fetching.wanted(store, taking.agent.box)
        is_here = update is not None and fetching.place(folder, update).exists()
        if not is_here and not taking.inbox.is_full:
            return False
        if not quiet.is_quiet(quiet.last_at(store), now(), rules.quiet_minutes):
            click.echo(f"somebody came in the last {rules.quiet_minutes} minutes; later")
            return False
    if update is not None and is_here:
        taking.from_ledger(fetching.place(folder, update), update)
    return True


def _pulled(*_: object) -> None:
    """systemd ends whatever needs a stick that is gone."""
    raise Unavailable("it was stopped while it was copied; was the stick pulled? put it in again")


def _done(sentence: str, place: Path | None) -> None:
    click.echo(sentence)
    if place is not None:
        stick.tell(place, sentence, is_refused=False)
    board_light.show(Light.DONE)


def _refused(error: Exception, place: Path | None) -> None:
    if place is not None:
        stick.tell(place, str(error), is_refused=True)
    board_light.show(Light.REFUSED)


def _taking() -> Taking:
    agent = _agent()
    return Taking(agent, Inbox(agent.box.data), click.echo)


@update.command()
def validate() -> None:
    """Keep the slot that runs, whatever its health check says."""
    click.echo(f"slot {_agent().validate()} is kept")


@update.command()
def revert() -> None:
    """Go back to the other slot and restart."""
    click.echo(f"going back to slot {_agent().revert()}")


@update.command("prevent-revert")
def prevent_revert() -> None:
    """Empty the other slot: nobody goes back to what was mended."""
    click.echo(f"slot {_agent().prevent_revert()} is empty")


@update.command("factory-reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
def factory_reset(yes: bool) -> None:
    """Make this box a new one: keys, ledger and checks are removed at the next start.

    Checks that no peer holds are lost: see `yardpass ledger status` first.
    """
    if not yes:
        click.confirm("remove keys, ledger and all checks of this box?", abort=True)
    _agent().factory_reset()


@update.command()
def health() -> None:
    """Find out whether this box is well: keep the slot if so, else end its trial.

    Runs at every start. Exits 1 if something is wrong; on a trial the box then restarts.
    """
    taking = _taking()
    agent = taking.agent
    found = agent.check()
    for sentence in found:
        click.echo(sentence, err=True)
    if not found:
        click.echo(f"well: slot {agent.validate()} is kept")
        taking.settle()
        return
    if agent.box.is_on_trial():
        taking.settle(found[0])
        click.echo("the trial has failed: restarting into the slot before", err=True)
        agent.end_trial()
    elif all(one.startswith(healths.FULL) for one in found):
        click.echo(f"slot {agent.validate()} is kept: a full disk is no fault of it", err=True)
    sys.exit(1)


@update.command(hidden=True)
@click.argument("words", nargs=-1)
def backend(words: tuple[str, ...]) -> None:
    """Answer RAUC, which knows no Raspberry Pi."""
    for line in _agent().backend(words):
        click.echo(line)


def _agent() -> Agent:
    return Agent(Box(), programs.run, partial(gate.is_open, SITE))
