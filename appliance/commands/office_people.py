"""`yardpass office`: the people. Enrol, issue, import, revoke, list, print."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import click
from click.core import ParameterSource

from appliance.commands.bars import progress_bar
from appliance.commands.dry_run import copied, rehearsable
from appliance.commands.office_cards import tell_nameless
from appliance.commands.office_options import (
    FILE,
    PUBLISH,
    class_option,
    days_option,
    folder_option,
    now,
    open_office,
    tell,
    zones_option,
)
from appliance.commands.office_phone import Given, Reply, holder_options, reply_options
from appliance.office import denying, duress, giving, printing, roll
from appliance.office.office import Enrolled, Office
from appliance.passes.token import HolderClass
from appliance.zones import zone_of
from ledger_sync import files
from ledger_sync.errors import Refused

STATUSES = {"reinstate": 0, "revoke": 1, "suspend": 2, "condition": 3}
CARRIERS = ("key", "card", "uid", "print")
_ZONE = "Zone the pass covers; repeat for more."


@click.command()
@folder_option
@click.argument("resident")
@holder_options
@class_option
@zones_option(_ZONE)
@days_option
@click.option("--print", "print_to", type=FILE, help="Code to draw: .pdf, .png or .svg.")
@click.option("--duress", "is_duress", is_flag=True, help="The key asks for help: see below.")
@rehearsable("print_to")
def enrol(
    folder: Path,
    resident: str,
    given: Given,
    klass: str,
    zones: tuple[int, ...],
    days: int,
    print_to: Path | None,
    is_duress: bool,
) -> None:
    """Enrol RESIDENT and print the pass as text.

    With --phone the pass is for the wallet of a phone: give the text that it shows, a file with
    it, a picture of its screen, or - for stdin. The pass goes back as text, as a picture with
    --print, or as a link with --link, which the picture shows then.

    With --key the pass is bound to that holder key (a file with a COSE_Key, in bytes or hex).
    With neither it is a static pass for print: whoever copies it can use it until it is revoked.
    For cards, see: yardpass office card.

    With --duress the key is the second one of a phone that is enrolled. It opens as the first
    does, for the same time and zones, and no terminal shows a difference at the gate itself; the
    other terminals tell it: yardpass ledger status.
    """
    if is_duress:
        _enrol_duress(folder, resident, given)
        return
    if print_to:
        printing.check_name(print_to)  # before anybody is enrolled
    office, at = open_office(folder), now()
    who, where = HolderClass[klass.upper()], sum(1 << zone for zone in set(zones))
    key = given.key()
    made = office.enrol(resident, key=key, klass=who, zones=where, now=at, days=days)
    _show(resident, made, print_to, _with_limits(office, made, given.reply))
    tell(PUBLISH)


def _enrol_duress(folder: Path, resident: str, given: Given) -> None:
    context = click.get_current_context()
    others = [
        name
        for name in ("klass", "zones", "days", "print_to")
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if not given.is_one or others:
        raise click.UsageError(
            "--duress needs --key or --phone; the rest is that of the pass in force"
        )
    key = given.key()
    assert key is not None
    office = open_office(folder)
    made = duress.enrol(office, resident, key, now=now())
    _show(resident, made, None, _with_limits(office, made, given.reply))
    tell(PUBLISH)


@click.command()
@folder_option
@click.argument("resident")
@reply_options
@click.option("--print", "print_to", type=FILE, help="Code to draw: .pdf, .png or .svg.")
def issue(folder: Path, resident: str, reply: Reply, print_to: Path | None) -> None:
    """Show the pass RESIDENT got last again, as text or as a picture for a card.

    With --phone or --link it is for the wallet whose key it was made for.
    """
    if print_to:
        printing.check_name(print_to)
    office = open_office(folder)
    found = office.issued(resident, now=now())
    if reply.is_wallet and found.carrier != "key":
        raise Refused(f"the last pass of {resident!r} is for no phone ({found.carrier})")
    held = Enrolled(found.token, found.handle)
    _show(found.resident, held, print_to, _with_limits(office, held, reply))


def _with_limits(office: Office, held: Enrolled, reply: Reply) -> Reply:
    """So that a phone offers no invite that gates refuse; a pass is shown without them, too."""
    with contextlib.suppress(Refused):
        return reply._replace(limits=giving.limits(office, held.token, zone_of))
    return reply


def _show(resident: str, held: Enrolled, print_to: Path | None, reply: Reply) -> None:
    text = reply.shown(held.token)
    click.echo(text.decode())  # first: it is enrolled, even if the picture cannot be written
    link = reply.linked(held.token)
    if link:
        click.echo(link)
    if print_to:
        drawn = link.encode() if link else text
        tell_nameless(printing.card(drawn, print_to, caption=resident, handle=held.handle.hex()))
        tell(f"wrote {print_to}")


@click.command("import")
@folder_option
@click.argument("file", type=FILE, required=False)
@click.option("--template", is_flag=True, help="Print an example of such a file and stop.")
@click.option("--dry-run", is_flag=True, help="Check the file, enrol nobody.")
@click.option("--skip-enrolled", is_flag=True, help="Pass over who holds such a pass already.")
def import_(
    folder: Path, file: Path | None, template: bool, dry_run: bool, skip_enrolled: bool
) -> None:
    """Enrol everybody in FILE, a spreadsheet saved as CSV, or nobody if any line is at fault.

    All faults are listed with their lines; one is a resident who holds a pass for the same key, or
    a printed one, that is in force. Columns: see --template.
    """
    if template:
        click.echo(roll.template(), nl=False)
        return
    if file is None:
        raise click.UsageError("give a FILE, or --template")
    data = files.read_bounded(file, roll.MAX_ROLL, hint="save the spreadsheet as CSV UTF-8")
    office, at = open_office(folder), now()
    with copied(folder) if dry_run else nullcontext(folder) as there:
        held = open_office(there).held(now=at)
    is_held = None if skip_enrolled else held.has
    try:
        with progress_bar("Checking", data.count(b"\n") + 1) as bar:
            lines = roll.read(data, now=at, is_held=is_held, progress=bar)
    except Refused as refused:
        raise Refused(f"{file} was not imported, nobody was enrolled:\n{refused}") from None
    new = [line for line in lines if not held.has(line)]
    over = f", {len(lines) - len(new)} passed over" if skip_enrolled else ""
    if dry_run:
        click.echo(f"{file}: {len(new)} residents, no faults{over}")
        for (klass, carrier), count in sorted(Counter(map(_kind, new)).items()):
            click.echo(f"  would sign into the ledger: {count} {klass} ({carrier})")
        return
    with progress_bar("Enrolling", len(new)) as bar:
        office.enrol_all(new, now=at, held=held, progress=_every(1_000, bar))
    click.echo(f"{len(new)} residents enrolled{over}; {PUBLISH}")


def _kind(line: roll.Line) -> tuple[str, str]:
    return line.klass.name.lower(), line.carrier


def _every(step: int, tell: Callable[[int], None]) -> Callable[[int], None]:
    """A bar is drawn less often than residents are enrolled."""
    return lambda done: tell(done) if done % step == 0 else None


def _status_command(name: str, help_text: str) -> click.Command:
    @click.argument("resident")
    @click.option("--carrier", type=click.Choice(CARRIERS), help="Only passes on this carrier.")
    @folder_option
    @rehearsable()
    def run(folder: Path, resident: str, carrier: str | None) -> None:
        office = open_office(folder)
        count = office.set_status(resident, STATUSES[name], now=now(), carrier=carrier)
        click.echo(f"{name}: {count} pass(es) of {resident}; {PUBLISH}")

    return click.command(name, help=help_text)(run)


revoke = _status_command("revoke", "Take all passes of RESIDENT out of force, for good.")
suspend = _status_command("suspend", "Take all passes of RESIDENT out of force for now.")
condition = _status_command("condition", "Send RESIDENT to the guard at every gate (yellow).")
reinstate = _status_command("reinstate", "Put all passes of RESIDENT in force again.")


@click.command()
@folder_option
@click.argument("file", nargs=-1, required=True, metavar="[RESIDENT] FILE")
@click.option("--visitor", "visitors", multiple=True, metavar="HEX", help="Visitor; repeat.")
@rehearsable("file", says=True)
def deny(folder: Path, file: tuple[str, ...], visitors: tuple[str, ...]) -> None:
    """Write a deny note for RESIDENT to FILE: gates that get it refuse the passes for a day.

    With --visitor instead of RESIDENT, it blocks visitors, whoever invited them, by what yardpass
    check --json shows of their code as "visitor".

    It needs no quorum and no publishing. Suspend or revoke as well for what shall last.
    """
    if len(file) != (1 if visitors else 2):
        raise click.UsageError("give RESIDENT and FILE, or FILE and --visitor")
    office, path = open_office(folder), Path(file[-1])
    if visitors:
        made = denying.block(office, visitors, now=now())
    else:
        made = office.deny(file[0], now=now())
    files.replace(path, made)
    click.echo(f"wrote {path}; next: yardpass ledger deny {path} --site FOLDER")


@click.command("list")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_(folder: Path, as_json: bool) -> None:
    """Who is enrolled, and how they stand."""
    words = ("in force", "revoked", "suspended", "condition")
    rows = open_office(folder).residents()
    if as_json:
        found = [
            {
                "resident": at.resident,
                "class": HolderClass(at.klass).name.lower(),
                "expires_at": at.expires_at,
                "carrier": at.carrier,
                "status": at.status,
            }
            for at in rows
        ]
        click.echo(json.dumps(found))
        return
    for at in rows:
        until = time.strftime("%Y-%m-%d", time.gmtime(at.expires_at))
        klass = HolderClass(at.klass).name.lower()
        line = f"{at.resident:<24} {klass:<10} {at.carrier:<6} until {until}  {words[at.status]}"
        click.echo(line)
