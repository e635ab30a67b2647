"""Who else was at this gate a moment ago: escorts and second persons. Pure; owned by one thread.

Kept in memory only, for two minutes: a terminal that was just started has seen nobody, so who
needs company waits for it. People are told apart by subject, so that a card and a phone of one
person are not two people.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from appliance.passes.code import Form
from appliance.policy.facts import GUESTS, UNKNOWN, Facts
from appliance.policy.verdict import Action, Colour, Verdict
from ledger_sync.clock import Grade

REMEMBERED_SECONDS = 120
MAX_REMEMBERED = 16  # people kept; more pass no gate within the seconds that rules ask about

_COPIED = (Form.STATIC, Form.NUMBER)  # forms that whoever has a copy can show

SubjectOf = Callable[[bytes], str | None]
"""The subject of a pass by its handle, None for one that the ledger does not name."""


class Seen(NamedTuple):
    """Somebody who was let through, or might have been: the handle of the pass, its class, when
    (Unix seconds)."""

    handle: bytes
    klass: int
    at: int


def was_here(verdict: Verdict, facts: Facts) -> bool:
    """Whether a person with a pass of their own stood at the gate: who was let in, or proved a key
    at a known time and waits for company. A copied card or an old picture of a code proves nobody.
    """
    if facts.form in GUESTS or verdict.colour is Colour.RED:
        return False
    is_proven = facts.grade != Grade.POOR and facts.form not in _COPIED
    return verdict.action is Action.OPEN or is_proven


class Company:
    """The last people at a gate."""

    def __init__(self, subject_of: SubjectOf) -> None:
        self._subject_of = subject_of
        self._seen: deque[Seen] = deque(maxlen=MAX_REMEMBERED)

    def note(self, handle: bytes, klass: int, at: int) -> None:
        """Somebody with a pass of their own came through."""
        self._seen.append(Seen(handle, klass, at))

    def escort_age(self, host: bytes, now: int) -> int:
        """Seconds since the host with this handle was here, by whatever carrier."""
        who = self._person(host)
        ages = [now - one.at for one in self._lately(now) if self._person(one.handle) == who]
        return min(ages, default=UNKNOWN)

    def second(self, handle: bytes, now: int) -> tuple[int, int]:
        """Seconds since somebody else than this one was here, and of which class."""
        who = self._person(handle)
        others = [one for one in self._lately(now) if self._person(one.handle) != who]
        if not others:
            return UNKNOWN, 0
        last = max(others, key=lambda one: one.at)
        return now - last.at, last.klass

    def _lately(self, now: int) -> list[Seen]:
        """What a clock that was set since cannot make older or newer than it is."""
        return [one for one in self._seen if 0 <= now - one.at <= REMEMBERED_SECONDS]

    def _person(self, handle: bytes) -> str | bytes:
        return self._subject_of(handle) or handle
