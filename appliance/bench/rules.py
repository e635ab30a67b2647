"""What twelve rules of a site cost beside the signature that a decision cannot do without."""

import json
from collections.abc import Sequence

from appliance.bench.measure import Row, Work, interleaved_ratio, row_of
from appliance.policy import site_rule
from appliance.policy.facts import NOWHERE, Facts
from appliance.policy.schedule import moment
from appliance.zones import zone_of


def _when(name: str) -> dict[str, str]:
    return {"var": f"external.{name}"}


_LOGICS = (
    {"<=": [0, _when("minute_of_day"), 1_439]},
    {"<=": [1, _when("weekday"), 7]},
    {"!": [_when("holiday")]},
    {"!": [_when("curfew")]},
    {"in": [{"var": "payload.class"}, ["resident", "household", "staff"]]},
    {">=": [{"var": "payload.assurance"}, 1]},
    {"!": [{"and": [_when("zone_heard"), {"===": [_when("last_direction"), "in"]}]}]},
    {"if": [_when("occupancy"), {"<": [_when("occupancy"), 2_000]}, True]},
    {"===": [_when("clock"), "GOOD"]},
    {"<": [_when("list_age"), 3_600]},
    {"if": [{"===": [{"var": "payload.class"}, "visitor"]}, _when("escort_present"), True]},
    {"<": [_when("use_count"), 100_000]},
)
RULES = [
    {"id": f"rule-{number}", "reason": "R-RULE", "logic": logic}
    for number, logic in enumerate(_LOGICS)
]
"""Twelve rules as sites write them, each of which holds for a resident."""


def row(facts: Facts, now: int, verifies: Sequence[Work], runs: int) -> Row:
    """Twelve rules of a site over the `facts` of a check, all of which hold, and the local time
    that a gate looks up for them; beside bare verifications."""
    zone = zone_of("Europe/Berlin")
    rule = site_rule.read(json.dumps({"rules": RULES}).encode())
    around = NOWHERE._replace(inside=40, heard=1, zone=0)
    facts = facts._replace(rule=rule)

    def judge() -> None:
        local = moment(zone, now)
        here = around._replace(minute=local.minute, weekday=local.weekday)
        assert rule.rules.finding(facts._replace(around=here), now) is None

    pairs = [(judge, verify) for verify in verifies]
    found = interleaved_ratio(pairs, runs=runs)
    return row_of("12 rules of a site / bare verify", found, at_most=2.0, aim=1.0)
