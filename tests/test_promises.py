"""What no rule, order or state may change: ways out open, fires open, without time nothing is
green that time bounds, and a verdict follows from its facts alone."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_facts import any_facts
from test_machine import CONFIG
from test_rule_set import logics
from test_rules import FACTS as GREEN
from test_rules import NOW

from appliance.gate import machine
from appliance.gate.company import Company
from appliance.gate.door import Output
from appliance.gate.events import Event, Fact
from appliance.gate.surroundings import Surroundings, Who
from appliance.policy.facts import NOWHERE, Direction, Gate, Nonce
from appliance.policy.reasons import Reason
from appliance.policy.rules import decide
from appliance.policy.schedule import moment
from appliance.policy.site_rule import read
from appliance.policy.verdict import Action, Colour
from appliance.zones import zone_of
from ledger_sync.clock import Grade, Reading, grade_of
from ledger_sync.errors import Refused
from ledger_sync.orders import InForce

DAY, YEAR = 86_400, 365 * 86_400
times = st.integers(0, 2**53)
SHUT = read(
    json.dumps(
        {
            "static": "red",
            "number": "red",
            "stale_opens": [],
            "lockdown_passes": [],
            "invites": {"classes": []},
            "rules": [{"id": "nobody", "reason": "R-FULL", "way": "both", "logic": False}],
        }
    ).encode()
)
"""A rule that lets nobody in."""


@pytest.mark.long
@settings(max_examples=500, deadline=None)
@given(any_facts, times, st.lists(logics, max_size=3))
def test_no_colour_lockdown_passback_or_full_house_blocks_the_way_out(facts, now, made):
    """Any facts under any rule: on the way out the action is OPEN."""
    rules = [
        {"id": str(n), "reason": "R-APB", "way": "both", "logic": logic}
        for n, logic in enumerate(made)
    ]
    try:
        rule = read(json.dumps({"rules": rules}).encode())
    except Refused:
        rule = SHUT
    locked = facts.around._replace(orders=3, zone_way=0, inside=65_534)

    for one in (rule, SHUT):
        way_out = facts._replace(direction=Direction.OUT, around=locked, rule=one)
        assert decide(way_out, now).action is Action.OPEN


def test_the_rule_that_lets_nobody_in_does_so():
    assert decide(GREEN._replace(rule=SHUT), NOW).action is Action.DENY


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(Event), max_size=30), st.integers(1, 5_000))
def test_a_fire_opens_whatever_else_happened_and_holds(events, pause):
    """Any events, then a fire: the relay is held, and stays so through a lockdown."""
    at, gate = 0, machine.begin(CONFIG, 0)
    for event in events:
        at += pause
        gate, _ = machine.step(gate, event, at)

    gate, said = machine.step(gate, Event.FIRE_ON, at + 1)
    later, _ = machine.step(gate, Event.LOCKDOWN_SET, at + 2)

    assert machine.standing(gate).fail_safe_held
    assert gate.is_held or Output.HOLD in said or Fact.RELAY_FAILED in gate.facts
    assert machine.standing(later).fail_safe_held
    assert machine.refusal_of_entry(later) is not None


CLOCKS = {
    "1970": (0, Grade.POOR),
    "a day back": (NOW - DAY, Grade.POOR),
    "ten years on": (NOW + 10 * YEAR, Grade.FAIR),
    "thirty years on": (NOW + 30 * YEAR, Grade.POOR),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_that_cannot_be_right_is_poor_and_one_that_may_be_is_not_believed_for_freshness(
    name,
):
    now, grade = CLOCKS[name]
    reading = Reading(now, synchronised=False, error_seconds=9, has_chip=True)
    assert grade_of(reading, NOW) is grade

    facts = GREEN._replace(grade=grade, expires_at=NOW + 40 * YEAR, code_at=now, last_at=-1)
    verdict = decide(facts._replace(issuer_until=2**53), now)

    assert verdict.colour is Colour.GREY
    expected = Reason.CLOCK if grade == Grade.POOR else Reason.OLD_STATUS
    assert expected in verdict.reasons
    assert verdict.action is not Action.OPEN


HOURS = read(
    json.dumps(
        {
            "time_zone": "Europe/Berlin",
            "rules": [
                {
                    "id": "night-shift",
                    "reason": "R-TIME",
                    "logic": {"<=": [60, {"var": "external.minute_of_day"}, 239]},
                }
            ],
        }
    ).encode(),
    zone_of,
)


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(any_facts, times)
def test_no_pass_bound_to_hours_is_green_without_time(facts, now):
    """Any facts by a POOR clock under a rule of hours: never GREEN, and never let in by itself."""
    poor = facts._replace(grade=Grade.POOR, around=NOWHERE, rule=HOURS, direction=Direction.IN)

    verdict = decide(poor, now)

    assert verdict.colour is not Colour.GREEN
    assert verdict.action is not Action.OPEN


def test_the_reason_says_that_it_is_the_time():
    facts = GREEN._replace(grade=Grade.POOR, nonce=Nonce.RIGHT, rule=HOURS)

    assert decide(facts, NOW) == (Colour.GREY, Action.ASK, (Reason.CLOCK, Reason.TIMELESS))
    assert decide(facts._replace(rule=GREEN.rule), NOW).action is Action.OPEN


@pytest.mark.parametrize(
    ("midnight", "minutes"),
    [(1_774_738_800, 120), (1_774_825_200 + DAY, 180), (1_792_879_200, 240)],
    ids=["spring", "usual", "autumn"],
)
def test_hours_are_those_of_the_clocks_on_the_wall_on_the_days_they_are_moved(midnight, minutes):
    here = Surroundings(Gate("yp:hz07", "n", Direction.IN, 1), Company({}.get))
    here.follow(HOURS, InForce(0, 0, 0, ()))
    green, today = 0, moment(HOURS.zone, midnight).day
    for now in range(midnight, midnight + 25 * 3_600, 60):
        if moment(HOURS.zone, now).day != today:
            break
        around = here.at(now, Grade.GOOD, Who(b"somebody", "{}"))
        facts = GREEN._replace(around=around, rule=HOURS, code_at=now, quorum_time=now)
        facts = facts._replace(expires_at=2**40, issuer_until=2**40)
        green += decide(facts, now).colour is Colour.GREEN

    assert green == minutes
