"""The threats the field knows, each an attack that is refused here and that succeeds once its
mitigation is taken away. What takes more than one gate stands in the tests that are named last."""

import re
from pathlib import Path

import pytest
from card_scenarios import CARD_SCENARIOS, furnish_cards
from compound import SCENARIOS, Compound, furnish, outcome
from guest_scenarios import GUEST_SCENARIOS, furnish_guests

from appliance.gate import checker
from appliance.policy.rules import CHECKS, CheckList
from appliance.policy.verdict import Check

ALL = {**SCENARIOS, **CARD_SCENARIOS, **GUEST_SCENARIOS}
THREATS = [
    # threat, what the attacker shows, how it ends, the check that refuses it
    ("screenshot shown again", "used code", "R-REPLAY", Check.GROWING),
    ("screenshot shown again in another form", "used code in another form", "R-REPLAY",
     Check.GROWING),
    ("screenshot shown later", "REFERENCE GOOD 21 s", "R-STALE", Check.FRESH),
    ("live relay to another gate", "REFERENCE ed for yp:hz07/s", "R-AUD", Check.AUDIENCE),
    ("live relay past a challenge", "REFERENCE ed wrong nonce", "R-NONCE", Check.NONCE),
    ("codes harvested in advance", "REFERENCE GOOD -6 s", "R-FUTURE", Check.NOT_FUTURE),
    ("a key of the wrong issuer", "class not theirs", "R-CLASS", Check.ISSUER),
    ("compromised issuer key, withdrawn", "after the issuer", "R-CLASS", Check.ISSUER),
    ("a verification step skipped", "forgotten step", "R-INCOMPLETE", Check.PROVEN),
    ("cloned card", "number of a certified card", "R-DOWNGRADE", Check.CARRIER),
    ("stolen phone, revoked", "revoked", "R-REVOKED", Check.STATUS),
    ("clock set back", "no clock", "G-CLOCK", Check.CLOCK),
    ("ledger withheld", "old list", "G-OLD-STATUS", Check.LIST_AGE),
    ("pass after its end", "expired", "R-EXP", Check.ALIVE),
    ("pass for elsewhere", "other zone", "R-ZONE", Check.ZONE),
    ("invite used up", "visitor, used up", "R-QUOTA", Check.INVITED),
    ("invite of who was revoked", "visitor of who was revoked", "R-HOST", Check.INVITED),
    ("invite for longer than allowed", "paper, longer", "R-INVITE", Check.INVITED),
    ("coming in during a lockdown", "lockdown", "R-LOCKDOWN", Check.LOCKDOWN),
]  # fmt: skip


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    made = furnish(Compound(tmp_path_factory.mktemp("threats")))
    furnish_guests(furnish_cards(made))
    yield made
    made.store.close()


def ends(yard, name, monkeypatch):
    scenario = ALL[name]
    with monkeypatch.context() as patch:
        if scenario.forgotten:
            patch.setattr(checker.verify, scenario.forgotten, lambda *_: 0)
        return outcome(scenario.assess(yard.gate_of(scenario)).verdict)


@pytest.mark.parametrize(("threat", "name", "reason", "check"), THREATS)
def test_an_attack_is_refused_and_succeeds_once_its_mitigation_is_taken_away(
    yard, monkeypatch, threat, name, reason, check
):
    refused = ends(yard, name, monkeypatch)
    blind = [(c, (lambda facts, now: None) if c is check else test) for c, test in CHECKS]
    monkeypatch.setattr(checker, "decide", CheckList(blind).decide)

    succeeded = ends(yard, name, monkeypatch)

    assert reason in refused.split(), threat
    assert "OPEN" not in refused
    assert succeeded == "GREEN OPEN", threat


ELSEWHERE = {
    "screenshot at two gates, heard and not heard": "test_a_code_that_counted_at_two_places_is_"
    "told_exactly_once",
    "forged issuer": "test_bug_a_an_issuer_key_inside_the_token_is_never_used",
    "stolen phone, card stays": "test_either_carrier_of_a_person_is_ended_alone",
    "compromised terminal": "test_a_second_history_is_kept_beside_the_first_with_both_heads_as_"
    "evidence",
    "ledger rolled back": "test_a_ledger_shorter_than_the_known_one_is_refused",
    "tailgating": "test_a_gate_that_is_opened_by_nobody_is_told_to_the_peers_and_shown_until_it_"
    "is_shut",
    "parser attack": "test_edited_tokens_are_refused_unless_they_are_what_was_signed",
}


def test_the_threats_that_take_more_than_one_gate_have_tests_of_their_own():
    text = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    defined = set(re.findall(r"^def (test_\w+)\(", text, re.MULTILINE))

    assert {threat: name for threat, name in ELSEWHERE.items() if name not in defined} == {}
