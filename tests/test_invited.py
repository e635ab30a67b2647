"""What a visitor's host gave away: each term at its boundary, on both sides."""

import random

import pytest

from appliance.passes.code import Form
from appliance.passes.verify import REQUIRED
from appliance.policy.facts import NOWHERE, UNINVITED, Audience, Direction, Facts, Invitation
from appliance.policy.invited import TESTS, invited
from appliance.policy.reasons import Reason
from appliance.policy.rules import decide
from appliance.policy.site_rule import read
from appliance.policy.verdict import Action, Colour
from ledger_sync.clock import Grade

NOW, HOUR, DAY = 1_700_000_000, 3_600, 86_400
GIVEN = Invitation(
    begins_at=NOW - HOUR, ends_at=NOW + HOUR, zones=0b110, quota=2, flags=0, host_class=1
)
KEYED = Facts(
    form=Form.VISITOR,
    refused="",
    marks=REQUIRED[Form.VISITOR],
    gate_zones=0b010,
    klass=4,
    zones=0b011,
    assurance=1,
    issued_at=NOW - DAY,
    expires_at=NOW + DAY,
    issuer_until=NOW + DAY,
    issuer_classes=0b10,
    audience=Audience.SITE,
    code_at=NOW,
    uses=1,
    quorum_time=NOW,
    floor=NOW - DAY,
    invite=GIVEN,
)
BEARER = KEYED._replace(
    form=Form.BEARER_INVITE,
    marks=REQUIRED[Form.BEARER_INVITE],
    assurance=0,
    audience=Audience.OTHER,
    code_at=0,
)
R = Reason
POOR = {"grade": Grade.POOR}


def given(**terms):
    return {"invite": GIVEN._replace(**terms)}


def lasting(seconds):
    return given(begins_at=NOW - 60, ends_at=NOW - 60 + seconds)


RESIDENTS = read(b'{"invites": {"classes": ["resident"]}}')
CASES = [
    (KEYED, given(host_status=0), given(host_status=1), R.HOST),
    (KEYED, given(host_status=0), given(host_status=2), R.HOST),
    (KEYED, given(host_status=0), given(host_status=3), R.HOST),
    (KEYED, given(host_status=0), given(host_status=4), R.HOST),
    (KEYED, given(host_status=0), given(host_status=-1), R.NO_STATUS),
    (KEYED, given(host_class=1), {**given(host_class=3), "issuer_classes": 8}, R.INVITE),
    (
        KEYED,
        {"rule": RESIDENTS},
        {"rule": RESIDENTS, **given(host_class=2), "issuer_classes": 4},
        R.INVITE,
    ),
    (KEYED, lasting(12 * HOUR), lasting(12 * HOUR + 1), R.INVITE),
    (BEARER, lasting(4 * HOUR), lasting(4 * HOUR + 1), R.INVITE),
    (KEYED, given(quota=20), given(quota=21), R.INVITE),
    (KEYED, given(begins_at=NOW + 300), given(begins_at=NOW + 301), R.BEGIN),
    (KEYED, given(ends_at=NOW + 1), given(ends_at=NOW), R.EXP),
    (KEYED, {"floor": NOW + HOUR - 1}, {"floor": NOW + HOUR}, R.EXP),
    (BEARER, given(place=1), given(place=0), R.AUD),
    (KEYED, given(zones=0b010), given(zones=0b101), R.ZONE),
    (KEYED, {"zones": 0b010}, {"zones": 0b101}, R.ZONE),
    (KEYED, given(ended=0), given(ended=1), R.WITHDRAWN),
    (KEYED, given(ended=0), given(ended=2), R.BLOCKED),
    (KEYED, {"uses": 1}, {"uses": 2}, R.QUOTA),
    (BEARER, {"uses": 1}, {"uses": 2}, R.QUOTA),
    (
        KEYED,
        {**given(flags=1), "around": NOWHERE._replace(escort_age=60)},
        {**given(flags=1), "around": NOWHERE._replace(escort_age=61)},
        R.ESCORT,
    ),
    (KEYED, {}, given(flags=1), R.ESCORT),
]


POOR_AND_OVER = KEYED._replace(**given(ends_at=NOW - 1), **POOR)
BESIDE = [
    # what stands beside the boundaries: without a clock, of who leaves, of who has a pass
    (KEYED._replace(**given(begins_at=NOW + DAY, ends_at=NOW + DAY + HOUR), **POOR), None),
    (POOR_AND_OVER, None),
    (POOR_AND_OVER._replace(floor=NOW - 1), R.EXP),
    (KEYED._replace(uses=2, direction=Direction.OUT), None),
    (KEYED._replace(form=Form.REFERENCE, **given(ended=1)), None),
    (KEYED._replace(**given(host_status=-1, ended=1)), R.WITHDRAWN),
]


@pytest.mark.parametrize(("facts", "reason"), BESIDE)
def test_what_stands_beside_the_boundaries(facts, reason):
    assert invited(facts, NOW) is reason


@pytest.mark.parametrize(("facts", "good", "bad", "reason"), CASES)
def test_a_term_of_an_invite_holds_up_to_its_boundary_and_not_beyond(facts, good, bad, reason):
    accepted, refused = facts._replace(**good), facts._replace(**bad)

    assert invited(accepted, NOW) is None
    assert decide(accepted, NOW) == (Colour.GREEN, Action.OPEN, ())
    assert invited(refused, NOW) is reason
    verdict = decide(refused, NOW)
    assert reason in verdict.reasons
    assert verdict.action is (Action.DENY if reason.startswith("R") else Action.ASK)


@pytest.mark.parametrize(("facts", "good", "bad", "reason"), CASES)
def test_a_visitor_may_leave_whatever_became_of_the_invite(facts, good, bad, reason):
    way_out = facts._replace(**bad, direction=Direction.OUT)

    assert decide(way_out, NOW).action is Action.OPEN


def test_without_a_clock_an_invite_is_grey_whatever_its_times():
    later = KEYED._replace(**given(begins_at=NOW + DAY, ends_at=NOW + DAY + HOUR), **POOR)

    assert decide(later, NOW).reasons == ("G-CLOCK",)


def test_a_visitor_without_any_invite_never_comes_in():
    nobody = KEYED._replace(invite=UNINVITED, issuer_classes=0x1FE)

    assert decide(nobody, NOW).action is Action.DENY


def test_the_site_says_who_may_invite_for_how_long_and_how_often():
    rule = read(
        b'{"invites": {"classes": ["staff"], "keyed_seconds": 60, "bearer_seconds": 120,'
        b' "uses": 1}}'
    )
    staff = {"host_class": 3, "quota": 1, "begins_at": NOW - 30}
    facts = KEYED._replace(rule=rule, issuer_classes=8, uses=0)

    def said(facts, **terms):
        return invited(facts._replace(invite=GIVEN._replace(**(staff | terms))), NOW)

    assert said(facts, ends_at=NOW + 30) is None
    assert said(facts, ends_at=NOW + 31) is R.INVITE
    assert said(facts._replace(assurance=0), ends_at=NOW + 90) is None
    assert said(facts, ends_at=NOW + 30, quota=2) is R.INVITE
    assert said(facts, ends_at=NOW + 30, host_class=1) is R.INVITE


def test_rights_only_shrink():
    """Whatever host and invite say, a visitor comes in only where both and the gate agree."""
    draw = random.Random(4)
    for _ in range(2_000):
        host, given_zones, gate = (draw.getrandbits(5) for _ in range(3))
        facts = KEYED._replace(zones=host, gate_zones=gate, **given(zones=given_zones))
        opens = decide(facts, NOW).action is Action.OPEN
        assert opens is bool(host & given_zones & gate)


def test_the_list_is_numbered_in_its_order():
    numbers = [test.__doc__.split(".")[0] for test in TESTS]

    assert numbers == [str(n) for n in range(1, len(TESTS) + 1)]
