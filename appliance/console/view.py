"""What the console shows: checks and alarms of all gates to the lines of a screen. Pure.

Knows no terminal and no store: what happened comes in by `add`, the lines come out of `lines`.
"""

import enum
from bisect import insort
from collections.abc import Iterable

from appliance.console.lines import Line, Look, apart, fit
from appliance.console.seen import Seen
from appliance.console.standing import Standing
from appliance.gate.words import age, clock_of, headline, plain
from appliance.policy.reasons import GUARD
from appliance.policy.schedule import Zone, moment
from appliance.policy.verdict import Colour, Verdict

MAX_KEPT = 500  # of all gates, the newest
MAX_ALARMS = 4  # lines; the others are counted
MAX_GATES = 8  # rows; the others are counted
ROOMY = 16  # rows of a screen that shows the gates beside the checks
KEYS = "f filter   q quit"
LOOKS = {
    Colour.GREEN: Look.GREEN,
    Colour.GREY: Look.GREY,
    Colour.YELLOW: Look.YELLOW,
    Colour.RED: Look.RED,
}
WAYS = ("in", "out")
LINKS = {
    **{"here": "here", "connecting": "connecting", "away": "SILENT", "misbehaved": "CUT OFF"},
    **{"self": "this terminal", "": "not known"},
}


class Filter(enum.Enum):
    """Which of what happened is listed."""

    ALL = "all gates"
    STOPPED = "all but green"
    ALARMS = "alarms"
    OWN = "this terminal"


class View:
    """The state of a screen at this terminal."""

    def __init__(self, terminal: str) -> None:
        self._terminal = terminal
        self._kept: list[Seen] = []  # by hybrid time
        self._last: dict[str, Seen] = {}  # terminal -> its newest check
        self.filter = Filter.ALL

    def add(self, seen: Iterable[Seen]) -> None:
        """Takes what happened, in whatever order terminals tell it."""
        for one in seen:
            insort(self._kept, one)
            last = self._last.get(one.terminal)
            if not one.alarm and (last is None or last.hlc <= one.hlc):
                self._last[one.terminal] = one
        del self._kept[:-MAX_KEPT]

    def next_filter(self) -> None:
        """Lists something else."""
        filters = list(Filter)
        self.filter = filters[(filters.index(self.filter) + 1) % len(filters)]

    def lines(
        self, standing: Standing, now: int, width: int, height: int, fault: str = ""
    ) -> list[Line]:
        """Exactly `height` lines of `width` columns. `fault` says why the screen may be old."""
        is_roomy = height >= ROOMY
        top = [self._title(standing, now, width)]
        if fault:
            top.append(Line(f" {fault}", Look.ALARM, is_wide=True))
        top += self._verdict(standing.zone, now, is_roomy=is_roomy)
        top += _alarms(standing, now)
        if is_roomy:
            top += [Line(""), *self._gates(standing, now)]
        top.append(Line(f" CHECKS, {self.filter.value}", Look.TITLE))
        room = max(0, height - len(top) - 1)
        found = [*top, *self._checks(standing, now, room)][: max(0, height - 1)]
        found += [Line("")] * (height - 1 - len(found))
        found.append(Line(f" {KEYS}", Look.DIM))
        return [line._replace(text=fit(line.text.rstrip(), width)) for line in found[:height]]

    def _title(self, standing: Standing, now: int, width: int) -> Line:
        site = standing.origin.removeprefix("yardpass/")
        ledger = f"ledger {age(now - standing.heard_at)} old" if standing.heard_at else "no ledger"
        left = f" YARDPASS  {site}  {self._terminal}"
        right = f"{ledger}   {_clock(standing.zone, now)} "
        return Line(apart(left, right, width), Look.TITLE, is_wide=True)

    def _verdict(self, zone: Zone, now: int, *, is_roomy: bool) -> list[Line]:
        """The newest check of this terminal, large where there is room."""
        last = self._last.get(self._terminal)
        if last is None:
            return [Line(" No check at this gate yet.", Look.DIM)]
        look, margin = LOOKS[last.colour], "   " if is_roomy else " "
        when = f"{WAYS[last.way]} by {plain(last.gate)}, {clock_of(last.at, now, zone)}"
        said = [f"{margin}{_headline(last)}", f"{margin}{_why(last)}", f"{margin}{when}"]
        if is_roomy:
            said = ["", *said, ""]
        return [Line(text, look, is_wide=True) for text in said]

    def _gates(self, standing: Standing, now: int) -> list[Line]:
        """A row for each terminal: the live twin of its gate."""
        names = sorted({*standing.names, *self._last, self._terminal})
        found = [Line(f" {'TERMINAL':<16} {'LINK':<14} LAST CHECK", Look.TITLE)]
        for name in names[:MAX_GATES]:
            last = self._last.get(name)
            link = LINKS[_link(standing, name, self._terminal)]
            check = f"{_headline(last)}  {clock_of(last.at, now, standing.zone)}" if last else "-"
            look = LOOKS[last.colour] if last else Look.DIM
            found.append(Line(f" {fit(plain(name), 16)} {link:<14} {check}", look))
        more = len(names) - MAX_GATES
        return [*found, Line(f" and {more} more", Look.DIM)] if more > 0 else found

    def _checks(self, standing: Standing, now: int, room: int) -> list[Line]:
        """What happened, newest first."""
        found: list[Line] = []
        for one in reversed(self._kept):
            if len(found) == room:
                break
            if self._is_listed(one):
                found.append(_listed(one, standing.zone, now))
        return found or [Line(" nothing", Look.DIM)]

    def _is_listed(self, one: Seen) -> bool:
        is_asked = {
            Filter.ALL: True,
            Filter.STOPPED: bool(one.alarm) or one.colour is not Colour.GREEN,
            Filter.ALARMS: bool(one.alarm),
            Filter.OWN: one.terminal == self._terminal,
        }
        return is_asked[self.filter]


def _link(standing: Standing, name: str, own: str) -> str:
    if name == own:
        return "self"
    return (standing.links or {}).get(name, "")


def _headline(one: Seen) -> str:
    return headline(Verdict(one.colour, one.action, ()))


def _why(one: Seen) -> str:
    """The first reason's sentence; its code where a later version gave it."""
    if not one.reasons:
        return "All checks hold."
    code = one.reasons[0]
    return next((said for reason, said in GUARD.items() if reason == code), plain(code))


def _listed(one: Seen, zone: Zone, now: int) -> Line:
    when = _brief(one.at, now, zone)
    if one.alarm:
        text = f" {when:<7} {fit(plain(one.gate), 12)} ! {one.alarm.upper()}"
        return Line(text, Look.ALARM)
    codes = plain(" ".join(one.reasons))
    where = f"{fit(plain(one.gate), 12)} {WAYS[one.way]:<3}"
    return Line(f" {when:<7} {where} {_headline(one)} {codes}", LOOKS[one.colour])


def _alarms(standing: Standing, now: int) -> list[Line]:
    """Alarms, orders and calls for help that stand, the gravest first."""

    def since(at: int) -> str:
        return clock_of(at, now, standing.zone)

    told = [
        *(f"DURESS at {plain(one.gate)}, {since(one.at)}: send help" for one in standing.duress),
        *(f"{kind.upper()} at {name}, since {since(at)}" for name, kind, at in standing.alarms),
        *(f"ORDER {one.kind.value}, since {since(one.issued_at)}" for one in standing.orders),
    ]
    if standing.links is None:
        told.append("yardpass sync is not running here: no other gate hears of these checks")
    if len(told) > MAX_ALARMS:
        told[MAX_ALARMS - 1 :] = [f"and {len(told) - MAX_ALARMS + 1} more: yardpass ledger status"]
    return [Line(f" ! {one}", Look.ALARM, is_wide=True) for one in told]


def _brief(at: int, now: int, zone: Zone) -> str:
    """`14:02` today, `2 d ago`: never wider than its column."""
    is_today = moment(zone, at).day == moment(zone, now).day
    return _clock(zone, at) if is_today else f"{age(now - at)} ago"


def _clock(zone: Zone, at: int) -> str:
    minute = moment(zone, at).minute
    return f"{minute // 60:02}:{minute % 60:02}"
