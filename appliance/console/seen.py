"""What the console knows of one entry of a feed: a check, an alarm, an act of a guard. Pure."""

from contextlib import suppress
from typing import NamedTuple

from appliance.policy.facts import sources_in
from appliance.policy.verdict import Action, Colour
from ledger_sync import feed
from ledger_sync.act import Act, Kind
from ledger_sync.acts import Done
from ledger_sync.clock import Grade
from ledger_sync.errors import Refused
from ledger_sync.gate_alarm import alarm_of

_NOBODY = bytes(16)
POOR = int(Grade.POOR)


class Seen(NamedTuple):
    """Something that happened at a gate, as its terminal logged it. `is_proven`: whoever showed it
    proved to hold the pass or invite of the pseudonym; others may only have named it.

    `at` is Unix seconds by that terminal's clock, `hlc` orders what several terminals logged.
    `colour`, `action` and `reasons` are those of a check; `alarm` is what an alarm is, else empty.
    `way` is 0 in, 1 out. `pseudonym` links the checks of one credential for a day, `shown` names
    what was presented. `act` is what a guard did, with `said` beside it; `fault` says why one does
    not count (acts.FORGED, UNREAD). `grade` and `heard_at` are of a check: the terminal's clock,
    and the quorum time of the ledger it judged by. `software` is what made it, by the opening of
    its feed.
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
    pseudonym: bytes = _NOBODY
    shown: bytes = _NOBODY
    act: Act | None = None
    said: str = ""
    fault: str = ""
    grade: int = 0
    heard_at: int = 0
    is_proven: bool = False
    software: str = ""

    @property
    def is_check(self) -> bool:
        return not (self.alarm or self.act or self.fault)

    @property
    def order(self) -> tuple[int, str]:
        """Where it stands among all that happened."""
        return self.hlc, self.terminal


def seen_of(terminal: str, entry: bytes, software: str = "") -> Seen | None:
    """What an entry says, of the feed of this terminal, made by this software; None for what is
    neither check nor alarm, or of a later version."""
    with suppress(Refused):
        alarm = alarm_of(entry)
        return Seen(alarm.hlc, terminal, alarm.gate, alarm.at, alarm=alarm.kind)
    with suppress(Refused, ValueError):
        check = feed.check_of(entry)
        colour, action = Colour(check.colour), Action(check.action)
        found = Seen(check.hlc, terminal, check.gate, check.at, check.way, colour, action)
        grade, heard_at, is_proven = _sources(check.facts)
        return found._replace(
            reasons=check.reasons, pseudonym=check.pseudonym, shown=check.digest,
            grade=grade, heard_at=heard_at, software=software,
            is_proven=is_proven and any(check.pseudonym),
        )  # fmt: skip
    return None


def _sources(facts: bytes) -> tuple[int, int, bool]:
    """Clock and ledger of a check, and whether it was proven; unknown for facts of a later
    version."""
    try:
        return sources_in(facts)
    except Refused:
        return POOR, 0, False


def seen_act(done: Done) -> Seen:
    """An act of a guard as the console lists it."""
    is_opening = done.act is not None and done.act.deed.kind is Kind.OPEN
    gate = done.act.deed.object if done.act and is_opening else done.terminal
    found = Seen(done.hlc, done.terminal, gate, done.at, act=done.act, said=done.said)
    return found._replace(fault=done.fault)
