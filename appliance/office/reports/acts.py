"""Reports of what guards did by hand. Acts to rows. Pure."""

from collections.abc import Iterable

from appliance.office.reports.table import Column, Kind, Table, Value
from ledger_sync import act
from ledger_sync.acts import Done

UNSIGNED = "UNSIGNED"
"""Who did what a terminal logged under no guard's signature."""
FORGOTTEN = "what guards wrote is forgotten after 30 days"


def guard_of(done: Done) -> str:
    """Who did it, by the names in the ledger."""
    return " and ".join(done.act.guards) if done.act else UNSIGNED


def opens(done: Iterable[Done]) -> Table:
    """Every opening by hand with its reason, the newest first; what no guard signed among them:
    it may be anything."""
    found = [
        one for one in done if one.act is None or one.act.deed.kind is act.Kind.OPEN
    ]  # fmt: skip
    found.sort(key=lambda one: (-one.hlc, one.terminal))
    rows: list[tuple[Value, ...]] = [
        (one.at, guard_of(one), one.act.deed.object if one.act else "", one.terminal, one.said)
        for one in found
    ]
    columns = (
        *(Column("opened_at", Kind.TIME), Column("guard"), Column("gate"), Column("terminal")),
        Column("reason"),
    )
    empty = "no gate was opened by hand in these days"
    return Table("opens", columns, rows, empty, _notes(found) if rows else ())


def _notes(found: list[Done]) -> tuple[str, ...]:
    counted: dict[str, int] = {}
    for one in found:
        guard = guard_of(one)
        counted[guard] = counted.get(guard, 0) + 1
    by_guard = (f"{guard} {count}" for guard, count in sorted(counted.items()))
    notes = [f"{len(found)} by hand: {', '.join(by_guard)}", FORGOTTEN]
    if UNSIGNED in counted:
        notes.append("UNSIGNED: a terminal says so, and no guard of the ledger signed it; ask why")
    return tuple(notes)
