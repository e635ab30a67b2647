"""Flows of people: visitors in and out, a code looked up, denying, who is inside. Pure."""

from typing import ClassVar

from appliance.console.effects import Deny, Done, Judged, Load, Loaded, Look, Result, Sign
from appliance.console.flow import Flow, Next, Room, Said, form, label
from appliance.console.flow_gate import CONFIRM
from appliance.console.lines import Line, fit
from appliance.console.lines import Look as Looks
from appliance.console.panels import Listing, Page, Panel, Row
from appliance.console.rows import LOOKS, headline, version_of
from appliance.console.seen import Seen
from appliance.gate.visitors import IN, Visitor
from appliance.gate.words import plain
from ledger_sync import act

NEW, STANDS = "new", "stands"  # rows that stand for nobody who came
MAX_DENIED = 40  # checks to choose from
COLOUR = 8  # columns of the word for one
SHORT = 8  # digits of a visitor's name that a person can compare


def name_of(one: Visitor, room: Room) -> str:
    """What a guard typed, for a guard who unlocked; else the beginning of the invite's name."""
    return (plain(one.name) if room.guard else "") or room.words(
        "visitor.unnamed", short=one.key[:SHORT]
    )


def visitor_row(one: Visitor, room: Room) -> Row:
    """A visitor in one line."""
    when = room.words.clock(one.at, room.now, room.standing.zone)
    way = room.words("visitor.inside" if one.way == IN else "visitor.left")
    late = f"  {room.words('visitor.overdue')}" if one.is_overdue(room.now) else ""
    text = f"{fit(name_of(one, room), 34)} {fit(way, 8)} {fit(plain(one.gate), 12)} {when}{late}"
    return Row(one.key, text, Looks.ALARM if late else Looks.PLAIN)


class Visiting(Flow):
    """Visitors of two days by name; who is chosen goes in, or out again."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room, *, overdue: bool = False) -> None:
        self.first = Load("visitors")
        self._is_overdue = overdue
        self._found: dict[str, Visitor] = {}
        title = room.words("overdue.title" if overdue else "visitor.title")
        self.panel: Panel = Listing(title, [], room.words("wait"))

    def told(self, room: Room, result: Result) -> Next:
        if isinstance(result, Loaded):
            shown = [one for one in result.visitors if self._is_listed(one, room)]
            self._found = {one.key: one for one in shown}
            new = [] if self._is_overdue else [Row(NEW, room.words("visitor.new"), Looks.TITLE)]
            rows = [*new, *(visitor_row(one, room) for one in shown)]
            self.panel = Listing(self.panel.title, rows, room.words("visitor.nobody"))
            return self
        return super().told(room, result)

    def _is_listed(self, one: Visitor, room: Room) -> bool:
        return not self._is_overdue or one.is_overdue(room.now)

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        if values[0] == NEW:
            return Arriving(room)
        one = self._found[values[0]]
        return Passing(room, one.key, name_of(one, room), is_in=one.way != IN)


class Arriving(Flow):
    """Somebody without an invite comes in: a name, and whom they visit."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room, key: str = "") -> None:
        self._key = key
        who = label(room, "field.visitor", least=2)
        host = label(room, "field.host", least=0)
        self.panel: Panel = form(room, "visitor.arrives", who, host)

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        return Sign(act.Kind.IN, self._key, ", ".join(filter(None, values)))

    def told(self, room: Room, result: Result) -> Next:
        if isinstance(result, Done):
            return Said(room.words("visitor.is_in"))
        return super().told(room, result)


class Passing(Flow):
    """A known visitor goes in or out, after a yes."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room, key: str, name: str, *, is_in: bool) -> None:
        self._key, self._is_in = key, is_in
        asked = room.words("visitor.in?" if is_in else "visitor.out?", name=name)
        text = [Line(f" {asked}"), Line(""), Line(f" {room.words('enter_yes')}", Looks.TITLE)]
        self.panel: Panel = Page(room.words("visitor.title"), text, confirm="enter")

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        return Sign(act.Kind.IN if self._is_in else act.Kind.OUT, self._key)

    def told(self, room: Room, result: Result) -> Next:
        if isinstance(result, Done):
            return Said(room.words("visitor.is_in" if self._is_in else "visitor.is_out"))
        return super().told(room, result)


class LookingUp(Flow):
    """What a gate would say of a code that a hand scanner types, or that is pasted."""

    takes_codes: ClassVar[bool] = True

    def __init__(self, room: Room) -> None:
        self.panel: Panel = form(room, "look.title", label(room, "field.code", least=4))

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        return Look(values[0])

    def told(self, room: Room, result: Result) -> Next:
        return Looked(room, result) if isinstance(result, Judged) else super().told(room, result)


class Looked(Flow):
    """The answer; a visitor can be checked in from here."""

    def __init__(self, room: Room, found: Judged) -> None:
        words = room.words
        self._visitor = found.visitor
        reasons = [words(f"reason.{one}") for one in found.verdict.reasons] or [words("all_holds")]
        text = [Line(f" {headline(found.verdict, words)}", LOOKS[found.verdict.colour])]
        text += [Line(f" {one}") for one in reasons]
        if found.holder:
            until = room.words.clock(found.until, found.until, room.standing.zone)
            days = max(0, found.until - room.now)
            who = words(f"class.{found.holder}")
            text.append(Line(f" {words('look.holder', who=who, age=words.age(days), time=until)}"))
        text.append(Line(f" {words('look.nothing_opened')}", Looks.DIM))
        if found.visitor:
            text.append(Line(f" {words('look.check_in')}", Looks.TITLE))
        confirm = "enter" if found.visitor else ""
        self.panel: Panel = Page(words("look.title"), text, confirm=confirm)

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        return Load("visitors")

    def told(self, room: Room, result: Result) -> Next:
        if not isinstance(result, Loaded):
            return super().told(room, result)
        known = next((one for one in result.visitors if one.key == self._visitor), None)
        if known is None or known.way != IN:
            return Arriving(room, self._visitor)
        return Passing(room, known.key, name_of(known, room), is_in=False)


class Denying(Flow):
    """Whose check it was is denied for a day: first which, then a yes."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room) -> None:
        checks = [one for one in reversed(room.kept) if one.is_proven]
        self.first = Load("denied")
        self._checks = {str(number): one for number, one in enumerate(checks[:MAX_DENIED])}
        self.panel: Panel = Listing(room.words("deny.title"), [], room.words("wait"))

    def told(self, room: Room, result: Result) -> Next:
        if not isinstance(result, Loaded):
            return super().told(room, result)
        rows = [Row(key, check_line(one, room)) for key, one in self._checks.items()]
        names = {one.key: one.name for one in result.visitors}
        for one in result.denied:
            until = room.words.clock(one.until, room.now, room.standing.zone)
            who = room.words("deny.visitor" if one.is_visitor else "deny.pass")
            name = plain(names.get(one.name, "")) or one.name[:SHORT]
            text = room.words("deny.stands", who=who, name=name, time=until)
            rows.append(Row(STANDS, text, Looks.RED))
        self.panel = Listing(self.panel.title, rows, room.words("nothing"))
        return self

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        if values[0] == STANDS:
            self.panel.told = room.words("deny.lapses")
            return self
        return DenyingOne(room, self._checks[values[0]])


def check_line(one: Seen, room: Room) -> str:
    """A check in one line."""
    when = fit(room.words.clock(one.at, room.now, room.standing.zone), 7)
    short = one.pseudonym.hex()[:SHORT]
    place = fit(plain(one.terminal), 14)
    colour = room.words(f"colour.{one.colour.name}")
    return f"{when} {place} {short}  {fit(colour, COLOUR)}  {version_of(one)}".rstrip()


class DenyingOne(Flow):
    """The second step of a denial."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room, one: Seen) -> None:
        self._one = one
        text = [
            Line(f" {check_line(one, room)}"),
            Line(f" {room.words('deny.effect')}"),
            Line(""),
            Line(f" {room.words('confirm', key=CONFIRM)}", Looks.TITLE),
        ]
        self.panel: Panel = Page(room.words("deny.title"), text, confirm=CONFIRM)

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        return Deny(self._one.pseudonym, self._one.at)

    def told(self, room: Room, result: Result) -> Next:
        if isinstance(result, Done):
            return Said(room.words("deny.done"))
        return super().told(room, result)


class Mustering(Flow):
    """Who is inside by the logs, to be ticked off; nothing of it is kept."""

    def __init__(self, room: Room) -> None:
        self.first = Load("inside")
        self.panel: Panel = Listing(room.words("inside.title"), [], room.words("wait"))

    def told(self, room: Room, result: Result) -> Next:
        if not isinstance(result, Loaded):
            return super().told(room, result)
        words = room.words
        names = {one.key: one.name for one in result.visitors if one.name and room.guard}
        rows = []
        for zone in result.inside:
            count = words("inside.zone", zone=zone.zone, count=zone.known, unsure=zone.unsure)
            rows.append(Row(f"z{zone.zone}", count, Looks.TITLE))
            for key, at in zone.people:
                who = plain(names.get(key, "")) or words("inside.person", short=key[:SHORT])
                since = room.words.clock(at, room.now, room.standing.zone)
                rows.append(Row(f"{zone.zone}/{key}", f"  {fit(who, 34)} {since}"))
        known = {key for zone in result.inside for key, _ in zone.people}
        for one in result.visitors:
            if one.way == IN and one.key not in known:
                rows.append(Row(f"v/{one.key}", f"  {visitor_row(one, room).text}"))
        panel = Listing(self.panel.title, rows, words("inside.nobody"), is_marking=True)
        self.panel = panel
        return self

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        assert isinstance(self.panel, Listing)
        self.panel.marks ^= set(values)
        return self
