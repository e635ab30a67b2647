"""Reports of checks: who was denied, which visitors came. Records to rows. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from appliance.gate.words import plain
from appliance.office.reports.acts import guard_of
from appliance.office.reports.record import Record
from appliance.office.reports.span import Span
from appliance.office.reports.table import Column, Kind, Table, Value
from appliance.passes.token import HolderClass
from appliance.policy.facts import Direction
from appliance.policy.reasons import GUARD
from appliance.policy.schedule import MINUTES, Zone, moment
from appliance.policy.verdict import Action
from appliance.version import shown
from ledger_sync import act
from ledger_sync.acts import Done

_WAYS = {act.Kind.IN: Direction.IN, act.Kind.OUT: Direction.OUT}
LEFT, INSIDE, OVERDUE = "left", "inside", "overdue"
_SENTENCES = {str(reason): said for reason, said in GUARD.items()}


def denied(records: Iterable[Record]) -> Table:
    """How often gates stayed shut, by the reason that decided and by gate; the most first."""
    counted: dict[tuple[str, str], list[Record]] = {}
    for one in _denials(records):
        counted.setdefault((_reason(one), one.gate), []).append(one)
    rows: list[tuple[Value, ...]] = [
        (reason, gate, len(them), _people(them), max(one.at for one in them), sentence_of(reason))
        for (reason, gate), them in counted.items()
    ]
    rows.sort(key=lambda row: (-int(row[2] or 0), str(row[0]), str(row[1])))
    columns = (
        *(Column("reason"), Column("gate"), Column("checks", Kind.NUMBER)),
        *(Column("known_people", Kind.NUMBER), Column("last_at", Kind.TIME), Column("meaning")),
    )
    return Table("denied", columns, rows, empty="nobody was denied in these days")


def denied_each(records: Iterable[Record]) -> Table:
    """Every check that was denied, the newest first, with the name where the roll has one."""
    found = sorted(_denials(records), key=lambda one: -one.hlc)
    rows: list[tuple[Value, ...]] = [
        (one.at, one.gate, " ".join(one.reasons), one.who, sentence_of(_reason(one)),
         plain(shown(one.software)))
        for one in found
    ]  # fmt: skip
    columns = (
        *(Column("denied_at", Kind.TIME), Column("gate"), Column("reasons"), Column("resident")),
        *(Column("meaning"), Column("version")),
    )
    return Table("denied", columns, rows, empty="nobody was denied in these days")


def _denials(records: Iterable[Record]) -> list[Record]:
    return [one for one in records if one.action is Action.DENY]


def _reason(one: Record) -> str:
    return one.reasons[0] if one.reasons else ""


def sentence_of(reason: str) -> str:
    """What the guard read; nothing for a reason of a later version."""
    return _SENTENCES.get(reason, "")


def _people(records: Iterable[Record]) -> int:
    return len({one.who for one in records if one.who})


class Move(NamedTuple):
    """A visitor went through a gate, by a code or by a guard's hand. `said` is who and why, as a
    guard wrote it or the roll has it."""

    hlc: int
    visitor: str
    gate: str
    at: int
    way: int
    ends_at: int = 0
    said: str = ""


class Visit(NamedTuple):
    """One entry of a visitor, and the exit that followed; `left_at` 0 for none."""

    visitor: str
    said: str
    gate: str
    came_at: int
    ends_at: int
    left_at: int = 0
    left_by: str = ""


def checked(records: Iterable[Record]) -> list[Move]:
    """The visitors whom gates let through."""
    return [
        Move(one.hlc, one.holder, one.gate, one.at, one.way, one.ends_at, one.who)
        for one in records
        if one.holder
        and one.action is Action.OPEN
        and (one.is_guest or one.klass == HolderClass.VISITOR)
    ]


def by_hand(done: Iterable[Done], gates: Mapping[str, str]) -> list[Move]:
    """The visitors whom guards signed in and out; `gates` by terminal."""
    return [
        Move(one.hlc, deed.object, gates.get(one.terminal, one.terminal), one.at,
             _WAYS[deed.kind], 0, ": ".join(filter(None, (guard_of(one), one.said))))
        for one in done
        if one.act is not None and (deed := one.act.deed).kind in _WAYS
    ]  # fmt: skip


def visits(moves: Iterable[Move]) -> list[Visit]:
    """What visitors did, in the order in which they came. A second entry without an exit between
    is one of its own: they left unseen, or the invite is for several people."""
    found: list[Visit] = []
    open_at: dict[str, int] = {}  # visitor -> their last visit in `found`
    for one in sorted(moves):
        if one.way == Direction.IN:
            open_at[one.visitor] = len(found)
            found.append(Visit(one.visitor, one.said, one.gate, one.at, one.ends_at))
        elif one.visitor in open_at:
            number = open_at.pop(one.visitor)
            found[number] = found[number]._replace(left_at=one.at, left_by=one.gate)
    return found


def visitors(moves: Iterable[Move], span: Span, now: int, zone: Zone) -> Table:
    """Who came in these days, or was inside from before; by gate and by when they came."""
    seen = sorted(visits(moves), key=lambda one: (one.gate, one.came_at))
    listed = [one for one in seen if _is_listed(one, span)]
    states = [state_of(one, min(now, span.end)) for one in listed]
    rows: list[tuple[Value, ...]] = [
        (one.gate, one.came_at, hour_of(zone, one.came_at), one.visitor, one.said, one.ends_at,
         one.left_at, one.left_by, state)
        for one, state in zip(listed, states, strict=True)
    ]  # fmt: skip
    columns = (
        *(
            Column("gate"),
            Column("came_at", Kind.TIME),
            Column("hour", Kind.NUMBER, is_for_sheets=True),
        ),
        *(Column("visitor"), Column("known_as"), Column("until", Kind.TIME)),
        *(Column("left_at", Kind.TIME), Column("left_by"), Column("state")),
    )
    notes = _summary(listed, states, span, zone) if listed else ()
    return Table("visitors", columns, rows, "no visitor came", notes)


def _is_listed(one: Visit, span: Span) -> bool:
    return one.came_at < span.end and (
        one.came_at >= span.begin or not 0 < one.left_at < span.begin
    )


def state_of(one: Visit, now: int) -> str:
    """How a visit stands at `now`."""
    if 0 < one.left_at <= now:
        return LEFT
    return OVERDUE if 0 < one.ends_at <= now else INSIDE


def hour_of(zone: Zone, at: int) -> int:
    """The hour of the local day, 0 to 23."""
    return moment(zone, at).minute * 24 // MINUTES


def _summary(
    listed: Sequence[Visit], states: Sequence[str], span: Span, zone: Zone
) -> tuple[str, ...]:
    """How many, and when they came to which gate."""
    came = [one for one in listed if one.came_at in span]
    told = f"{len(came)} came, {states.count(LEFT)} left"
    told += f", {states.count(INSIDE)} inside, {states.count(OVERDUE)} overdue"
    hours: dict[str, dict[int, int]] = {}
    for one in came:
        counted = hours.setdefault(one.gate, {})
        hour = hour_of(zone, one.came_at)
        counted[hour] = counted.get(hour, 0) + 1
    by_gate = (
        f"{gate}: " + ", ".join(f"{hour:02} h {count}" for hour, count in sorted(counted.items()))
        for gate, counted in sorted(hours.items())
    )
    return (told, *by_gate)
