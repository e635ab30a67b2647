"""The numbered checks over plain facts: each at its exact boundary, on both sides."""

import json
import random
from itertools import product

import pytest

from appliance.passes.code import Form
from appliance.passes.token import HolderClass
from appliance.passes.verify import REQUIRED, Mark
from appliance.policy.facts import (
    NOWHERE,
    Audience,
    Direction,
    Facts,
    Invitation,
    Nonce,
)
from appliance.policy.reasons import Reason
from appliance.policy.rules import CHECKS, CheckList, decide
from appliance.policy.site_rule import SiteRule, read
from appliance.policy.verdict import ALL_CHECKS, Action, Check, Colour, conclude
from ledger_sync.clock import Grade

NOW, HOUR, DAY = 1_700_000_000, 3_600, 86_400
C, B, STATIC = Form.REFERENCE, Form.SELF_CONTAINED, Form.STATIC
CERTIFIED = Form.CERTIFIED_TAP
GOOD, FAIR, POOR = Grade
FACTS = Facts(
    form=C,
    refused="",
    marks=REQUIRED[C],
    gate_zones=0b110,
    klass=1,
    zones=0b10,
    assurance=1,
    issued_at=NOW - DAY,
    expires_at=NOW + DAY,
    issuer_since=NOW - DAY,
    issuer_until=NOW + DAY,
    issuer_classes=0b10,
    audience=Audience.SITE,
    code_at=NOW,
    last_at=NOW - 1,
    quorum_time=NOW,
    floor=NOW,
)
"""A code by reference that ends in GREEN at `NOW`."""

PRINT = {"form": STATIC, "marks": REQUIRED[STATIC], "audience": 0, "code_at": 0, "assurance": 0}
TAP = {"form": Form.TAP, "marks": REQUIRED[Form.TAP], "code_at": 0, "assurance": 4}
BARE = {"form": Form.NUMBER, "marks": REQUIRED[Form.NUMBER], "code_at": 0, "assurance": 0}
AT_NONCE = {"grade": POOR, "nonce": Nonce.RIGHT}
NO_PRINT = {"rule": SiteRule(static="red")}
FREE = {"rule": SiteRule(number="green")}
R, STALE = Reason, Reason.STALE_STATUS
STAFF = {"klass": 3, "issuer_classes": 8}
LOCKED, EMERGENCY = {"around": NOWHERE._replace(orders=1)}, {"klass": 6, "issuer_classes": 0x1FE}
GIVEN = Invitation(NOW - HOUR, NOW + HOUR, zones=0b110, quota=1, host_class=1)
INVITED = {"form": Form.VISITOR, "marks": REQUIRED[Form.VISITOR], "klass": 4, "invite": GIVEN}
WITHDRAWN = INVITED | {"invite": GIVEN._replace(ended=1)}
TIMED = read(
    b'{"rules": [{"id": "six", "reason": "R-TIME", "way": "both",'
    b' "logic": {"<": [{"var": "external.minute_of_day"}, 360]}}]}'
)
AT_FIVE = {"rule": TIMED, "around": NOWHERE._replace(minute=359)}
AT_SIX = {"rule": TIMED, "around": NOWHERE._replace(minute=360)}


def code_at(age, **more):
    return {"code_at": NOW - age, "last_at": 0, **more}


CASES = [
    # check, facts it accepts, facts it refuses, reason
    (Check.READ, {}, {"refused": "R-SIG"}, R.SIG),
    (Check.READ, {}, {"form": 0, "refused": "R-FOREIGN", "marks": 0}, R.FOREIGN),
    (Check.PROVEN, {}, {"form": Form.UNREADABLE, "marks": 0}, R.INCOMPLETE),
    (Check.PROVEN, {"form": B, "marks": REQUIRED[B]}, {"form": B}, R.INCOMPLETE),
    (Check.PROVEN, PRINT, PRINT | {"marks": REQUIRED[B]}, R.INCOMPLETE),
    (Check.PROVEN, {}, {"form": Form.UNINVITE}, R.INCOMPLETE),
    (Check.PROVEN, TAP, TAP | {"form": CERTIFIED}, R.INCOMPLETE),
    *(
        (Check.PROVEN, {"form": form, "marks": mask}, {"form": form, "marks": mask ^ mark}, why)
        for form, mark, why in product((C, B), Mark, (R.INCOMPLETE,))
        for mask in (REQUIRED[form],)
    ),
    (Check.ISSUER, {"issuer_since": NOW - DAY}, {"issuer_since": NOW - DAY + 1}, R.CLASS),
    (Check.ISSUER, {"issuer_until": NOW - DAY}, {"issuer_until": NOW - DAY - 1}, R.CLASS),
    (Check.ISSUER, {"issuer_classes": 0b10}, {"issuer_classes": 0b1_1111_1101}, R.CLASS),
    (Check.ISSUER, {"klass": 3, "issuer_classes": 8}, {"klass": 4, "issuer_classes": 8}, R.CLASS),
    (Check.AUDIENCE, {"audience": Audience.SITE}, {"audience": Audience.OTHER}, R.AUD),
    (Check.AUDIENCE, {"audience": Audience.GATE}, {"audience": Audience.OTHER}, R.AUD),
    (Check.AUDIENCE, PRINT, {"audience": Audience.OTHER}, R.AUD),
    (Check.NONCE, {"nonce": Nonce.ABSENT}, {"nonce": Nonce.WRONG}, R.NONCE),
    (Check.NONCE, {"nonce": Nonce.RIGHT}, {"nonce": Nonce.WRONG, "grade": POOR}, R.NONCE),
    (Check.BEGUN, {"issued_at": NOW + 300}, {"issued_at": NOW + 301}, R.BEGIN),
    (Check.BEGUN, {"issued_at": NOW + 301, **AT_NONCE}, {"issued_at": NOW + 301}, R.BEGIN),
    (Check.ALIVE, {"expires_at": NOW + 1}, {"expires_at": NOW}, R.EXP),
    (Check.ALIVE, {"floor": NOW + DAY - 1}, {"floor": NOW + DAY}, R.EXP),
    (Check.ALIVE, {"expires_at": NOW - 8, "floor": NOW - 9, **AT_NONCE}, {"expires_at": 1}, R.EXP),
    (Check.ALIVE, AT_NONCE, {"expires_at": NOW, **AT_NONCE}, R.EXP),
    (Check.FRESH, code_at(20), code_at(21), R.STALE),
    (Check.FRESH, code_at(30, grade=FAIR), code_at(31, grade=FAIR), R.STALE),
    (Check.FRESH, code_at(99, **AT_NONCE), code_at(99), R.STALE),
    (Check.FRESH, PRINT, code_at(28_800), R.STALE),
    (Check.NOT_FUTURE, code_at(-5), code_at(-6), R.FUTURE),
    (Check.NOT_FUTURE, code_at(-10, grade=FAIR), code_at(-11, grade=FAIR), R.FUTURE),
    (Check.NOT_FUTURE, code_at(-99, **AT_NONCE), code_at(-99), R.FUTURE),
    (Check.NOT_FUTURE, PRINT, code_at(-28_800), R.FUTURE),
    (Check.GROWING, {"last_at": NOW - 1}, {"last_at": NOW}, R.REPLAY),
    (Check.GROWING, {"last_at": 0}, {"last_at": NOW + 1}, R.REPLAY),
    (Check.GROWING, PRINT | {"last_at": NOW}, {"last_at": NOW, **AT_NONCE}, R.REPLAY),
    (Check.ZONE, {"zones": 0b100}, {"zones": 0b1001}, R.ZONE),
    (Check.ZONE, {"zones": 0b110}, {"zones": 0}, R.ZONE),
    (Check.ZONE, {"gate_zones": 0b10}, {"gate_zones": 0}, R.ZONE),
    (Check.STATUS, {"status": 0}, {"status": 1}, R.REVOKED),
    (Check.STATUS, {"status": 0}, {"status": 2}, R.SUSPENDED),
    (Check.STATUS, {"status": 0}, {"status": 3}, R.CONDITION),
    (Check.STATUS, {"status": 0}, {"status": -1}, R.NO_STATUS),
    (Check.STATUS, {"status": 0}, {"status": 4}, R.DENIED),
    (Check.STATUS, {"status": 0}, {"status": 5}, R.NO_STATUS),
    (Check.STATIC, PRINT, PRINT | {"rule": SiteRule(static="yellow")}, R.IDCHECK),
    (Check.STATIC, NO_PRINT, PRINT | NO_PRINT, R.STATIC),
    (Check.UPDATE, {"critical": ~2 & 0xFFFF}, {"critical": 2}, R.UPDATE),
    (Check.CLOCK, {"grade": FAIR}, {"grade": POOR}, R.CLOCK),
    (Check.CLOCK, {"nonce": Nonce.RIGHT}, AT_NONCE, R.CLOCK),
    (Check.LIST_AGE, {"quorum_time": NOW - HOUR}, {"quorum_time": NOW - HOUR - 1}, STALE),
    (Check.CARRIER, TAP, TAP | {"assurance": 5}, R.DOWNGRADE),
    (Check.CARRIER, TAP | {"form": CERTIFIED, "marks": REQUIRED[CERTIFIED], "assurance": 5},
     BARE | FREE | {"assurance": 4}, R.DOWNGRADE),
    (Check.CARRIER, BARE | FREE, BARE, R.BARE),
    (Check.CARRIER, {"assurance": 5}, BARE | {"rule": SiteRule(number="red")}, R.NUMBER),
    (Check.LIST_AGE, {}, {"quorum_time": NOW - 3 * DAY - 1}, R.OLD_STATUS),
    (Check.LOCKDOWN, {}, LOCKED, R.LOCKDOWN),
    (Check.LOCKDOWN, LOCKED | EMERGENCY, LOCKED | STAFF, R.LOCKDOWN),
    (Check.INVITED, INVITED, WITHDRAWN, R.WITHDRAWN),
    (Check.ISSUER, INVITED | {"issuer_classes": 0b10}, INVITED | {"issuer_classes": 0b10000},
     R.CLASS),
    (Check.FRESH, INVITED, INVITED | code_at(21), R.STALE),
    (Check.GROWING, INVITED, INVITED | {"last_at": NOW}, R.REPLAY),
    (Check.AUDIENCE, INVITED, INVITED | {"audience": Audience.OTHER}, R.AUD),
    (Check.RULES, AT_FIVE, AT_SIX, R.TIME),
    (Check.RULES, AT_FIVE, {"rule": TIMED}, R.TIMELESS),
    (Check.FRESH, TAP, code_at(21), R.STALE),
    (Check.GROWING, BARE | {"last_at": NOW}, {"last_at": NOW}, R.REPLAY),
    (Check.AUDIENCE, TAP | {"audience": Audience.OTHER}, {"audience": Audience.OTHER}, R.AUD),
]  # fmt: skip


def name_of(value):
    return value.name if isinstance(value, Check) else ""


@pytest.mark.parametrize(("check", "accepted", "refused", "reason"), CASES, ids=name_of)
def test_a_check_accepts_up_to_its_boundary_and_refuses_one_step_further(
    check, accepted, refused, reason
):
    test = dict(CHECKS)[check]
    good, bad = FACTS._replace(**accepted), FACTS._replace(**refused)

    assert (test(good, NOW), test(bad, NOW)) == (None, reason)

    assert reason not in decide(good, NOW).reasons
    assert decide(bad, NOW).reasons[0] == reason or decide(bad, NOW).colour is Colour.GREY
    assert decide(bad, NOW).colour is not Colour.GREEN


@pytest.mark.parametrize(("check", "accepted", "refused", "reason"), CASES, ids=name_of)
def test_the_way_out_opens_whatever_a_check_found(check, accepted, refused, reason):
    facts = FACTS._replace(**refused, direction=Direction.OUT)

    verdict = decide(facts, NOW)

    assert reason in verdict.reasons
    assert verdict.action is Action.OPEN


def test_the_facts_of_this_module_end_in_green():
    assert decide(FACTS, NOW) == (Colour.GREEN, Action.OPEN, ())


def test_every_check_of_the_numbered_list_has_an_accepting_and_a_refusing_case():
    assert {check for check, *_ in CASES} == set(Check)


def test_the_list_holds_every_check_once_in_the_order_of_its_numbers():
    assert [check for check, _ in CHECKS] == list(Check)
    assert [test.__doc__.split(".")[0] for _, test in CHECKS] == [str(int(c)) for c in Check]
    assert len({test for _, test in CHECKS}) == len(Check)


def test_the_list_ends_at_the_first_red():
    facts = FACTS._replace(audience=Audience.OTHER, expires_at=0, status=1, zones=0)

    assert decide(facts, NOW).reasons == ("R-AUD",)


def test_findings_that_are_not_red_are_all_reported_the_gravest_first():
    facts = FACTS._replace(status=3, critical=2, quorum_time=0)

    assert decide(facts, NOW).reasons == ("Y-CONDITION", "G-UPDATE", "G-OLD-STATUS")


@pytest.mark.parametrize("form", [C, B])
@pytest.mark.parametrize(("grade", "back", "ahead"), [(GOOD, 20, 5), (FAIR, 30, 10)])
def test_a_code_is_green_for_exactly_the_seconds_of_its_window(form, grade, back, ahead):
    facts = FACTS._replace(form=form, marks=REQUIRED[form], grade=grade, last_at=0)

    green = [
        age
        for age in range(-HOUR, HOUR + 1)
        if decide(facts._replace(code_at=NOW - age), NOW).colour is Colour.GREEN
    ]

    assert green == list(range(-ahead, back + 1))


@pytest.mark.parametrize("form", [C, B, STATIC])
@pytest.mark.parametrize("klass", HolderClass)
@pytest.mark.parametrize("nonce", Nonce)
def test_without_a_clock_only_the_right_nonce_opens_and_nothing_is_green(form, klass, nonce):
    facts = FACTS._replace(
        form=form, marks=REQUIRED[form], klass=klass, nonce=nonce, grade=POOR, issuer_classes=0x1FE
    )

    verdict = decide(facts, NOW)

    opens = nonce is Nonce.RIGHT and klass in (1, 2, 3)
    assert (verdict.action is Action.OPEN) is opens
    assert verdict.colour is (Colour.RED if nonce is Nonce.WRONG else Colour.GREY)


@pytest.mark.parametrize("klass", HolderClass)
@pytest.mark.parametrize(
    ("age", "action"), [(HOUR + 1, Action.OPEN), (3 * DAY, Action.OPEN), (3 * DAY + 1, Action.ASK)]
)
def test_a_stale_list_lets_residents_in_flagged_and_sends_the_others_to_the_guard(
    klass, age, action
):
    facts = FACTS._replace(klass=klass, issuer_classes=0x1FE, quorum_time=NOW - age)

    verdict = decide(facts, NOW)

    expected = action if klass in (1, 2, 3) else Action.ASK
    reason = "G-STALE-STATUS" if age <= 3 * DAY else "G-OLD-STATUS"
    assert verdict == (Colour.GREY, expected, (reason,))


@pytest.mark.parametrize("klass", HolderClass)
def test_a_ledger_that_nobody_heard_of_for_two_weeks_lets_nobody_in(klass):
    facts = FACTS._replace(klass=klass, issuer_classes=0x1FE)

    last, after = (decide(facts._replace(quorum_time=NOW - 14 * DAY - n), NOW) for n in (0, 1))

    assert last == (Colour.GREY, Action.ASK, ("G-OLD-STATUS",))
    assert after == (Colour.GREY, Action.DENY, ("G-OLD-STATUS",))


def test_the_ceiling_of_a_class_falls_by_its_own_ages():
    ages = {"fresh_seconds": 60, "stale_seconds": 120, "old_seconds": 180}
    text = {"freshness": {"visitor": {**ages, "stale": "open", "old": "deny"}}}
    rule = read(json.dumps(text).encode())
    visitor = FACTS._replace(klass=4, issuer_classes=0x1FE, rule=rule)

    def at(age, **more):
        return decide(visitor._replace(quorum_time=NOW - age, **more), NOW)

    assert at(60).colour is Colour.GREEN
    assert at(61) == (Colour.GREY, Action.OPEN, ("G-STALE-STATUS",))
    assert at(121) == (Colour.GREY, Action.DENY, ("G-OLD-STATUS",))
    assert at(121, klass=1).colour is Colour.GREEN


def test_without_a_clock_nobody_can_tell_that_a_ledger_is_too_old():
    verdict = decide(FACTS._replace(quorum_time=0, **AT_NONCE), NOW)

    assert verdict == (Colour.GREY, Action.OPEN, ("G-CLOCK", "G-STALE-STATUS"))


def test_a_soft_yellow_opens_flagged_and_beside_another_does_not():
    rule = read(b'{"soft": ["Y-APB"], "rules": [{"id": "in", "reason": "Y-APB", "logic": false}]}')
    flagged = decide(FACTS._replace(rule=rule), NOW)
    both = decide(FACTS._replace(rule=rule, status=3), NOW)
    stale = decide(FACTS._replace(rule=rule, quorum_time=NOW - HOUR - 1), NOW)

    assert flagged == (Colour.YELLOW, Action.OPEN, ("Y-APB",))
    assert both == (Colour.YELLOW, Action.ASK, ("Y-CONDITION", "Y-APB"))
    assert stale == (Colour.YELLOW, Action.OPEN, ("Y-APB", "G-STALE-STATUS"))


def test_the_site_says_which_classes_a_grey_lets_in():
    stale = FACTS._replace(quorum_time=NOW - 2 * DAY, issuer_classes=0x1FE)
    visitors_only, nobody = SiteRule(stale_opens=(4,)), SiteRule(stale_opens=())

    visitor = decide(stale._replace(klass=4, rule=visitors_only), NOW)
    resident = decide(stale._replace(rule=visitors_only), NOW)
    no_one = decide(stale._replace(rule=nobody), NOW)

    assert [v.action for v in (visitor, resident, no_one)] == [Action.OPEN, Action.ASK, Action.ASK]


@pytest.mark.parametrize(
    ("finding", "reason"),
    [({"status": -1}, R.NO_STATUS), ({"critical": 2}, R.UPDATE), ({"status": 3}, R.CONDITION)],
)
def test_a_stale_list_carries_nobody_in_whose_status_is_unclear_as_well(finding, reason):
    facts = FACTS._replace(quorum_time=NOW - HOUR - 1, **finding)

    verdict = decide(facts, NOW)

    assert verdict.action is Action.ASK
    assert set(verdict.reasons) == {reason, "G-STALE-STATUS"}


def test_no_list_that_lacks_a_check_lets_anybody_in():
    random_order = random.Random(16)
    stale = FACTS._replace(quorum_time=NOW - HOUR - 1)
    lists = [[c for c in CHECKS if c[0] is not dropped] for dropped in Check]
    lists += [random_order.sample(CHECKS, random_order.randrange(16)) for _ in range(500)]

    verdicts = [CheckList(some).decide(facts, NOW) for some in lists for facts in (FACTS, stale)]

    assert {(v.colour, v.action, v.reasons[0]) for v in verdicts} == {
        (Colour.RED, Action.DENY, "R-INCOMPLETE")
    }


def test_a_check_that_stands_twice_does_not_stand_for_another():
    read, _, *others = CHECKS

    verdict = CheckList([read, read, read, *others]).decide(FACTS, NOW)

    assert verdict.reasons == ("R-INCOMPLETE",)


def test_no_mask_but_the_whole_one_gives_green():
    masks = [ALL_CHECKS ^ 1 << bit for bit in range(22)] + [0, 1, -1, ALL_CHECKS << 1]

    colours = {conclude(mask, [], unsure=Action.OPEN, way_out=False).colour for mask in masks}

    assert colours == {Colour.RED}
