"""A logged check says again what the gate said: facts out of the feed, the same verdict bytes."""

import json
import random
from importlib import resources

import pytest
from compound import RULES as YARDS
from compound import SCENARIOS, Compound, furnish
from diary import check

from appliance.passes.code import Form
from appliance.passes.verify import REQUIRED
from appliance.policy.facts import (
    UNINVITED,
    Around,
    Audience,
    Direction,
    Facts,
    Invitation,
    Nonce,
    facts_of,
)
from appliance.policy.reasons import Reason
from appliance.policy.rules import decide
from appliance.policy.site_rule import DEFAULT, read
from appliance.policy.verdict import Action, Colour, Verdict
from appliance.zones import zone_of
from ledger_sync.clock import Grade
from ledger_sync.errors import Refused
from ledger_sync.feed import check_of

NOW, DAY = 1_700_000_000, 86_400
PRESENTATIONS = 10_000
PRESETS = sorted(resources.files("appliance.policy").joinpath("presets").iterdir(), key=str)
EACH = [reason for reason in Reason if reason[0] != "G"]
EVERY = json.dumps(
    {
        "soft": ["Y-APB"],
        "rules": [
            {"id": reason, "reason": reason, "way": "both", "logic": {
                "!": [{"===": [{"var": "external.occupancy_unsure"}, number]}]}}
            for number, reason in enumerate(EACH)
        ] + [{"id": "odd", "reason": "R-RULE", "for": ["item"], "logic": {
            "<": [{"var": "external.occupancy"}, 1]}}],
    }
).encode()  # fmt: skip
"""A rule that gives each reason there is."""
TEXTS = (
    *(preset.read_bytes() for preset in PRESETS),
    EVERY,
    b'{"static": "yellow"}',
    b'{"stale_opens": [4], "fresh_seconds": 60}',
    b'{"static": "red", "number": "red"}',
)
RULES = {rule.digest: rule for rule in (DEFAULT, *(read(text, zone_of) for text in TEXTS))}
OF_EACH = next(rule for rule in RULES.values() if len(rule.rules) > 20)
RED = [str(reason) for reason in Reason if reason[0] == "R"]


def random_facts(draw):
    """Facts as a gate meets them: mostly sound, each field off now and then."""

    def usually(value, *others):
        return value if draw.random() < 0.85 else draw.choice(others)

    form, klass = (
        draw.choice(sorted(REQUIRED)[1:]),
        draw.randint(1, 8),
    )
    is_guest = form in (Form.VISITOR, Form.BEARER_INVITE)
    given = Invitation(
        usually(NOW - 60, NOW + 400, 0),
        usually(NOW + 60, NOW, NOW + DAY),
        usually(1, 0, 2),
        usually(3, 0, 200),
        usually(0, 1),
        usually(1, 3),
        usually(0, 1, 3, 4, -1),
        usually(1, 0),
        usually(0, 1, 2),
    )
    around = Around(
        usually(720, -1, 1_410),
        draw.randint(0, 7),
        usually(0, 1),
        usually(0, 1, 2, 3),
        usually(0, 255),
        usually(-1, 0, 1),
        usually(NOW - 60, 0),
        usually(1, 0),
        usually(5, 65_535, 3_000),
        draw.randrange(len(EACH) + 2),
        usually(65_535, 30),
        usually(65_535, 5),
        usually(0, 3),
    )
    return Facts(
        form,
        usually("", *RED),
        usually(REQUIRED[form], *range(256)),
        direction=usually(Direction.IN, Direction.OUT),
        gate_zones=usually(1, 0, 2**53 - 1),
        klass=klass,
        zones=usually(1, 0, 2),
        assurance=draw.choice((0, 0, 1, 2, 3, 4, 5)),
        issued_at=usually(NOW - DAY, 0, NOW + 400),
        expires_at=usually(NOW + DAY, NOW, 0, 2**53 - 1),
        issuer_until=usually(2**53 - 1, 0),
        issuer_classes=usually(0x1FE, 1 << klass, 0),
        audience=usually(Audience.SITE, *Audience),
        nonce=usually(Nonce.ABSENT, *Nonce),
        code_at=NOW - usually(3, *range(-20, 40)),
        last_at=usually(0, NOW - 3, NOW),
        last_way=usually(-1, *Direction),
        seen_at=usually(0, NOW - 3),
        uses=usually(0, 7),
        status=usually(0, -1, 1, 2, 3),
        quorum_time=NOW - usually(5, 61, 3_601, 3 * DAY + 1),
        floor=usually(NOW - 9, NOW + DAY),
        critical=usually(0, 1 << klass),
        grade=usually(Grade.GOOD, *Grade),
        around=around,
        invite=given if is_guest else UNINVITED,
        rule=OF_EACH if draw.random() < 0.4 else draw.choice(list(RULES.values())),
    )


def logged(facts, verdict, at=NOW):
    """The bytes of the check in the feed of a gate."""
    made = check(at=at)._replace(colour=verdict.colour, action=verdict.action)
    return made._replace(reasons=verdict.reasons, facts=facts.to_bytes()).to_bytes()


def replayed(entry, rules=RULES):
    """What the log says the verdict was, and what its facts say again."""
    found = check_of(entry)
    said = Verdict(Colour(found.colour), Action(found.action), tuple(map(Reason, found.reasons)))
    facts = facts_of(found.facts, found.reasons, rules)
    return said.to_bytes(), decide(facts, found.at).to_bytes()


@pytest.mark.long
def test_every_logged_check_replays_to_the_same_bytes():
    draw = random.Random(2_000)
    entries, colours = [], set()
    for _ in range(PRESENTATIONS):
        facts = random_facts(draw)
        verdict = decide(facts, NOW)
        entries.append(logged(facts, verdict))
        colours |= {(verdict.colour, verdict.action), *verdict.reasons}

    pairs = [replayed(entry) for entry in entries]

    assert [said for said, _ in pairs] == [again for _, again in pairs]
    assert colours >= set(Reason) | {(colour, Action.OPEN) for colour in Colour}


def test_every_presentation_of_the_table_replays_to_the_same_bytes(tmp_path):
    rules, pairs = {}, []
    for rule in YARDS:
        (tmp_path / rule).mkdir()
        compound = furnish(Compound(tmp_path / rule), rule)
        for way in Direction:
            checker = compound.checker(way)
            rules[checker.rule.digest] = checker.rule
            for scenario in SCENARIOS.values():
                assessed = scenario.assess(checker)
                entry = logged(assessed.facts, assessed.verdict, scenario.now)
                pairs.append(replayed(entry, rules))
        compound.store.close()

    assert [said for said, _ in pairs] == [again for _, again in pairs]
    assert len(pairs) == len(YARDS) * 2 * len(SCENARIOS)


def test_a_changed_verdict_is_noticed():
    draw = random.Random(7)
    noticed = 0
    for _ in range(200):
        facts = random_facts(draw)
        verdict = decide(facts, NOW)
        other = verdict._replace(action=(verdict.action + 1) % 3)
        said, again = replayed(logged(facts, other))
        noticed += said != again

    assert noticed == 200


SOUND = random_facts(random.Random(1))._replace(
    form=Form.REFERENCE, refused="", marks=REQUIRED[Form.REFERENCE], klass=1, zones=1, gate_zones=1
)
SOUND = SOUND._replace(
    **{"direction": 0, "audience": 1, "nonce": 0, "status": 0, "critical": 0, "grade": 0},
    **{"issued_at": NOW - DAY, "expires_at": NOW + DAY, "issuer_until": NOW, "floor": NOW},
    **{"issuer_classes": 2, "code_at": NOW, "last_at": 0, "quorum_time": NOW, "rule": DEFAULT},
)
CHANGES = {
    "form": Form.SELF_CONTAINED,
    "marks": 0,
    "gate_zones": 2,
    "klass": 2,
    "zones": 2,
    "issued_at": NOW + 301,
    "expires_at": NOW,
    "issuer_since": NOW,
    "issuer_until": 0,
    "issuer_classes": 0,
    "audience": Audience.OTHER,
    "nonce": Nonce.WRONG,
    "code_at": NOW - 21,
    "last_at": NOW,
    "status": 1,
    "quorum_time": 0,
    "floor": NOW + DAY,
    "critical": 2,
    "grade": Grade.POOR,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_fact_is_noticed(name):
    green = decide(SOUND, NOW)
    changed = SOUND._replace(**{name: CHANGES[name]})

    said, again = replayed(logged(changed, green))

    assert green.colour is Colour.GREEN
    assert said != again


def test_a_changed_time_of_the_check_is_noticed():
    said, again = replayed(logged(SOUND, decide(SOUND, NOW), NOW + 21))

    assert said != again


def test_another_rule_under_the_logged_digest_is_noticed():
    printed = {"form": Form.STATIC, "marks": REQUIRED[Form.STATIC]}
    strict = read(b'{"static": "red"}')
    facts = SOUND._replace(rule=strict, **printed)
    entry = logged(facts, decide(facts, NOW))
    swapped = {strict.digest: DEFAULT}

    with pytest.raises(Refused, match="another spelling"):
        replayed(entry, swapped)


def test_a_rule_that_is_not_at_hand_stops_the_replay():
    facts = SOUND._replace(rule=read(b'{"static":"green"}'))

    with pytest.raises(Refused, match="not at hand"):
        replayed(logged(facts, decide(facts, NOW)))
