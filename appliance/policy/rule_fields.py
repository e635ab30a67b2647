"""The values in a rule's JSON, each checked and turned into what the gate works with. Pure.

A reader takes a value as JSON gave it and returns ours, or raises `Fault` with what is accepted.
site_rule.py says which key is read by which.
"""

import reprlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from appliance.passes.token import HolderClass
from appliance.policy.reasons import Reason
from appliance.policy.schedule import Window, day_of, minute_of
from appliance.policy.verdict import Action
from ledger_sync.entries import MAX_NAME

Reader = Callable[[Any], Any]
DAY = 86_400
COLOURS = ("green", "yellow", "red")
CLASSES = {klass.name.lower(): int(klass) for klass in HolderClass}
ACTIONS = {"open": Action.OPEN, "ask": Action.ASK, "deny": Action.DENY}
MAX_ITEMS = 400  # of a list in a rule
_EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]


class Fault(ValueError):
    """A value that is not accepted; the text says what is."""


class HoldOpen(NamedTuple):
    """Hours in which the gate of this name stands open; every gate if it is empty."""

    gate: str
    window: Window


class Age(NamedTuple):
    """How old the ledger may be for a class, in seconds: up to `fresh` it decides as it stands,
    up to `stale` a gate does `when_stale`, up to `old` `when_old`, and then lets nobody in."""

    fresh: int
    stale: int
    old: int
    when_stale: Action
    when_old: Action


class InviteTerms(NamedTuple):
    """What residents may give away: classes that may invite (mask), how long an invite with a key
    and one without may last (seconds), how many entries it may be for."""

    classes: int = 0b110
    keyed_seconds: int = 43_200
    bearer_seconds: int = 14_400
    uses: int = 20


USUAL_TERMS = InviteTerms()


def number(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Fault(f"{reprlib.repr(value)} is no whole number from {least} to {most}")
        return value

    return read


def one_of(choices: Iterable[str]) -> Reader:
    known = tuple(choices)

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise Fault(f"{reprlib.repr(value)} is none of {', '.join(known)}")
        return value

    return read


def listed(read_one: Reader, what: str) -> Reader:
    """A list of at most `MAX_ITEMS`, each read alike, as a tuple."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise Fault(f"{reprlib.repr(value)} is no list of at most {MAX_ITEMS} {what}")
        return tuple(map(read_one, value))

    return read


def class_numbers(value: Any) -> tuple[int, ...]:
    known = list(CLASSES.values())
    if not isinstance(value, list) or not all(type(one) is int and one in known for one in value):
        raise Fault(f"{reprlib.repr(value)} is no list of classes 1 to 8")
    return tuple(sorted(set(value)))


def class_mask(value: Any) -> int:
    """A list of class names as a mask."""
    mask = 0
    for name in listed(one_of(CLASSES), "classes")(value):
        mask |= 1 << CLASSES[name]
    return mask


def day(value: Any) -> int:
    found = day_of(value)
    if found is None:
        raise Fault(f"{reprlib.repr(value)} is no date such as '2026-10-01'")
    return found


def members(
    value: Any, readers: dict[str, Reader], required: Iterable[str] = ()
) -> dict[str, Any]:
    """The members of an object, each by its reader."""
    if not isinstance(value, dict):
        raise Fault(f"{reprlib.repr(value)} is no object")
    for key in value:
        if key not in readers:
            raise Fault(f"{key[:40]!r} is unknown; known are {', '.join(sorted(readers))}")
    for key in required:
        if key not in value:
            raise Fault(f"{key!r} is missing")
    return {key: _within(key, readers[key], one) for key, one in value.items()}


def _within(key: str, reader: Reader, value: Any) -> Any:
    try:
        return reader(value)
    except Fault as fault:
        raise Fault(f"{key}: {fault}") from None


def window(value: Any) -> Window:
    """`{"from": "22:00", "to": "24:00", "days": [1, 2]}`; one over midnight is two."""
    found = members(value, _WINDOW, ("from", "to"))
    return _window(found)


def hold_open(value: Any) -> HoldOpen:
    found = members(value, _WINDOW | {"gate": text}, ("from", "to"))
    return HoldOpen(found.get("gate", ""), _window(found))


def _window(found: dict[str, Any]) -> Window:
    if found["from"] >= found["to"]:
        raise Fault("it ends before it begins; hours over midnight are two windows")
    days = sum(1 << one for one in found.get("days", _EVERY_DAY))
    return Window(found["from"], found["to"], days)


def _minute(value: Any) -> int:
    found = minute_of(value)
    if found is None:
        raise Fault(f"{reprlib.repr(value)} is no time from '00:00' to '24:00'")
    return found


def _weekdays(value: Any) -> tuple[int, ...]:
    return tuple(sorted(set(listed(number(1, 7), "weekdays")(value))))


def text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or not value.isprintable():
        raise Fault(f"{reprlib.repr(value)} is no text of 1 to {MAX_NAME} characters")
    return value


def invite_terms(value: Any) -> InviteTerms:
    return InviteTerms(**members(value, _TERMS))


def freshness(value: Any) -> dict[int, dict[str, Any]]:
    """How old the ledger may be, by class: what stands there goes before what holds for all."""
    found = members(value, dict.fromkeys(CLASSES, lambda one: members(one, _AGE)))
    return {CLASSES[name]: ages for name, ages in found.items()}


def soft_reason(value: Any) -> Reason:
    return Reason(one_of(reason for reason in Reason if reason.startswith("Y-"))(value))


SECONDS = {
    "fresh_seconds": number(60, 30 * DAY),
    "stale_seconds": number(60, 90 * DAY),
    "old_seconds": number(60, 365 * DAY),
}
_ACTION = one_of(ACTIONS)
_AGE: dict[str, Reader] = {
    **SECONDS,
    "stale": lambda value: ACTIONS[_ACTION(value)],
    "old": lambda value: ACTIONS[one_of(("ask", "deny"))(value)],
}
_WINDOW: dict[str, Reader] = {"from": _minute, "to": _minute, "days": _weekdays}
_TERMS: dict[str, Reader] = {
    "classes": class_mask,
    "keyed_seconds": number(60, 31 * DAY),
    "bearer_seconds": number(60, 31 * DAY),
    "uses": number(1, 255),
}
