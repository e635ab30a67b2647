"""A site's own rules: read strictly, judged in order, total at the gate."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_facts import any_facts
from test_rules import FACTS as GREEN
from test_rules import NOW

from appliance.policy.fact_names import COMPANY, FACTS, PRESENCE, TIMES
from appliance.policy.facts import NOWHERE, UNKNOWN, Direction
from appliance.policy.reasons import Reason
from appliance.policy.rule_fields import Fault
from appliance.policy.rule_set import MAX_RULES, RuleSet, rules_of
from appliance.policy.rules import decide
from appliance.policy.site_rule import read
from ledger_sync.errors import Refused

VAR = {"var": "payload.class"}


def rule(name="one", reason="R-RULE", logic=False, **more):
    return {"id": name, "reason": reason, "logic": logic, **more}


def finding(*rules, **facts):
    return rules_of(list(rules)).finding(GREEN._replace(**facts), NOW)


def around(**known):
    return NOWHERE._replace(**({"minute": 720, "weekday": 4} | known))


def test_the_first_rule_that_fails_gives_its_reason():
    rules = [rule("a", "Y-RULE", True), rule("b", "R-TIME"), rule("c", "R-FULL")]

    assert finding(*rules) is Reason.TIME
    assert finding(rules[0]) is None
    assert rules_of([]).finding(GREEN, NOW) is None


@pytest.mark.parametrize("value", [1, "yes", [True], 0, False])
def test_only_true_holds(value):
    assert finding(rule(logic=value)) is Reason.RULE


def test_a_rule_is_for_the_classes_it_names():
    for_staff = rule(**{"for": ["staff", "courier"]})

    found = {klass: finding(for_staff, klass=klass) for klass in range(10)}

    assert [klass for klass, reason in found.items() if reason] == [3, 5]
    assert finding(rule(), klass=255) is Reason.RULE


def test_a_rule_is_asked_on_the_way_in_unless_it_says_otherwise():
    def asked(**more):
        return [finding(rule(**more), direction=way) is Reason.RULE for way in Direction]

    assert asked() == asked(way="in") == [True, False]
    assert asked(way="out") == [False, True]
    assert asked(way="both") == [True, True]


def test_what_cannot_be_computed_is_grey():
    odd = rule(logic={"<": [{"var": "external.occupancy"}, 5]})

    assert finding(odd, around=around(inside=4)) is None
    assert finding(odd, around=around(inside=5)) is Reason.RULE
    assert finding(odd, around=around(inside=UNKNOWN)) is Reason.UNRULED


def test_a_rule_of_hours_is_grey_while_the_time_is_not_known():
    hours = rule(reason="R-TIME", logic={"<": [{"var": "external.minute_of_day"}, 720]})

    assert finding(hours, around=around(minute=719)) is None
    assert finding(hours, around=around(minute=720)) is Reason.TIME
    assert finding(hours) is Reason.TIMELESS
    assert finding(rule("before"), hours) is Reason.RULE
    assert finding({**hours, "for": ["staff"]}) is None


@pytest.mark.parametrize("name", sorted(TIMES))
def test_no_fact_that_rests_on_the_clock_is_used_without_one(name):
    reads = rule(logic={"===": [{"var": name}, {"var": name}]})

    assert finding(reads, around=around()) is None
    assert finding(reads) is Reason.TIMELESS


SEEN = around(
    zone_way=0, zone_at=NOW - 9, heard=1, inside=7, unsure=2, escort_age=61, second_age=20,
    second_class=3, orders=2, holiday=1,
)  # fmt: skip
NAMED = {
    "payload.class": "resident",
    "payload.form": "reference",
    "payload.card": None,
    "payload.assurance": 1,
    "payload.zones": [1],
    "payload.issued_at": NOW - 86_400,
    "payload.expires_at": NOW + 86_400,
    "external.status": "valid",
    "external.list_age": 0,
    "external.clock": "GOOD",
    "external.nonce": False,
    "external.direction": "in",
    "external.gate_zones": [1, 2],
    "external.minute_of_day": 720,
    "external.weekday": 4,
    "external.holiday": True,
    "external.lockdown": False,
    "external.curfew": True,
    "external.last_direction": "in",
    "external.last_direction_age": 9,
    "external.last_seen_age": None,
    "external.zone_heard": True,
    "external.occupancy": 7,
    "external.occupancy_unsure": 2,
    "external.escort_age": 61,
    "external.escort_present": False,
    "external.second_person_age": 20,
    "external.second_person_class": "staff",
    "external.use_count": 0,
}


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_has_the_value_its_name_says(name):
    assert FACTS[name](GREEN._replace(around=SEEN), NOW) == NAMED[name]


def test_what_is_not_known_is_null_to_rules():
    unknown = [name for name in FACTS if FACTS[name](GREEN, NOW) is None]

    assert set(unknown) == {
        *("payload.card", "external.last_direction", "external.last_direction_age"),
        *("external.last_seen_age", "external.occupancy", "external.escort_age"),
        *("external.second_person_age", "external.second_person_class"),
    }
    assert set(FACTS) == set(NAMED)
    assert set(FACTS) > PRESENCE | COMPANY | TIMES


def test_the_escort_is_here_for_a_minute():
    said = [
        FACTS["external.escort_present"](GREEN._replace(around=around(escort_age=age)), NOW)
        for age in (0, 60, 61, UNKNOWN)
    ]
    assert said == [True, True, False, False]


FAULTS = [
    ({}, "{} is no list of at most 400 rules"),
    ([1], "1 is no object"),
    ([{"id": "a", "logic": True}], "'reason' is missing"),
    ([{"id": "a", "reason": "R-TIME"}], "'logic' is missing"),
    ([rule(reason="R-TMIE")], "reason: 'R-TMIE' is none of R-FOREIGN"),
    ([rule(reason=["R-TIME"])], "reason: ['R-TIME'] is none of"),
    ([rule(colour="red")], "'colour' is unknown; known are for, id, logic, note, reason, way"),
    ([rule(way="up")], "way: 'up' is none of in, out, both"),
    ([rule(**{"for": ["guards"]})], "for: 'guards' is none of resident"),
    ([rule(), rule()], "two rules have the id 'one'"),
    ([rule(logic={"var": "external.weekdya"})], "'external.weekdya' is no fact; known are pay"),
    ([rule(logic={"var": ""})], "'' is no fact"),
    ([rule(logic={"sum": [1, 2]})], "one: "),
    ([rule(str(n)) for n in range(MAX_RULES + 1)], "65 rules, at most 64"),
]


@pytest.mark.parametrize(("value", "why"), FAULTS, ids=lambda value: str(value)[:40])
def test_a_rule_that_is_wrong_is_refused_by_name(value, why):
    with pytest.raises(Fault) as fault:
        rules_of(value)
    assert str(fault.value).startswith(why)


def test_as_many_rules_as_allowed_are_read():
    assert len(rules_of([rule(str(n), logic=True) for n in range(MAX_RULES)])) == MAX_RULES


def test_a_part_of_a_list_is_a_fact_by_the_list_s_name():
    (one,) = rules_of([rule(logic={"===": [{"var": "payload.zones.0"}, 1]})])

    assert one.reads == {"payload.zones"}
    assert RuleSet((one,)).finding(GREEN, NOW) is None


def test_two_rule_sets_are_equal_if_they_say_the_same():
    assert rules_of([rule()]) == rules_of([rule()])
    assert rules_of([rule()]) != rules_of([rule(logic=0)])
    assert rules_of([rule(note="why")]) == rules_of([rule()])


names = st.sampled_from([*FACTS, "external.unknown", ""])
logics = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2_000) | names.map(lambda one: {"var": one}),
    lambda inner: st.dictionaries(
        st.sampled_from(["and", "if", "!", "===", "<", "in", "+", "plusTime", "after"]),
        st.lists(inner, max_size=3),
        min_size=1,
        max_size=1,
    ),
    max_leaves=6,
)


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(any_facts, st.lists(logics, max_size=3), st.integers(0, 2**53))
def test_any_facts_and_rules_give_a_verdict_the_same_each_time(facts, made, now):
    """Whatever rule can be read, every facts are decided by it, and nothing is raised."""
    rules = [rule(str(number), "Y-RULE", logic) for number, logic in enumerate(made)]
    try:
        site = read(json.dumps({"rules": rules}).encode())
    except Refused as refused:
        assert refused.reason == "R-SETTINGS"
        return
    facts = facts._replace(rule=site)

    assert decide(facts, now) == decide(facts, now)
    assert site.rules.finding(facts, now) in {None, *map(Reason, ("Y-RULE", "G-RULE", "G-TIME"))}
