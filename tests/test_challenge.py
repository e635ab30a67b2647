"""Challenge mode: a gate without the time takes codes that carry its number, each holder once.

Ticks are numbers that are added to. The numbers of the stand are b"number00", b"number01", ...
"""

import pytest
from compound import ANN, BOB, DAY, GATE, GUEST, NOW, OUT, PRINTED, SITE, STATIC, B, C, show
from stand import GOOD_TIME, Stand, opened

from appliance.gate.challenge import GOOD_NS, MAX_ANSWERS, SECOND_NS, SHOWN_NS, Challenge
from appliance.gate.challenge_desk import ChallengeDesk
from appliance.passes import challenge_text
from appliance.policy.facts import facts_of
from appliance.policy.rules import decide
from hw.ports import CardRead
from ledger_sync.clock import Grade, Reading
from ledger_sync.errors import Unavailable

POOR_TIME = Reading(NOW, synchronised=False, error_seconds=16, has_chip=False)
PAPER, OTHER_PAPER = b"on paper", b"of later"
HOUR_NS = 3_600 * SECOND_NS
FIRST, SECOND, THIRD = b"number00", b"number01", b"number02"


@pytest.fixture
def numbers():
    return made()


def made(made=(FIRST, SECOND, THIRD)):
    given = iter(made)
    return Challenge(GATE, lambda size: next(given)[:size])


def shown(numbers, ticks):
    asked = challenge_text.parse(numbers.shown(ticks))
    assert asked.audience == GATE
    return asked.nonce


# The numbers by themselves.


def test_before_anything_was_shown_nothing_is_taken(numbers):
    assert numbers.accepted(0) == ()
    assert numbers.changes_at() == 0


def test_a_number_is_shown_for_thirty_seconds(numbers):
    start = 7_000
    found = [shown(numbers, start + after) for after in (0, 1, SHOWN_NS - 1)]

    assert found == [FIRST] * 3
    assert numbers.changes_at() == start + SHOWN_NS
    assert shown(numbers, start + SHOWN_NS) == SECOND
    assert numbers.changes_at() == start + 2 * SHOWN_NS


def test_a_number_is_answered_until_its_minute_is_over(numbers):
    numbers.shown(0)
    assert numbers.accepted(0) == (FIRST,)
    numbers.shown(SHOWN_NS)

    assert numbers.accepted(SHOWN_NS) == (FIRST, SECOND)
    assert numbers.accepted(GOOD_NS - 1) == (FIRST, SECOND)
    assert numbers.accepted(GOOD_NS) == (SECOND,)
    assert numbers.accepted(SHOWN_NS + GOOD_NS - 1) == (SECOND,)
    assert numbers.accepted(SHOWN_NS + GOOD_NS) == ()


def test_a_number_that_was_replaced_late_does_not_live_longer(numbers):
    numbers.shown(0)
    numbers.shown(SHOWN_NS + 20 * SECOND_NS)  # the gate was busy

    assert numbers.accepted(GOOD_NS - 1) == (FIRST, SECOND)
    assert numbers.accepted(GOOD_NS) == (SECOND,)


def test_after_a_pause_there_is_a_new_number_and_no_old_one(numbers):
    numbers.shown(0)

    assert shown(numbers, 10 * GOOD_NS) == SECOND
    assert numbers.accepted(10 * GOOD_NS) == (SECOND,)


def test_never_are_more_than_two_numbers_shown_and_one_printed_taken():
    count = iter(range(10_000))
    numbers = Challenge(GATE, lambda size: next(count).to_bytes(size, "big"))
    numbers.take_printed(PAPER, 0, 3_600)
    for ticks in range(0, 20 * GOOD_NS, SECOND_NS):
        numbers.shown(ticks)
        assert len(numbers.accepted(ticks)) <= 3
        assert len(numbers._shown) <= 2


def test_a_printed_number_is_good_for_its_hours_and_until_the_next(numbers):
    numbers.take_printed(PAPER, 5, 3_600)

    assert numbers.accepted(5) == numbers.accepted(4 + HOUR_NS) == (PAPER,)
    assert numbers.accepted(5 + HOUR_NS) == ()
    numbers.take_printed(PAPER, 5, 3_600)
    numbers.take_printed(OTHER_PAPER, 6, 7_200)
    numbers.shown(6)
    assert numbers.accepted(6) == (FIRST, OTHER_PAPER)


def test_a_holder_answers_a_number_that_is_shown_once(numbers):
    numbers.shown(0)
    numbers.use(FIRST, 7, NOW)

    assert numbers.is_used(FIRST, 7, NOW)
    assert numbers.is_used(FIRST, 7, NOW + 10)
    assert not numbers.is_used(FIRST, 8, NOW)
    numbers.shown(SHOWN_NS)
    assert not numbers.is_used(SECOND, 7, NOW)
    assert numbers.is_used(FIRST, 7, NOW)


def test_a_printed_number_takes_each_code_of_a_holder_once(numbers):
    numbers.take_printed(PAPER, 0, 3_600)
    numbers.use(PAPER, 7, NOW)

    assert numbers.is_used(PAPER, 7, NOW)
    assert numbers.is_used(PAPER, 7, NOW - 1)
    assert not numbers.is_used(PAPER, 7, NOW + 1)
    assert not numbers.is_used(PAPER, 8, NOW - 1)


def test_a_number_that_is_not_known_has_no_answer_left(numbers):
    numbers.use(THIRD, 7, NOW)

    assert numbers.is_used(THIRD, 7, NOW)
    assert numbers.is_used(THIRD, 8, NOW)


def test_a_number_that_too_many_answered_is_given_up_not_forgotten(numbers):
    numbers.take_printed(PAPER, 0, 3_600)
    for holder in range(MAX_ANSWERS):
        numbers.use(PAPER, holder, NOW)
    assert numbers.accepted(1) == (PAPER,)

    numbers.use(PAPER, MAX_ANSWERS, NOW)

    assert numbers.accepted(1) == ()
    assert numbers.is_used(PAPER, 0, NOW)


# The terminal.


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        made.reading = POOR_TIME
        yield made


def number(stand):
    return challenge_text.parse(stand.challenge.shown()[0]).nonce


def answer(who, nonce, *, form=C, at=NOW, audience=GATE):
    return show(form, who, at, audience=audience, nonce=nonce)


def ends(outcome):
    verdict = outcome.verdict
    return " ".join((verdict.colour.name, verdict.action.name, *verdict.reasons))


@pytest.mark.parametrize("form", [C, B])
def test_a_screenshot_without_the_number_asks_the_guard(stand, form):
    number(stand)

    assert ends(stand.terminal.present(show(form, ANN))) == "GREY ASK G-CLOCK"
    assert stand.relay.history == ()


@pytest.mark.parametrize("form", [C, B])
@pytest.mark.parametrize("who", [ANN, BOB])
def test_the_number_that_is_shown_lets_a_resident_in_and_the_check_is_flagged(stand, form, who):
    text = answer(who, number(stand), form=form)

    outcome = stand.terminal.see(text, 0)

    assert ends(outcome) == "GREY OPEN G-CLOCK"
    assert stand.relay.history == opened(1)
    (check,) = stand.checks()
    assert (check.colour, check.reasons) == (1, ("G-CLOCK",))


def test_a_number_is_taken_up_to_its_last_moment(stand):
    text = answer(ANN, number(stand))
    stand.ticks = 30.0
    number(stand)
    stand.ticks = 59.999

    assert ends(stand.terminal.present(text)) == "GREY OPEN G-CLOCK"


@pytest.mark.parametrize("seconds", [60.0, 61.0, 600.0])
def test_the_number_of_a_minute_ago_is_refused(stand, seconds):
    text = answer(ANN, number(stand))
    stand.ticks = 30.0
    number(stand)
    stand.ticks = seconds
    number(stand)

    assert ends(stand.terminal.present(text)) == "RED DENY R-NONCE"


def test_the_number_of_another_gate_is_refused(stand):
    number(stand)
    other = Challenge(f"{SITE}/s", lambda size: b"southern"[:size])
    asked = challenge_text.parse(other.shown(0))

    found = [
        ends(stand.terminal.present(answer(ANN, asked.nonce, audience=audience)))
        for audience in (asked.audience, GATE, SITE)
    ]

    assert found == ["RED DENY R-AUD", "RED DENY R-NONCE", "RED DENY R-NONCE"]


@pytest.mark.parametrize("form", [C, B])
def test_the_same_answer_again_is_a_replay(stand, form):
    text = answer(ANN, number(stand), form=form)
    stand.terminal.present(text)

    outcome = stand.terminal.present(text)

    assert ends(outcome) == "RED DENY R-REPLAY"
    assert stand.relay.history == opened(1)


@pytest.mark.parametrize(("form", "at"), [(B, NOW), (C, NOW + 10), (B, NOW - 10)])
def test_a_second_code_of_one_holder_for_one_number_is_a_replay(stand, form, at):
    nonce = number(stand)
    stand.terminal.present(answer(ANN, nonce))

    outcome = stand.terminal.present(answer(ANN, nonce, form=form, at=at))

    assert ends(outcome) == "RED DENY R-REPLAY"


def test_without_the_memory_of_answers_the_same_code_would_open_twice(stand, monkeypatch):
    """The control: this very memory is what refuses it, and nothing else does."""
    monkeypatch.setattr(ChallengeDesk, "once", lambda self, text, found, now: found)
    text = answer(ANN, number(stand))

    found = [ends(stand.terminal.present(text)) for _ in "12"]

    assert found == ["GREY OPEN G-CLOCK"] * 2


def test_the_next_number_is_a_new_question(stand):
    stand.terminal.present(answer(ANN, number(stand)))
    stand.ticks = 30.0

    outcome = stand.terminal.present(answer(ANN, number(stand)))

    assert ends(outcome) == "GREY OPEN G-CLOCK"


def test_a_second_resident_answers_the_same_number(stand):
    nonce = number(stand)

    found = [ends(stand.terminal.present(answer(who, nonce))) for who in (ANN, BOB)]

    assert found == ["GREY OPEN G-CLOCK"] * 2
    assert stand.relay.history == opened(1, 2)


def test_a_visitor_with_the_number_goes_to_the_guard(stand):
    text = answer(GUEST, number(stand))

    assert ends(stand.terminal.present(text)) == "GREY ASK G-CLOCK"
    assert ends(stand.terminal.present(text)) == "RED DENY R-REPLAY"
    assert stand.relay.history == ()


def test_a_clock_that_is_good_takes_the_number_too_and_once(stand):
    nonce = number(stand)
    stand.reading = GOOD_TIME

    found = [
        ends(stand.terminal.present(answer(ANN, nonce, at=at))) for at in (NOW - 5, NOW - 5, NOW)
    ]

    assert found == ["GREEN OPEN", "RED DENY R-REPLAY", "RED DENY R-REPLAY"]
    assert ends(stand.terminal.present(show(C, ANN))) == "GREEN OPEN"  # and codes without it


def test_a_good_clock_still_asks_for_a_fresh_code(stand):
    nonce = number(stand)
    stand.reading = GOOD_TIME

    outcome = stand.terminal.present(answer(ANN, nonce, at=NOW - 21))

    assert ends(outcome) == "RED DENY R-STALE"


def test_an_answer_that_was_refused_or_not_recorded_is_not_used_up(stand):
    nonce = number(stand)
    text, stale = answer(ANN, nonce), answer(ANN, nonce, at=NOW - 99)
    stand.reading = GOOD_TIME
    refused = ends(stand.terminal.present(stale))
    stand.reading = POOR_TIME
    append = stand.log.append

    def broken(*args, **kwargs):
        raise Unavailable("the disk is full")

    stand.log.append = broken
    lost = stand.terminal.present(text)
    stand.log.append = append

    assert (refused, lost.is_recorded, lost.is_opened) == ("RED DENY R-STALE", False, False)
    assert ends(stand.terminal.present(text)) == "GREY OPEN G-CLOCK"


def test_a_replay_of_an_answer_decides_the_same_again_from_its_record(stand):
    text = answer(ANN, number(stand))
    found = [stand.terminal.present(text) for _ in "12"]

    rule = stand.checker.rule
    for check, outcome in zip(stand.checks(), found, strict=True):
        facts = facts_of(check.facts, check.reasons, {rule.digest: rule})
        assert decide(facts, check.at) == outcome.verdict


def test_a_printed_number_lets_each_code_in_once(stand):
    stand.challenge.take_printed(PAPER, 3_600)
    number(stand)
    codes = [answer(ANN, PAPER, at=NOW + after) for after in (0, 0, 10, 10, 5)]

    found = [ends(stand.terminal.present(code)) for code in codes]

    opens, replay = "GREY OPEN G-CLOCK", "RED DENY R-REPLAY"
    assert found == [opens, replay, opens, replay, replay]
    stand.ticks = 3_599.0
    assert ends(stand.terminal.present(answer(BOB, PAPER))) == opens
    stand.ticks = 3_600.0
    assert ends(stand.terminal.present(answer(BOB, PAPER, at=NOW + 1))) == "RED DENY R-NONCE"


def test_the_printed_number_before_is_refused(stand):
    stand.challenge.take_printed(PAPER, 3_600)
    stand.challenge.take_printed(OTHER_PAPER, 3_600)

    found = [ends(stand.terminal.present(answer(ANN, paper))) for paper in (PAPER, OTHER_PAPER)]

    assert found == ["RED DENY R-NONCE", "GREY OPEN G-CLOCK"]


def test_a_text_from_a_reader_answers_like_one_before_the_camera(stand):
    text = answer(ANN, number(stand))

    def read(text):
        return CardRead("qr module", 0, text=text)

    assert ends(stand.terminal.meet(read(show(C, BOB)))) == "GREY ASK G-CLOCK"
    assert ends(stand.terminal.meet(read(text))) == "GREY OPEN G-CLOCK"
    assert ends(stand.terminal.meet(read(text))) == "RED DENY R-REPLAY"
    assert ends(stand.terminal.present(text)) == "RED DENY R-REPLAY"


def test_a_terminal_that_starts_again_takes_no_number_of_before(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    with Stand(tmp_path / "first") as stand:
        text = answer(ANN, number(stand))
        stand.challenge.take_printed(PAPER, 3_600)
    with Stand(tmp_path / "second") as again:
        again.reading = POOR_TIME

        found = [ends(again.terminal.present(one)) for one in (text, answer(ANN, PAPER))]

    assert found == ["RED DENY R-NONCE"] * 2


def test_the_way_out_opens_for_a_replay_of_an_answer(tmp_path):
    with Stand(tmp_path, OUT) as stand:
        stand.reading = POOR_TIME
        text = answer(ANN, number(stand))

        found = [ends(stand.terminal.present(text)) for _ in "12"]

        assert found == ["GREY OPEN G-CLOCK", "RED OPEN R-REPLAY"]
        assert stand.relay.history == opened(1, 2)


CLOCKS = {
    "1970": Reading(0, synchronised=False, error_seconds=16, has_chip=False),
    "1970, and sure of it": Reading(0, synchronised=True, error_seconds=1, has_chip=True),
    "a day back": Reading(NOW - DAY, synchronised=True, error_seconds=1, has_chip=True),
    "ten years ahead": Reading(NOW + 3_652 * DAY, False, 16, has_chip=False),
    "thirty years ahead": Reading(NOW + 10_957 * DAY, True, 1, has_chip=True),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_that_is_wrong_makes_nothing_green_and_says_so(stand, name):
    stand.reading = CLOCKS[name]
    now = stand.reading.now
    assert stand.terminal.grade() is Grade.POOR
    nonce = number(stand)
    texts = [
        *(show(form, who, at) for form in (C, B) for who in (ANN, GUEST) for at in (NOW, now)),
        *(answer(who, nonce, form=form) for form in (C, B) for who in (BOB, GUEST)),
        show(STATIC, PRINTED),
    ]

    found = [stand.terminal.present(text).verdict for text in texts]

    assert "GREEN" not in {verdict.colour.name for verdict in found}
    assert all({"G-CLOCK", "R-REPLAY"} & set(verdict.reasons) for verdict in found)
    assert ends(stand.terminal.present(answer(ANN, nonce))).startswith("GREY OPEN G-CLOCK")


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_that_jumps_changes_neither_the_number_nor_its_time(stand, name):
    nonce = number(stand)
    stand.ticks = 29.0
    stand.reading = CLOCKS[name]
    assert number(stand) == nonce

    stand.ticks = 59.0
    text = answer(ANN, nonce)
    assert ends(stand.terminal.present(text)).startswith("GREY OPEN G-CLOCK")
    stand.ticks = 60.0
    assert ends(stand.terminal.present(answer(BOB, nonce))) == "RED DENY R-NONCE"


def test_the_screen_of_a_gate_before_its_own_camera_is_no_code(stand):
    text, _ = stand.challenge.shown()

    assert ends(stand.terminal.present(text)) == "RED DENY R-FOREIGN"
