"""A guard's shift: what happened since it began, as the next guard is told it. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from appliance.console.degraded import wrongs
from appliance.console.rows import alarm_words
from appliance.console.seen import Seen
from appliance.console.standing import Standing
from appliance.console.words import Words
from appliance.gate.visitors import IN, Visitor
from appliance.gate.words import plain
from appliance.policy.verdict import Colour
from ledger_sync.act import MAX_LINE, MAX_LINES, Kind
from ledger_sync.gate_alarm import ENDS

LONGEST_SECONDS = 86_400  # a shift that nobody handed over is told of one day
MAX_INCIDENTS = 6
MAX_BYTES = 1_500  # of all lines: the rest of a note is signatures and its head
MAX_NAME = 32  # characters of a name that another terminal chose


class Shift(NamedTuple):
    """Since `began_at`: verdicts by colour, openings by hand, alarms as (kind, gate, at), notes as
    (guard, text, at), newest last; and the visitors of two days."""

    began_at: int
    colours: tuple[int, int, int, int] = (0, 0, 0, 0)  # by number of Colour
    openings: int = 0
    alarms: tuple[tuple[str, str, int], ...] = ()
    notes: tuple[tuple[str, str, int], ...] = ()
    visitors: tuple[Visitor, ...] = ()


def began_at(seen: Iterable[Seen], terminal: str, now: int) -> int:
    """When the shift at this terminal began: with the last handover there, or a day ago."""
    handed = [
        one.at
        for one in seen
        if one.terminal == terminal and one.act and one.act.deed.kind is Kind.HANDOVER
    ]
    return max(max(handed, default=0), now - LONGEST_SECONDS)


def shift_of(seen: Iterable[Seen], visitors: Iterable[Visitor], since: int) -> Shift:
    """What all gates saw since then, in the order in which it happened."""
    later = [one for one in seen if one.at >= since]
    acts = [one for one in later if one.act is not None]
    colours = Counter(one.colour for one in later if one.is_check)
    notes = tuple(
        (one.act.guards[0], one.said, one.at)
        for one in acts
        if one.act is not None and one.act.deed.kind is Kind.NOTE
    )
    return Shift(
        since,
        (colours[Colour(0)], colours[Colour(1)], colours[Colour(2)], colours[Colour(3)]),
        sum(one.act is not None and one.act.deed.kind is Kind.OPEN for one in acts),
        tuple((one.alarm, one.gate, one.at) for one in later if one.alarm),
        notes,
        tuple(visitors),
    )


def lines_of(shift: Shift, standing: Standing, now: int, words: Words) -> tuple[str, ...]:
    """What both guards sign: nothing in it names a person, or says what somebody wrote; never more
    than an act can hold."""
    found, room = [], MAX_BYTES
    for line in list(_lines(shift, standing, now, words))[:MAX_LINES]:
        short = line[:MAX_LINE]
        room -= len(short.encode()) + 1
        if room < 0:
            break
        found.append(short)
    return tuple(found)


def _lines(shift: Shift, standing: Standing, now: int, words: Words) -> Iterator[str]:
    zone = standing.zone
    green, grey, yellow, red = (shift.colours[colour] for colour in _COLOURS)
    yield words("shift.since", time=words.clock(shift.began_at, now, zone))
    yield words("shift.checks", green=green, yellow=yellow, red=red, grey=grey)
    yield words("shift.openings", count=shift.openings)
    incidents = [one for one in shift.alarms if one[0] not in ENDS]
    yield words("shift.incidents", count=len(incidents))
    for kind, gate, at in incidents[-MAX_INCIDENTS:]:
        when = words.clock(at, now, zone)
        yield f"  {when} {plain(gate)[:MAX_NAME]}: {alarm_words(kind, words)}"
    yield words("shift.open_alarms", count=len(standing.alarms))
    for name, kind, _ in standing.alarms[:MAX_INCIDENTS]:
        yield f"  {plain(name)[:MAX_NAME]}: {alarm_words(kind, words)}"
    inside = [one for one in shift.visitors if one.way == IN]
    late = sum(one.is_overdue(now) for one in inside)
    yield words("shift.visitors", count=len(inside), late=late)
    faults = wrongs(standing, now, words, ())
    yield words("shift.faults", count=len(faults)) if faults else words("shift.well")
    for fault in faults[:4]:
        yield f"  {fault.what}"
    yield words("shift.notes", count=len(shift.notes))
    yield words("shift.head", size=standing.size, head=standing.head or "-")


_COLOURS = (Colour.GREEN, Colour.GREY, Colour.YELLOW, Colour.RED)
