"""Cards at the gate of the small compound: judged, recorded with their receipt, and counted where
numbers are guessed. With a real store, the real terminal, the simulated relay."""

import hashlib

import pytest
from card_scenarios import (
    NUMBERED,
    PLAIN,
    SIGNED,
    UID,
    WEEK_NUMBER,
    certified,
    furnish_cards,
    handle,
    number,
    tap,
)
from compound import IN, NOW, OUT
from stand import KEY, SECRET, Stand

from appliance.gate.asking import ANSWER_SECONDS, MAX_OPEN, Asking
from appliance.gate.card_checker import carrier_class
from appliance.passes.code import Form
from appliance.policy.facts import facts_of, receipt_in
from appliance.policy.site_rule import read
from appliance.policy.tries import FREE, LONGEST_SECONDS
from ledger_sync import masks
from ledger_sync.clock import Reading
from ledger_sync.keys import ES256, PublicKey
from ledger_sync.merkle import frontier_of
from ledger_sync.state import holder_of, number_of
from ledger_sync.store import Store
from ledger_sync.tries import MAX_ROWS, TriesLog

WRONG = number(bytes.fromhex("0badcafe"))
RULE = read(b'{"static": "green", "number": "green"}')


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        furnish_cards(made.compound)
        yield made


def meet(stand, who, **changes):
    """The card of a person is held to the reader, and answers what it is asked."""
    asked = stand.terminal.ask()
    made = certified(who) if who is SIGNED else None
    if made is None:
        asked = asked[:16]
    return stand.terminal.meet(tap(who, **{"asked": asked, "made": made} | changes))


def said(outcome):
    return " ".join((outcome.verdict.colour.name, *outcome.verdict.reasons))


def at(stand, seconds):
    stand.reading = Reading(NOW + seconds, synchronised=True, error_seconds=1, has_chip=True)


@pytest.mark.parametrize("who", [PLAIN, SIGNED], ids=["B", "A"])
def test_a_tap_opens_and_leaves_a_receipt_that_names_the_head_of_the_feed(stand, who):
    stand.terminal.meet(number(WEEK_NUMBER, 26))
    outcome = meet(stand, who)

    assert (said(outcome), outcome.is_opened, outcome.is_recorded) == ("GREEN", True, True)
    check = stand.checks()[-1]
    receipt = receipt_in(check.facts)
    entries = stand.log.entries(stand.feed.origin)
    transaction = receipt.transaction(KEY.public.raw, frontier_of(entries[: receipt.size]).root())
    signed = transaction[:16] if who is PLAIN else transaction
    assert (receipt.size, receipt.counter) == (2, 0)
    assert PublicKey(ES256, who.key.public.raw).holds(-7, receipt.signature, signed)
    facts = facts_of(check.facts, check.reasons, {RULE.digest: RULE})
    assert facts == outcome.assessed.facts
    assert carrier_class(facts.form) == ("B" if who is PLAIN else "A")
    assert check.digest == hashlib.sha256(signed).digest()[:16]


def test_a_card_counts_as_its_holder_and_never_as_a_code_used_twice(stand):
    first, second = meet(stand, PLAIN), meet(stand, PLAIN)

    assert [said(one) for one in (first, second)] == ["GREEN", "GREEN"]
    checks = stand.checks()
    key = masks.day_key(SECRET, NOW)
    holders = {masks.unmasked(one.carrier, key, one.digest) for one in checks}
    assert holders == {holder_of(PLAIN.key.public.raw)}
    assert {one.code_at for one in checks} == {0}
    assert {one.pseudonym for one in checks} == {masks.pseudonym(key, handle(PLAIN))}


def test_an_answer_is_taken_once_in_time_and_from_this_gate_alone(stand):
    asked = stand.terminal.ask()[:16]
    late = stand.terminal.ask()[:16]
    answer = tap(PLAIN, asked=asked)
    other = Asking(KEY.public.raw).ask()[:16]

    first = stand.terminal.meet(answer)
    again = stand.terminal.meet(answer)
    foreign = stand.terminal.meet(tap(PLAIN, asked=other))
    stand.ticks += ANSWER_SECONDS + 0.1
    too_late = stand.terminal.meet(tap(PLAIN, asked=late))

    assert said(first) == "GREEN"
    assert [said(one) for one in (again, foreign, too_late)] == ["RED R-NONCE"] * 3
    assert [receipt_in(one.facts) is None for one in stand.checks()] == [False, True, True, True]
    assert len(stand.relay.history) == 2


def test_what_was_asked_is_bounded_and_the_newest_stays():
    asking = Asking(KEY.public.raw)
    asked = [asking.ask() for _ in range(MAX_OPEN + 1)]

    assert asking.take(asked[0]) is None
    assert asking.take(asked[1]) is not None
    assert asking.take(asked[-1][:16]).counter == MAX_OPEN
    assert asking.take(asked[2][:16] + bytes(16)) is None
    assert len(set(asked)) == len(asked)


def test_no_number_and_no_hash_of_one_stands_in_the_store(stand, tmp_path):
    for read_ in (number(NUMBERED), number(WEEK_NUMBER, 26), number(UID), WRONG):
        stand.terminal.meet(read_)

    held = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("store.db*")))
    for raw in (NUMBERED, UID, WRONG.number):
        assert raw not in held
        assert hashlib.sha256(raw).digest()[:16] not in held
    assert len({one.digest for one in stand.checks()}) == 4


def test_guessed_numbers_stop_a_reader_for_numbers_and_for_nothing_else(stand):
    for _ in range(FREE):
        assert said(stand.terminal.meet(WRONG)) == "RED R-UNKNOWN"

    held_up = stand.terminal.meet(number(NUMBERED))
    card = meet(stand, PLAIN)
    at(stand, 29)
    still = stand.terminal.meet(number(NUMBERED))
    at(stand, 30)
    free = stand.terminal.meet(number(NUMBERED))

    assert [said(one) for one in (held_up, card, still, free)] == [
        "RED R-TRIES",
        "GREEN",
        "RED R-TRIES",
        "GREEN",
    ]


def test_it_takes_longer_with_each_try_and_outlasts_a_power_cut(stand, tmp_path):
    moment = 0
    for _ in range(FREE + 12):
        at(stand, moment)
        stand.terminal.meet(WRONG)
        moment += LONGEST_SECONDS
    with Store(stand.compound.path) as other:
        count, when = TriesLog(other).get(b"reader door")

    assert (count, when) == (FREE + 12, NOW + moment - LONGEST_SECONDS)
    at(stand, moment - 1)
    assert said(stand.terminal.meet(number(NUMBERED))) == "RED R-TRIES"
    at(stand, moment)
    assert said(stand.terminal.meet(number(NUMBERED))) == "GREY G-STALE-STATUS"


def test_a_clock_that_was_set_back_locks_for_no_longer_than_the_longest(stand):
    for _ in range(FREE):
        stand.terminal.meet(WRONG)

    at(stand, -86_400)
    locked = stand.terminal.meet(number(NUMBERED))
    at(stand, 3_601)
    stand.terminal.meet(WRONG)
    free = stand.terminal.meet(number(NUMBERED))

    assert said(locked) == "RED R-TRIES"
    assert said(free) == "GREY G-STALE-STATUS"  # after an hour all is forgotten


def test_a_copied_number_is_held_against_the_number_at_every_reader(stand):
    copy = number(UID)
    for reader in range(FREE):
        told = stand.terminal.meet(copy.__class__(f"reader {reader}", 0, UID, 56))
        assert said(told) == "RED R-DOWNGRADE"

    assert said(stand.terminal.meet(copy)) == "RED R-TRIES"
    assert said(stand.terminal.meet(number(NUMBERED))) == "GREEN"


def test_wrong_tries_are_kept_of_so_many_names_and_no_more(stand):
    tries = TriesLog(stand.store)
    with stand.store.transaction():
        rows = [(bytes(12) + index.to_bytes(4, "big"), 9, index) for index in range(MAX_ROWS)]
        stand.store.db.executemany("INSERT INTO tries VALUES (?, ?, ?)", rows)

    tries.put(b"new", 1, MAX_ROWS + 1)

    assert stand.store.row("SELECT count(*), min(at) FROM tries") == (MAX_ROWS, 1)
    assert tries.get(b"new") == (1, MAX_ROWS + 1)
    assert tries.get(b"another") == (0, 0)


def test_on_the_way_out_a_card_opens_whatever_it_is(tmp_path):
    with Stand(tmp_path, OUT) as out:
        furnish_cards(out.compound)
        outcomes = [out.terminal.meet(WRONG) for _ in range(FREE + 1)]

    assert [one.is_opened for one in outcomes] == [True] * (FREE + 1)
    assert said(outcomes[-1]) == "RED R-TRIES"


def test_a_number_is_no_way_in_when_the_disk_refuses(stand):
    outcome = stand.terminal.meet(number(NUMBERED))
    assert outcome.is_opened
    stand.store.db.execute("PRAGMA max_page_count = 1")
    filled = [stand.terminal.meet(number(NUMBERED)) for _ in range(400)]

    assert not filled[-1].is_opened
    assert not filled[-1].is_recorded
    assert "free disk space" in filled[-1].fault


def test_forms_of_phones_have_no_class_of_cards():
    assert {form.name: carrier_class(form) for form in Form} == {
        "UNREADABLE": "",
        "REFERENCE": "",
        "SELF_CONTAINED": "",
        "STATIC": "C",
        "TAP": "B",
        "CERTIFIED_TAP": "A",
        "NUMBER": "D",
        "VISITOR": "",
        "BEARER_INVITE": "",
        "UNINVITE": "",
    }


def test_the_holder_of_a_bare_number_is_its_handle(stand):
    stand.terminal.meet(number(NUMBERED))

    (check,) = stand.checks()
    key = masks.day_key(SECRET, NOW)
    enrolled = stand.store.row("SELECT handle FROM pass WHERE subject = 'bare'")
    assert masks.unmasked(check.carrier, key, check.digest) == enrolled[0]
    assert IN == 0 and number_of(bytes(8)) == 0
