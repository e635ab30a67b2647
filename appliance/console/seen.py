"""What the console knows of one entry of a feed: a check or an alarm of a gate. Pure."""

from contextlib import suppress
from typing import NamedTuple

from appliance.policy.verdict import Action, Colour
from ledger_sync import feed
from ledger_sync.errors import Refused
from ledger_sync.gate_alarm import alarm_of


class Seen(NamedTuple):
    """Something that happened at a gate, as its terminal logged it.

    `at` is Unix seconds by that terminal's clock, `hlc` orders what several terminals logged.
    `colour`, `action` and `reasons` are those of a check; `alarm` is what an alarm is, else empty.
    `way` is 0 in, 1 out.
    """

    hlc: int
    terminal: str
    gate: str
    at: int
    way: int = 0
    colour: Colour = Colour.GREY
    action: Action = Action.DENY
    reasons: tuple[str, ...] = ()
    alarm: str = ""


def seen_of(terminal: str, entry: bytes) -> Seen | None:
    """What an entry of the feed of this terminal says; None for what is neither check nor alarm,
    or of a later version."""
    with suppress(Refused):
        alarm = alarm_of(entry)
        return Seen(alarm.hlc, terminal, alarm.gate, alarm.at, alarm=alarm.kind)
    with suppress(Refused, ValueError):
        check = feed.check_of(entry)
        colour, action = Colour(check.colour), Action(check.action)
        found = Seen(check.hlc, terminal, check.gate, check.at, check.way, colour, action)
        return found._replace(reasons=check.reasons)
    return None
