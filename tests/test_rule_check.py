"""What is told of a rule before it is enacted; the presets that ship."""

import json
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance import cli
from appliance.commands.office_rule import PRESETS
from appliance.office.rule_check import DRAWS, examples, hints, judged, warnings
from appliance.policy.reasons import Reason
from appliance.policy.site_rule import DEFAULT, read
from appliance.policy.verdict import Action
from appliance.zones import zone_of


def preset(name):
    return resources.files("appliance.policy").joinpath("presets", f"{name}.json").read_bytes()


def rule_of(*rules, **more):
    return read(json.dumps({"rules": list(rules), **more}).encode(), zone_of)


def one(name, logic, reason="R-TIME", **more):
    return {"id": name, "reason": reason, "logic": logic, **more}


ROOT = Path(__file__).parents[1]
HOURS = {"<": [{"var": "external.minute_of_day"}, 720]}
NEVER = f"rule 'a' decides in none of {DRAWS:,} situations: it never fails, or one before it "


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_reads_and_each_of_its_rules_is_reached(name):
    rule = read(preset(name), zone_of)

    assert len(rule.rules) >= 6
    assert list(warnings(rule)) == []
    assert list(hints(rule)) == ["time_zone: the hours in this rule are UTC; name the site's own "
                                 "zone"]  # fmt: skip


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_shuts_a_way_out_or_opens_to_who_was_revoked(name):
    said = {one.who: judged(one) for one in examples(read(preset(name), zone_of))}

    assert said["resident on the way out, lockdown"].action is Action.OPEN
    assert said["resident, revoked"].action is Action.DENY
    assert said["resident, lockdown"].action is Action.DENY
    assert said["emergency service, lockdown"].action is Action.OPEN


def test_each_preset_says_of_the_examples_what_its_page_promises():
    def said(name, who):
        verdict = next(judged(e) for e in examples(read(preset(name), zone_of)) if e.who == who)
        return " ".join((verdict.colour.name, verdict.action.name, *verdict.reasons))

    assert said("residential", "resident, 23:30") == "GREEN OPEN"
    assert said("residential", "staff, 23:30") == "RED DENY R-TIME"
    assert said("residential", "resident who is inside by the log") == "YELLOW OPEN Y-APB"
    assert said("residential", "resident, ledger 2 days old") == "GREY OPEN G-STALE-STATUS"
    assert said("residential", "visitor, 23:30, host 10 s ago") == "RED DENY R-CURFEW"
    assert said("staff-entrance", "resident, Thursday noon") == "RED DENY R-RULE"
    assert said("staff-entrance", "staff, Thursday noon") == "GREEN OPEN"
    assert said("staff-entrance", "visitor, Thursday noon") == "YELLOW ASK Y-ESCORT"
    assert said("epidemic", "resident, the office set a condition") == (
        "RED DENY R-RULE Y-CONDITION"
    )
    assert said("epidemic", "resident, ledger 2 days old") == "GREY ASK G-OLD-STATUS"
    assert said("epidemic", "resident, 23:30") == "RED DENY R-CURFEW"


def test_a_rule_that_never_fails_is_told():
    assert next(warnings(rule_of(one("a", True)))).startswith(NEVER)


def test_a_rule_behind_one_that_always_fails_is_told():
    (said,) = warnings(rule_of(one("z", False), one("a", HOURS), time_zone="Asia/Tokyo"))

    assert said.startswith(NEVER)


def test_a_rule_that_says_again_what_stands_before_it_is_told():
    same = list(warnings(rule_of(one("z", HOURS), one("a", HOURS, **{"for": ["staff"]}))))
    other = list(warnings(rule_of(one("z", HOURS, **{"for": ["staff"]}), one("a", HOURS))))

    assert same[0] == "rule 'a' is unreachable: 'z' says the same before it"
    assert same[1].startswith(NEVER)
    assert other == []


def test_a_soft_reason_that_no_rule_gives_and_a_curfew_nobody_asks_for_are_told():
    night = [{"from": "22:00", "to": "24:00"}]
    rule = rule_of(soft=["Y-APB", "Y-CONDITION"], curfew=night, time_zone="Asia/Tokyo")
    asked = rule_of(
        one("a", {"!": [{"var": "external.curfew"}]}, "Y-APB"), soft=["Y-APB"], curfew=night,
        time_zone="Asia/Tokyo",
    )  # fmt: skip

    assert list(warnings(rule)) == [
        "soft: no rule gives Y-APB",
        "curfew: no rule asks for external.curfew, so it does nothing",
    ]
    assert list(warnings(asked)) == list(hints(asked)) == []


def test_the_default_rule_has_nothing_to_warn_of():
    assert list(warnings(DEFAULT)) == list(hints(DEFAULT)) == []


def test_the_pages_say_how_many_examples_there_are():
    said = f"{len(examples(DEFAULT))} people at a gate"

    for page in (ROOT / "README.md", ROOT / "appliance" / "policy" / "README.md"):
        assert said in page.read_text("utf-8")


def test_every_example_differs_from_every_other():
    found = examples(DEFAULT)

    assert len({one.who for one in found}) == len({one.facts for one in found}) == len(found)
    assert {reason for one in found for reason in judged(one).reasons} >= {
        *(Reason.REVOKED, Reason.CONDITION, Reason.LOCKDOWN, Reason.CLOCK, Reason.OLD_STATUS)
    }


# The commands.


def run(*words):
    return CliRunner().invoke(cli.cli, ["office", "rule", *map(str, words)])


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_printed_as_it_ships_and_checks_well(name, tmp_path):
    printed = run("preset", name)
    file = tmp_path / "rule.json"
    file.write_text(printed.stdout)

    checked = run("check", file)

    assert file.read_bytes() == preset(name)
    assert (printed.exit_code, checked.exit_code) == (0, 0)
    assert "resident, revoked" in checked.stdout
    assert "R-REVOKED The office revoked this pass." in checked.stdout
    assert "hint: time_zone" in checked.stderr


def test_a_rule_with_warnings_is_checked_with_exit_code_one(tmp_path):
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"rules": [one("a", True)]}))

    text, document = run("check", file), run("check", file, "--json")

    assert (text.exit_code, document.exit_code) == (1, 1)
    assert f"warning: {NEVER}" in text.stderr
    found = json.loads(document.stdout)
    assert found["rules"] == ["a"]
    assert found["warnings"][0].startswith(NEVER)
    assert {"who", "verdict", "action", "reasons"} == set(found["examples"][0])


def test_a_file_that_is_no_rule_is_refused_by_name_before_the_office_is_looked_at(tmp_path):
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"rules": [one("a", {"var": "external.tide"})]}))

    for words in (("check", file), ("set", file), (file,)):
        done = run(*words)
        assert done.exit_code == 1
        assert f"{file} is no rule: rules: 'external.tide' is no fact" in str(done.exception)
