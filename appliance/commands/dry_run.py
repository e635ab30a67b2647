"""`--dry-run` of the office's commands: says what would be signed and written, changes nothing."""

import functools
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import click

from appliance.commands.office_options import DRY_RUN
from appliance.office import rehearsal
from appliance.office.rehearsal import Change, Rehearsal
from appliance.office.told import told
from ledger_sync.authority.cosigner import DRAFT, Cosigner
from ledger_sync.authority.sequencer import SIGNED
from ledger_sync.errors import Refused, Unavailable

COSIGNER, STORE = "cosigner.toml", "store.db"  # in the folder of one
MAX_TOLD = 20  # lines of a kind; the others are counted
HELP = "Say what would be signed and written; change nothing."
Command = Callable[..., None]


def rehearsable(*outputs: str, says: bool = False) -> Callable[[Command], Command]:
    """Adds `--dry-run`: the command runs on copies of the office (`folder`) and of what `outputs`
    name, and what it changed there is told. Of a tuple of words the last is the path; of paths,
    all are.

    `says`: what it prints is no pass and no signature, and may be shown.
    """

    def add(command: Command) -> Command:
        @click.option("--dry-run", is_flag=True, help=HELP)
        @functools.wraps(command)
        def run(dry_run: bool, **given: Any) -> None:
            if dry_run:
                paths = [name for name in ("folder", *outputs) if given.get(name)]
                _rehearse(command, given, paths, says=says)
            else:
                command(**given)

        return run

    return add


def _rehearse(command: Command, given: dict[str, Any], paths: list[str], *, says: bool) -> None:
    originals = [path for name in paths for path in _paths_of(given[name])]
    with rehearsal.rehearsal(*originals) as place:
        twins = {name: _twin_of(place, given[name]) for name in paths}
        folder = twins.get("folder")
        before = rehearsal.ledger_size(folder) if folder else 0
        out = io.StringIO()
        click.get_current_context().meta[DRY_RUN] = place.named
        with _named(place), redirect_stdout(out):
            command(**given | twins)
        said = out.getvalue() if says else ""
        for line in _report(place, folder, before, place.named(said)):
            click.echo(line)


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A copy of the office, for a command that has a dry run of its own and only reads."""
    with rehearsal.rehearsal(folder) as place, _named(place):
        yield place.copy(folder)


@contextmanager
def _named(place: Rehearsal) -> Iterator[None]:
    """What is wrong with a copy is told of what it is a copy of."""
    try:
        yield
    except (Refused, Unavailable) as error:
        error.args = (place.named(str(error)),)
        raise


def _paths_of(value: Any) -> tuple[Path, ...]:
    if not isinstance(value, tuple):
        return (value,)
    return value if isinstance(value[0], Path) else (Path(value[-1]),)


def _twin_of(place: Rehearsal, value: Any) -> Any:
    twins = tuple(map(place.copy, _paths_of(value)))
    if not isinstance(value, tuple):
        return twins[0]
    return twins if isinstance(value[0], Path) else (*value[:-1], str(twins[0]))


def _report(place: Rehearsal, folder: Path | None, before: int, said: str) -> list[str]:
    signed = [] if folder is None else _signed(folder, before)
    changes = place.changes()
    written = [
        f"write {change.path} ({'new' if change.is_new else 'changed'})" for change in changes
    ]
    words = [line.partition("; next: ")[0] for line in said.splitlines()]
    told_of = [f"say: {line}" for line in words if line and not line.startswith("next: ")]
    steps = [*_bounded(signed), *_bounded([*_checkpoints(place, changes), *written]), *told_of]
    return ["dry run: nothing was signed, nothing was written; it would", *_indented(steps)]


def _indented(steps: list[str]) -> list[str]:
    return [f"  {step}" for step in steps] or ["  change nothing"]


def _signed(folder: Path, before: int) -> list[str]:
    """The entries that came to the log, a line each."""
    if rehearsal.ledger_size(folder) == before:
        return []
    names = rehearsal.names_in(folder)
    new = enumerate(rehearsal.added(folder, before), before)
    return [f"sign into the ledger, entry {number}: {told(one, *names)}" for number, one in new]


def _checkpoints(place: Rehearsal, changes: list[Change]) -> list[str]:
    """The checkpoints that would be signed, by whom."""
    made = {change.path.name: change.copy for change in changes}
    found = [_signers(made[name]) for name in ("checkpoint", DRAFT, SIGNED) if name in made][:1]
    for twin in place.copies.values():
        if (twin / COSIGNER).is_file():
            one = Cosigner.open(twin)
            size = rehearsal.ledger_size(twin, STORE)
            found += [f"sign a checkpoint of {one.origin} over {size} entries: {one.name}"] * (
                size > 0
            )
    return found


def _signers(note: Path) -> str:
    text, _, signatures = note.read_text("utf-8").partition("\n\n")
    origin, size, *_ = text.split("\n")
    names = [line.split(" ")[1] for line in signatures.split("\n") if line.startswith("\u2014 ")]
    return f"sign a checkpoint of {origin} over {size} entries: {', '.join(names)}"


def _bounded(lines: list[str]) -> list[str]:
    more = len(lines) - MAX_TOLD
    return [*lines[:MAX_TOLD], f"and {more} more of that kind"] if more > 0 else lines
