"""What the console shows: checks, alarms and acts of all gates to the lines of a screen. Pure.

Knows no terminal and no store: what happened comes in by `add`, the lines come out of `lines`.
"""

import enum
from bisect import insort
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from appliance.console.big import big
from appliance.console.lines import Line, Look, apart, cells, fit
from appliance.console.panels import Panel
from appliance.console.rows import (
    LOOKS,
    WAYS,
    clock,
    columns,
    gate_line,
    headline,
    listed,
    standing_lines,
    verdict_of,
    version_of,
    why,
)
from appliance.console.seen import Seen
from appliance.console.standing import Standing
from appliance.console.words import Words
from appliance.gate.words import plain
from appliance.policy.schedule import Zone
from appliance.policy.verdict import SHAPES, Colour

MAX_KEPT = 500  # of all gates, the newest
MAX_OF_ONE = 150  # of them of one terminal, so that none drives the others out
MAX_ALARMS = 4  # lines; the others are counted
MAX_GATES = 8  # rows; the others are counted
ROOMY = 16  # rows of a screen that shows the gates beside the checks
LARGE = 22  # rows of one that shows the verdict in large letters
TIGHT = 12  # rows of one where a panel leaves no room for the rest


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
        self._count: Counter[str] = Counter()  # of what is kept, by terminal
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
            self._count[one.terminal] += 1
            if self._count[one.terminal] > MAX_OF_ONE:
                self._forget(next(old for old in self._kept if old.terminal == one.terminal))
            last = self._last.get(one.terminal)
            if one.is_check and (last is None or last.hlc <= one.hlc):
                self._last[one.terminal] = one
        for old in self._kept[:-MAX_KEPT]:
            self._forget(old)

    def _forget(self, old: Seen) -> None:
        self._kept.remove(old)
        self._count[old.terminal] -= 1

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
            top += standing_lines(standing, now, words, most=MAX_ALARMS if panel is None else 1)
        if shown.said:
            top.append(Line(f" {shown.said}", shown.look, is_wide=True))
        if panel is not None:
            room = max(0, height - len(top) - 2)
            body = [Line(f" {panel.title}", Look.TITLE, is_wide=True), *panel.lines(room)]
            keys = [words(panel.hint)]
        else:
            size = (width, height - len(top))
            body = self._body(standing, now, shown, size, is_roomy=height >= ROOMY)
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
        right = f"{ledger}   {clock(standing.zone, now)} "
        return Line(apart(left, right, width), Look.TITLE, is_wide=True)

    def _verdict(self, zone: Zone, now: int, words: Words, *, height: int) -> list[Line]:
        """The newest check of this terminal, large where there is room."""
        last = self._last.get(self._terminal)
        if last is None:
            return [Line(f" {words('no_check')}", Look.DIM)]
        look, margin = LOOKS[last.colour], "   " if height >= ROOMY else " "
        verdict = verdict_of(last)
        when = f"{words(WAYS[last.way])} {plain(last.gate)}, {words.clock(last.at, now, zone)}"
        when = f"{when}   {version_of(last)}".rstrip()
        if height >= LARGE:
            large = big(SHAPES[last.colour], words(f"colour.{last.colour.name}"))
            said = [*(f"{margin}{row}" for row in large)]
            said.append(f"{margin}{words(f'action.{last.action.name}')}   {when}")
            said.append(f"{margin}{why(last, words)}")
        else:
            said = [f"{margin}{headline(verdict, words)}", f"{margin}{why(last, words)}"]
            said.append(f"{margin}{when}")
            said = ["", *said, ""] if height >= ROOMY else said
        return [Line(text, look, is_wide=True) for text in said]

    def _body(
        self, standing: Standing, now: int, shown: Shown, size: tuple[int, int], *, is_roomy: bool
    ) -> list[Line]:
        words, (width, room) = shown.words, size
        gates = [Line(""), *self._gates(standing, now, words)] if is_roomy else []
        title = words("checks.title", what=words(f"filter.{self.filter.value}"))
        found = [*gates, Line(f" {title}", Look.TITLE)]
        room = max(0, room - len(found))
        return [*found, *self._checks(standing.zone, now, shown, width, room)]

    def _gates(self, standing: Standing, now: int, words: Words) -> list[Line]:
        """A row for each terminal: the live twin of its gate."""
        found = self.gates(standing, now, words)
        more = len(found) - 1 - MAX_GATES
        last = [Line(f" {words('more', count=more)}", Look.DIM)] if more > 0 else []
        return [*found[: 1 + MAX_GATES], *last]

    def gates(self, standing: Standing, now: int, words: Words) -> list[Line]:
        """The names of the columns, then every terminal."""
        names = sorted({*standing.names, *self._last, self._terminal})
        heads = ("terminal", "link", "ledger", "clock", "gate", "check")
        found = [Line(columns([words(f"column.{one}") for one in heads]), Look.TITLE)]
        for name in names:
            last = self._last.get(name)
            found.append(gate_line(name, last, standing, self._terminal, now, words))
        return found

    def _checks(self, zone: Zone, now: int, shown: Shown, width: int, room: int) -> list[Line]:
        """What happened, newest first; what guards wrote is for guards."""
        words = shown.words
        found: list[Line] = []
        for one in reversed(self._kept):
            if len(found) == room:
                break
            if self._is_listed(one):
                told = one if shown.guard else one._replace(said="")
                found.append(listed(told, zone, now, words, width=width))
        return found or [Line(f" {words('nothing')}", Look.DIM)]

    def _is_listed(self, one: Seen) -> bool:
        is_asked = {
            Filter.ALL: True,
            Filter.STOPPED: not one.is_check or one.colour is not Colour.GREEN,
            Filter.ALARMS: bool(one.alarm),
            Filter.ACTS: bool(one.act or one.fault),
            Filter.OWN: one.terminal == self._terminal,
        }
        return is_asked[self.filter]


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
