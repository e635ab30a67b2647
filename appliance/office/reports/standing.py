"""Reports of how things stand: overdue visitors, gates that are behind, passes that end. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from appliance.gate.overstays import Overstay
from appliance.gate.words import age, plain
from appliance.office.reports.table import Column, Kind, Table, Value
from appliance.office.residents import REVOKED, Resident
from appliance.passes.token import HolderClass
from appliance.version import shown

DAY = 86_400
STATUSES = ("in force", "revoked", "suspended", "condition")
CARRIERS = {"key": "phone", "uid": "card number", "print": "printed pass"}
"""What people call a carrier, where it is not its own name."""


def overdue(late: Iterable[Overstay], now: int) -> Table:
    """Visitors who are inside past the end of their invite, the longest first."""
    rows: list[tuple[Value, ...]] = [
        (one.visitor, one.gate, one.since, one.ended_at, (now - one.ended_at) // 60)
        for one in late
    ]
    columns = (
        *(Column("visitor"), Column("gate"), Column("came_at", Kind.TIME)),
        *(Column("until", Kind.TIME), Column("minutes_over", Kind.NUMBER)),
    )
    notes = ("whom an invite was given to, only its host knows: ask at the gate it came by",)
    return Table("overstays", columns, rows, "no visitor is overdue", notes if rows else ())


class Post(NamedTuple):
    """A terminal as the log and the ledger know it. `last_at` is its newest record, `checked_at`
    its newest check, `heard_at` when it had heard of the office then, `size` the ledger it had; 0
    for never. `link` is how `yardpass sync` finds it now, empty where it does not run. `software`
    made its newest check."""

    name: str
    gate: str
    last_at: int = 0
    checked_at: int = 0
    heard_at: int = 0
    size: int = 0
    link: str = ""
    software: str = ""


_NOTES = {
    "never heard": "never heard: is it installed, and does yardpass sync reach it?",
    "no record": "no record: nobody came, or it is cut off; look there, or try a card",
    "its ledger": "ledger, behind: as of its last check; it may have caught up since",
}


def behind(posts: Iterable[Post], size: int, now: int, most: int, *, with_all: bool) -> Table:
    """The terminals that have recorded nothing for `most` seconds, whose ledger was older than
    that at their last check, or that are silent now; `size` is the ledger here."""
    judged = [(one, _faults(one, now, most)) for one in posts]
    rows: list[tuple[Value, ...]] = [
        (one.gate, one.name, one.last_at, one.heard_at,
         max(0, size - one.size) if one.checked_at else None, one.link, plain(shown(one.software)),
         "; ".join(faults) or "as it should be")
        for one, faults in sorted(judged, key=lambda pair: (pair[0].gate, pair[0].name))
        if faults or with_all
    ]  # fmt: skip
    columns = (
        *(Column("gate"), Column("terminal"), Column("last_record_at", Kind.TIME)),
        *(Column("ledger_of_at", Kind.TIME), Column("behind", Kind.NUMBER)),
        *(Column("link"), Column("version"), Column("what")),
    )
    empty = f"all {len(judged)} terminals were heard in the last {age(most)}, with a fresh ledger"
    told = "".join(str(row[-1]) for row in rows)
    notes = tuple(note for what, note in _NOTES.items() if what in told)
    return Table("stale", columns, rows, empty, notes)


def _faults(one: Post, now: int, most: int) -> list[str]:
    if not one.last_at:
        return ["never heard"]
    found = []
    if now - one.last_at > most:
        found.append(f"no record for {age(now - one.last_at)}")
    if one.checked_at - one.heard_at > most:
        had = age(one.checked_at - one.heard_at) + " old" if one.heard_at else "missing"
        found.append(f"its ledger was {had}")
    if one.link not in ("", "here", "this terminal"):
        found.append(f"{one.link} now")
    return found


def expiring(held: Iterable[tuple[Resident, int]], now: int, within: int) -> Table:
    """The passes (with their status) that end in the next `within` seconds, the first first. Who
    holds another one on the same carrier that lasts longer needs none."""
    held = [(one, status) for one, status in held if status != REVOKED]
    lasting = {(one.resident, one.carrier) for one, _ in held if one.expires_at > now + within}
    soon = [
        (one, status)
        for one, status in held
        if now < one.expires_at <= now + within and (one.resident, one.carrier) not in lasting
    ]
    rows: list[tuple[Value, ...]] = [
        (one.resident, HolderClass(one.klass).name.lower(), CARRIERS.get(one.carrier, one.carrier),
         one.expires_at, (one.expires_at - now) // DAY, STATUSES[status])
        for one, status in sorted(soon, key=lambda pair: (pair[0].expires_at, pair[0].resident))
    ]  # fmt: skip
    columns = (
        *(Column("resident"), Column("class"), Column("carrier"), Column("expires_at", Kind.TIME)),
        *(Column("days_left", Kind.NUMBER), Column("status")),
    )
    empty = f"no pass ends in the next {within // DAY} days"
    notes = ("enrol them again before that: yardpass office enrol, or office import",)
    return Table("expiring", columns, rows, empty, notes if rows else ())
