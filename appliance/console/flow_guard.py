"""Flows of the guard: unlocking with a PIN, locking, notes for the next, handing over. Pure."""

from typing import ClassVar

from appliance.console.effects import Done, Hand, Load, Loaded, Result, Sign, Unlock
from appliance.console.flow import Flow, Next, Room, Said, form, label
from appliance.console.lines import Line, Look
from appliance.console.panels import Page, Panel
from appliance.console.shift import Shift, lines_of
from appliance.gate.guard_keys import MIN_PIN
from appliance.gate.remote import Why
from appliance.gate.words import plain
from ledger_sync import act, remark


class Unlocking(Flow):
    """A name and a PIN; `then` is what the guard wanted to do."""

    def __init__(self, room: Room, then: Flow | None = None) -> None:
        only = room.post.guards[0] if len(room.post.guards) == 1 else ""
        name = label(room, "field.guard", text=only)
        name.quick = room.post.guards[:9]
        pin = label(room, "field.pin", least=MIN_PIN, hidden=True)
        made = form(room, "unlock.title", name, pin)
        made.at = 1 if only else 0
        self.panel: Panel = made
        self._then = then

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        return Unlock(values[0], values[1])

    def told(self, room: Room, result: Result) -> Next:
        if isinstance(result, Done):
            return self._then or Said(room.words("unlock.done", name=result.guard or ""))
        clear_hidden(self.panel)
        return super().told(room, result)


def clear_hidden(panel: Panel) -> None:
    """A wrong PIN is typed anew."""
    for one in getattr(panel, "fields", ()):
        if one.is_hidden:
            one.text = ""


class Noting(Flow):
    """A note for whoever comes next."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room) -> None:
        text = label(room, "field.note", least=remark.MIN_REASON)
        self.panel: Panel = form(room, "note.title", text)

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        return Sign(act.Kind.NOTE, said=values[0])

    def told(self, room: Room, result: Result) -> Next:
        if isinstance(result, Done):
            return Said(room.words("note.done"))
        return super().told(room, result)


class HandingOver(Flow):
    """First what happened, then who takes over signs as well."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room) -> None:
        self.panel: Panel = Page(room.words("handover.title"), [Line(f" {room.words('wait')}")])
        self.first = Load("shift")

    def told(self, room: Room, result: Result) -> Next:
        if not isinstance(result, Loaded) or result.shift is None:
            return super().told(room, result)
        return Summary(room, result.shift)


class Summary(Flow):
    """The shift on one page; enter goes on to who takes over."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room, shift: Shift) -> None:
        self._shift = shift
        shown = lines_of(shift, room.standing, room.now, room.words)
        notes = [
            Line(
                f"  {room.words.clock(at, room.now, room.standing.zone)} {plain(f'{who}: {said}')}"
            )
            for who, said, at in shift.notes
        ]
        text = [*(Line(f" {line}") for line in shown), *notes]
        text += [Line(""), Line(f" {room.words('handover.next')}", Look.TITLE)]
        self.panel: Panel = Page(room.words("handover.title"), text, confirm="enter")

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        return Relief(room, lines_of(self._shift, room.standing, room.now, room.english))


class Relief(Flow):
    """Who takes over: a name and a PIN."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room, lines: tuple[str, ...]) -> None:
        self._lines = lines
        others = tuple(name for name in room.post.guards if name != room.guard)
        name = label(room, "field.relief", text=others[0] if len(others) == 1 else "")
        name.quick = others[:9]
        pin = label(room, "field.pin", least=MIN_PIN, hidden=True)
        self.panel: Panel = form(room, "handover.relief", name, pin)

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        if values[0] == room.guard:
            self.panel.told = room.words("handover.same")
            return self
        return Hand(values[0], values[1], self._lines)

    def told(self, room: Room, result: Result) -> Next:
        if isinstance(result, Done):
            return Said(room.words("handover.done", name=result.guard or ""))
        if getattr(result, "why", "") != Why.GONE:
            clear_hidden(self.panel)
        return super().told(room, result)
