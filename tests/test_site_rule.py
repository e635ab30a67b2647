"""The rule of a site: JSON in, choices out, or one refusal that names every fault."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.policy.reasons import Reason
from appliance.policy.rule_fields import Age, HoldOpen, InviteTerms
from appliance.policy.schedule import UTC, Window
from appliance.policy.site_rule import DEFAULT, MAX_FAULTS, SiteRule, read
from appliance.policy.verdict import Action
from appliance.zones import zone_of
from ledger_sync.entries import MAX_RULE
from ledger_sync.errors import Refused

DAY = 86_400
BOUNDS = [("fresh_seconds", 60, 30 * DAY), ("stale_seconds", 60, 90 * DAY)]
WIDE = {"fresh_seconds": 60, "stale_seconds": 90 * DAY}


def fault(text):
    with pytest.raises(Refused) as refused:
        read(text)
    assert refused.value.reason == "R-SETTINGS"
    return str(refused.value)


def rule_of(**values):
    return read(json.dumps(values).encode())


def test_an_empty_rule_is_the_default_but_for_its_digest():
    rule = read(b"{}")

    assert rule == DEFAULT == SiteRule(3_600, 3 * DAY, (1, 2, 3), "green", "yellow", 14 * DAY)
    assert rule.digest == hashlib.sha256(b"{}").digest()[:8]


def test_a_rule_states_its_choices():
    text = b'{"fresh_seconds": 600, "stale_seconds": 7200, "static": "red", "stale_opens": [6, 1]}'

    assert read(text) == SiteRule(600, 7_200, (1, 6), "red")


@pytest.mark.parametrize(("key", "least", "most"), BOUNDS)
def test_a_number_is_read_from_its_least_to_its_most(key, least, most):
    smallest, greatest = rule_of(**(WIDE | {key: least})), rule_of(**(WIDE | {key: most}))

    assert (getattr(smallest, key), getattr(greatest, key)) == (least, most)


@pytest.mark.parametrize(("key", "least", "most"), BOUNDS)
@pytest.mark.parametrize(
    "value", ["-1", "59", "7776001", "1e3", "3600.0", "true", '"3600"', "null"]
)
def test_a_number_out_of_its_bounds_or_of_another_type_is_refused(key, least, most, value):
    why = fault(b'{"%b": %b}' % (key.encode(), value.encode()))

    assert why.startswith(f"{key}: ")
    assert why.endswith(f" is no whole number from {least} to {most}")


def test_fresh_has_its_own_upper_bound():
    assert fault(b'{"fresh_seconds": 2592001, "stale_seconds": 7776000}').startswith(
        "fresh_seconds"
    )


@pytest.mark.parametrize("colour", ["green", "yellow", "red"])
def test_prints_get_one_of_three_colours(colour):
    assert rule_of(static=colour).static == colour


@pytest.mark.parametrize("value", ["grey", "GREEN", "", None, 0, ["green"], {"green": 1}])
def test_prints_get_no_other_colour(value):
    assert fault(json.dumps({"static": value}).encode()).endswith("none of green, yellow, red")


@pytest.mark.parametrize("classes", [[], [1], list(range(1, 9)), [3, 3, 3]])
def test_any_classes_may_pass_a_stale_ledger(classes):
    rule = rule_of(stale_opens=classes)

    opens = [klass for klass, age in enumerate(rule.ages) if age.when_stale is Action.OPEN]
    assert opens == sorted(set(classes))


@pytest.mark.parametrize("value", [[0], [9], [True], [1.0], ["1"], 1, None, {}, "12", [[1]]])
def test_anything_but_a_list_of_classes_is_refused(value):
    assert fault(json.dumps({"stale_opens": value}).encode()).startswith("stale_opens: ")


def test_stale_is_not_before_fresh():
    assert rule_of(fresh_seconds=600, stale_seconds=600).stale_seconds == 600
    assert fault(b'{"fresh_seconds": 601, "stale_seconds": 600}').startswith("stale_seconds: less")
    assert fault(b'{"fresh_seconds": 259201}') == "stale_seconds: less than fresh_seconds"
    assert fault(b'{"stale_seconds": 3599}') == "stale_seconds: less than fresh_seconds"


def test_all_faults_are_named_at_once():
    why = fault(b'{"static": "blue", "fresh_seconds": 0, "stale_opens": [9], "colour": 1}')

    for key in ("static: ", "fresh_seconds: ", "stale_opens: ", "'colour': "):
        assert key in why


@pytest.mark.parametrize(
    "key", ["digest", "DEFAULT", "Static", "static ", "", "lets_in_when_grey"]
)
def test_an_unknown_key_is_refused_with_the_known_ones(key):
    why = fault(json.dumps({key: "green"}).encode())

    known = (
        "curfew, fresh_seconds, freshness, heard_seconds, hold_open, holidays, invites, "
        "lockdown_passes, number, old_seconds, rules, soft, stale_opens, stale_seconds, "
        "static, time_zone"
    )
    assert why == f"{key!r}: unknown; known are {known}"


@pytest.mark.parametrize(
    "text",
    [
        b'{"static": "red", "static": "green"}',
        b'{"static": "red", "static": "red"}',
        b'{"static": "red", "st\\u0061tic": "green"}',
    ],
)
def test_a_key_that_stands_twice_is_refused_since_readers_would_differ(text):
    assert fault(text) == "a key stands twice"


@pytest.mark.parametrize("text", [b"[]", b"null", b'"{}"', b"7", b"true", b'[["static", "red"]]'])
def test_another_json_value_than_an_object_is_refused(text):
    assert fault(text) == "the rule is not a JSON object"


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"{}}", b"{} {}", b"\x00", b"{'static': 'red'}", b"\xff", b"NaN2", b"{,}"),
        *("{}".encode("utf-16"), "{}".encode("utf-32"), b"\xef\xbb\xbf{}"),
    ],
)
def test_text_that_is_not_json_in_utf_8_is_refused(text):
    assert fault(text) == "the rule is not JSON"


BOMBS = {
    "nested lists": b'{"static": ' + b"[" * 29_000 + b"]" * 29_000 + b"}",
    "nested objects": b'{"static":' * 5_900 + b"1" + b"}" * 900,
    "less nested": b'{"static": ' + b"[" * 900 + b"]" * 900 + b"}",
    "a long number": b'{"fresh_seconds": ' + b"9" * 59_000 + b"}",
    "a number just read": b'{"fresh_seconds": ' + b"9" * 4_300 + b"}",
    "a great exponent": b'{"fresh_seconds": 1e999999999}',
    "a long text": b'{"static": "' + b"x" * 59_000 + b'"}',
    "a long key": b'{"' + b"x" * 59_000 + b'": 1}',
    "a long list": b'{"stale_opens": [' + b"9," * 29_000 + b"9]}",
    "many keys": b"{" + b",".join(b'"%d":1' % number for number in range(6_000)) + b"}",
    "one key often": b"{" + b",".join([b'"a":1'] * 9_000) + b"}",
    "control characters": b'{"\\u0000\\u001b[2J\\ud800": 1}',
    "too long": b" " * (MAX_RULE + 1),
    "much too long": b" " * 9_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_a_short_printable_sentence(name):
    why = fault(BOMBS[name])

    assert len(why) < 150 * (MAX_FAULTS + 2)
    assert why.isprintable()
    assert why.encode()


def test_of_many_faults_the_first_are_named_and_the_rest_counted():
    assert f"; and {6_000 - MAX_FAULTS} more; known are " in fault(BOMBS["many keys"])


def test_a_rule_as_long_as_an_entry_allows_is_read():
    assert read(b"{}" + b" " * (MAX_RULE - 2)) == DEFAULT


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
keys = st.sampled_from(["fresh_seconds", "stale_seconds", "static", "stale_opens"])


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=60)
    | st.dictionaries(keys | st.text(max_size=9), json_values).map(
        lambda v: json.dumps(v).encode()
    )
)
def test_any_text_is_a_rule_within_its_bounds_or_refused(text):
    try:
        rule = read(text)
    except Refused as refused:
        assert refused.reason == "R-SETTINGS"
    else:
        assert 60 <= rule.fresh_seconds <= rule.stale_seconds <= 90 * DAY
        assert rule.static in ("green", "yellow", "red")
        assert set(rule.stale_opens) <= set(range(1, 9))


# What a site may say beside: each key read, and each fault named with its place.

OPEN, ASK, DENY = Action
EVERY_DAY = 0b1111_1110


def test_each_class_may_have_ages_of_its_own():
    visitor = {"fresh_seconds": 600, "stale_seconds": 700, "old_seconds": 800}
    rule = rule_of(freshness={"visitor": {**visitor, "stale": "deny", "old": "deny"}})

    assert rule.ages[4] == Age(600, 700, 800, DENY, DENY)
    assert rule.ages[1] == Age(3_600, 3 * DAY, 14 * DAY, OPEN, ASK)
    assert rule.ages[200] == Age(3_600, 3 * DAY, 14 * DAY, ASK, ASK)


def test_what_a_class_does_not_say_is_as_for_all():
    rule = rule_of(fresh_seconds=60, stale_opens=[4], freshness={"visitor": {"old": "deny"}})

    assert rule.ages[4] == Age(60, 3 * DAY, 14 * DAY, OPEN, DENY)


def test_hours_dates_and_zones_are_read():
    night = [{"from": "22:00", "to": "24:00"}, {"from": "00:00", "to": "06:00", "days": [6, 7]}]
    rule = read(
        json.dumps(
            {
                "time_zone": "Asia/Shanghai",
                "holidays": ["2026-10-01", "1970-01-02"],
                "curfew": night,
                "hold_open": [
                    {"gate": "north", "from": "07:30", "to": "09:00", "days": [1]},
                    {"from": "00:00", "to": "00:01"},
                ],
            }
        ).encode(),
        zone_of,
    )

    assert (rule.time_zone, rule.zone) == ("Asia/Shanghai", zone_of("Asia/Shanghai"))
    assert rule.holidays == (20_727, 1)
    assert rule.curfew == (Window(1_320, 1_440, EVERY_DAY), Window(0, 360, 0b1100_0000))
    assert rule.hold_open == (
        HoldOpen("north", Window(450, 540, 0b10)),
        HoldOpen("", Window(0, 1, EVERY_DAY)),
    )


def test_presence_lockdown_and_invites_are_read():
    rule = rule_of(
        heard_seconds=10,
        lockdown_passes=["emergency", "staff"],
        invites={"classes": ["resident"], "keyed_seconds": 60, "bearer_seconds": 61, "uses": 1},
        soft=["Y-APB"],
    )

    assert (rule.heard_seconds, rule.lockdown_passes) == (10, 1 << 6 | 1 << 3)
    assert rule.invites == InviteTerms(0b10, 60, 61, 1)
    assert rule.soft == (Reason.PASSBACK,)


def test_a_zone_but_utc_needs_to_be_known():
    assert rule_of(time_zone="UTC").zone == UTC
    assert fault(b'{"time_zone": "Asia/Shanghai"}') == "time_zone: no time zones are at hand here"
    for name in ("Mars/Base", "../../etc/passwd", "/etc/localtime", "A" * 64):
        with pytest.raises(Refused, match="no IANA time zone") as refused:
            read(json.dumps({"time_zone": name}).encode(), zone_of)
        assert refused.value.reason == "R-SETTINGS"


FAULTS = [
    ({"old_seconds": 59}, "old_seconds: 59 is no whole number from 60 to 31536000"),
    ({"old_seconds": 600}, "old_seconds: less than stale_seconds"),
    ({"freshness": []}, "freshness: [] is no object"),
    ({"freshness": {"guest": {}}}, "freshness: 'guest' is unknown; known are courier, "),
    ({"freshness": {"visitor": {"stale": "shut"}}}, "freshness: visitor: stale: 'shut' is none"),
    (
        {"freshness": {"visitor": {"old": "open"}}},
        "freshness: visitor: old: 'open' is none of ask",
    ),
    (
        {"freshness": {"visitor": {"fresh_seconds": 259_201}}},
        "freshness: visitor: fresh, stale and old must follow each other",
    ),
    ({"time_zone": 8}, "time_zone: 8 is no text of 1 to 64 characters"),
    ({"time_zone": "a\n"}, "time_zone: 'a\\n' is no text"),
    ({"holidays": "2026-10-01"}, "holidays: '2026-10-01' is no list of at most 400 dates"),
    ({"holidays": ["2026-02-29"]}, "holidays: '2026-02-29' is no date such as '2026-10-01'"),
    ({"holidays": ["2026-10-01"] * 401}, "holidays: ['2026-10-01', "),
    ({"curfew": [{"from": "22:00"}]}, "curfew: 'to' is missing"),
    ({"curfew": [{"from": "22:00", "to": "06:00"}]}, "curfew: it ends before it begins; hours"),
    ({"curfew": [{"from": "22:00", "to": "22:00"}]}, "curfew: it ends before it begins"),
    ({"curfew": [{"from": "7:00", "to": "24:01"}]}, "curfew: from: '7:00' is no time from"),
    ({"curfew": [{"from": "07:00", "to": "24:01"}]}, "curfew: to: '24:01' is no time from"),
    ({"curfew": [{"from": "00:00", "to": "01:00", "days": [0]}]}, "curfew: days: 0 is no whole"),
    ({"curfew": [{"gate": "x"}]}, "curfew: 'gate' is unknown; known are days, from, to"),
    (
        {"hold_open": [{"from": "00:00", "to": "01:00", "gate": ""}]},
        "hold_open: gate: '' is no",
    ),
    ({"heard_seconds": 9}, "heard_seconds: 9 is no whole number from 10 to 86400"),
    ({"lockdown_passes": ["guard"]}, "lockdown_passes: 'guard' is none of resident, household"),
    ({"lockdown_passes": [["staff"]]}, "lockdown_passes: ['staff'] is none of resident"),
    ({"invites": {"uses": 256}}, "invites: uses: 256 is no whole number from 1 to 255"),
    ({"invites": {"depth": 1}}, "invites: 'depth' is unknown"),
    ({"soft": ["R-APB"]}, "soft: 'R-APB' is none of Y-CONDITION, Y-IDCHECK"),
    ({"soft": "Y-APB"}, "soft: 'Y-APB' is no list of at most 400 reasons"),
]


@pytest.mark.parametrize(("values", "why"), FAULTS, ids=lambda value: str(value)[:40])
def test_a_fault_is_named_with_its_place_and_what_is_accepted(values, why):
    assert fault(json.dumps(values).encode()).startswith(why)


def test_a_key_that_stands_twice_further_in_is_refused_as_well():
    text = b'{"curfew": [{"from": "00:00", "from": "01:00", "to": "02:00"}]}'
    assert fault(text) == "a key stands twice"
    assert fault(b'{"invites": {"uses": 1, "uses": 1}}') == "a key stands twice"
