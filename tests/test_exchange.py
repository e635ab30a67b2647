"""A conversation keeps its order, its promises and its bounds, whatever the other side says."""

import pytest

from ledger_sync import exchange, frames
from ledger_sync.batch import Batch
from ledger_sync.errors import Refused
from ledger_sync.exchange import ALLOWANCE, MAX_ASKED, REFILL, Bucket, Patience, Range, Session
from ledger_sync.frames import (
    Ack,
    Deny,
    Done,
    Evidence,
    File,
    Hello,
    Parts,
    Row,
    WantFeed,
    WantFile,
    WantRows,
)

PEER = b"terminal"
HELLO = Hello(PEER, b"", (), (), (), ())
ROW = Row(PEER, bytes(8), 1, bytes(8))
OTHERS = [
    Parts(Batch(PEER, bytes(8), 0, 1, "", b"", b"")),
    File("x", 0, 0, b""),
    Done(),
    Ack(PEER, bytes(8), b""),
    Deny(b""),
    Evidence(b"", b"", b""),
    WantFile("x", 0),
    WantRows(PEER),
    WantFeed(ROW),
]


def greeted():
    session = Session(PEER, 0.0)
    said(session, HELLO)
    return session


def said(session, *messages, ticks=0.0):
    return list(session.hear(b"".join(one.to_bytes() for one in messages), ticks))


def refused(session, *messages, ticks=0.0):
    with pytest.raises(Refused) as caught:
        said(session, *messages, ticks=ticks)
    assert caught.value.reason == "R-LEDGER"
    return str(caught.value)


@pytest.mark.parametrize("message", OTHERS, ids=lambda one: type(one).__name__)
def test_the_first_frame_is_hello(message):
    assert "did not begin with HELLO" in refused(Session(PEER, 0.0), message)


def test_whoever_speaks_for_another_terminal_is_refused():
    assert "another terminal" in refused(Session(b"somebody", 0.0), HELLO)


def test_after_hello_everything_is_heard_in_order():
    session = greeted()
    session.asked.add("x")

    assert said(session, *OTHERS) == OTHERS
    assert session.held == 0


def test_a_file_that_nobody_asked_for_is_refused():
    assert "nobody asked it for 'x'" in refused(greeted(), File("x", 0, 0, b""))


def test_a_file_answers_once():
    session = greeted()

    assert session.may_ask("x")
    assert not session.may_ask("x")
    said(session, File("x", 0, 0, b""))

    assert "nobody asked" in refused(session, File("x", 0, 0, b""))
    assert session.may_ask("x")


def test_no_more_files_are_asked_for_at_once_than_are_given():
    session = greeted()

    asked = [session.may_ask(str(number)) for number in range(MAX_ASKED + 1)]

    assert asked == [True] * MAX_ASKED + [False]


def test_whoever_asks_for_more_files_than_wait_for_room_is_refused():
    session = greeted()

    said(session, *[WantFile("x", 0)] * MAX_ASKED)

    assert f"more than {MAX_ASKED} files" in refused(session, WantFile("x", 0))
    assert len(session.files) == MAX_ASKED


@pytest.mark.parametrize(
    "message", [HELLO, Deny(b""), Evidence(b"", b"", b""), WantRows(PEER), WantFeed(ROW), Done()]
)
def test_whoever_costs_more_than_its_share_is_refused(message):
    most = int(ALLOWANCE / exchange._COSTS[type(message)]) + 1

    why = refused(greeted(), *[message] * most)

    assert "more than its share" in why


def test_a_share_comes_back_with_time_and_never_grows_past_the_whole():
    session = greeted()
    session.charge(ALLOWANCE - 4.0)

    said(session, ticks=10_000.0)
    session.charge(ALLOWANCE)
    said(session, ticks=10_001.0)
    session.charge(REFILL)

    with pytest.raises(Refused):
        session.charge(0.5)


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing():
    bucket = Bucket(10.0, 1.0, 100.0)

    assert bucket.take(10.0, 50.0)
    assert not bucket.take(1.0, 99.0)
    assert bucket.take(1.0, 101.0)


@pytest.mark.long
def test_a_hello_costs_by_its_rows():
    session = greeted()

    said(session, *[HELLO._replace(rows=(ROW,) * 20_000)] * 16)

    assert "share" in refused(session, HELLO._replace(rows=(ROW,) * 20_000))


def test_hashing_for_a_peer_costs_it_by_the_entry_up_to_a_bound():
    session = greeted()

    session.charge_hashes(10**9)
    session.charge_hashes(1_000)

    with pytest.raises(Refused):
        session.charge(ALLOWANCE - 4.0 - exchange.ROOT_UNITS - 1.0 + 0.1)


# What is promised.


def ranges(session):
    found = []
    while (one := session.next_range()) is not None:
        found.append(one)
    return found


def test_promises_are_sent_a_bundle_at_a_time_and_then_done_is_due_once():
    session = greeted()

    session.offer(3, 200, 600)
    before = (session.is_sending, session.is_done())
    sent = ranges(session)

    assert before == (True, False)
    assert sent == [Range(3, 200, 256), Range(3, 256, 512), Range(3, 512, 600)]
    assert (session.is_sending, session.is_done(), session.is_done()) == (False, True, False)


def test_a_promise_that_grows_before_it_is_sent_is_one_range():
    session = greeted()

    session.offer(3, 0, 5)
    session.offer(3, 5, 6)

    assert ranges(session) == [Range(3, 0, 6)]


def test_nothing_is_promised_twice():
    session = greeted()

    session.offer(3, 0, 5)
    session.offer(3, 0, 5)
    sent = ranges(session)
    session.offer(3, 0, 4)

    assert sent == [Range(3, 0, 5)]
    assert ranges(session) == []


def test_what_the_peer_has_is_not_sent():
    session = greeted()
    for number, size in ((1, 10), (2, 10), (3, 10)):
        session.offer(number, 0, size)

    session.has(1, 4)
    session.has(2, 10)
    session.has(3, 0)
    session.has(4, 7)
    session.offer(4, 0, 9)

    assert ranges(session) == [Range(1, 4, 10), Range(3, 0, 10), Range(4, 7, 9)]


def test_a_peer_that_has_a_later_part_is_sent_what_comes_behind_it():
    session = greeted()

    session.offer(1, 0, 10)
    session.has(1, 20)
    session.offer(1, 10, 30)

    assert ranges(session) == [Range(1, 20, 30)]


def test_a_rewound_promise_begins_anew():
    session = greeted()
    session.offer(1, 0, 10)
    session.offer(2, 0, 10)
    session.next_range()

    session.rewind(1, 3)
    session.rewind(2, 3)
    session.offer(1, 3, 10)

    assert ranges(session) == [Range(1, 3, 10)]


def test_twenty_thousand_promises_are_rewound_at_once():
    session = greeted()

    for number in range(20_000):
        session.rewind(number, 0)
        session.offer(number, 0, 1)

    assert len(ranges(session)) == 20_000


# What is said again.


def test_patience_doubles_up_to_its_longest():
    patience = Patience(1.0, 4.0)

    said_at = [tick for tick in range(20) if patience.may("it", float(tick))]

    assert said_at == [0, 1, 3, 7, 11, 15, 19]


def test_a_change_is_said_at_once():
    patience = Patience(100.0, 100.0)

    assert patience.may("it", 0.0, "one")
    assert not patience.may("it", 1.0, "one")
    assert patience.may("it", 2.0, "other")


def test_patience_remembers_no_more_than_it_may():
    patience = Patience(100.0, 100.0, most=3)

    for number in range(1_000):
        patience.may(number, 0.0)

    assert len(patience) == 3
    assert not patience.may(999, 1.0)


def test_a_peer_is_told_no_faster_than_it_must_listen():
    session = greeted()
    marks = [number.to_bytes(8, "big") for number in range(300)]

    told_at = [
        [mark for mark in marks if session.may_tell(mark, float(tick))] for tick in range(100)
    ]

    assert len(told_at[0]) == 16
    assert {len(told) for told in told_at[1:60]} == {4}
    costs = exchange._COSTS[Evidence]
    assert 16 * costs < ALLOWANCE
    assert 4 * costs < REFILL


def test_a_peer_that_says_it_has_a_note_is_not_told_it():
    session = greeted()
    said(session, HELLO._replace(denials=(b"denial 1",), evidence=(b"proof  1",)))

    told = [session.may_tell(mark, 0.0) for mark in (b"denial 1", b"proof  1", b"denial 2")]

    assert told == [False, False, True]


def test_a_note_that_did_not_stay_with_the_peer_is_told_again_later():
    session = greeted()

    told = [session.may_tell(b"denial 1", ticks) for ticks in (0.0, 29.0, 30.0, 89.0, 90.0)]

    assert told == [True, False, True, False, True]


def test_what_a_peer_says_it_has_is_forgotten_with_its_next_hello():
    session, ticks = greeted(), 0.0

    for number in range(50):
        ticks += 1.0
        mark = number.to_bytes(8, "big")
        said(session, HELLO._replace(denials=(mark,) * frames.MAX_MARKS), ticks=ticks)

    assert session._marks == {mark}


def test_questions_are_asked_one_by_one_and_not_again_at_once():
    session = greeted()

    first = [session.may_want(number, 0.0) for number in range(10)]
    again = [session.may_want(number, 2.0) for number in range(10)]

    assert first == [True] * 8 + [False] * 2
    assert again == [False] * 8 + [True] * 2
    assert 8 * exchange._COSTS[WantFeed] < ALLOWANCE
