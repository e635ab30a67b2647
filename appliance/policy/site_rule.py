"""The rule of a site: what its gates do where the format leaves a choice. FORMAT.md section 5.6.

It travels as the text of a signed `rule` entry named "gate", in JSON:

    {"fresh_seconds": 3600, "stale_seconds": 259200, "static": "green", "number": "yellow",
     "stale_opens": [1, 2, 3], "time_zone": "Asia/Shanghai",
     "rules": [{"id": "hours", "reason": "R-TIME", "for": ["staff"], "logic": {...}}]}

README.md of this folder explains each key, and the presets beside it line by line.
"""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from appliance.policy import rule_fields as read_as
from appliance.policy.reasons import Reason
from appliance.policy.rule_fields import (
    CLASSES,
    DAY,
    USUAL_TERMS,
    Age,
    Fault,
    HoldOpen,
    InviteTerms,
    Reader,
)
from appliance.policy.rule_set import NO_RULES, RuleSet, rules_of
from appliance.policy.schedule import UTC, Window, Zone
from appliance.policy.verdict import Action
from ledger_sync.entries import MAX_RULE
from ledger_sync.errors import Refused

RULE_NAME = "gate"
MAX_FAULTS = 20  # faults named in one refusal; the rest are counted
HIGHEST_CLASS = 255  # of any check that is replayed

ZoneOf = Callable[[str], Zone]
"""A time zone by its IANA name; raises `Refused` for an unknown one."""


@dataclass(frozen=True, slots=True)
class SiteRule:
    """The choices of one site; the defaults are those of a residential compound."""

    fresh_seconds: int = 3_600  # ledger age up to which a green is a green
    stale_seconds: int = 3 * DAY  # up to here the classes of `stale_opens` pass, flagged
    stale_opens: tuple[int, ...] = (1, 2, 3)  # classes let in by a stale ledger or a nonce
    static: str = "green"  # best colour of a printed bearer pass
    number: str = "yellow"  # best colour of a card that shows nothing but its number
    old_seconds: int = 14 * DAY  # up to here the guard decides; behind it nobody is let in
    freshness: dict[int, dict[str, Any]] = field(default_factory=dict, hash=False)  # by class
    time_zone: str = "UTC"
    holidays: tuple[int, ...] = ()  # days since 1970-01-01
    curfew: tuple[Window, ...] = ()
    hold_open: tuple[HoldOpen, ...] = ()
    heard_seconds: int = 300  # within which every gate of a zone must have been heard
    lockdown_passes: int = 1 << CLASSES["emergency"]  # classes (mask) let in during a lockdown
    invites: InviteTerms = USUAL_TERMS
    soft: tuple[Reason, ...] = ()  # yellow reasons that open by themselves, flagged
    rules: RuleSet = NO_RULES
    zone: Zone = field(default=UTC, compare=False)
    digest: bytes = field(default=b"", compare=False)  # first 8 bytes of SHA-256 of the text
    ages: tuple[Age, ...] = field(default=(), init=False, compare=False)  # by class

    def __post_init__(self) -> None:
        ages = tuple(self._age_of(klass) for klass in range(HIGHEST_CLASS + 1))
        object.__setattr__(self, "ages", ages)

    def _age_of(self, klass: int) -> Age:
        when_stale = Action.OPEN if klass in self.stale_opens else Action.ASK
        usual = {"fresh_seconds": self.fresh_seconds, "stale_seconds": self.stale_seconds}
        usual |= {"old_seconds": self.old_seconds, "stale": when_stale, "old": Action.ASK}
        return Age(*(usual | self.freshness.get(klass, {})).values())


DEFAULT = SiteRule(digest=bytes(8))
_KEYS: dict[str, Reader] = {
    **read_as.SECONDS,
    "stale_opens": read_as.class_numbers,
    "static": read_as.one_of(read_as.COLOURS),
    "number": read_as.one_of(read_as.COLOURS),
    "freshness": read_as.freshness,
    "time_zone": read_as.text,
    "holidays": read_as.listed(read_as.day, "dates"),
    "curfew": read_as.listed(read_as.window, "windows"),
    "hold_open": read_as.listed(read_as.hold_open, "windows"),
    "heard_seconds": read_as.number(10, DAY),
    "lockdown_passes": read_as.class_mask,
    "invites": read_as.invite_terms,
    "soft": read_as.listed(read_as.soft_reason, "reasons"),
    "rules": rules_of,
}


@functools.lru_cache(maxsize=4)  # gates read it at every change of the ledger, and of orders
def read(text: bytes, zone_of: ZoneOf | None = None) -> SiteRule:
    """The rule in `text`. Raises `Refused` (R-SETTINGS) listing every fault in it.

    `zone_of` finds its time zone; without one only UTC is known.
    """
    pairs, is_repeated = _members(text)
    values: dict[str, Any] = {}
    faults = ["a key stands twice"] if is_repeated else []
    for key, value in pairs:
        try:
            values[key] = _value(key, value)
        except Fault as fault:
            faults.append(str(fault))
    if not faults:
        rule = SiteRule(**values, digest=hashlib.sha256(text).digest()[:8])
        faults = _ages_out_of_order(rule, values)
    if faults:
        more = len(faults) - MAX_FAULTS
        named = [*faults[:MAX_FAULTS], *([f"and {more} more"] if more > 0 else [])]
        if not {key for key, _ in pairs} <= _KEYS.keys():
            named.append(f"known are {', '.join(sorted(_KEYS))}")
        raise Refused("; ".join(named), reason="R-SETTINGS")
    object.__setattr__(rule, "zone", _zone(rule.time_zone, zone_of))
    return rule


def _zone(name: str, zone_of: ZoneOf | None) -> Zone:
    if zone_of is not None:
        return zone_of(name)
    if name != "UTC":
        raise Refused("time_zone: no time zones are at hand here", reason="R-SETTINGS")
    return UTC


def _members(text: bytes) -> tuple[list[tuple[str, Any]], bool]:
    """The members of the one JSON object in `text`; whether a key stands twice in any object:
    readers elsewhere would differ."""
    if len(text) > MAX_RULE:
        raise Refused(f"a rule of {len(text)} bytes, at most {MAX_RULE}", reason="R-SETTINGS")
    objects: list[list[tuple[str, Any]]] = []
    is_repeated = False

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal is_repeated
        objects[:] = [pairs]
        found = dict(pairs)
        is_repeated = is_repeated or len(found) != len(pairs)
        return found

    try:
        value = json.loads(text.decode(), object_pairs_hook=keep)
    except (ValueError, RecursionError):
        raise Refused("the rule is not JSON", reason="R-SETTINGS") from None
    if not isinstance(value, dict):
        raise Refused("the rule is not a JSON object", reason="R-SETTINGS")
    return objects[0], is_repeated  # the outermost object is finished last


def _value(key: str, value: Any) -> Any:
    reader = _KEYS.get(key)
    if reader is None:
        raise Fault(f"{key[:40]!r}: unknown")
    try:
        return reader(value)
    except Fault as fault:
        raise Fault(f"{key}: {fault}") from None


def _ages_out_of_order(rule: SiteRule, values: dict[str, Any]) -> list[str]:
    faults = []
    if rule.stale_seconds < rule.fresh_seconds:
        faults.append("stale_seconds: less than fresh_seconds")
    if "old_seconds" in values and rule.old_seconds < rule.stale_seconds:
        faults.append("old_seconds: less than stale_seconds")
    for name, klass in CLASSES.items():
        age = rule.ages[klass]
        if klass in rule.freshness and not age.fresh <= age.stale <= age.old:
            faults.append(f"freshness: {name}: fresh, stale and old must follow each other")
    return faults
