"""Flows of the gate: opening it by hand, orders to gates in two steps. Pure."""

import re
from typing import ClassVar

from appliance.console.effects import Done, Order, Result, Sign
from appliance.console.flow import Flow, Next, Room, Said, form, label
from appliance.console.lines import Line, Look
from appliance.console.panels import Listing, Page, Panel, Row
from appliance.policy.verdict import Action
from ledger_sync import act, order, remark

_NUMBER = re.compile(r"^[\d\W]+$|\d{6,}$")  # no reason; perhaps a PIN, which nobody must read
QUICK_REASONS = 6  # of the catalogue, typed by a digit
ASKED_SECONDS = 300  # a check that asks the guard is answered within that
CONFIRM = "y"
MEANT = {
    "lockdown": (order.Kind.LOCKDOWN, False),
    "lockdown.all": (order.Kind.LOCKDOWN, True),
    "release": (order.Kind.RELEASE, False),
    "release.all": (order.Kind.RELEASE, True),
    "curfew.all": (order.Kind.CURFEW, True),
    "free": (order.Kind.FREE, False),
}
"""Row of the list -> which order, and whether it is for all zones or those of this gate."""


class Opening(Flow):
    """The gate is opened by hand, with a reason."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room) -> None:
        reason = label(room, "field.reason", least=remark.MIN_REASON)
        reason.quick = tuple(room.words(f"reason_{n}") for n in range(1, QUICK_REASONS + 1))
        self.panel: Panel = form(room, "open.title", reason)
        self.panel.told = _asked(room)

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        if _NUMBER.search(values[0]):
            self.panel.told = room.words("open.number")
            return self
        return Sign(act.Kind.OPEN, room.post.gate, values[0])

    def told(self, room: Room, result: Result) -> Next:
        if isinstance(result, Done):
            return Said(room.words("open.done", gate=room.post.gate))
        return super().told(room, result)


def _asked(room: Room) -> str:
    """Who waits at the gate, if the newest check there asked the guard a moment ago."""
    own = [one for one in room.kept if one.terminal == room.post.terminal and one.is_check]
    if not own or own[-1].action is not Action.ASK or room.now - own[-1].at > ASKED_SECONDS:
        return ""
    why = own[-1].reasons[0] if own[-1].reasons else ""
    return room.words(f"reason.{why}") if why else ""


class Ordering(Flow):
    """First which order, then a yes."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room) -> None:
        rows = [Row(name, room.words(f"order.{name}")) for name in MEANT]
        stand = [room.words(f"order_kind.{one.kind.value}") for one in room.standing.orders]
        told = room.words("order.stands", what=", ".join(stand)) if stand else ""
        self.panel: Panel = Listing(room.words("order.title"), rows, "", told)

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        kind, is_everywhere = MEANT[values[0]]
        zones = order.ALL_ZONES if is_everywhere else room.post.zones
        if not zones:
            self.panel.told = room.words("order.no_zones")
            return self
        return Confirming(room, Order(kind, zones), values[0])


class Confirming(Flow):
    """The second step: what will happen, and one key for yes."""

    needs_guard: ClassVar[bool] = True

    def __init__(self, room: Room, effect: Order, name: str) -> None:
        self._effect = effect
        words = room.words
        text = [
            Line(f" {words(f'order.{name}')}", Look.ALARM),
            Line(f" {words(f'effect.{effect.kind.value}')}"),
            Line(""),
            Line(f" {words('confirm', key=CONFIRM)}", Look.TITLE),
        ]
        self.panel: Panel = Page(words("order.title"), text, confirm=CONFIRM)

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        return self._effect

    def told(self, room: Room, result: Result) -> Next:
        if isinstance(result, Done):
            return Said(
                room.words("order.done", what=room.words(f"order_kind.{self._effect.kind}"))
            )
        return super().told(room, result)
