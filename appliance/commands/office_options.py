"""What the commands of the office share: their options, and how they open an office."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from appliance.office import unlock
from appliance.office.authority import Seal, Terms
from appliance.office.office import Office
from appliance.passes.token import HolderClass
from ledger_sync.note import parse_vkey

CLASSES = [klass.name.lower() for klass in HolderClass]
Command = TypeVar("Command", bound=Callable[..., object])
FILE = click.Path(path_type=Path)
folder_option = click.option(
    "--office", "folder", type=FILE, default="office", show_default=True,
    help="Folder of the office.",
)  # fmt: skip
class_option = click.option(
    "--class", "klass", type=click.Choice(CLASSES), default="resident", show_default=True,
    help="Who the pass is for.",
)  # fmt: skip
days_option = click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True,
    help="How long the pass is valid.",
)  # fmt: skip
PUBLISH = "next: yardpass office publish"
DRY_RUN = "yardpass.dry-run"
"""In the meta of a click context where nothing happens for real: names what copies are of."""


def tell(text: str) -> None:
    """Says on stderr what was made, or what to do next; not in a dry run, where it is not so."""
    if not click.get_current_context().meta.get(DRY_RUN):
        click.echo(text, err=True)


def zones_option(help_text: str) -> Callable[[Command], Command]:
    return click.option(
        "--zone", "zones", type=click.IntRange(0, 52), multiple=True, default=(0,),
        show_default=True, help=help_text,
    )  # fmt: skip


def open_office(folder: Path) -> Office:
    """The office, which asks once for its passphrase when it first needs a sealed key."""
    answers: list[str] = []

    def remembered(path: Path) -> str:
        if not answers:
            named = click.get_current_context().meta.get(DRY_RUN, str)
            answers.append(unlock.ask(Path(named(str(path)))))
        return answers[0]

    return Office.open(folder, unlock=remembered)


def now() -> int:
    """The office's clock, Unix seconds."""
    return int(time.time())


def seal_options(passphrase: str) -> Callable[[Command], Command]:
    """How a new key is kept if not as those of the office: the options that `seal_of` reads."""
    plain = "Leave the new key plain, though those of the office are sealed."

    def add(command: Command) -> Command:
        command = click.option("--plain", is_flag=True, help=plain)(command)
        return click.option("--passphrase", is_flag=True, help=passphrase)(command)

    return add


def seal_of(own: Seal, chosen: Seal, *, passphrase: bool, plain: bool) -> Seal:
    """`own`, that of the office's keys, unless told otherwise. Raises `UsageError`."""
    if passphrase and plain:
        raise click.UsageError("give --passphrase or --plain, not both")
    if plain:
        return lambda: None
    return chosen if passphrase else own


def terms_options(command: Command) -> Command:
    """Who cosigns: the options that `terms_of` reads."""
    local = "Cosigner kept beside the office, for a trial; repeat."
    count = click.IntRange(1, 16)
    quorum = "How many cosigners a checkpoint needs; more than half without it."
    command = click.option("--quorum", type=count, help=quorum)(command)
    remote = "Cosigner elsewhere, as NAME=VKEY; repeat."
    command = click.option("--cosigner", "remote", multiple=True, help=remote)(command)
    return click.option("--local", multiple=True, help=local)(command)


def terms_of(local: tuple[str, ...], remote: tuple[str, ...], quorum: int | None) -> Terms:
    """The cosigners that were named. Raises `UsageError`, `Refused`."""
    pairs = [pair.partition("=")[::2] for pair in remote]
    elsewhere = dict(pairs)
    for vkey in elsewhere.values():
        parse_vkey(vkey)
    names = (*local, *(name for name, _ in pairs))
    if len(set(names)) != len(names) or not all(name.isalnum() for name in names):
        raise click.UsageError("names of cosigners are letters and digits, none twice")
    needed = quorum or len(names) // 2 + 1
    if needed > len(names):
        raise click.UsageError(f"--quorum {needed} of {len(names)} cosigners")
    return Terms(local, elsewhere, needed)
