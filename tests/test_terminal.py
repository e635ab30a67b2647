"""The terminal, on a real store and the simulated relay: judge, record, open, in that order."""

import itertools
import sqlite3

import compound as yard
import pytest
from compound import ANN, BOB, GUEST, IN, NOW, OUT, STATIC, B, C, show
from stand import GOOD_TIME, Stand, opened

from appliance.gate import words
from appliance.gate.view import HOLD_NS, MAX_HELD
from hw.codes import MAX_PAYLOADS
from hw.sim.camera import FRAME_TICKS
from ledger_sync import feed
from ledger_sync.checklog import MAX_ENTRIES
from ledger_sync.clock import Reading
from ledger_sync.errors import Unavailable
from ledger_sync.store import Store

FOREIGN = b"https://example.org/menu"


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        yield made


@pytest.fixture
def way_out(tmp_path):
    with Stand(tmp_path, OUT) as made:
        yield made


@pytest.mark.parametrize("form", [C, B, STATIC])
def test_the_check_is_on_disk_before_the_relay_moves(stand, form):
    who = yard.PRINTED if form is STATIC else ANN

    outcome = stand.terminal.present(show(form, who))

    (check,) = stand.checks()
    assert (check.colour, check.action, check.reasons, check.at) == (0, 0, (), NOW)
    assert check.facts == outcome.assessed.facts.to_bytes()
    assert (outcome.is_recorded, outcome.is_opened, outcome.fault) == (True, True, "")
    assert stand.relay.history == opened(1)


def test_a_denied_code_is_recorded_and_moves_nothing(stand):
    outcomes = [
        stand.terminal.present(text)
        for text in (show(C, yard.REVOKED), show(C, yard.ESCORTED), FOREIGN, b"", b"YP1:" * 99)
    ]

    colours = [3, 2, 3, 3, 3]
    assert [check.colour for check in stand.checks()] == colours
    assert [outcome.verdict.colour for outcome in outcomes] == colours
    assert not any(outcome.is_opened for outcome in outcomes)
    assert stand.relay.history == ()


def test_the_way_out_opens_for_every_colour_and_records_each(way_out):
    for text in (show(C, yard.REVOKED), show(B, yard.ESCORTED), FOREIGN, show(C, ANN)):
        assert way_out.terminal.present(text).is_opened

    assert way_out.relay.history == opened(1, 2, 3, 4)


def locked(stand):
    other = sqlite3.connect(stand.compound.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


def full(stand):
    """Not one byte more: rows fill the last pages of the store."""
    (pages,) = stand.store.row("PRAGMA page_count")
    stand.store.row(f"PRAGMA max_page_count = {pages}")
    first, size = 1_000, 100
    for seq in itertools.count(first):
        try:
            stand.log.append(stand.recorder.number, seq, bytes(size))
        except Unavailable:
            if size == 1:
                break
            size = 1

    def mend():
        stand.store.row("PRAGMA max_page_count = 1000000")
        row = stand.recorder.number * MAX_ENTRIES + first
        stand.store.write("DELETE FROM feed_entry WHERE id >= ?", row)

    return mend


def beyond_record(stand):
    stand.reading = Reading(NOW, synchronised=True, error_seconds=2**32, has_chip=True)
    return lambda: setattr(stand, "reading", GOOD_TIME)


FAILURES = {
    locked: "is locked by another process; stop that process (fuser names it) and try again",
    full: "free disk space or replace the card, then try again",
    beyond_record: "a number or a text of over 255 bytes in a check",
}


@pytest.mark.parametrize("has_view", [False, True])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_record_leaves_the_way_in_shut_and_says_so(stand, failure, has_view):
    stand.store.db.execute("PRAGMA busy_timeout = 0")
    mend = failure(stand)
    if has_view:
        stand.terminal.rest()

    outcome = stand.terminal.present(show(C, ANN))

    assert (outcome.is_recorded, outcome.is_opened) == (False, False)
    assert outcome.fault.endswith(FAILURES[failure])
    assert "stays shut" in words.line(outcome) and "NOT RECORDED" in words.line(outcome)
    mend()
    assert stand.terminal.present(show(C, ANN)).is_opened  # and the code was not used up
    assert stand.relay.history == opened(1)


@pytest.mark.parametrize("has_view", [False, True])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_record_does_not_block_the_way_out(way_out, failure, has_view):
    way_out.store.db.execute("PRAGMA busy_timeout = 0")
    mend = failure(way_out)
    if has_view:
        way_out.terminal.rest()

    outcome = way_out.terminal.present(show(C, ANN))

    assert (outcome.is_recorded, outcome.is_opened) == (False, True)
    assert "opens" in words.line(outcome) and "NOT RECORDED" in words.line(outcome)
    mend()
    way_out.terminal.present(FOREIGN)
    way_out.terminal.close()
    assert way_out.head() == 2
    assert way_out.relay.history == (*opened(0, 1), ("closed", 1, 0))


@pytest.mark.parametrize("way", [IN, OUT])
def test_a_store_that_cannot_be_read_blocks_the_way_in_and_not_the_way_out(tmp_path, way):
    with Stand(tmp_path, way) as stand, Store(stand.compound.path) as other:
        other.write("DROP TABLE status")

        outcome = stand.terminal.present(show(C, ANN))

    assert outcome.fault.endswith("keep it for evidence and run: yardpass ledger fsck")
    assert (outcome.assessed, outcome.is_recorded) == (None, False)
    assert stand.relay.history == (opened(0) if way is OUT else ())


def test_nothing_enters_on_a_record_in_a_file_that_was_deleted(stand):
    for file in stand.compound.path.parent.glob("store.db*"):
        file.unlink()
    stand.terminal.rest()

    outcome = stand.terminal.present(show(C, ANN))

    assert (outcome.is_recorded, outcome.is_opened) == (False, False)


def test_an_unplugged_relay_is_named_and_the_next_check_goes_on(stand):
    stand.relay.unplug()

    outcome = stand.terminal.present(show(C, ANN))

    assert (outcome.is_recorded, outcome.is_opened) == (True, False)
    fault = "the relay failed: the simulated relay is unplugged; plug it in again"
    assert outcome.fault == fault
    assert words.line(outcome) == f"● GREEN  stays shut     {fault}"
    stand.relay.plug()
    assert stand.terminal.present(show(C, BOB)).is_opened
    assert stand.relay.history == opened(2)


def test_an_interrupted_pulse_leaves_the_relay_off_and_the_check_on_record(tmp_path):
    def interrupted(seconds):
        raise KeyboardInterrupt

    with Stand(tmp_path, wait=interrupted) as stand, pytest.raises(KeyboardInterrupt):
        stand.terminal.present(show(C, ANN))

    assert stand.relay.history == opened(1)


def test_a_code_held_up_for_sixty_pictures_is_one_check_and_a_replay_after_two_seconds(stand):
    text, last = show(C, ANN), 59 * FRAME_TICKS
    seen = [stand.terminal.see(text, number * FRAME_TICKS) for number in range(60)]

    still_held = stand.terminal.see(text, last + HOLD_NS - 1)
    again = stand.terminal.see(text, last + 2 * HOLD_NS - 1)

    assert [outcome is None for outcome in (*seen, still_held)] == [False] + 60 * [True]
    assert again.verdict.reasons == ("R-REPLAY",)
    assert [check.reasons for check in stand.checks()] == [(), ("R-REPLAY",)]
    assert stand.relay.history == opened(1)


def test_the_next_code_of_a_phone_still_held_up_is_the_same_presentation(stand):
    first, second, third = (show(C, ANN, at=NOW + second) for second in range(3))

    seen = [
        stand.terminal.see(text, ticks)
        for text, ticks in (
            (first, 0),
            (second, HOLD_NS - 1),
            (second, 2 * HOLD_NS - 2),
            (third, 3 * HOLD_NS - 3),
            (first, 4 * HOLD_NS - 4),
        )
    ]

    assert seen[0].is_opened and seen[1:] == 4 * [None]
    assert stand.recorded() == 1
    assert stand.relay.history == opened(1)


def test_a_phone_that_was_out_of_sight_is_judged_again_with_its_next_code(stand):
    stand.terminal.see(show(C, ANN), 0)
    stand.terminal.see(show(C, ANN, at=NOW + 1), 1)

    again = stand.terminal.see(show(C, ANN, at=NOW + 2), 1 + HOLD_NS)

    assert again is not None and stand.recorded() == 2


def test_a_phone_that_was_not_let_through_is_judged_with_each_code_it_shows(stand):
    old, new = show(C, ANN, at=NOW - 600), show(C, ANN)

    refused, opened_by = stand.terminal.see(old, 0), stand.terminal.see(new, 1)

    assert not refused.is_opened and opened_by.is_opened
    assert stand.relay.history == opened(2)


def test_two_codes_in_one_picture_are_two_checks(stand):
    first, second = (stand.terminal.see(show(C, who), 0) for who in (ANN, BOB))

    assert first.is_opened and second.is_opened
    assert stand.relay.history == opened(1, 2)


def test_a_sheet_of_as_many_codes_as_a_picture_can_hold_is_judged_once(stand):
    stand.store.row("PRAGMA synchronous = OFF")
    sheet = [b"menu %d" % number for number in range(MAX_PAYLOADS)]

    for ticks in range(3):
        seen = [stand.terminal.see(text, ticks) for text in sheet]

    assert not any(seen)
    assert stand.recorded() == MAX_PAYLOADS


def test_what_is_remembered_of_codes_shown_has_a_bound(stand):
    stand.store.row("PRAGMA synchronous = OFF")
    for number in range(MAX_HELD):
        stand.terminal.see(b"menu %d" % number, 0)

    one_more = stand.terminal.see(FOREIGN, 0)
    newest, oldest = stand.terminal.see(b"menu 9", 0), stand.terminal.see(b"menu 0", 0)

    assert one_more and oldest  # judged, so forgotten
    assert newest is None


@pytest.mark.parametrize("way", [IN, OUT])
def test_a_clock_that_was_never_set_opens_the_way_out_only(tmp_path, way):
    with Stand(tmp_path, way) as stand:
        stand.reading = Reading(0, synchronised=False, error_seconds=16, has_chip=False)

        outcome = stand.terminal.present(show(C, ANN, NOW + 2**31))
        stand.reading = GOOD_TIME
        later = stand.terminal.present(show(C, ANN))

    assert outcome.verdict.reasons[0] == "G-CLOCK"
    assert (outcome.is_opened, outcome.is_recorded) == (way is OUT, True)
    assert [check.at for check in stand.checks()] == [0, NOW]
    assert later.verdict.colour == 0  # the odd time of the phone locked nobody out


def test_a_revocation_that_arrives_after_the_last_look_counts(stand):
    stand.terminal.rest()
    stand.compound.publish(ANN.status(1))

    outcome = stand.terminal.present(show(C, ANN))

    assert outcome.verdict.reasons == ("R-REVOKED",)
    assert stand.relay.history == ()


def test_a_full_bundle_gets_its_head_at_rest_and_not_before(stand):
    stand.store.row("PRAGMA synchronous = OFF")
    for number in range(feed.BUNDLE - 2):
        stand.terminal.present(b"menu %d" % number)
        stand.terminal.rest()
    before = stand.log.heads(stand.feed.origin)

    stand.terminal.present(show(C, ANN))

    assert before == stand.log.heads(stand.feed.origin) == []
    stand.terminal.rest()
    assert stand.head() == feed.BUNDLE
    stand.terminal.rest()
    assert len(stand.log.heads(stand.feed.origin)) == 1


def test_close_releases_the_relay_and_signs_all_checks(stand):
    stand.terminal.present(show(C, GUEST))

    stand.terminal.close()

    assert stand.head() == 2
    assert stand.relay.history == (*opened(1), ("closed", 1, 0))
    late = stand.terminal.present(show(C, ANN))
    assert late.fault == "the relay failed: the relay is closed; make a new one"


def test_close_signs_the_head_even_if_the_relay_cannot_be_released(stand, monkeypatch):
    def stuck():
        raise OSError("the pin is stuck")

    monkeypatch.setattr(stand.relay, "close", stuck)

    with pytest.raises(OSError, match="stuck"):
        stand.terminal.close()

    assert stand.head() == 1
