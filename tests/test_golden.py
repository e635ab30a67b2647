"""Every golden file ends as it says, FORMAT.md says the same, and the script makes them all."""

import hashlib
import hmac
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import guests
import makers
import pytest
from golden import answers, case, make

from appliance.gate.checker import Checker
from appliance.passes import code, invite, token
from appliance.policy import site_rule
from appliance.policy.facts import Direction, Gate, facts_of
from appliance.policy.rules import decide
from appliance.policy.verdict import Action, Colour
from ledger_sync import archive, base45, cbor, cose, feed, merkle
from ledger_sync.accept import NOWHERE, accept, checked
from ledger_sync.archive import ArchiveSource
from ledger_sync.checklog import CheckLog
from ledger_sync.denials import Denials
from ledger_sync.fsck import findings
from ledger_sync.keys import key_of
from ledger_sync.note import COSIGNER_KEY, MAX_NOTE
from ledger_sync.quorum import parse_policy
from ledger_sync.replica import Replica
from ledger_sync.state import holder_of
from ledger_sync.store import Store
from ledger_sync.tiles import MAX_BUNDLE, bundle_path, entries_of
from ledger_sync.trust import pinned

FORMAT = Path(__file__).parents[1] / "ledger_sync" / "FORMAT.md"
CASES = {found.name: found for found in case.read_all()}
GATE = Gate(makers.SITE, makers.GATE, Direction.IN, 1)
UNSPELLED = {
    "1.2": "no code is so long: 4.4.2 comes first",
    "4.5.1": "sections 1, 2 and 4.4",
    "4.5.5": "section 3",
    "4.5.8": "4.1.2, 4.1.3, 4.2.3",
    "4.5.19": "4.7.2 to 4.7.7",
    "4.5.21": "4.8.2",
    "4.5.22": "4.10.2",
    "4.6.1": "4.5",
    "4.6.2": "no bytes lead there",
    "4.6.13": "needs another rule of the site",
    "7.3.1": "7.1 and 7.2",
}
"""Rules of these sections that have no golden file of their own, and why."""
TESTED = {
    "7.6.1": "test_a_place_without_a_checkpoint_is_refused",
    "7.6.2": "test_a_checkpoint_past_its_bound_is_refused_unparsed",
    "7.6.3": "test_a_missing_bundle_is_named",
    "7.6.4": "test_a_bridge_that_leads_nowhere_ends_refused_not_in_a_loop",
    "7.6.6": "test_a_shorter_ledger_is_not_published_over_a_longer_one",
    "7.6.7": "test_what_it_signs_is_on_its_disk",
    "7.6.8": "test_another_history_of_one_size_is_kept_as_evidence_and_ends_all_signing",
    "7.6.9": "test_a_bit_flipped_on_its_own_disk_is_not_signed",
    "7.10.1": "test_what_no_host_signed_takes_nothing_back",
    "7.10.2": "test_one_from_ahead_of_time_is_refused_beyond_what_clocks_differ",
    "7.10.3": "test_it_is_kept_until_no_invite_can_last_any_more_and_forgotten_then",
    "8.4.7": "test_entries_of_any_bytes_are_taken_up_to_their_bound",
    "8.7.1": "test_uses_of_a_terminal_that_is_gone_are_kept_and_not_counted",
    "8.7.2": "test_uses_of_ahead_of_time_count_for_nothing",
    "8.7.3": "test_a_code_that_counted_at_two_places_is_told_exactly_once",
    "8.7.4": "test_a_second_history_is_kept_beside_the_first_with_both_heads_as_evidence",
    "8.7.5": "test_two_incarnations_after_the_same_one_are_evidence_of_a_clone_once",
    "8.7.6": "test_what_is_no_head_of_that_terminal_is_no_evidence",
    "8.7.7": "test_two_entries_at_gates_that_did_not_hear_each_other_are_told_exactly_once",
    "8.7.8": "test_more_entries_than_a_quota_are_told_in_whatever_zone",
    "8.8.1": "test_strangers_are_refused_and_the_others_go_on",
    "8.8.2": "test_the_answering_terminal_must_be_the_one_that_was_called",
    "8.8.3": "test_who_says_nothing_after_the_handshake_is_let_go",
    "8.8.4": "test_a_frame_that_comes_byte_by_byte_for_ever_is_given_up",
    "8.8.5": "test_ten_thousand_calls_leave_the_others_undisturbed",
    "8.5.4": "test_a_vector_of_more_histories_than_are_kept_is_refused",
    "8.6.6": "test_the_first_frame_is_hello",
    "8.6.7": "test_a_file_that_nobody_asked_for_is_refused",
    "8.6.8": "test_whoever_costs_more_than_its_share_is_refused",
    "4.12.5": "test_a_number_is_answered_until_its_minute_is_over",
    "4.12.6": "test_a_printed_number_is_good_for_its_hours_and_until_the_next",
    "4.12.7": "test_the_same_answer_again_is_a_replay",
    "4.5.9": "test_an_answer_is_taken_once_in_time_and_from_this_gate_alone",
    **dict.fromkeys(
        ("4.5.10", "4.5.11", "4.5.12", "4.5.13", "4.5.14", "4.6.17"),
        "test_what_is_not_broken_ends_as_the_table_says",
    ),
    "4.6.18": "test_a_check_accepts_up_to_its_boundary_and_refuses_one_step_further",
    **dict.fromkeys(
        ("4.6.19", *(f"4.11.{number}" for number in range(1, 10))),
        "test_a_term_of_an_invite_holds_up_to_its_boundary_and_not_beyond",
    ),
    "4.6.20": "test_the_first_rule_that_fails_gives_its_reason",
    "5.6.4": "test_a_fault_is_named_with_its_place_and_what_is_accepted",
    "5.6.5": "test_a_rule_that_is_wrong_is_refused_by_name",
    "11.1.2": "test_a_file_that_others_can_open_is_refused_with_the_line_that_mends_it",
    "11.4.1": "test_a_file_too_long_is_refused_and_a_missing_one_is_named",
}
"""Rules of what is done, not of bytes, and the test of each."""
ASKED = ("1.", "2.", "3.", "4.", "5.", "6.", "7.", "8.", "11.")
"""The sections of which every rule has a golden file or a test."""


def of_kind(kind, *, accepted=False):
    """The files of a kind; with `accepted` those that are good."""
    found = [known for known in CASES.values() if known.kind == kind]
    found = [known for known in found if known.expect == "accepted" or not accepted]
    return pytest.mark.parametrize("shown", found, ids=lambda known: known.name)


def trust_of(shown):
    return pinned("\n".join(shown.all("policy")).encode(), shown.get("origin"))


def accepted_ledger(shown):
    """What a terminal that has accepted nothing makes of the file; see mirror.py."""
    trust = trust_of(shown)
    with TemporaryDirectory() as folder:
        path = Path(folder) / shown.name
        path.write_bytes(shown.body)
        with closing(ArchiveSource(path)) as source:
            found = source.get("checkpoint", most=MAX_NOTE)
            candidate = checked(found.data, trust=trust, known=NOWHERE)
            found = source.get(bundle_path(0, candidate.checkpoint.size), most=MAX_BUNDLE)
    chunks = [entries_of(found.data, candidate.checkpoint.size)]
    return accept(candidate, chunks, trust=trust, frontier=merkle.Frontier())


@pytest.fixture
def store(tmp_path):
    shown = CASES["ledger"]
    made = Store.create(tmp_path / "store.db", origin=shown.get("origin"), floor=0)
    Replica(made).apply(accepted_ledger(shown), trust=trust_of(shown))
    yield made
    made.close()


def mark_used(store, shown):
    """Records that a code of the holder was accepted, as a gate does."""
    log = CheckLog(store)
    feed_number = log.open_feed("yardpass/hz07/north/00", b"", shown.at)
    holder, at = holder_of(bytes.fromhex(shown.get("holder"))), int(shown.get("last"))
    log.append(feed_number, 1, b"", use=feed.Use(bytes(16), holder, at, 0, at, 0))


def deny(store, signed):
    """Takes a deny note into effect in the second that it states."""
    issued_at = int(signed.split(b"\n")[1])
    Denials(store).add(signed, trust=trust_of(CASES["ledger"]), now=issued_at)


@of_kind("code")
def test_a_code_ends_with_the_answer_it_names(shown, store):
    if shown.get("last"):
        mark_used(store, shown)
    if shown.get("denied"):
        deny(store, bytes.fromhex(shown.get("denied")))
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


@of_kind("visit", accepted=True)
def test_no_two_spellings_of_an_invite_are_read_alike(shown):
    assert cbor.encode(cbor.decode(shown.body)) == shown.body
    assert base45.decode_ascii(code.to_text(shown.body)[4:]) == shown.body


@of_kind("invite")
def test_an_invite_is_signed_by_its_host_and_written_again_to_the_same_bytes(shown):
    host = makers.HOLDERS[shown.get("host")]
    opened = cose.open1(shown.body)

    claims = invite.claims_of(opened.payload)
    header = {label: opened.protected[label] for label in (4, 13) if label in opened.protected}

    assert opened.is_signed_by(host.public)
    assert claims.key in {visitor.public for visitor in guests.VISITORS.values()}
    assert invite.invite(claims, host=header, key=host) == shown.body


def test_the_credential_of_an_invite_is_made_as_format_md_says():
    handle = bytes.fromhex(CASES["pass-ed25519"].get("handle"))
    cti = invite.claims_of(cose.open1(CASES["invite-ed25519"].body).payload).cti
    expected = hashlib.sha256(b"yardpass/invite/v1" + handle + cti).digest()[:8]
    assert invite.credential_of(handle, cti) == expected
    assert expected.hex() in FORMAT.read_text("utf-8")


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


@pytest.mark.parametrize(
    "shown",
    [one for one in CASES.values() if one.kind in answers.ANSWERS],
    ids=lambda one: one.name,
)
def test_a_part_of_a_ledger_ends_with_the_answer_it_names(shown, tmp_path):
    assert answers.answer(shown, tmp_path) == shown.expect


@of_kind("export")
def test_an_export_is_accepted_under_its_policy(shown):
    accepted = accepted_ledger(shown)
    assert accepted.checkpoint.size == sum(map(len, accepted.chunks))
    assert accepted.quorum_time < shown.at


@of_kind("export")
def test_an_export_is_written_again_to_the_same_bytes(shown, store, tmp_path):
    replica = Replica(store)

    archive.write(tmp_path / "again", replica.note(), [], replica.bundles())

    assert (tmp_path / "again").read_bytes() == shown.body
    assert findings(store, trust_of(shown)) == []


@of_kind("check", accepted=True)
def test_a_check_reads_back_with_its_facts_and_decides_the_same_again(shown, store):
    check = feed.check_of(shown.body)
    rule = site_rule.read(Replica(store).rule(site_rule.RULE_NAME))
    facts = facts_of(check.facts, check.reasons, {rule.digest: rule})
    verdict = decide(facts, check.at)
    assert check.to_bytes() == shown.body
    assert (verdict.colour, verdict.action, verdict.reasons) == (*check[:2], check.reasons)


def test_a_pseudonym_is_made_as_format_md_says():
    shown = CASES["check-green"]
    handle = bytes.fromhex(CASES["pass-ed25519"].get("handle"))
    expected = hashlib.blake2b(handle, key=day_key_of(shown), digest_size=16).digest()
    assert feed.check_of(shown.body).pseudonym == expected


def day_key_of(shown):
    day = (shown.at // 86_400).to_bytes(8, "big")
    return hmac.digest(b"site secret of the examples", b"yardpass/day/v1" + day, "sha256")


def test_a_carrier_is_made_as_format_md_says():
    shown = CASES["check-green"]
    check = feed.check_of(shown.body)
    holder = int.from_bytes(hashlib.sha256(makers.PHONE.public.raw).digest()[:8], "big")
    mask = hashlib.blake2b(check.digest, key=day_key_of(shown), digest_size=8).digest()
    assert check.carrier == holder ^ int.from_bytes(mask, "big")


def test_what_is_sealed_beside_the_check_is_the_box_of_the_handle():
    check = feed.check_of(CASES["check-green"].body)
    assert check.sealed == hashlib.sha256(CASES["box"].body).digest()
    assert CASES["box"].get("opens") == CASES["pass-ed25519"].get("handle")


@of_kind("opening", accepted=True)
def test_an_opening_is_one_strict_item(shown):
    kind, terminal, boots, previous, size, software, floor = cbor.decode(shown.body)
    opening = feed.Opening(terminal, boots, previous, size, software, floor)
    assert (kind, opening.to_bytes()) == (feed.OPEN, shown.body)


def test_the_files_are_those_that_the_script_makes():
    assert make.differences() == []


@pytest.mark.long
def test_the_script_compares_when_asked_to():
    script = Path(make.__file__)
    command = [sys.executable, script, "--check"]

    ended = subprocess.run(command, check=False, capture_output=True, text=True)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_files_stay_small():
    assert sum(path.stat().st_size for path in case.FOLDER.glob("*.txt")) < 400_000


# FORMAT.md: its rules are the golden files' rules, its examples are their bytes.


def rules():
    """Rule number -> answer, from every table row that begins with a rule number."""
    rows = re.findall(
        r"^\| ([1-9][0-9]?(?:\.[0-9]+)+) \|.*\| ([^|]+) \|$",
        FORMAT.read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == len({number for number, _ in rows})
    return {number: answer.replace("`", "").strip() for number, answer in rows}


def test_every_golden_file_breaks_or_keeps_a_rule_with_that_answer():
    known = rules()
    for shown in CASES.values():
        answers = known[shown.rule].split(", ")
        assert shown.expect in (*answers, "accepted"), (shown.name, shown.rule, answers)


def test_every_rule_of_the_sections_asked_for_has_a_golden_file_or_a_test_that_breaks_it():
    broken = {shown.rule for shown in CASES.values() if shown.expect != "accepted"}
    asked = {number for number in rules() if number.startswith(ASKED)}
    assert asked - broken == {*UNSPELLED, *TESTED}
    assert broken <= asked


def test_the_tests_that_stand_for_rules_exist():
    text = "".join(path.read_text("utf-8") for path in FORMAT.parents[1].glob("tests/test_*.py"))
    assert [name for name in TESTED.values() if f"\ndef {name}(" not in text] == []


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
    elif part == "text":
        assert content.encode() == shown.body
    elif part:
        assert spelled(content) == accepted_ledger(shown).chunks[0][int(part)]
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
