"""The reasons: one sentence for the guard, one for the person, and no reason nobody can meet."""

import re
from pathlib import Path

import pytest
from card_scenarios import CARD_SCENARIOS
from compound import SCENARIOS
from guest_scenarios import GUEST_SCENARIOS
from house_scenarios import HOUSE_SCENARIOS

import appliance
import hw
import ledger_sync
from appliance.policy.reasons import GUARD, PERSON, Reason

PACKAGES = [Path(package.__file__).parent for package in (appliance, hw, ledger_sync)]
LITERAL = re.compile(r"""\breason(?:\s*:\s*str)?\s*=\s*["']([^"']+)["']""")
NOT_OF_A_CHECK = {Reason.IMAGE, Reason.LEDGER, Reason.DECODER, Reason.PULSE}
"""Reasons of an import or a device; they never stand in a verdict."""
OF_THE_DESK = {Reason.TRIES}
"""Found before a card is looked at: tests/test_card_desk.py."""

JARGON = re.compile(
    r"\b(nonce|hash|hmac|token|payload|key|kid|handle|pars\w+|bytes?|cbor|cose|json|base45|claims?"
    r"|enum|mask|exception|error|invalid|null|replay|timestamp|iat|crypto\w*|sql\w*|R-\w+)\b",
    re.IGNORECASE,
)
OFFICE_WORDS = re.compile(r"\b(signature|issuer|ledger|terminal|technician|list|relay)\b", re.I)
EITHER = [pytest.param(GUARD, id="guard"), pytest.param(PERSON, id="person")]


def literals():
    sources = [path for package in PACKAGES for path in package.rglob("*.py")]
    return {reason for path in sources for reason in LITERAL.findall(path.read_text())}


def test_a_reason_is_written_as_a_colour_and_one_word():
    assert [r for r in Reason if not re.fullmatch("[RYG]-[A-Z]+(-[A-Z]+)?", r)] == []


@pytest.mark.parametrize("sentences", EITHER)
def test_every_reason_has_a_sentence(sentences):
    assert set(sentences) == set(Reason)


@pytest.mark.parametrize("sentences", EITHER)
def test_a_sentence_is_short_begins_big_and_ends_with_a_full_stop(sentences):
    wrong = {
        reason: text
        for reason, text in sentences.items()
        if len(text) > 90 or not text[0].isupper() or not text.endswith(".") or "  " in text
    }

    assert wrong == {}


@pytest.mark.parametrize("sentences", EITHER)
def test_a_sentence_needs_no_engineer(sentences):
    assert [text for text in sentences.values() if JARGON.search(text)] == []


def test_a_person_is_not_told_of_the_office_s_machinery():
    assert [text for text in PERSON.values() if OFFICE_WORDS.search(text)] == []


def test_the_guard_can_tell_any_two_reasons_apart():
    assert len(set(GUARD.values())) == len(Reason)


def test_every_reason_a_source_names_is_in_the_list():
    assert literals() - set(map(str, Reason)) == set()


def test_the_search_for_reasons_finds_those_that_are_surely_there():
    assert {"R-FOREIGN", "R-LEDGER", "R-SETTINGS", "R-DECODER", "R-FORM"} <= literals()


def test_every_reason_of_a_verdict_is_met_by_a_scenario():
    tables = (SCENARIOS, CARD_SCENARIOS, GUEST_SCENARIOS, HOUSE_SCENARIOS)
    scenarios = [scenario for table in tables for scenario in table.values()]
    met = {reason for scenario in scenarios for reason in scenario.ends.split()[2:]}

    assert met == {str(reason) for reason in set(Reason) - NOT_OF_A_CHECK - OF_THE_DESK}
