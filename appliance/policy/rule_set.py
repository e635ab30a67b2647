"""The rules that a site writes itself: CertLogic over named facts, the first that fails decides.

    {"id": "staff-hours", "reason": "R-TIME", "for": ["staff"],
     "logic": {"and": [{"<=": [420, {"var": "external.minute_of_day"}, 1140]},
                       {"<=": [{"var": "external.weekday"}, 5]}]}}

A rule holds if its logic gives true, and fails otherwise; its reason's first letter is its colour.
Pure, and total at the gate: what cannot be computed is a reason, too.
"""

import json
import reprlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from appliance.policy import certlogic
from appliance.policy.fact_names import FACTS, TIMES, Look
from appliance.policy.reasons import Reason
from appliance.policy.rule_fields import Fault, class_mask, listed, members, one_of, text
from ledger_sync.errors import Refused

if TYPE_CHECKING:
    from appliance.policy.facts import Facts

MAX_RULES = 64
EVERY_CLASS = -1
WAYS = {"in": 0b01, "out": 0b10, "both": 0b11}
_REASONS = [reason for reason in Reason if reason[0] in "RYG"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `classes` is a mask of whom it is for, `ways` of the ways it is asked on; `reads`
    the names of the facts it asks."""

    name: str
    reason: Reason
    classes: int
    ways: int  # mask: bit 0 in, bit 1 out
    logic: str  # JSON, to tell two rules apart
    reads: frozenset[str] = frozenset()
    holds: Callable[[Any], Any] = field(default=bool, compare=False)
    looks: tuple[tuple[str, str, Look], ...] = field(default=(), init=False, compare=False)
    needs_time: bool = field(default=False, init=False, compare=False)

    def __post_init__(self) -> None:
        names = sorted(self.reads)
        looks = tuple((*name.split(".", 1), FACTS[name]) for name in names)
        object.__setattr__(self, "looks", looks)
        object.__setattr__(self, "needs_time", not self.reads.isdisjoint(TIMES))


class Timeless(Exception):
    """A rule asks for the time, which the gate does not know."""


class RuleSet(tuple[Rule, ...]):
    """Rules in their order."""

    __slots__ = ()

    @property
    def reads(self) -> frozenset[str]:
        """The names of all facts that some rule asks."""
        return frozenset().union(*(rule.reads for rule in self))

    def failing(self, facts: "Facts", now: int) -> Rule | None:
        """The first rule that does not hold, None if all do. Raises `Refused` for one that cannot
        be computed, `Timeless` for one that asks what a gate without time cannot know."""
        known: dict[str, dict[str, Any]] = {"payload": {}, "external": {}}
        for rule in self:
            if not (rule.classes >> facts.klass & 1 and rule.ways >> facts.direction & 1):
                continue
            if rule.needs_time and facts.around.minute < 0:
                raise Timeless
            for where, key, look in rule.looks:
                known[where][key] = look(facts, now)
            if rule.holds(known) is not True:
                return rule
        return None

    def finding(self, facts: "Facts", now: int) -> Reason | None:
        """The reason of the first rule that does not hold, None if all do. Total."""
        try:
            failed = self.failing(facts, now)
        except Timeless:
            return Reason.TIMELESS
        except Refused:
            return Reason.UNRULED
        return None if failed is None else failed.reason


NO_RULES = RuleSet()


def rules_of(value: Any) -> RuleSet:
    """The rules in a list of a rule's JSON. Raises `Fault`."""
    if isinstance(value, list) and len(value) > MAX_RULES:
        raise Fault(f"{len(value)} rules, at most {MAX_RULES}")
    found = RuleSet(listed(_rule, "rules")(value))
    names = [rule.name for rule in found]
    for name in names:
        if names.count(name) > 1:
            raise Fault(f"two rules have the id {name!r}")
    return found


def _rule(value: Any) -> Rule:
    found = members(value, _RULE, ("id", "reason", "logic"))
    name, logic = found["id"], found["logic"]
    try:
        holds, paths = certlogic.compiled(logic), certlogic.variables(logic)
    except Refused as refused:
        raise Fault(f"{name}: {refused}") from None
    reads = frozenset(map(_fact, paths))
    classes = found.get("for", EVERY_CLASS)
    ways = WAYS[found.get("way", "in")]
    return Rule(name, Reason(found["reason"]), classes, ways, json.dumps(logic), reads, holds)


def _fact(path: str) -> str:
    """The name of the fact that a path reads; `payload.zones.0` reads `payload.zones`."""
    name = ".".join(path.split(".")[:2])
    if name not in FACTS:
        raise Fault(f"{reprlib.repr(path)} is no fact; known are {', '.join(FACTS)}")
    return name


_RULE = {
    "id": text,
    "reason": one_of(_REASONS),
    "for": class_mask,
    "note": text,
    "way": one_of(WAYS),
    "logic": lambda value: value,
}
