"""Every golden file ends as it says, FORMAT.md says the same, and the script makes them all."""

import hashlib
import hmac
import re
import subprocess
import sys
from pathlib import Path

import makers
import pytest
from golden import case, make

from appliance.gate.checker import Checker
from appliance.passes import code, token
from appliance.policy import site_rule
from appliance.policy.facts import Direction, Gate, facts_of
from appliance.policy.rules import decide
from appliance.policy.verdict import Action, Colour
from ledger_sync import base45, cbor, cose, feed, merkle
from ledger_sync.accept import NOWHERE, accept
from ledger_sync.checklog import CheckLog
from ledger_sync.keys import key_of
from ledger_sync.note import COSIGNER_KEY
from ledger_sync.quorum import parse_policy
from ledger_sync.replica import Replica
from ledger_sync.state import holder_of
from ledger_sync.store import Store

FORMAT = Path(__file__).parents[1] / "ledger_sync" / "FORMAT.md"
CASES = {found.name: found for found in case.read_all()}
GATE = Gate(makers.SITE, makers.GATE, Direction.IN, 1)
UNSPELLED = {
    "1.2": "no code is so long: 4.4.2 comes first",
    "4.5.1": "sections 1, 2 and 4.4",
    "4.5.5": "section 3",
    "4.5.8": "4.1.2, 4.1.3, 4.2.3",
    "4.6.1": "4.5",
    "4.6.2": "no bytes lead there",
    "4.6.13": "needs another rule of the site",
}
"""Rules of sections 1 to 4 that have no golden file of their own, and why."""


def of_kind(kind):
    found = [known for known in CASES.values() if known.kind == kind]
    return pytest.mark.parametrize("shown", found, ids=lambda known: known.name)


def accepted_ledger(shown):
    policy = parse_policy("\n".join(shown.all("policy")))
    return accept(shown.body, policy=policy, origin=shown.get("origin"), known=NOWHERE)


@pytest.fixture
def store(tmp_path):
    made = Store.create(tmp_path / "store.db", origin=CASES["ledger"].get("origin"), floor=0)
    Replica(made).apply(accepted_ledger(CASES["ledger"]))
    yield made
    made.close()


def mark_used(store, shown):
    """Records that a code of the holder was accepted, as a gate does."""
    log = CheckLog(store)
    feed_number = log.open_feed("yardpass/hz07/north/00", b"", shown.at)
    holder = holder_of(bytes.fromhex(shown.get("holder")))
    log.append(feed_number, 1, b"", mark=(holder, int(shown.get("last"))))


@of_kind("code")
def test_a_code_ends_with_the_answer_it_names(shown, store):
    if shown.get("last"):
        mark_used(store, shown)
    text = shown.body if shown.is_text else code.to_text(shown.body)
    nonce = bytes.fromhex(shown.get("nonce")) or None

    checker = Checker(Replica(store), GATE)
    verdict = checker.assess(text, shown.at, grade=int(shown.get("grade") or 0), nonce=nonce)[0]

    if shown.expect == "accepted":
        assert (verdict.colour, verdict.action, verdict.reasons) == (Colour.GREEN, Action.OPEN, ())
    else:
        assert verdict.reasons[0] == shown.expect


@of_kind("code")
def test_no_two_spellings_of_a_code_are_read_alike(shown):
    if not shown.is_text and shown.expect == "accepted":
        assert cbor.encode(cbor.decode(shown.body)) == shown.body
        assert base45.decode_ascii(code.to_text(shown.body)[4:]) == shown.body


@of_kind("pass")
def test_a_pass_is_signed_by_the_office_and_enrolled_under_its_handle(shown, store):
    opened = cose.open1(shown.body)
    replica = Replica(store)
    (issuer,) = replica.issuers()[token.kid_of(opened.protected)]

    claims = token.claims_of(opened.payload)
    row = replica.enrolled(token.handle_of(shown.body))

    assert opened.is_signed_by(issuer.key)
    assert token.handle_of(shown.body).hex() == shown.get("handle")
    assert key_of(row.key) == claims.key
    assert token.issue(claims, makers.OFFICE) == shown.body


@of_kind("export")
def test_an_export_is_accepted_under_its_policy(shown):
    accepted = accepted_ledger(shown)
    assert accepted.checkpoint.size == len(accepted.new_entries)
    assert accepted.quorum_time < shown.at


@of_kind("check")
def test_a_check_reads_back_with_its_facts_and_decides_the_same_again(shown, store):
    check = feed.check_of(shown.body)
    rule = site_rule.read(Replica(store).rule(site_rule.RULE_NAME))
    facts = facts_of(check.facts, check.reasons, {rule.digest: rule})
    verdict = decide(facts, check.at)
    assert check.to_bytes() == shown.body
    assert (verdict.colour, verdict.action, verdict.reasons) == check[:2] + check[8:9]


@of_kind("check")
def test_a_pseudonym_is_made_as_format_md_says(shown):
    day = (shown.at // 86_400).to_bytes(8, "big")
    key = hmac.digest(b"site secret of the examples", b"yardpass/day/v1" + day, "sha256")
    handle = bytes.fromhex(CASES["pass-ed25519"].get("handle"))
    expected = hashlib.blake2b(handle, key=key, digest_size=16).digest()
    assert feed.check_of(shown.body).pseudonym == expected


@of_kind("opening")
def test_an_opening_is_one_strict_item(shown):
    kind, terminal, boots, previous, size, software, floor = cbor.decode(shown.body)
    opening = feed.Opening(terminal, boots, previous, size, software, floor)
    assert (kind, opening.to_bytes()) == (feed.OPEN, shown.body)


def test_the_files_are_those_that_the_script_makes():
    assert make.differences() == []


def test_the_script_compares_when_asked_to():
    script = Path(make.__file__)
    command = [sys.executable, script, "--check"]

    ended = subprocess.run(command, check=False, capture_output=True, text=True)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_files_stay_small():
    assert sum(path.stat().st_size for path in case.FOLDER.glob("*.txt")) < 200_000


# FORMAT.md: its rules are the golden files' rules, its examples are their bytes.


def rules():
    """Rule number -> answer, from every table row that begins with a rule number."""
    rows = re.findall(
        r"^\| ([1-9](?:\.[0-9]+)+) \|.*\| ([^|]+) \|$", FORMAT.read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == len({number for number, _ in rows})
    return {number: answer.replace("`", "").strip() for number, answer in rows}


def test_every_golden_file_breaks_or_keeps_a_rule_with_that_answer():
    known = rules()
    for shown in CASES.values():
        answers = known[shown.rule].split(", ")
        assert shown.expect in (*answers, "accepted"), (shown.name, shown.rule, answers)


def test_every_rule_of_sections_1_to_4_has_a_golden_file_that_breaks_it():
    broken = {shown.rule for shown in CASES.values() if shown.expect != "accepted"}
    asked = {number for number in rules() if number[0] in "1234"}
    assert asked - broken == set(UNSPELLED)
    assert broken <= asked


def examples():
    """(file, digits without their comments) of each example in FORMAT.md."""
    found = re.findall(
        r"^```(hex|text) (\S+)\n(.*?)^```$",
        FORMAT.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert len(found) > 8
    return found


@pytest.mark.parametrize(("form", "name", "content"), examples(), ids=lambda part: part[:24])
def test_an_example_is_made_of_golden_bytes(form, name, content):
    name, _, part = name.partition("#")
    shown = CASES[name.removesuffix(".txt")]

    if part == "note":
        assert content.encode() == accepted_ledger(shown).note
    elif part:
        assert spelled(content) == accepted_ledger(shown).new_entries[int(part)][1]
    elif form == "text":
        assert content.removesuffix("\n").encode() == shown.body
    else:
        assert spelled(content) == shown.body


def spelled(content):
    """The bytes of an example: digits up to a `#`; `<name.txt>` stands for that file."""
    digits = "".join(line.partition("#")[0] for line in content.splitlines())
    named = re.sub(r"<(\S+)\.txt>", lambda found: CASES[found[1]].body.hex(), digits)
    return bytes.fromhex(named)


def test_the_keys_of_the_examples_are_those_format_md_prints():
    text = FORMAT.read_text("utf-8")
    policy = parse_policy("\n".join(CASES["ledger"].all("policy")))
    for key in (makers.OFFICE, makers.OFFICE_P256, makers.PHONE, makers.PHONE_P256):
        assert key.public.raw.hex() in text
    assert [verifier.kind for verifier in policy.witnesses.values()] == [COSIGNER_KEY]
    assert merkle.EMPTY_ROOT.hex() in text
