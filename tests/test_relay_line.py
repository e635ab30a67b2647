"""Any packet is a request in its one spelling, or `Refused`; never any other error. And the relay
behind the line: what it makes of every answer, and of none."""

import signal
import socket
import threading
from contextlib import contextmanager

import pytest
from gatehouse import LIMIT_SECONDS, house
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.relay_limits import Limits
from hw.errors import Refused, Unavailable
from hw.relay_line import (
    ANSWER_SECONDS,
    MAX_AGE_MS,
    MAX_ANSWER,
    MAX_PATH,
    MAX_REQUEST,
    RelayLine,
    RelayLineOptions,
    Request,
    Verb,
    request_of,
)

EXAMPLES = {
    b"81234567 pulse 700 in": Request(81234567, Verb.PULSE, 700),
    b"81234567 hold out": Request(81234567, Verb.HOLD, 0, True),
    b"81234567 renew": Request(81234567, Verb.RENEW),
    b"81234567 end": Request(81234567, Verb.END),
    b"81234567 release": Request(81234567, Verb.RELEASE),
    b"81234567 state": Request(81234567, Verb.STATE),
}
REQUESTS = st.one_of(
    st.builds(Request, st.integers(0, 10**19 - 1), st.just(Verb.PULSE), st.integers(0, 10**9 - 1)),
    st.builds(Request, st.integers(0, 10**19 - 1), st.just(Verb.HOLD), st.just(0), st.booleans()),
    st.builds(
        Request,
        st.integers(0, 10**19 - 1),
        st.sampled_from([Verb.RENEW, Verb.END, Verb.RELEASE, Verb.STATE]),
    ),
)


@given(
    data=st.binary(max_size=MAX_REQUEST + 10)
    | st.from_regex(rb"\A[0-9 ]{1,12}(pulse|hold|renew|end|release|state) ?[0-9]{0,3} ?(in|out)?")
)
@example(data=b"1 pulse 0700 in")
@example(data=b"01 renew")
@example(data=b"1 renew\n")
@example(data="1 pulse \u0661 in".encode())
@example(data=b"1 hold")
@example(data=b"1 renew in")
@example(data=b"9" * MAX_REQUEST + b" renew")
def test_any_packet_is_a_request_in_its_one_spelling_or_refused(data):
    try:
        made = request_of(data)
    except Refused as refused:
        assert refused.reason == "R-PULSE" and len(str(refused)) < 400
    else:
        assert made.to_bytes() == data and len(data) <= MAX_REQUEST


@given(request=REQUESTS)
def test_every_request_can_be_read_again(request):
    assert request_of(request.to_bytes()) == request


@pytest.mark.parametrize("data", EXAMPLES)
def test_the_examples_of_the_line_are_what_is_written(data):
    assert request_of(data) == EXAMPLES[data]


def test_an_asker_waits_longer_than_a_request_may_be_old():
    assert ANSWER_SECONDS * 1000 > MAX_AGE_MS


# -- the relay behind the line


def relay_at(path, **options):
    return RelayLine(RelayLineOptions(str(path), **options))


@contextmanager
def saying(path, *answers):
    """Somebody at the socket who gives these answers to whoever asks, then hangs up."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen(1)
    heard = []

    def serve():
        line, _ = listener.accept()
        with line:
            for answer in answers:
                heard.append(line.recv(MAX_REQUEST))
                if answer is not None:
                    line.send(answer)
            if None in answers:
                line.recv(MAX_REQUEST)  # until the asker hangs up

    thread = threading.Thread(target=serve)
    thread.start()
    yield heard
    thread.join(LIMIT_SECONDS)
    assert not thread.is_alive()
    listener.close()


def test_without_relayd_the_relay_is_made_and_says_at_the_pulse_what_to_do(tmp_path):
    relay = relay_at(tmp_path / "none.sock")
    for ask in (lambda: relay.pulse(100), relay.hold, relay.renew, relay.state):
        with pytest.raises(Unavailable, match=r"No such file.*yardpass relay$"):
            ask()
    with pytest.raises(Unavailable, match="went away"):
        relay.release()
    relay.close()


@pytest.mark.parametrize("path", ["", "x" * (MAX_PATH + 1), "ü" * MAX_PATH])
def test_a_name_that_no_socket_can_have_is_refused(path):
    with pytest.raises(Refused, match=f"1 to {MAX_PATH} bytes"):
        relay_at(path)


@pytest.mark.parametrize(
    "answer",
    [
        b"granted",
        b"granted -1",
        b"granted 1e3",
        b"granted 9999999",
        b"done",
        b"\xff\x00",
        b"GRANTED 1",
        b"failed the pin broke",
        b"x" * (MAX_ANSWER + 1),
        b"state {}",
    ],
)
def test_an_answer_that_is_none_is_unavailable_and_the_line_goes_on(tmp_path, answer):
    path = tmp_path / "s"
    with saying(path, answer):
        relay = relay_at(path)
        with pytest.raises(Unavailable, match=r"; look at .*yardpass relay$"):
            relay.pulse(100)
        relay.close()


@pytest.mark.parametrize("answer", [b"state", b"state [", b"state []", b"state 1"])
def test_a_state_that_is_none_is_unavailable(tmp_path, answer):
    with saying(tmp_path / "s", answer):
        relay = relay_at(tmp_path / "s")
        with pytest.raises(Unavailable, match=r"answered no"):
            relay.state()
        relay.close()


def test_a_refusal_is_refused_with_its_reason_and_sentence(tmp_path):
    with saying(tmp_path / "s", b"refused duty on for too long"):
        relay = relay_at(tmp_path / "s")
        with pytest.raises(Refused, match=r"\(duty\): on for too long") as caught:
            relay.pulse(100)
        assert caught.value.reason == "R-PULSE"
        relay.close()


def test_a_relayd_that_does_not_answer_is_unavailable_and_the_line_is_dropped(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("hw.relay_line.ANSWER_SECONDS", 0.1)
    with saying(tmp_path / "s", None):
        relay = relay_at(tmp_path / "s")
        with pytest.raises(Unavailable, match="no answer"):
            relay.pulse(100)
        relay.close()


def test_an_end_that_cannot_be_told_is_unavailable(tmp_path):
    with saying(tmp_path / "s", b"granted 1") as heard:
        relay = relay_at(tmp_path / "s", way_out=True)
        with pytest.raises(Unavailable, match=r"hung up|reset"):
            relay.pulse(1)
        relay.close()
    assert [request_of(data).way_out for data in heard] == [True]


def test_an_interrupted_wait_raises_what_interrupted_it_also_if_relayd_is_gone(tmp_path):
    def interrupted(seconds):
        raise KeyboardInterrupt

    with saying(tmp_path / "s", b"granted 100"):
        relay = RelayLine(RelayLineOptions(str(tmp_path / "s")), wait=interrupted)
        with pytest.raises(KeyboardInterrupt):
            relay.pulse(100)
        relay.close()


def test_after_a_restart_of_relayd_the_next_pulse_goes_through(tmp_path):
    with house(tmp_path) as first:
        relay = first.line(wait=lambda seconds: None)
        relay.pulse(100)
    with pytest.raises(Unavailable):
        relay.pulse(100)
    with house(tmp_path) as second:
        relay.pulse(100)
        assert second.levels() == [0, 1, 0]
        relay.close()
    assert first.levels() == [0, 1, 0]


def test_close_ends_a_running_pulse_early(tmp_path):
    with house(tmp_path) as relayd:
        relay = relayd.line()
        running = threading.Thread(target=relay.pulse, args=(5_000,))
        running.start()
        while not relayd.pin.pin.state:
            pass
        relay.close()
        assert relayd.levels() == [0, 1, 0]
        running.join(timeout=4)
        assert not running.is_alive()


def test_a_handler_that_closes_amid_a_pulse_ends_it(tmp_path):
    with house(tmp_path) as relayd:
        relay = relayd.line()
        before = signal.signal(signal.SIGUSR1, lambda *_: relay.close())
        try:
            main = threading.get_ident()

            def interrupt():
                while not relayd.pin.pin.state:
                    pass
                signal.pthread_kill(main, signal.SIGUSR1)

            threading.Thread(target=interrupt).start()
            relay.pulse(5_000)
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert relayd.levels() == [0, 1, 0]
        with pytest.raises(Unavailable, match="closed"):
            relay.pulse(1)


def test_a_second_caller_waits_for_the_first_pulse_to_end(tmp_path):
    entered, leave = threading.Semaphore(0), threading.Semaphore(0)

    def wait(seconds):
        entered.release()
        leave.acquire()

    with house(tmp_path) as relayd:
        relay = relayd.line(wait=wait)
        callers = [threading.Thread(target=relay.pulse, args=(5_000,)) for _ in range(2)]
        for caller in callers:
            caller.start()
        entered.acquire()
        assert relayd.levels() == [0, 1]
        leave.release(2)
        for caller in callers:
            caller.join()
        assert relayd.levels() == [0, 1, 0, 1, 0]
        relay.close()


def test_a_hold_is_on_from_hold_to_release_and_a_pulse_beside_it_ends_by_itself(tmp_path):
    with house(tmp_path, Limits(gap_ms=0, lease_ms=60_000)) as relayd:
        relay = relayd.line(wait=lambda seconds: None)
        assert (relay.hold(), relay.renew()) == (60, 60)
        relay.pulse(100)
        assert relayd.levels() == [0, 1]
        relay.release()
        relay.release()
        assert relayd.levels() == [0, 1, 0]
        with pytest.raises(Refused, match=r"\(lease\)"):
            relay.renew()
        relay.hold()
        relay.close()  # the line is gone, so is the hold
        while relayd.pin.pin.state:
            pass
        assert relayd.levels() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"refused peer user 7 may not move this relay; see relayd.users", Refused),
        (b"failed full: 16 clients are connected already; end one of them", Unavailable),
    ],
)
def test_who_is_not_taken_is_told_so_again_though_relayd_hangs_up_late(tmp_path, answer, error):
    """Its first line, still open behind the refusal, once swallowed the next request."""
    path = tmp_path / "relay.sock"
    kept = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(str(path))
        server.listen()

        def refuse() -> None:
            for _ in range(2):
                kept.append(server.accept()[0])
                kept[-1].send(answer)

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        relay = RelayLine(RelayLineOptions(str(path)))
        for _ in range(2):
            with pytest.raises(error, match=r"may not move this relay|are connected already"):
                relay.pulse(100)
        relay.close()
        thread.join()
    for each in kept:
        each.close()
