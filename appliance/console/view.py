"""What the console shows: checks, alarms and acts of all gates to the lines of a screen. Pure.

Knows no terminal and no store: what happened comes in by `add`, the lines come out of `lines`.
"""

import enum
from bisect import insort
from collections.abc import Iterable
from typing import NamedTuple

from appliance.console.big import big
from appliance.console.lines import Line, Look, apart, cells, fit
from appliance.console.panels import Panel
from appliance.console.seen import Seen
from appliance.console.standing import Standing
from appliance.console.words import Words
from appliance.gate.words import plain
from appliance.policy.schedule import Zone, moment
from appliance.policy.verdict import SHAPES, Action, Colour, Verdict
from ledger_sync import act
from ledger_sync.clock import Grade

MAX_KEPT = 500  # of all gates, the newest
MAX_ALARMS = 4  # lines; the others are counted
MAX_GATES = 8  # rows; the others are counted
ROOMY = 16  # rows of a screen that shows the gates beside the checks
LARGE = 22  # rows of one that shows the verdict in large letters
TIGHT = 12  # rows of one where a panel leaves no room for the rest
LOOKS = {
    Colour.GREEN: Look.GREEN,
    Colour.GREY: Look.GREY,
    Colour.YELLOW: Look.YELLOW,
    Colour.RED: Look.RED,
}
WAYS = ("way.in", "way.out")
WIDTHS = (14, 13, 7, 5, 16)  # of the columns of the gates, but the last


class Filter(enum.Enum):
    """Which of what happened is listed."""

    ALL = "all"
    STOPPED = "stopped"
    ALARMS = "alarms"
    ACTS = "acts"
    OWN = "own"


class Shown(NamedTuple):
    """What is on the screen beside what happened: the language, who unlocked it, why it may be
    old, the panel that is open, what was said last."""

    words: Words
    guard: str = ""
    fault: str = ""
    panel: Panel | None = None
    said: str = ""
    look: Look = Look.GREEN


class View:
    """The state of a screen at this terminal."""

    def __init__(self, terminal: str) -> None:
        self._terminal = terminal
        self._kept: list[Seen] = []  # by hybrid time
        self._last: dict[str, Seen] = {}  # terminal -> its newest check
        self.filter = Filter.ALL

    @property
    def kept(self) -> tuple[Seen, ...]:
        """What happened, oldest first."""
        return tuple(self._kept)

    def add(self, seen: Iterable[Seen]) -> None:
        """Takes what happened, in whatever order terminals tell it."""
        for one in seen:
            insort(self._kept, one, key=lambda kept: kept.order)
            last = self._last.get(one.terminal)
            if one.is_check and (last is None or last.hlc <= one.hlc):
                self._last[one.terminal] = one
        del self._kept[:-MAX_KEPT]

    def next_filter(self) -> None:
        """Lists something else."""
        filters = list(Filter)
        self.filter = filters[(filters.index(self.filter) + 1) % len(filters)]

    def lines(
        self, standing: Standing, now: int, width: int, height: int, shown: Shown
    ) -> list[Line]:
        """Exactly `height` lines of `width` columns."""
        words, panel = shown.words, shown.panel
        top = [self._title(standing, now, width, shown)]
        if shown.fault:
            top.append(Line(f" {words('fault', why=shown.fault)}", Look.ALARM, is_wide=True))
        if panel is None or height >= TIGHT:
            tall = height if panel is None else TIGHT
            top += self._verdict(standing.zone, now, words, height=tall)
            top += _alarms(standing, now, words, most=MAX_ALARMS if panel is None else 1)
        if shown.said:
            top.append(Line(f" {shown.said}", shown.look, is_wide=True))
        if panel is not None:
            room = max(0, height - len(top) - 2)
            body = [Line(f" {panel.title}", Look.TITLE, is_wide=True), *panel.lines(room)]
            keys = [words(panel.hint)]
        else:
            body = self._body(standing, now, words, height - len(top), is_roomy=height >= ROOMY)
            keys = _keys(words, width, height)
        found = [*top, *body][: max(0, height - len(keys))]
        found += [Line("")] * (height - len(keys) - len(found))
        found += [Line(f" {one}", Look.DIM) for one in keys]
        return [line._replace(text=fit(line.text.rstrip(), width)) for line in found[:height]]

    def _title(self, standing: Standing, now: int, width: int, shown: Shown) -> Line:
        words = shown.words
        site = standing.origin.removeprefix("yardpass/")
        age = words.age(now - standing.heard_at)
        ledger = words("title.ledger", age=age) if standing.heard_at else words("title.no_ledger")
        guard = words("title.guard", name=shown.guard) if shown.guard else words("title.locked")
        left = f" YARDPASS  {site}  {self._terminal}  {guard}"
        right = f"{ledger}   {_clock(standing.zone, now)} "
        return Line(apart(left, right, width), Look.TITLE, is_wide=True)

    def _verdict(self, zone: Zone, now: int, words: Words, *, height: int) -> list[Line]:
        """The newest check of this terminal, large where there is room."""
        last = self._last.get(self._terminal)
        if last is None:
            return [Line(f" {words('no_check')}", Look.DIM)]
        look, margin = LOOKS[last.colour], "   " if height >= ROOMY else " "
        verdict = _verdict_of(last)
        when = f"{words(WAYS[last.way])} {plain(last.gate)}, {words.clock(last.at, now, zone)}"
        if height >= LARGE:
            large = big(SHAPES[last.colour], words(f"colour.{last.colour.name}"))
            said = [*(f"{margin}{row}" for row in large)]
            said.append(f"{margin}{words(f'action.{last.action.name}')}   {when}")
            said.append(f"{margin}{_why(last, words)}")
        else:
            said = [f"{margin}{headline(verdict, words)}", f"{margin}{_why(last, words)}"]
            said.append(f"{margin}{when}")
            said = ["", *said, ""] if height >= ROOMY else said
        return [Line(text, look, is_wide=True) for text in said]

    def _body(
        self, standing: Standing, now: int, words: Words, room: int, *, is_roomy: bool
    ) -> list[Line]:
        gates = [Line(""), *self._gates(standing, now, words)] if is_roomy else []
        listed = words("checks.title", what=words(f"filter.{self.filter.value}"))
        found = [*gates, Line(f" {listed}", Look.TITLE)]
        return [*found, *self._checks(standing.zone, now, words, max(0, room - len(found)))]

    def _gates(self, standing: Standing, now: int, words: Words) -> list[Line]:
        """A row for each terminal: the live twin of its gate."""
        names = sorted({*standing.names, *self._last, self._terminal})
        columns = ("terminal", "link", "ledger", "clock", "gate", "check")
        found = [Line(_columns([words(f"column.{one}") for one in columns]), Look.TITLE)]
        for name in names[:MAX_GATES]:
            last = self._last.get(name)
            link = words(f"link.{_link(standing, name, self._terminal)}")
            told = ["-", "-", _condition(standing, name, self._terminal, words), "-"]
            if last is not None:
                told[0] = words.age(last.at - last.heard_at) if last.heard_at else "-"
                told[1] = words(f"clock.{Grade(last.grade).name}")
                told[3] = f"{_short(last, words)} {_brief(last.at, now, standing.zone, words)}"
            look = LOOKS[last.colour] if last else Look.DIM
            found.append(Line(_columns([plain(name), link, *told]), look))
        more = len(names) - MAX_GATES
        return [*found, Line(f" {words('more', count=more)}", Look.DIM)] if more > 0 else found

    def _checks(self, zone: Zone, now: int, words: Words, room: int) -> list[Line]:
        """What happened, newest first."""
        found: list[Line] = []
        for one in reversed(self._kept):
            if len(found) == room:
                break
            if self._is_listed(one):
                found.append(_listed(one, zone, now, words))
        return found or [Line(f" {words('nothing')}", Look.DIM)]

    def _is_listed(self, one: Seen) -> bool:
        is_asked = {
            Filter.ALL: True,
            Filter.STOPPED: not one.is_check or one.colour is not Colour.GREEN,
            Filter.ALARMS: bool(one.alarm),
            Filter.ACTS: bool(one.act) or one.is_forged,
            Filter.OWN: one.terminal == self._terminal,
        }
        return is_asked[self.filter]


def headline(verdict: Verdict, words: Words) -> str:
    """`● GREEN  opens`: shape, word, action, in columns of their own."""
    colour, action = words(f"colour.{verdict.colour.name}"), words(f"action.{verdict.action.name}")
    wide = max(cells(words(f"colour.{one.name}")) for one in Colour)
    far = max(cells(words(f"action.{one.name}")) for one in Action)
    return f"{SHAPES[verdict.colour]} {fit(colour, wide)} {fit(action, far)}"


def _keys(words: Words, width: int, height: int) -> list[str]:
    """The lines that name the keys: as many as it takes, one on a small screen."""
    if height < ROOMY:
        return [words("keys.small")]
    found = [""]
    for name in words("keys.all").split("  "):
        longer = f"{found[-1]}   {name}".strip()
        if cells(longer) < width - 1 or not found[-1]:
            found[-1] = longer
        else:
            found.append(name)
    return found


def _columns(texts: list[str]) -> str:
    """A row of the gates: terminal, link, ledger, clock, gate, last check."""
    *narrow, check = texts
    cells_ = (fit(text, width) for text, width in zip(narrow, WIDTHS, strict=True))
    return f" {' '.join(cells_)} {check}"


def _condition(standing: Standing, name: str, own: str, words: Words) -> str:
    """How a gate is: its gravest alarm that stands; of this one its door as well."""
    alarms = [kind for terminal, kind, _ in standing.alarms if terminal == name]
    if alarms:
        return alarm_words(alarms[-1], words)
    door = standing.gate.door if name == own and standing.gate else ""
    return words(f"door.{door}") if words.has(f"door.{door}") else words("door.well")


def _short(one: Seen, words: Words) -> str:
    """Shape and word of a verdict, in columns."""
    wide = max(cells(words(f"colour.{colour.name}")) for colour in Colour)
    return f"{SHAPES[one.colour]} {fit(words(f'colour.{one.colour.name}'), wide)}"


def _verdict_of(one: Seen) -> Verdict:
    return Verdict(one.colour, one.action, ())


def _link(standing: Standing, name: str, own: str) -> str:
    if name == own:
        return "self"
    return (standing.links or {}).get(name, "unknown")


def _why(one: Seen, words: Words) -> str:
    """The first reason's sentence; its code where a later version gave it."""
    if not one.reasons:
        return words("all_holds")
    name = f"reason.{one.reasons[0]}"
    return words(name) if words.has(name) else plain(one.reasons[0])


def _listed(one: Seen, zone: Zone, now: int, words: Words) -> Line:
    head = f" {fit(_brief(one.at, now, zone, words), 7)} {fit(plain(one.gate), 12)}"
    if one.alarm:
        return Line(f"{head} ! {alarm_words(one.alarm, words)}", Look.ALARM)
    if one.is_forged:
        return Line(f"{head} ! {words('act.forged')}", Look.ALARM)
    if one.act is not None:
        return Line(f"{head} {_done(one, words)}", Look.TITLE)
    codes = plain(" ".join(one.reasons))
    way = fit(words(f"short.{WAYS[one.way]}"), 3)
    return Line(f"{head} {way} {headline(_verdict_of(one), words)} {codes}", LOOKS[one.colour])


def _done(one: Seen, words: Words) -> str:
    """`anna opened by hand: Courier, two parcels`."""
    assert one.act is not None
    deed, guards = one.act.deed, one.act.guards
    said = f": {plain(one.said)}" if one.said else ""
    other = plain(guards[-1]) if deed.kind is act.Kind.HANDOVER else ""
    return words(f"act.{deed.kind.value}", guard=plain(guards[0]), other=other) + said


def alarm_words(kind: str, words: Words) -> str:
    """What an alarm is called; one of a later version by its number."""
    name = f"alarm.{kind}"
    return words(name) if words.has(name) else plain(kind).upper()


def _alarms(standing: Standing, now: int, words: Words, *, most: int) -> list[Line]:
    """Alarms, orders and calls for help that stand, the gravest first."""

    def since(at: int) -> str:
        return words.clock(at, now, standing.zone)

    told = [
        words("told.duress", gate=plain(one.gate), time=since(one.at)) for one in standing.duress
    ]
    if standing.gate is None:
        told.append(words("told.gone"))
    for name, kind, at in standing.alarms:
        what = alarm_words(kind, words)
        told.append(words("told.alarm", what=what, gate=plain(name), time=since(at)))
    for one in standing.orders:
        what = words(f"order_kind.{one.kind.value}")
        told.append(words("told.order", what=what, time=since(one.issued_at)))
    if standing.links is None:
        told.append(words("told.alone"))
    if len(told) > most:
        told[most - 1 :] = [words("told.more", first=told[most - 1], count=len(told) - most)]
    return [Line(f" ! {one}", Look.ALARM, is_wide=True) for one in told]


def _brief(at: int, now: int, zone: Zone, words: Words) -> str:
    """`14:02` today, `2 d` before: never wider than its column."""
    is_today = moment(zone, at).day == moment(zone, now).day
    return _clock(zone, at) if is_today else words.age(now - at)


def _clock(zone: Zone, at: int) -> str:
    minute = moment(zone, at).minute
    return f"{minute // 60:02}:{minute % 60:02}"
