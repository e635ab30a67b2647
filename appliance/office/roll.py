"""The roll: the manager's sheet of residents. Reads and checks; enrols nobody.

    resident;class;zones;until;key;card
    Chen Wei;household;0 2-4;2027-01-31;;

Columns stand in any order. `resident` is required; an empty cell takes the default: class
resident, zones 0, days 30, no key. `until` may stand for `days`, and `card` (the P-256 point of a
PKOC card) for `key` (a phone's). Who has neither gets a pass for print.
"""

import base64
import difflib
import re
import reprlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import zip_longest
from typing import NamedTuple, TypeVar

from appliance.office import sheet
from appliance.office.names import name_of
from appliance.office.sheet import Fault, Progress
from appliance.passes.token import MAX_ZONES, HolderClass
from ledger_sync import cbor
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519_BYTES, PublicKey, checked_key, public_key

MAX_ROLL = 64 * 2**20  # bytes
MAX_LINES = 100_000  # lines below the header
MAX_FAULTS = 1_000  # faults named in one refusal; the rest are counted
MAX_DAYS = 3_650
DAY = 86_400
COLUMNS = ("resident", "class", "zones", "days", "until", "key", "card")
CLASSES = {klass.name.lower(): klass for klass in HolderClass}
_POINT_BYTES = 65  # uncompressed P-256: 04 x y
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_ZONES = re.compile(r"([0-9]{1,2})(?:-([0-9]{1,2}))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_Value = TypeVar("_Value")


class Line(NamedTuple):
    """One resident of the roll. `zones` is a bit mask; `carrier` is "key", "card" or "print", or
    "duress", which no file names.

    `until` is the last second of the pass where the roll names a date (Unix seconds); `days`
    reaches it, rounded up.
    """

    number: int  # of the line in the file, from 1; the first one of a record that has several
    resident: str
    klass: HolderClass
    zones: int
    days: int
    key: PublicKey | None
    carrier: str
    until: int | None = None


class Faults(Refused):
    """All that is wrong with a roll: `faults` are (line number, what), in order of the lines."""

    def __init__(self, faults: list[Fault]) -> None:
        named = [f"line {number}: {what}" for number, what in faults[:MAX_FAULTS]]
        if len(faults) > MAX_FAULTS:
            named.append(f"and {len(faults) - MAX_FAULTS} more")
        super().__init__("\n".join(named))
        self.faults = faults


def read(
    data: bytes,
    *,
    now: int,
    is_held: Callable[[Line], bool] | None = None,
    progress: Progress | None = None,
) -> list[Line]:
    """The lines of the roll in `data`.

    A line that `is_held` knows is at fault: its pass is in force already. `progress` is told the
    number of the line, every 1000 lines. Raises `Faults` with every fault
    and its line, and `Refused` at once for a roll larger than the maxima.
    """
    if len(data) > MAX_ROLL:
        raise Refused(f"a roll of {len(data)} bytes, at most {MAX_ROLL} are read")
    roll = _Roll(now, is_held)
    with sheet.bounded_cells():
        roll.fill(sheet.records(data, roll.faults, max_lines=MAX_LINES, progress=progress))
    if roll.faults:
        raise Faults(roll.faults)
    return roll.lines


def template() -> str:
    """An example of a roll. Nobody has the private keys: the points are made from digests."""
    return """\
resident,class,zones,days,until,key,card
Example Print,resident,0,365,,,
Example Phone,household,0-3,30,,60f4b1aedcb4244cd9c0b1b01d209f7e671f30521d0364043aa8f5454bb3b1f2,
Example Card,staff,0 2 5,90,,,04fa9aaf3d4b59138210b15a75391609c75be9d97fe4c62d61530d6ed75219e0a7\
79ec4a0b35c677f762984bc6d1c3fef97e5ae6733358070d640ddf2d5087eab4
"""


class _Record(NamedTuple):
    """One record as it is checked: its cells that hold something, and where faults go."""

    number: int
    cells: dict[str, str]
    faults: list[Fault]

    def fault(self, what: str) -> None:
        self.faults.append((self.number, what))

    def value(self, column: str, parse: Callable[[str], _Value], default: _Value) -> _Value:
        """What the cell says, or the default if it is empty or wrong."""
        if column not in self.cells:
            return default
        try:
            return parse(self.cells[column])
        except Refused as refused:
            self.fault(f"{column}: {refused}")
            return default


@dataclass(slots=True)
class _Roll:
    """The lines so far, where each name and key stood, and all that was wrong."""

    now: int
    is_held: Callable[[Line], bool] | None
    faults: list[Fault] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    names: dict[tuple[str, str], int] = field(default_factory=dict)
    keys: dict[PublicKey, int] = field(default_factory=dict)

    def fill(self, records: Iterator[tuple[int, list[str]]]) -> None:
        number, header = next(records, (1, []))
        if self.faults:
            return  # a header that cannot be read: nothing below it has a name
        columns = _columns_of(_Record(number, {}, self.faults), header)
        if "resident" not in columns:
            return
        for number, cells in records:
            pairs = zip_longest(columns, cells, fillvalue="")
            filled = {column: cell for column, cell in pairs if cell}
            self.lines.append(self._line_of(_Record(number, filled, self.faults)))

    def _line_of(self, record: _Record) -> Line:
        if "" in record.cells:
            what = f"{reprlib.repr(record.cells[''])} stands under no column"
            record.fault(f"{what}; a cell that holds the separator needs quotes")
        if "resident" not in record.cells:
            record.fault("resident: empty")
        resident = record.value("resident", name_of, "")
        klass = record.value("class", _class_of, HolderClass.RESIDENT)
        zones = record.value("zones", _zones_of, 1)
        days, until = self._term_of(record)
        key, carrier = self._carrier_of(record)
        earlier = self.names.setdefault((resident, carrier), record.number)
        if resident and earlier != record.number:
            record.fault(f"resident: {resident!r} has a {carrier} on line {earlier} already")
        line = Line(record.number, resident, klass, zones, days, key, carrier, until)
        if self.is_held and self.is_held(line):
            what = f"{'this' if key else 'a'} {carrier}"
            record.fault(
                f"resident: {resident!r} has {what} in force already; see --skip-enrolled"
            )
        return line

    def _term_of(self, record: _Record) -> tuple[int, int | None]:
        if {"days", "until"} <= record.cells.keys():
            record.fault("days and until on one line: give one of them")
        days = record.value("days", _days_of, 30)
        until = record.value("until", partial(_until_of, now=self.now), None)
        return (days, None) if until is None else (_days_to(until, self.now), until)

    def _carrier_of(self, record: _Record) -> tuple[PublicKey | None, str]:
        if {"key", "card"} <= record.cells.keys():
            record.fault("key and card on one line: give each a line of its own")
        carrier, key = "print", None
        for kind, parse in (("card", _card_of), ("key", _key_of)):
            if kind not in record.cells:
                continue
            carrier, key = kind, record.value(kind, parse, None)
            if key and self.keys.setdefault(key, record.number) != record.number:
                record.fault(f"{kind}: the same key as on line {self.keys[key]}")
        return key, carrier


def _columns_of(record: _Record, names: list[str]) -> list[str]:
    """The column at each place: "" has no name, "?" is wrong. A misspelled one counts as what it
    was meant to be, so that the lines below are checked as well."""
    while names and not names[-1]:
        names.pop()
    if len(names) > sheet.MAX_COLUMNS:
        raise Refused(f"{len(names)} columns, at most {sheet.MAX_COLUMNS} are read")
    lowered = [name.lower() for name in names]
    columns: list[str] = []
    for typed, name in zip(names, lowered, strict=True):
        column, is_known = name, name in ("", *COLUMNS)
        if not is_known:
            column, hint = _nearest(name, COLUMNS)
            record.fault(f"column {reprlib.repr(typed)} is unknown; {hint}")
        elif name and name in columns:
            record.fault(f"column {name!r} stands twice")
        is_taken = column in columns or (not is_known and column in lowered)
        columns.append("?" if column and is_taken else column)
    if "resident" not in columns:
        record.fault(f"no column 'resident' in the header; known are {', '.join(COLUMNS)}")
    return columns


def _nearest(name: str, known: tuple[str, ...]) -> tuple[str, str]:
    """The known name nearest to `name` and the hint to give; "?" if none is near."""
    for near in difflib.get_close_matches(name[:40], known, n=1):
        return near, f"did you mean {near!r}?"
    return "?", f"known are {', '.join(known)}"


def _class_of(cell: str) -> HolderClass:
    name = cell.lower()
    if name not in CLASSES:
        raise Refused(f"{reprlib.repr(cell)} is unknown; {_nearest(name, tuple(CLASSES))[1]}")
    return CLASSES[name]


def _zones_of(cell: str) -> int:
    mask = 0
    for item in re.split(r"[ ;+]+", cell):
        found = _ZONES.fullmatch(item)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last < MAX_ZONES:
            shown = reprlib.repr(cell)
            raise Refused(f"{shown} is no list of zones 0 to {MAX_ZONES - 1}, such as 0 2 or 0-3")
        mask |= (2 << last) - (1 << first)
    return mask


def _days_of(cell: str) -> int:
    if re.fullmatch("[0-9]{1,4}", cell) and 1 <= int(cell) <= MAX_DAYS:
        return int(cell)
    raise Refused(f"{reprlib.repr(cell)} is no whole number from 1 to {MAX_DAYS}")


def _until_of(cell: str, *, now: int) -> int:
    """The last second of that day in UTC, as Unix seconds."""
    try:
        day = date.fromisoformat(cell if _DATE.fullmatch(cell) else "")
    except ValueError:
        raise Refused(f"{reprlib.repr(cell)} is no date such as 2027-01-31") from None
    end = (day.toordinal() - date(1970, 1, 1).toordinal() + 1) * DAY - 1
    if end <= now:
        raise Refused(f"{cell} is past")
    if _days_to(end, now) > MAX_DAYS:
        raise Refused(f"{cell} is more than {MAX_DAYS} days ahead")
    return end


def _days_to(end: int, now: int) -> int:
    return -((now - end) // DAY)


def _key_of(cell: str) -> PublicKey:
    raw = _bytes_of(cell)
    if len(raw) in (ED25519_BYTES, _POINT_BYTES):
        return checked_key(raw)
    try:
        return public_key(cbor.decode(raw))
    except Refused:
        kinds = "a COSE_Key, 32 bytes of Ed25519 or 65 of P-256"
        raise Refused(f"{len(raw)} bytes that are no holder key: {kinds}") from None


def _card_of(cell: str) -> PublicKey:
    if not _HEX.fullmatch(cell) or len(cell) != 2 * _POINT_BYTES:
        raise Refused(f"no key of a card: {2 * _POINT_BYTES} hex digits that begin with 04")
    return checked_key(bytes.fromhex(cell))


def _bytes_of(cell: str) -> bytes:
    """Hex or base64url. No key is both: in base64url its length is odd, or it begins as no hex."""
    if _HEX.fullmatch(cell):
        return bytes.fromhex(cell)
    with suppress(ValueError):
        raw = base64.b64decode(cell + "=" * (-len(cell) % 4), altchars=b"-_", validate=True)
        text = base64.urlsafe_b64encode(raw).decode()
        if cell in (text, text.rstrip("=")):
            return raw
    raise Refused("neither hex nor base64url; make the column text before pasting keys")
