"""The rule of a site: JSON in, choices out, or one refusal that names every fault."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.policy.site_rule import DEFAULT, MAX_FAULTS, SiteRule, read
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

    assert rule == DEFAULT == SiteRule(3_600, 3 * DAY, (1, 2, 3), "green")
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

    assert [k for k in range(32) if rule.lets_in_when_grey(k)] == sorted(set(classes))


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

    known = "fresh_seconds, number, stale_opens, stale_seconds, static"
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
    assert fault(BOMBS["many keys"]).endswith(f"; and {6_000 - MAX_FAULTS} more")


def test_a_rule_as_long_as_an_entry_allows_is_read():
    assert read(b"{}" + b" " * (MAX_RULE - 2)) == DEFAULT


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
keys = st.sampled_from(["fresh_seconds", "stale_seconds", "static", "stale_opens"])


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
