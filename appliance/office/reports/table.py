"""A report as a table of values, and what it looks like to people, sheets and programs.

    Table("stale", (Column("gate"), Column("heard_at", Kind.TIME)), [("north", 1767225600)])

Times are Unix seconds here and in JSON; in tables and sheets they are those of the site's clocks.
"""

import csv
import enum
import io
import json
from datetime import date
from typing import Any, NamedTuple, TypeAlias

from appliance.gate.words import plain
from appliance.policy.schedule import Zone, moment

MAX_SHOWN = 1_000  # rows of a table for people
WORD = 16  # columns of a word that is not broken: a visitor's name
EPOCH_DAY = date(1970, 1, 1).toordinal()
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes the rest of a cell for a formula after: OWASP, "CSV Injection"."""
_FORMULA = (*FORMULA, "＝", "＋", "－", "＠")  # full width, which some take alike
Value: TypeAlias = str | int | None


class Kind(enum.Enum):
    """What the values of a column are."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"  # Unix seconds; 0 or None for none


class Column(NamedTuple):
    """One column: its name for programs and sheets, what it holds, whether a screen goes without
    it."""

    name: str
    kind: Kind = Kind.TEXT
    is_for_sheets: bool = False

    @property
    def title(self) -> str:
        return self.name.removesuffix("_at").replace("_", " ")


class Table(NamedTuple):
    """A report. `empty` is said where there are no rows; `notes` are what a reader must know
    beside them."""

    name: str
    columns: tuple[Column, ...]
    rows: list[tuple[Value, ...]]
    empty: str = "nothing to report"
    notes: tuple[str, ...] = ()


def to_json(table: Table) -> str:
    """One document: `{"report": name, "rows": [{column: value}], "notes": [...]}`."""
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in table.rows]
    return json.dumps({"report": table.name, "rows": rows, "notes": list(table.notes)})


def to_csv(table: Table, zone: Zone) -> bytes:
    """RFC 4180 in UTF-8, the header first; no notes.

    A name or a gate may begin with what a spreadsheet takes for a formula, and then runs. OWASP,
    "CSV Injection": a text that begins with = + - @, a tab or a line end gets an apostrophe in
    front; every text stands in quotes, so that no separator in it begins another cell, and quotes
    in it are doubled. Numbers are ours and stay as they are.
    """
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(column.name for column in table.columns)
    for row in table.rows:
        writer.writerow(_guarded(cell) for cell in cells_of(table, row, zone))
    return sheet.getvalue().encode()


def cells_of(table: Table, row: tuple[Value, ...], zone: Zone) -> list[str | int]:
    """The values of a row as they are read: times in the site's clocks, nothing for none."""
    pairs = zip(table.columns, row, strict=True)
    return [_cell(column.kind, value, zone) for column, value in pairs]


def _cell(kind: Kind, value: Value, zone: Zone) -> str | int:
    if value is None or (kind is Kind.TIME and not value):
        return ""
    if isinstance(value, str):
        return plain(value)
    return clock(zone, value) if kind is Kind.TIME else value


def _guarded(cell: str | int) -> str | int:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def clock(zone: Zone, at: int) -> str:
    """`2026-01-31 14:02`, in the clocks of the site."""
    now = moment(zone, at)
    return f"{day_name(now.day)} {now.minute // 60:02}:{now.minute % 60:02}"


def day_name(day: int) -> str:
    """`2026-01-31`: a day by its number since 1970-01-01; without its name where no calendar has
    it, as in a record of a broken clock."""
    try:
        return date.fromordinal(EPOCH_DAY + day).isoformat()
    except (ValueError, OverflowError):
        return f"day {day}"


def to_text(table: Table, zone: Zone, *, width: int | None = None) -> str:
    """The table for a screen of `width` columns, None for a file or pipe, which has any; then the
    notes. Columns that hold nothing are left out, and so is the day where all times are of one;
    of very many rows the first are shown."""
    if not table.rows:
        return "\n".join([table.empty, *table.notes])
    rows = [[str(cell) for cell in cells_of(table, row, zone)] for row in table.rows[:MAX_SHOWN]]
    places = [
        at
        for at, column in enumerate(table.columns)
        if not column.is_for_sheets and any(row[at] for row in rows)
    ]
    times = [at for at in places if table.columns[at].kind is Kind.TIME]
    days = {row[at].rpartition(" ")[0] for row in rows for at in times if row[at]}
    if len(days) == 1:
        for row in rows:
            for at in times:
                row[at] = row[at].rpartition(" ")[2]
    head = [f"on {day}" for day in days if len(days) == 1]
    columns = [table.columns[at] for at in places]
    drawn = _drawn(columns, [[row[at] for at in places] for row in rows], width)
    more = len(table.rows) - len(rows)
    told = [f"and {more} more rows: --csv and --json have all"] if more else []
    return "\n".join([*head, drawn, *told, *table.notes])


def _drawn(columns: list[Column], rows: list[list[str]], width: int | None) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="")
    drawn.collapse_padding = True
    for column, *cells in zip(columns, *rows, strict=True):
        settings: dict[str, Any] = {
            "justify": "right" if column.kind is Kind.NUMBER else "left",
            "no_wrap": column.kind is Kind.TIME,
            "min_width": _longest_word([column.title, *cells]),
        }
        drawn.add_column(Text(column.title), overflow="fold", **settings)
    for row in rows:
        drawn.add_row(*map(Text, row))
    screen = Console(
        file=io.StringIO(), width=width or 10_000, color_system=None, legacy_windows=False,
        force_terminal=False, highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    with screen.capture() as captured:
        screen.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n"))


def _longest_word(texts: list[str]) -> int:
    """How wide a column should be at least: no word is broken that is not very long."""
    return min(WORD, max((len(word) for text in texts for word in text.split()), default=0))
