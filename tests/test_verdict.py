"""The verdict: what the colour, the action and the order of reasons follow from."""

from itertools import product

import pytest

from appliance.policy.reasons import Reason
from appliance.policy.verdict import (
    ALL_CHECKS,
    SHAPES,
    Action,
    Check,
    Colour,
    Verdict,
    conclude,
)

LETTERS = {"R": Colour.RED, "Y": Colour.YELLOW, "G": Colour.GREY}


def concluded(*findings, made=ALL_CHECKS, unsure=Action.ASK, way_out=False):
    return conclude(made, findings, unsure=unsure, way_out=way_out)


def test_all_checks_and_no_finding_are_green_and_open():
    assert concluded() == (Colour.GREEN, Action.OPEN, ())


@pytest.mark.parametrize("missing", Check)
def test_a_missing_check_is_red_with_and_without_findings(missing):
    made = ALL_CHECKS & ~(1 << missing)

    alone = concluded(made=made, unsure=Action.OPEN)
    with_grey = concluded(Reason.STALE_STATUS, made=made, unsure=Action.OPEN)

    assert alone == (Colour.RED, Action.DENY, ("R-INCOMPLETE",))
    assert with_grey == (Colour.RED, Action.DENY, ("R-INCOMPLETE", "G-STALE-STATUS"))


@pytest.mark.parametrize("reason", Reason)
def test_the_first_letter_of_a_reason_is_the_colour_it_leads_to(reason):
    assert concluded(reason).colour is LETTERS[reason[0]]


@pytest.mark.parametrize(("reason", "unsure"), list(product(Reason, Action)))
def test_a_red_stays_shut_and_of_the_others_the_site_says_what_the_gate_does(reason, unsure):
    verdict = concluded(reason, unsure=unsure)

    assert verdict.action is (Action.DENY if reason[0] == "R" else unsure)


@pytest.mark.parametrize(("reason", "made"), list(product(Reason, (0, ALL_CHECKS))))
def test_the_way_out_opens_for_every_reason(reason, made):
    assert concluded(reason, made=made, way_out=True).action is Action.OPEN


def test_the_gravest_finding_decides_and_stands_first():
    found = (Reason.CLOCK, Reason.CONDITION, Reason.UPDATE, Reason.REVOKED, Reason.IDCHECK)

    verdict = concluded(*found, unsure=Action.OPEN)

    assert verdict.colour is Colour.RED
    assert verdict.reasons == (
        *("R-REVOKED", "Y-CONDITION", "Y-IDCHECK"),
        *("G-CLOCK", "G-UPDATE"),
    )


def test_colours_can_be_told_apart_without_colour():
    assert set(SHAPES) == set(Colour)
    assert len(set(SHAPES.values())) == len(Colour)


def test_the_mask_of_all_checks_has_one_bit_for_each():
    assert ALL_CHECKS.bit_count() == len(Check) == 20


def test_verdicts_that_differ_have_different_bytes():
    reasons = [(), *((reason,) for reason in Reason), (Reason.SIG, Reason.CLOCK)]
    verdicts = [Verdict(*parts) for parts in product(Colour, Action, reasons)]

    spelled = {verdict.to_bytes() for verdict in verdicts}

    assert len(spelled) == len(verdicts)


def test_the_bytes_of_a_verdict_stay_what_old_logs_were_compared_with():
    verdict = Verdict(Colour.GREY, Action.ASK, (Reason.CLOCK, Reason.NO_STATUS))

    assert verdict.to_bytes().hex() == "8301018267472d434c4f434b6b472d4e4f2d535441545553"
