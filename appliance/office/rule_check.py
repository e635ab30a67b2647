"""What a rule says, before it is enacted: faults in it, and its verdict on a table of examples.

Computes only. A rule that cannot be read at all is refused by policy/site_rule.py, which names
every unknown fact, missing reason and malformed logic; here is what reads well and is wrong.
"""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from appliance.passes.code import Form
from appliance.passes.verify import REQUIRED
from appliance.policy.facts import NOWHERE, UNKNOWN, Around, Audience, Direction, Facts, Order
from appliance.policy.reasons import Reason
from appliance.policy.rule_fields import CLASSES
from appliance.policy.rule_set import Rule, RuleSet
from appliance.policy.rules import decide
from appliance.policy.schedule import MINUTES
from appliance.policy.site_rule import SiteRule
from appliance.policy.verdict import Verdict
from ledger_sync.clock import Grade
from ledger_sync.errors import Refused

NOW = 1_798_704_000  # 2026-12-31T08:00Z, a Thursday; examples state their own minute
DRAWS = 4_000  # random situations in which each rule is looked for
DAY = 86_400
_ALL = 0x1FE
_OF_RULES = (Reason.PASSBACK, Reason.ESCORT, Reason.SECOND, Reason.ASK)


class Example(NamedTuple):
    """A person at a gate, in words and as facts."""

    who: str
    facts: Facts


def examples(rule: SiteRule) -> list[Example]:
    """People at a gate under this rule, each differing from the first ones in what is said."""
    noon, night, known = 720, 1_410, {"zone": 0, "heard": 1, "inside": 40, "unsure": 2}
    day = NOWHERE._replace(minute=noon, weekday=4, **known)
    late = day._replace(minute=night, orders=_curfew(rule, night))
    inside = day._replace(zone_way=0, zone_at=NOW - 3_600)
    return [
        Example("resident, Thursday noon", _facts(rule, "resident", day)),
        Example("resident, 23:30", _facts(rule, "resident", late)),
        Example("resident who is inside by the log", _facts(rule, "resident", inside)),
        Example("the same, a gate of the zone silent",
                _facts(rule, "resident", inside._replace(heard=0))),
        Example("resident on the way out, lockdown",
                _facts(rule, "resident", day._replace(orders=1), direction=Direction.OUT)),
        Example("resident, lockdown", _facts(rule, "resident", day._replace(orders=1))),
        Example("resident, the office set a condition", _facts(rule, "resident", day, status=3)),
        Example("resident, revoked", _facts(rule, "resident", day, status=1)),
        Example("resident, ledger 2 days old",
                _facts(rule, "resident", day, quorum_time=NOW - 2 * DAY)),
        Example("resident, ledger 20 days old",
                _facts(rule, "resident", day, quorum_time=NOW - 20 * DAY)),
        Example("resident, the gate has no time",
                _facts(rule, "resident", NOWHERE._replace(zone=0), grade=Grade.POOR)),
        Example("staff, Thursday noon", _facts(rule, "staff", day)),
        Example("staff, Sunday noon", _facts(rule, "staff", day._replace(weekday=7))),
        Example("staff, 23:30", _facts(rule, "staff", late)),
        Example("staff, 23:30, a colleague 5 s ago",
                _facts(rule, "staff", late._replace(second_age=5, second_class=3))),
        Example("staff, the gate has no time",
                _facts(rule, "staff", NOWHERE._replace(zone=0), grade=Grade.POOR)),
        Example("visitor, Thursday noon", _facts(rule, "visitor", day)),
        Example("visitor, 23:30, host 10 s ago",
                _facts(rule, "visitor", late._replace(escort_age=10))),
        Example("visitor who is inside by the log", _facts(rule, "visitor", inside)),
        Example("visitor, 5,000 people inside",
                _facts(rule, "visitor", day._replace(inside=5_000))),
        Example("visitor, ledger 2 days old",
                _facts(rule, "visitor", day, quorum_time=NOW - 2 * DAY)),
        Example("courier, Thursday noon", _facts(rule, "courier", day)),
        Example("courier, 23:30", _facts(rule, "courier", late)),
        Example("emergency service, lockdown", _facts(rule, "emergency", day._replace(orders=1))),
        Example("an item carried in", _facts(rule, "item", day)),
        Example("a printed pass of a resident", _facts(rule, "resident", day, form=Form.STATIC,
                marks=REQUIRED[Form.STATIC], assurance=0, code_at=0)),
        Example("a bare card number of a resident", _facts(rule, "resident", day,
                form=Form.NUMBER, marks=REQUIRED[Form.NUMBER], assurance=0, code_at=0)),
    ]  # fmt: skip


def judged(example: Example) -> Verdict:
    return decide(example.facts, NOW)


def _curfew(rule: SiteRule, minute: int) -> int:
    is_curfew = any(one.begin <= minute < one.end for one in rule.curfew)
    return int(Order.CURFEW) if is_curfew else 0


def _facts(rule: SiteRule, klass: str, around: Around, **more: Any) -> Facts:
    terms: dict[str, Any] = {
        "form": int(Form.REFERENCE),
        "refused": "",
        "marks": REQUIRED[Form.REFERENCE],
        "gate_zones": 1,
        "klass": CLASSES[klass],
        "zones": 1,
        "assurance": 2,
        "issued_at": NOW - DAY,
        "expires_at": NOW + DAY,
        "issuer_until": NOW + DAY,
        "issuer_classes": _ALL,
        "audience": Audience.SITE,
        "code_at": NOW,
        "quorum_time": NOW,
        "floor": NOW - DAY,
    }
    return Facts(**(terms | more), around=around, rule=rule)


def warnings(rule: SiteRule) -> Iterator[str]:
    """What reads well and is wrong, one sentence each."""
    for number, one in enumerate(rule.rules):
        yield from _shadowed(one, rule.rules[:number])
    decided, broken = _deciding(rule)
    for name, why in broken.items():
        yield f"rule {name!r} cannot be computed in some situation ({why}): it gives G-RULE there"
    for one in rule.rules:
        if one.name not in decided | broken.keys():
            yield (
                f"rule {one.name!r} decides in none of {DRAWS:,} situations: it never fails, or "
                "one before it always fails first"
            )
    yield from _unused(rule)


def _shadowed(one: Rule, before: Sequence[Rule]) -> Iterator[str]:
    for other in before:
        is_same = other.logic == one.logic and not one.ways & ~other.ways
        if is_same and not one.classes & ~other.classes:
            yield f"rule {one.name!r} is unreachable: {other.name!r} says the same before it"


def _unused(rule: SiteRule) -> Iterator[str]:
    given = {one.reason for one in rule.rules}
    for reason in rule.soft:
        if reason in _OF_RULES and reason not in given:
            yield f"soft: no rule gives {reason}"
    asks_curfew = "external.curfew" in rule.rules.reads
    if rule.curfew and not asks_curfew:
        yield "curfew: no rule asks for external.curfew, so it does nothing"


def hints(rule: SiteRule) -> Iterator[str]:
    """What may well be meant."""
    if rule.time_zone == "UTC" and any(one.needs_time for one in rule.rules):
        yield "time_zone: the hours in this rule are UTC; name the site's own zone"


def _deciding(rule: SiteRule) -> tuple[set[str], dict[str, str]]:
    """The names of rules that some situation fails first; and of those that one of them leaves
    without an answer, and why."""
    draw = random.Random(1)  # noqa: S311 - a draw of situations, the same each time
    numbers = sorted(_numbers([json.loads(one.logic) for one in rule.rules]))
    found: set[str] = set()
    broken: dict[str, str] = {}
    for _ in range(DRAWS):
        facts = _drawn(rule, draw, numbers)
        try:
            failed = rule.rules.failing(facts, NOW)
        except Refused as refused:
            broken.setdefault(_culprit(rule, facts), str(refused))
            continue
        if failed is not None:
            found.add(failed.name)
    return found, broken


def _culprit(rule: SiteRule, facts: Facts) -> str:
    """The name of the first rule that these facts leave without an answer."""
    for one in rule.rules:
        try:
            RuleSet((one,)).failing(facts, NOW)
        except Refused:
            return one.name
    return ""


def _numbers(value: Any) -> set[int]:
    """Every whole number in a logic, and its neighbours: where rules turn."""
    if isinstance(value, dict):
        return _numbers(list(value.values()))
    if isinstance(value, list):
        return set().union(*map(_numbers, value))
    return {value - 1, value, value + 1} if type(value) is int else set()


def _drawn(rule: SiteRule, draw: random.Random, numbers: list[int]) -> Facts:
    def number(most: int) -> int:
        near = [one for one in numbers if 0 <= one <= most]
        return draw.choice(near) if near and draw.random() < 0.5 else draw.randint(0, most)

    ages = [UNKNOWN, number(UNKNOWN), number(120)]
    around = Around(
        *(number(MINUTES - 1), draw.randint(1, 7), draw.randint(0, 1), draw.randint(0, 3), 0),
        *(draw.choice((-1, 0, 1)), NOW - number(2 * DAY), draw.randint(0, 1)),
        *(draw.choice((UNKNOWN, number(UNKNOWN - 1))), number(100)),
        *(draw.choice(ages), draw.choice(ages), draw.randint(0, 8)),
    )
    form = draw.choice((Form.REFERENCE, Form.SELF_CONTAINED, Form.STATIC, Form.TAP, Form.NUMBER))
    return _facts(
        rule,
        draw.choice(list(CLASSES)),
        around,
        form=int(form),
        marks=REQUIRED[form],
        direction=draw.randint(0, 1),
        assurance=draw.randint(0, 5),
        zones=draw.choice((1, 3)),
        status=draw.choice((0, 0, 3)),
        uses=number(300),
        seen_at=NOW - number(2 * DAY),
        quorum_time=NOW - number(2 * DAY),
        issued_at=NOW - number(30 * DAY),
        expires_at=NOW + number(30 * DAY),
        nonce=draw.randint(0, 1),
        grade=draw.choice((Grade.GOOD, Grade.FAIR)),
    )
