"""Verdicts in words: told apart without colour, and never with more than was proven."""

import itertools
import json
import re
from importlib import metadata

import compound as yard
import pytest
from compound import ANN, GATE, NOW, PRINTED, STATIC, B, C, show
from stand import KEY, SECRET, Stand

from appliance import version
from appliance.gate import words
from appliance.gate.terminal import Outcome
from appliance.passes.token import handle_of
from appliance.policy.reasons import GUARD, PERSON, Reason
from appliance.policy.verdict import SHAPES, Action, Colour, Verdict

OPENS = Verdict(Colour.GREEN, Action.OPEN, ())
ASKS = Verdict(Colour.YELLOW, Action.ASK, (Reason.IDCHECK,))
DENIES = Verdict(Colour.RED, Action.DENY, (Reason.REVOKED, Reason.IDCHECK))
REVOKED = "R-REVOKED The office revoked this pass."
IDCHECK = "Y-IDCHECK A printed pass: compare it with the person."
VERDICTS = [Verdict(*pair, ()) for pair in itertools.product(Colour, Action)]


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    compound = yard.furnish(yard.Compound(tmp_path_factory.mktemp("words")))
    yield compound.checker()
    compound.store.close()


def test_every_verdict_is_told_apart_without_colour_by_shape_and_by_word():
    shown = [words.headline(verdict) for verdict in VERDICTS]

    assert len(set(shown)) == len(shown)
    assert len({line.encode("ascii", "ignore") for line in shown}) == len(shown)
    assert len({line[0] for line in shown}) == len(set(SHAPES.values())) == len(Colour)
    assert len({len(line) for line in shown}) == 1  # what follows stands in one column


def test_colour_adds_nothing_but_colour():
    for verdict in VERDICTS:
        painted = words.headline(verdict, colour=True)

        assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == words.headline(verdict)
        assert painted.startswith(f"\x1b[1;{words.ANSI[verdict.colour]}m")
        assert painted.count("\x1b[0m") == 1
    assert len(set(words.ANSI.values())) == len(Colour)


def test_an_explanation_names_every_reason_with_its_sentence():
    assert words.explanation(OPENS) == ""
    assert words.explanation(DENIES) == f"{REVOKED}  {IDCHECK}"
    for reason in Reason:
        told = words.explanation(Verdict(Colour.RED, Action.DENY, (reason,)))

        assert told == f"{reason} {GUARD[reason]}"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        *((-(2**40), "0 s"), (-1, "0 s"), (0, "0 s"), (41, "41 s"), (119, "119 s")),
        *((120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_799, "47 h")),
        *((172_800, "2 d"), (10**9, "11574 d")),
    ],
)
def test_an_age_is_told_in_the_largest_unit_that_there_are_two_of(seconds, told):
    assert words.age(seconds) == told


LINES = [
    (OPENS, True, True, "", "● GREEN  opens"),
    (OPENS, True, False, "no relay", "● GREEN  stays shut     no relay"),
    (OPENS, False, False, "full", "● GREEN  stays shut     NOT RECORDED  full"),
    (OPENS, False, True, "full", "● GREEN  opens          NOT RECORDED  full"),
    (ASKS, True, False, "", f"▲ YELLOW guard decides  {IDCHECK}"),
    (DENIES, True, False, "", f"■ RED    stays shut     {REVOKED}  {IDCHECK}"),
    (DENIES, True, True, "", f"■ RED    opens          {REVOKED}  {IDCHECK}"),
]


@pytest.mark.parametrize(("verdict", "is_recorded", "is_opened", "fault", "line"), LINES)
def test_a_line_says_what_the_gate_did(verdict, is_recorded, is_opened, fault, line):
    outcome = Outcome(NOW, verdict, None, is_recorded, is_opened, fault)

    assert words.line(outcome) == line
    assert words.line(outcome, software="x").split() == [*line.split(), "by", "x"]
    assert re.sub(r"\x1b\[[0-9;]*m", "", words.line(outcome, colour=True)) == line


def document(checker, text, heard_at=NOW - 41):
    assessed = checker.assess(text, NOW, grade=0)
    made = words.document(assessed.verdict, assessed.facts, NOW, heard_at=heard_at, software="x")
    assert json.loads(json.dumps(made)) == made
    return made


def test_a_document_holds_the_verdict_and_what_it_rests_on(checker):
    assert document(checker, show(C, ANN, NOW - 21)) == {
        "verdict": "RED",
        "action": "DENY",
        "reasons": ["R-STALE"],
        "guard": [GUARD[Reason.STALE]],
        "person": [PERSON[Reason.STALE]],
        "at": NOW,
        "verified": {
            "form": "code by reference",
            "class": "resident",
            "assurance": "software_key",
            "zones": [0],
            "issued_at": ANN.claims.issued_at,
            "expires_at": ANN.claims.expires_at,
            "code_at": NOW - 21,
        },
        "ledger_age_seconds": 41,
        "clock": "GOOD",
        "software": "x",
    }


def test_a_document_of_an_unproven_code_says_its_form_and_nothing_it_claims(checker):
    forged = show(C, ANN, audience=GATE, key=yard.STRANGER)
    for text, form in [
        (forged, "code by reference"),
        (show(B, ANN, key=yard.STRANGER), "self-contained code"),
        (show(STATIC, yard.FORGED_PRINT), "printed pass"),
        (b"menu", "unreadable"),
    ]:
        assert document(checker, text)["verified"] == {"form": form}


def test_a_printed_pass_has_no_time_of_code_and_an_unheard_office_no_age(checker):
    made = document(checker, show(STATIC, PRINTED), heard_at=0)

    assert (made["verified"]["code_at"], made["ledger_age_seconds"]) == (None, None)


def test_an_office_heard_in_the_future_has_no_negative_age(checker):
    assert document(checker, b"menu", heard_at=NOW + 9)["ledger_age_seconds"] == 0


def test_no_document_or_line_names_a_holder_or_shows_a_text_or_a_secret(tmp_path):
    text = show(B, ANN)
    with Stand(tmp_path) as stand:
        outcome = stand.terminal.present(text)
        stand.store.close()
        failed = stand.terminal.present(show(B, yard.BOB))

    facts = outcome.assessed.facts
    made = words.document(outcome.verdict, facts, NOW, heard_at=NOW, software="x")
    shown = f"{made} {words.line(outcome)} {words.line(failed)} {failed.fault} {stand.recorder!r}"
    assert not failed.is_opened
    for secret in (SECRET, KEY.seed, text, ANN.key.seed, handle_of(ANN.token)):
        assert repr(secret)[2:-1] not in shown and secret.hex() not in shown


IMAGE = 'ID=debian\nIMAGE_ID=yardpass-pi5\nIMAGE_VERSION="{}-1795305600"\n'


@pytest.mark.parametrize(
    ("release", "ends"),
    [
        (IMAGE, "-1795305600"),
        (IMAGE.replace('"', ""), "-1795305600"),
        (IMAGE.replace("{}", "99.9.9"), ""),
        (IMAGE.replace("yardpass-pi5", "other"), ""),
        ("ID=debian\n", ""),
        (None, ""),
    ],
    ids=["image", "unquoted", "another release", "another product", "no image", "no file"],
)
def test_an_image_of_this_release_says_when_it_was_built(tmp_path, release, ends):
    plain, file = version.software(tmp_path / "none"), tmp_path / "os-release"
    if release is not None:
        file.write_text(release.format(version.shown(plain)))

    assert version.software(file) == plain + ends


def test_a_bare_checkout_says_that_it_is_not_installed(monkeypatch):
    def version_of(name):
        raise metadata.PackageNotFoundError(name)

    installed = version.software()
    monkeypatch.setattr(metadata, "version", version_of)

    assert re.fullmatch(r"yardpass \d.*", installed)
    assert version.software() == "yardpass (not installed)"
