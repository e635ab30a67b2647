"""`yardpass update take`, `waiting`, `fetch`: what a box does by itself, without a person."""

from pathlib import Path

import click

from appliance.commands import pulled, update_box
from appliance.commands.bars import Bars
from appliance.commands.ledger_options import now
from appliance.commands.settings_option import settings_option
from appliance.settings import Settings, load
from appliance.update import fetching, quiet, stick
from appliance.update.agent import GateOpen
from appliance.update.box import Box
from appliance.update.taking import LEDGER, RunsHere, Taking
from hw import board_light
from hw.board_light import Light
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.store import Store


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def take(folder: Path) -> None:
    """Take the newest bundle in FOLDER that is newer than what runs, and let it wait.

    What a box does with a stick named YARDPASS that has bundles in its folder update. What came of
    it is left there, in OUTCOME.txt or REFUSED.txt. Next: yardpass update waiting.
    """
    if not any(folder.glob(stick.PATTERN)):  # whatever else is on it, the light is another's
        click.echo(f"no bundle in {folder}")
        return
    board_light.show(Light.BUSY)
    try:
        with pulled.heard("copied"):
            offered = update_box.taking().from_stick(folder)
    except RunsHere as told:
        _done(str(told), folder)
        return
    except (Refused, Unavailable) as error:
        _refused(error, folder)
        raise
    if offered is not None:
        what = f"{offered.version} is copied and will be installed"
        _done(f"{what}; the stick can be taken out", folder)


@click.command()
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
    taking, settings = update_box.taking(), _settings()
    if settings is not None and not _is_time(taking, settings):
        return
    if not taking.inbox.is_full:
        return
    board_light.show(Light.BUSY)
    try:
        offered = taking.install()
    except GateOpen as error:
        update_box.say(f"{error}; tried again later")
        board_light.show(Light.DONE)
        return
    except (Refused, Unavailable) as error:
        _refused(error, tell)
        raise
    if offered is None:
        board_light.show(Light.DONE)
    else:
        _done(f"{offered.version} is written; the box restarts to try it", tell)


@click.command()
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
        return load(update_box.SITE, has_devices=False)
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


def _done(sentence: str, place: Path | None) -> None:
    update_box.say(sentence)
    if place is not None:
        stick.tell(place, sentence, is_refused=False)
    board_light.show(Light.DONE)


def _refused(error: Exception, place: Path | None) -> None:
    update_box.on_screen(f"an update was refused: {error}")
    if place is not None:
        stick.tell(place, str(error), is_refused=True)
    board_light.show(Light.REFUSED)
