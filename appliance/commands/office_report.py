"""`yardpass office report`: the manager's day as tables, sheets and documents."""

import functools
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click

from appliance.commands.ledger_options import now
from appliance.commands.office_options import FILE, folder_option, open_office
from appliance.gate import doorbell
from appliance.gate.assembly import open_replica
from appliance.gate.overstays import overstays
from appliance.gate.site_clock import site_zone
from appliance.office import open_data
from appliance.office.logbook import Logbook
from appliance.office.office import Office
from appliance.office.reports import acts, checks, standing
from appliance.office.reports.record import Record, named
from appliance.office.reports.span import DAY, Span, span_of
from appliance.office.reports.table import Table, clock, to_csv, to_json, to_text
from appliance.policy.schedule import Zone
from appliance.settings import FILE_NAME, Settings, load
from ledger_sync import peers_file
from ledger_sync.errors import Refused
from ledger_sync.replica import Replica

BEFORE = 2 * DAY  # seconds before a day in which its visitors may have come
LINKS = {"away": "silent", "misbehaved": "cut off"}


class Shape(NamedTuple):
    """How a report is to look."""

    is_csv: bool
    is_json: bool

    def show(self, table: Table, zone: Zone) -> None:
        if self.is_json:
            click.echo(to_json(table))
        elif self.is_csv:
            click.echo(to_csv(table, zone), nl=False)
        else:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
            click.echo(to_text(table, zone, width=width))


class View(NamedTuple):
    """What a report is made from: the office, a terminal's replica, the site's clocks."""

    office: Office
    settings: Settings
    replica: Replica
    zone: Zone
    logbook: Logbook

    def records(self, span: Span) -> dict[str, Record]:
        """The checks of these days by their names, each named by the office's roll."""
        found = self.logbook.records(span)
        for one in self.logbook.unread:
            click.echo(f"not read, damaged: {one}; run: yardpass ledger fsck", err=True)
        with self.office.book() as (_, residents):
            roll = residents.roll()
        known = named(found.values(), roll, self.office.secret())
        return dict(zip(found, known, strict=True))


def shaped(command: Callable[..., None]) -> Callable[..., None]:
    """`--csv` and `--json`, which reach the command as one `shape`."""

    @click.option("--csv", "is_csv", is_flag=True, help="A sheet: RFC 4180, UTF-8.")
    @click.option("--json", "is_json", is_flag=True, help="One JSON document on stdout.")
    @functools.wraps(command)
    def run(is_csv: bool, is_json: bool, **others: Any) -> None:
        if is_csv and is_json:
            raise click.UsageError("give --csv or --json, not both")
        command(shape=Shape(is_csv, is_json), **others)

    return run


site_option = click.option(
    "--site", type=FILE, required=True, help="Folder of a terminal, which has the log of all."
)


def days_options(command: Callable[..., None]) -> Callable[..., None]:
    """The days of a report: the options that `span_of` reads."""
    days = click.IntRange(1, 400)
    for option in (
        click.option("--to", "last", metavar="DATE", help="Last day, e.g. 2026-01-31; today."),
        click.option("--from", "first", metavar="DATE", help="First day, in place of --days."),
        click.option("--days", type=days, default=7, show_default=True, help="Days back."),
    ):
        command = option(command)
    return command


@contextmanager
def opened(folder: Path, site: Path) -> Iterator[View]:
    """The office, and the terminal whose replica is read. Raises `Refused` if the terminal is of
    another site."""
    office = open_office(folder)
    settings = load(site / FILE_NAME, has_devices=False)
    if settings.origin != office.origin:
        what = f"{site} is a terminal of {settings.origin}, this office is of {office.origin}"
        raise Refused(f"{what}; give the --site of one of its own", reason="R-SETTINGS")
    with open_replica(settings) as replica:
        logbook = Logbook(replica.store, office.secret())
        yield View(office, settings, replica, site_zone(replica), logbook)


@click.group()
def report() -> None:
    """What happened at the gates and what is due: as a table, --csv or --json.

    Checks are read from the folder of any terminal of the site (--site): each has the log of all
    that it has heard of. Names are those of the office's own roll, and leave it only here.
    """


@report.command()
@folder_option
@site_option
@days_options
@click.option("--each", is_flag=True, help="Each check with its time and name, not counts.")
@shaped
def denied(
    folder: Path, site: Path, days: int, first: str | None, last: str | None, each: bool,
    shape: Shape,
) -> None:  # fmt: skip
    """Who was not let in: how often, by reason and by gate."""
    with opened(folder, site) as view:
        span = span_of(view.zone, now(), first, last, days)
        table = (checks.denied_each if each else checks.denied)(view.records(span).values())
        shape.show(table, view.zone)


@report.command()
@folder_option
@site_option
@click.option("--day", metavar="DATE", help="The day, e.g. 2026-01-31; today without it.")
@shaped
def visitors(folder: Path, site: Path, day: str | None, shape: Shape) -> None:
    """The visitors of a day: came, left, inside, overdue.

    By gate and by when they came: with an invite, with a visitor's pass, or signed in by a guard.
    Whom residents expect, no office knows: invites are made on phones, offline.
    """
    with opened(folder, site) as view:
        at = now()
        span = span_of(view.zone, at, day, day, 1)
        longer = Span(span.begin - BEFORE, span.end)
        signed = checks.by_hand(view.logbook.acts(longer), view.logbook.gates())
        moves = [*checks.checked(view.records(longer).values()), *signed]
        shape.show(checks.visitors(moves, span, at, view.zone), view.zone)


@report.command()
@folder_option
@site_option
@days_options
@shaped
def opens(
    folder: Path, site: Path, days: int, first: str | None, last: str | None, shape: Shape
) -> None:
    """Gates that guards opened by hand, and why.

    Who did it, when, and the reason they gave, which is forgotten after 30 days.
    """
    with opened(folder, site) as view:
        span = span_of(view.zone, now(), first, last, days)
        shape.show(acts.opens(view.logbook.acts(span)), view.zone)


@report.command("overstays")
@folder_option
@site_option
@shaped
def overstays_(folder: Path, site: Path, shape: Shape) -> None:
    """Visitors who are inside though their invite has ended."""
    with opened(folder, site) as view:
        at = now()
        late = overstays(view.replica.store, view.office.secret(), at)
        shape.show(standing.overdue(late, at), view.zone)


@report.command()
@folder_option
@site_option
@click.option(
    "--hours", type=click.IntRange(1, 9_999), default=24, show_default=True,
    help="How long a terminal may record nothing, and how old its ledger may be.",
)  # fmt: skip
@click.option("--all", "with_all", is_flag=True, help="Those as well that are as they should be.")
@shaped
def stale(folder: Path, site: Path, hours: int, with_all: bool, shape: Shape) -> None:
    """Gates that fell behind, or are silent.

    Those whose terminal recorded nothing lately, had an old ledger at its last check, or is not
    heard now. A gate where nobody comes is silent as well: try a card there.
    """
    with opened(folder, site) as view:
        posts = view.logbook.posts(_links(view.settings))
        size = view.replica.ledger().size
        table = standing.behind(posts, size, now(), hours * 3_600, with_all=with_all)
        shape.show(table, view.zone)


def _links(settings: Settings) -> dict[str, str]:
    folder = settings.store.parent
    if not doorbell.is_answered(folder / doorbell.NAME):
        return {}
    found = {one["name"]: one["state"] for one in peers_file.read(folder)}
    links = {name: LINKS.get(state, state) for name, state in found.items()}
    return links | {settings.terminal: "this terminal"}


@report.command()
@folder_option
@click.option(
    "--within", type=click.IntRange(1, 3_650), default=30, show_default=True,
    help="Days from now.",
)  # fmt: skip
@shaped
def expiring(folder: Path, within: int, shape: Shape) -> None:
    """Passes that end soon, by the office's roll.

    Who holds one on the same carrier that lasts longer needs none, and is left out.
    """
    office, at = open_office(folder), now()
    with office.book() as (book, residents):
        zone, held = site_zone(book.replica), residents.with_status(now=at)
    shape.show(standing.expiring(held, at, within * DAY), zone)


@report.command()
@folder_option
@site_option
@days_options
@click.argument("file", type=FILE)
def sqlite(
    folder: Path, site: Path, days: int, first: str | None, last: str | None, file: Path
) -> None:
    """Write these days to FILE, a SQLite database.

    Checks, alarms, acts of guards, terminals, passes: for sqlite-utils, datasette, or a
    spreadsheet that reads SQLite. It holds names, and no key, no secret and no pass. What each
    table, column and view is: appliance/office/README.md.
    """
    open_data.check_place(file)  # before all is read
    with opened(folder, site) as view:
        at = now()
        span = span_of(view.zone, at, first, last, days)
        found = view.records(span)
        with view.office.book() as (_, residents):
            passes = residents.with_status(now=at)
        size = view.replica.ledger().size
        terms = {
            "site": view.office.site,
            "terminal": view.settings.terminal,
            "from": clock(view.zone, span.begin),
            "to": clock(view.zone, span.end),
            "written": clock(view.zone, at),
            "ledger_size": str(size),
        }
        log = view.logbook
        days_of = open_data.Days(
            terms, found, log.alarms(span), log.acts(span), log.posts({}), passes, size
        )
        open_data.write(file, days_of, view.zone)
    click.echo(f"wrote {file}: {len(found)} checks, {len(passes)} passes")
