"""A site's days as a plain SQLite file, for sqlite-utils, datasette and whatever reads SQLite.

Written anew each time, whole or not at all; holds names, so it is its owner's only. No key, no
secret, no handle, no pass, no pseudonym stands in it. Which tables: reports/schema.py.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

from sqlite_utils import Database

from appliance.office.reports import schema
from appliance.office.reports.acts import guard_of
from appliance.office.reports.checks import hour_of, sentence_of
from appliance.office.reports.record import Record
from appliance.office.reports.standing import STATUSES, Post
from appliance.office.reports.table import clock
from appliance.office.residents import Resident
from appliance.passes.token import HolderClass
from appliance.policy.reasons import Reason
from appliance.policy.schedule import Zone
from ledger_sync import files
from ledger_sync.acts import Done
from ledger_sync.errors import Refused
from ledger_sync.gate_alarm import GateAlarm

Row: TypeAlias = dict[str, Any]
WAYS = ("in", "out")


class Days(NamedTuple):
    """What is written: checks by their id, alarms with their terminal, acts, how terminals stand,
    the passes of the roll with their status. `size` is that of the ledger here."""

    about: Mapping[str, str]
    checks: Mapping[str, Record]
    alarms: Iterable[tuple[str, GateAlarm]]
    acts: Iterable[Done]
    posts: Iterable[Post]
    passes: Iterable[tuple[Resident, int]]
    size: int


def write(path: Path, days: Days, zone: Zone) -> None:
    """Writes `path`, mode 0600, in place of an earlier one. Raises `Refused` if another file is
    there, such as the store of a terminal, `Unavailable` if it cannot be written."""
    check_place(path)
    files.replace(path, _made(days, zone), mode=0o600)


def check_place(path: Path) -> None:
    """Raises `Refused` if there is a file of another kind, which would be lost."""
    if path.exists() and not _is_ours(path):
        raise Refused(f"{path} is there, and was not written by this report; give another name")


def _is_ours(path: Path) -> bool:
    where = f"file:{quote(str(path.absolute()))}?immutable=1"  # a look that leaves nothing beside
    with suppress(sqlite3.Error), closing(sqlite3.connect(where, uri=True)) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
        return schema.TABLES.keys() | schema.VIEWS.keys() <= names
    return False


def _made(days: Days, zone: Zone) -> bytes:
    # It is small beside a disk, and in memory nobody else can read a half of it.
    connection = sqlite3.connect(":memory:")
    try:
        db = Database(connection)
        for name, rows in _tables(days, zone).items():
            _fill(db, name, rows)
        for name, view in schema.VIEWS.items():
            db.create_view(name, view.query)
        connection.commit()
        return connection.serialize()
    finally:
        connection.close()


def _fill(db: Database, name: str, rows: Iterable[Row]) -> None:
    columns = {field.name: field.kind for field in schema.TABLES[name]}
    table = db.table(name)
    table.create(columns, pk=schema.KEYS.get(name))
    table.insert_all(rows)
    for column in schema.INDEXES.get(name, ()):
        table.create_index([column])


def _tables(days: Days, zone: Zone) -> dict[str, Iterable[Row]]:
    return {
        "about": ({"name": name, "value": value} for name, value in days.about.items()),
        "checks": (_check(number, one, zone) for number, one in days.checks.items()),
        "alarms": (_alarm(terminal, one, zone) for terminal, one in days.alarms),
        "acts": (_act(one, zone) for one in days.acts),
        "terminals": (_terminal(one, days.size) for one in days.posts),
        "passes": (_pass(one, status, zone) for one, status in days.passes),
        "reasons": ({"code": str(one), "meaning": sentence_of(str(one))} for one in Reason),
    }


def _when(zone: Zone, at: int) -> Row:
    time = clock(zone, at)
    return {"at": at, "time": time, "day": time.rpartition(" ")[0]}


def _check(number: str, one: Record, zone: Zone) -> Row:
    return {
        "id": number,
        **_when(zone, one.at),
        "hour": hour_of(zone, one.at),
        "terminal": one.terminal,
        "gate": one.gate,
        "way": WAYS[one.way],
        "verdict": one.colour.name,
        "action": one.action.name,
        "reason": one.reasons[0] if one.reasons else "",
        "reasons": " ".join(one.reasons),
        "class": class_of(one.klass),
        "resident": one.who,
        "visitor": one.holder if one.is_guest else "",
        "until_at": one.ends_at,
        "ledger_size": one.ledger_size,
        "ledger_age_seconds": one.at - one.heard_at if one.heard_at else None,
        "software": one.software,
    }


def _alarm(terminal: str, one: GateAlarm, zone: Zone) -> Row:
    return {**_when(zone, one.at), "terminal": terminal, "gate": one.gate, "kind": one.kind}


def _act(one: Done, zone: Zone) -> Row:
    deed = one.act.deed if one.act else None
    return {
        **_when(zone, one.at),
        "terminal": one.terminal,
        "guard": guard_of(one),
        "kind": str(deed.kind) if deed else "",
        "object": deed.object if deed else "",
        "remark": one.said,
    }


def _terminal(one: Post, size: int) -> Row:
    return {
        "name": one.name,
        "gate": one.gate,
        "last_record_at": one.last_at,
        "ledger_of_at": one.heard_at,
        "entries_behind": max(0, size - one.size) if one.checked_at else None,
        "software": one.software,
    }


def _pass(one: Resident, status: int, zone: Zone) -> Row:
    return {
        "resident": one.resident,
        "class": class_of(one.klass),
        "carrier": one.carrier,
        "zones": " ".join(str(number) for number in range(64) if one.zones >> number & 1),
        "expires_at": one.expires_at,
        "expires": clock(zone, one.expires_at),
        "status": STATUSES[status],
    }


def class_of(klass: int) -> str:
    """The name of a class; its number where a later version gave it, nothing for none."""
    try:
        return HolderClass(klass).name.lower() if klass else ""
    except ValueError:
        return f"class {klass}"
