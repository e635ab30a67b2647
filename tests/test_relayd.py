"""relayd: whatever comes over its socket, the pin keeps to the limits and goes off in time.

Any packets in any order are answered or end their connection; none but a request moves the pin.
"""

import ast
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from gatehouse import FREE, LIMIT_SECONDS, Canary, House, house
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.gate import notify, relayd
from appliance.gate.contact import Contact
from appliance.gate.listener import Listener
from appliance.gate.notify import Notify
from appliance.gate.relayd import MAX_CLIENTS, MAX_COMPLAINTS, users_of
from appliance.relay_limits import Limits
from hw.errors import Refused, Unavailable
from hw.gate_io import OutputPin, PinOptions
from hw.relay_line import MAX_AGE_MS, MAX_REQUEST, Request, Verb, now_ms
from hw.sim.pins import edges_of

ROOT = Path(__file__).parent.parent
SHORT = Limits(gap_ms=0, pulses_a_minute=600, duty_percent=100, lease_ms=300, max_pulse_ms=400)


@pytest.fixture(autouse=True)
def canary():
    with Canary() as made:
        yield made


@pytest.fixture
def late_ms(canary):
    """How late the pin may be: 50 ms as the requirement says, and what the machine stood still."""
    return lambda: 50 + 2 * canary.late_ms


def kept_pin(folder):
    return OutputPin(PinOptions(factory="file", pins_file=str(folder / "pins.txt")))


def edges(folder):
    return edges_of((folder / "pins.txt").read_bytes())


def levels(folder):
    return [edge.level for edge in edges(folder)]


def on_ms(folder):
    """How long the pin was on, each time; it must be off now."""
    found = edges(folder)
    assert [edge.level for edge in found] == [1, 0] * (len(found) // 2)
    return [(off.ticks - on.ticks) / 1e6 for on, off in zip(found[::2], found[1::2], strict=True)]


def until(claim):
    """Waits for a claim to come true, as long as a busy machine may need."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not claim():
        assert time.monotonic() < deadline
        threading.Event().wait(0.002)  # a look now and then; nobody tells of a pin


class Raw:
    """A connection that says what it is told to, byte for byte."""

    def __init__(self, path):
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line.settimeout(LIMIT_SECONDS)
        self.line.connect(str(path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()

    def say(self, data):
        self.line.send(data if isinstance(data, bytes) else data.encode())
        return self.line.recv(2_000).decode()

    def ask(self, verb, ms=0, *, age=0, way_out=False):
        return self.say(Request(now_ms() - age, verb, ms, way_out).to_bytes())


# -- pulses and holds


def test_a_pulse_is_on_for_as_long_as_was_asked(tmp_path, late_ms):
    with house(tmp_path, FREE, pin=kept_pin(tmp_path)) as made:
        relay = made.line()
        for ms in (20, 120):
            relay.pulse(ms)
        relay.close()
    for ms, was in zip((20, 120), on_ms(tmp_path), strict=True):
        # Its time begins when it is granted, just before the edge: which may be late as well.
        assert ms - 2 - late_ms() <= was <= ms + late_ms()


def test_a_request_beyond_the_longest_pulse_is_refused_and_moves_nothing(tmp_path):
    with house(tmp_path, SHORT) as made:
        relay = made.line(wait=lambda seconds: None)
        with pytest.raises(Refused, match=r"\(length\): a pulse of 401 ms; give 1 to 400 ms"):
            relay.pulse(401)
        assert made.levels() == [0]
        relay.pulse(400)
        assert made.levels() == [0, 1, 0]
        relay.close()


def test_the_way_in_is_held_to_the_gap_and_the_way_out_is_not(tmp_path):
    with house(tmp_path, Limits(gap_ms=60_000)) as made:
        way_in = made.line(wait=lambda seconds: None)
        way_out = made.line(wait=lambda seconds: None, way_out=True)
        with pytest.raises(Refused, match=r"\(gap\)"):
            way_in.pulse(100)
        way_out.pulse(100)
        way_out.pulse(100)
        assert made.levels() == [0, 1, 0, 1, 0]
        for relay in (way_in, way_out):
            relay.close()


def test_a_pulse_of_a_client_that_is_gone_ends_at_its_own_time(tmp_path, late_ms):
    with house(tmp_path, SHORT, pin=kept_pin(tmp_path)):
        with Raw(tmp_path / "relay.sock") as raw:
            assert raw.ask(Verb.PULSE, 200) == "granted 200"
        until(lambda: levels(tmp_path) == [1, 0])
    (was,) = on_ms(tmp_path)
    assert 198 <= was <= 200 + late_ms()


def test_a_hold_of_a_client_that_hangs_ends_with_its_lease(tmp_path, late_ms):
    with house(tmp_path, SHORT, pin=kept_pin(tmp_path)), Raw(tmp_path / "relay.sock") as raw:
        assert raw.ask(Verb.HOLD) == f"granted {SHORT.lease_ms}"
        until(lambda: levels(tmp_path) == [1, 0])
        assert raw.ask(Verb.RENEW).startswith("refused lease ")
    (was,) = on_ms(tmp_path)
    assert SHORT.lease_ms - 2 <= was <= SHORT.lease_ms + late_ms()


def test_a_hold_of_a_client_that_is_gone_ends_at_once(tmp_path, late_ms):
    long = Limits(gap_ms=0, lease_ms=60_000)
    with house(tmp_path, long, pin=kept_pin(tmp_path)):
        with Raw(tmp_path / "relay.sock") as raw:
            raw.ask(Verb.HOLD)
            left = time.monotonic_ns()
        until(lambda: levels(tmp_path) == [1, 0])
    assert (edges(tmp_path)[1].ticks - left) / 1e6 <= late_ms()


def test_a_renewed_hold_stays_on_without_an_edge(tmp_path):
    with house(tmp_path, SHORT) as made, Raw(tmp_path / "relay.sock") as raw:
        began = now_ms()
        raw.ask(Verb.HOLD)
        while now_ms() - began < 2 * SHORT.lease_ms:
            assert raw.ask(Verb.RENEW) == f"granted {SHORT.lease_ms}"
        assert made.levels() == [0, 1]
        assert raw.ask(Verb.RELEASE) == "done"
        assert made.levels() == [0, 1, 0]


@pytest.mark.parametrize("age", [MAX_AGE_MS + 1, 10**9, -1_000])
@pytest.mark.parametrize("verb", [Verb.PULSE, Verb.HOLD, Verb.RENEW])
def test_a_request_that_lay_in_a_queue_for_long_opens_nothing(tmp_path, verb, age):
    with house(tmp_path) as made, Raw(tmp_path / "relay.sock") as raw:
        stamp = max(0, now_ms() - age)
        answer = raw.say(Request(stamp, verb, 100 if verb is Verb.PULSE else 0).to_bytes())
        assert answer.startswith("refused stale asked ")
        assert made.levels() == [0]
        assert made.contact.state()["refused"] == {"stale": 1}


def test_what_ends_something_is_never_too_old(tmp_path):
    with house(tmp_path, FREE) as made, Raw(tmp_path / "relay.sock") as raw:
        raw.ask(Verb.PULSE, 5_000)
        assert raw.say("0 end") == "done"
        raw.ask(Verb.HOLD)
        assert raw.say("0 release") == "done"
        assert made.levels() == [0, 1, 0, 1, 0]


def test_the_state_tells_how_it_is_and_what_it_did(tmp_path):
    with house(tmp_path, SHORT) as made, Raw(tmp_path / "relay.sock") as raw:
        raw.ask(Verb.PULSE, 300)
        raw.ask(Verb.PULSE, 500)
        relay = made.line()
        told = relay.state()
        assert told.pop("up_ms") >= 0 and 0 < told.pop("left_ms") <= 300
        assert told == {
            "on": True,
            "granted": {"pulse": 1},
            "refused": {"length": 1},
            "limits": {
                "max_pulse_ms": 400,
                "gap_ms": 0,
                "pulses_a_minute": 600,
                "duty_percent": 100,
                "lease_ms": 300,
            },
            "clients": 2,
        }
        relay.close()


# -- the deadline is held twice


def test_a_loop_that_hangs_lets_no_pulse_last_longer(tmp_path, late_ms):
    with (
        house(tmp_path, SHORT, pin=kept_pin(tmp_path)) as made,
        Raw(tmp_path / "relay.sock") as raw,
    ):
        raw.ask(Verb.PULSE, 400)
        with made.hanging():
            until(lambda: levels(tmp_path) == [1, 0])
    (was,) = on_ms(tmp_path)
    assert was <= 400 + late_ms()


def test_a_stop_switches_off_at_once_while_the_loop_hangs(tmp_path, late_ms):
    with (
        house(tmp_path, FREE, pin=kept_pin(tmp_path)) as made,
        Raw(tmp_path / "relay.sock") as raw,
    ):
        raw.ask(Verb.PULSE, 5_000)
        with made.hanging():
            stopped = time.monotonic_ns()
            made.daemon.stop()
            until(lambda: levels(tmp_path) == [1, 0])
    assert (edges(tmp_path)[1].ticks - stopped) / 1e6 <= late_ms()


def test_a_contact_that_stops_grants_nothing_any_more():
    pin = OutputPin(PinOptions(factory="mock"))
    contact = Contact(pin, FREE)
    contact.stop()
    answer = contact.asked("a", Request(now_ms(), Verb.PULSE, 100))
    assert answer == "failed the relay process is stopping; ask again when it is back"
    contact.close()
    contact.close()
    assert [int(entry.state) for entry in pin.pin.states] == [0]


def test_an_opening_that_is_over_ends_before_the_next_begins_however_late_that_is_seen(tmp_path):
    pin = kept_pin(tmp_path)
    now = [1_000]
    contact = Contact(pin, SHORT, clock=lambda: now[0])
    contact.asked("a", Request(1_000, Verb.PULSE, 300))
    now[0] = 1_301
    assert contact.asked("b", Request(1_301, Verb.PULSE, 300)) == "granted 300"
    contact.close()
    assert levels(tmp_path) == [1, 0, 1, 0]


def test_the_guard_sleeps_while_the_contact_is_on(tmp_path):
    looks = []

    def clock():
        looks.append(None)
        return now_ms()

    contact = Contact(kept_pin(tmp_path), FREE, clock=clock)
    contact.asked("a", Request(now_ms(), Verb.PULSE, 300))
    contact.asked("a", Request(now_ms(), Verb.PULSE, 400))
    until(lambda: levels(tmp_path) == [1, 0])
    contact.close()
    assert len(looks) < 20  # a guard that did not would look thousands of times


def test_an_unguarded_pin_ends_the_process(tmp_path, monkeypatch):
    made = House(tmp_path)
    monkeypatch.setattr(made.contact, "is_guarded", lambda: False)
    made.contact.alarm()  # as the guard does when it ends
    with pytest.raises(Unavailable, match=r"guard .* has ended; start"):
        made.daemon.run()
    made.close_unstarted()


class Stuck:
    """A pin that does not do one of its acts."""

    def __init__(self, *broken):
        self.broken = broken
        self.acts = []

    def act(self, name):
        self.acts.append(name)
        if name in self.broken:
            raise Unavailable(f"the pin does not go {name}; check the wiring")

    def on(self):
        self.act("on")

    def off(self):
        self.act("off")

    def close(self):
        self.acts.append("close")


def test_a_pin_that_does_not_go_on_is_let_go_of_and_the_next_request_tries_again(tmp_path):
    pin = Stuck("on")
    with house(tmp_path, pin=pin), Raw(tmp_path / "relay.sock") as raw:
        for _ in range(2):
            assert raw.ask(Verb.PULSE, 100) == "failed the pin does not go on; check the wiring"
        pin.broken = ()
        assert raw.ask(Verb.PULSE, 5_000) == "granted 5000"
    assert pin.acts == ["on", "off", "on", "off", "on", "off", "close"]


def test_a_pin_that_does_not_go_off_ends_the_process(tmp_path):
    pin = Stuck("off")
    with house(tmp_path, pin=pin) as made:
        with Raw(tmp_path / "relay.sock") as raw:
            raw.ask(Verb.PULSE, 50)
            made.thread.join(LIMIT_SECONDS)
        assert str(made.error) == "the pin does not go off; check the wiring"
        answer = made.contact.asked("a", Request(now_ms(), Verb.PULSE, 100))
        assert answer == "failed the pin does not go off; check the wiring"
    assert "on" not in pin.acts[1:]


# -- who may ask, and what


def test_a_user_who_is_not_in_the_settings_is_refused_and_moves_nothing(tmp_path):
    with house(tmp_path, users=frozenset({os.getuid() + 1})) as made:
        relay = made.line()
        for _ in range(2):
            with pytest.raises(Refused, match=r"user \d+ may not move this relay; see relayd"):
                relay.pulse(100)
        assert made.levels() == [0]
        relay.close()


def test_root_and_the_own_user_may_ask_and_who_the_settings_name():
    assert users_of(()) == {0, os.getuid()}
    assert users_of((7, "root")) == {0, 7, os.getuid()}
    with pytest.raises(Refused, match="no user 'no-such-user' on this machine"):
        users_of(("no-such-user",))


def test_clients_are_bounded_and_a_place_is_free_again_when_one_leaves(tmp_path):
    with house(tmp_path) as made, ExitStack() as stack:
        path = tmp_path / "relay.sock"
        crowd = [stack.enter_context(Raw(path)) for _ in range(MAX_CLIENTS)]
        for each in crowd:
            assert each.say("0 end") == "done"
        relay = made.line(wait=lambda seconds: None)
        with pytest.raises(Unavailable, match="clients are connected already"):
            relay.pulse(100)
        crowd.pop().line.close()
        until(lambda: len(made.daemon._clients) < MAX_CLIENTS)
        relay.pulse(100)
        assert made.levels() == [0, 1, 0]
        relay.close()


@pytest.mark.parametrize("data", [b"pulse", b"1 pulse 700", b"x" * 2_000, b"\x00", b"\xff" * 64])
def test_a_packet_that_is_no_request_is_refused_and_the_next_is_heard(tmp_path, data):
    with house(tmp_path) as made, Raw(tmp_path / "relay.sock") as raw:
        assert raw.say(data).startswith("refused form ")
        assert raw.say("0 end") == "done"
        assert made.levels() == [0]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    packets=st.lists(
        st.binary(min_size=1, max_size=MAX_REQUEST + 9)
        | st.sampled_from(list(Verb)).map(lambda verb: Request(1, verb).to_bytes()),
        max_size=20,
    )
)
def test_any_packets_are_answered_and_none_that_is_old_moves_the_pin(crowded, packets):
    with Raw(crowded.path) as raw:
        for packet in packets:
            assert raw.say(packet).split(" ")[0] in ("refused", "done", "state")
    assert crowded.levels() == [0]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    with house(tmp_path_factory.mktemp("crowded")) as made:
        yield made


def test_a_client_that_does_not_read_its_answers_is_dropped_and_delays_nobody(tmp_path):
    with house(tmp_path, FREE) as made, Raw(tmp_path / "relay.sock") as deaf:
        deaf.line.settimeout(LIMIT_SECONDS)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(100_000):
                deaf.line.send(b"0 state")
        relay = made.line(wait=lambda seconds: None)
        relay.pulse(100)
        relay.close()
        assert made.levels() == [0, 1, 0]


def test_a_flood_of_faults_fills_no_log(tmp_path, caplog):
    with (
        caplog.at_level(logging.INFO, "yardpass.relay"),
        house(tmp_path, FREE) as made,
        Raw(tmp_path / "relay.sock") as raw,
    ):
        for _ in range(2 * MAX_COMPLAINTS):
            raw.say(b"?")
        assert len(caplog.records) == MAX_COMPLAINTS
        assert raw.ask(Verb.PULSE, 1).startswith("granted")
        raw.say(b"?")
        assert len(caplog.records) == MAX_COMPLAINTS + 2
        assert made.error is None


# -- settings anew


def test_new_limits_hold_at_once_and_cut_what_runs_and_nothing_rises(tmp_path):
    with house(tmp_path, FREE) as made, Raw(tmp_path / "relay.sock") as raw:
        raw.ask(Verb.PULSE, 5_000)
        made.settings = type(made.settings)(made.path, made.settings.pin, SHORT, ())
        made.daemon.reload()
        until(lambda: made.levels() == [0, 1, 0])
        assert raw.ask(Verb.PULSE, 401).startswith("refused length ")
        assert made.levels() == [0, 1, 0]


def test_settings_that_are_wrong_change_nothing(tmp_path, caplog):
    with house(tmp_path, SHORT) as made, Raw(tmp_path / "relay.sock") as raw:
        for wrong in (Refused("line 3 is wrong"), Unavailable("no such file")):

            def told(wrong=wrong):
                raise wrong

            made.told = told
            before = len(caplog.records)
            made.daemon.reload()
            until(lambda before=before: len(caplog.records) > before)
            assert raw.ask(Verb.PULSE, 401).startswith("refused length ")
        assert made.levels() == [0]


def test_a_user_who_is_no_longer_named_loses_the_line_and_the_hold(tmp_path, monkeypatch):
    with house(tmp_path, FREE) as made, Raw(tmp_path / "relay.sock") as raw:
        raw.ask(Verb.HOLD)
        monkeypatch.setattr(relayd, "users_of", lambda names: frozenset())
        made.daemon.reload()
        assert raw.line.recv(100) == b""
        assert made.levels() == [0, 1, 0]


# -- the socket


def test_the_socket_is_for_user_and_group_alone_and_goes_with_its_process(tmp_path):
    with house(tmp_path) as made:
        assert made.path.stat().st_mode & 0o777 == 0o660
    assert not made.path.exists()


def test_a_second_relayd_does_not_start_and_does_not_disturb_the_first(tmp_path):
    with house(tmp_path) as made:
        with pytest.raises(Unavailable, match="is another yardpass relay running"):
            Listener(made.path)
        relay = made.line(wait=lambda seconds: None)
        relay.pulse(100)
        assert made.levels() == [0, 1, 0]
        relay.close()


def test_a_socket_that_a_dead_process_left_is_taken_over(tmp_path):
    path = tmp_path / "relay.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    with house(tmp_path) as made:
        made.line().close()
        with Raw(path) as raw:
            assert raw.say("0 end") == "done"


def test_a_socket_that_somebody_else_answers_stays(tmp_path):
    path = tmp_path / "relay.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(Unavailable, match="cannot be listened at"):
            Listener(path)
        with Raw(path):
            assert path.is_socket()


def test_a_file_of_that_name_stays(tmp_path):
    path = tmp_path / "relay.sock"
    path.write_text("mine")
    with pytest.raises(Unavailable, match="cannot be listened at"):
        Listener(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["none/relay.sock", "x" * 120])
def test_a_place_where_no_socket_can_be_is_unavailable(tmp_path, name):
    with pytest.raises(Unavailable, match=r"; "):
        Listener(tmp_path / name)


# -- systemd


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(LIMIT_SECONDS)
        yield line


def test_systemd_hears_ready_then_that_the_loop_lives_then_stopping(tmp_path, systemd):
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "40000"}
    with house(tmp_path, environment=environment):
        heard = [systemd.recv(100) for _ in range(4)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    while (last := systemd.recv(100)) == b"WATCHDOG=1":
        pass
    assert last == b"STOPPING=1"


def test_a_loop_that_hangs_tells_systemd_nothing(tmp_path, systemd):
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "20000"}
    with house(tmp_path, environment=environment) as made, made.hanging():
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                systemd.recv(100)
        systemd.settimeout(0.2)  # ten of its intervals
        with pytest.raises(TimeoutError):
            systemd.recv(100)


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, 0),
        ({"WATCHDOG_USEC": "3000000"}, 1_500),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1_500),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
        ({"WATCHDOG_USEC": "9" * 40}, 0),
    ],
)
def test_the_watchdog_is_told_twice_as_often_as_it_asks_for(environment, interval):
    line = Notify(environment)
    assert line.interval_ms == interval
    line.tell(notify.READY)
    line.close()


def test_a_systemd_that_is_not_there_or_in_no_folder_stops_nothing():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        abstract.bind(f"\0yardpass-{os.getpid()}")
        for path in ("/no/such/socket", f"@yardpass-{os.getpid()}"):
            line = Notify({"NOTIFY_SOCKET": path})
            line.tell(notify.READY)
            line.close()
        assert abstract.recv(100) == b"READY=1"


# -- the time of day, and the network, do not exist here

PATH_OF_A_PULSE = (
    *("hw/relay_line.py", "hw/gate_io.py", "hw/sim/pins.py"),
    *(f"appliance/gate/{name}.py" for name in ("relayd", "listener", "contact", "notify", "heir")),
    *("appliance/gate/pulse_law.py", "appliance/commands/relay.py"),
)


@pytest.mark.parametrize("name", PATH_OF_A_PULSE)
def test_no_wall_clock_and_no_network_is_on_the_path_of_a_pulse(name):
    tree = ast.parse((ROOT / name).read_text())
    used = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    clocks = {one for one in used if one.startswith(("time.", "datetime.", "signal.set"))}
    assert clocks <= {"time.monotonic_ns", "time.sleep"}
    families = {one for one in used if one.startswith("socket.AF_")}
    assert families <= {"socket.AF_UNIX"}


def test_a_clock_that_jumps_moves_nothing_and_ends_nothing(tmp_path, monkeypatch, late_ms):
    jumps = iter(range(0, 10**18, 10**9))
    for name in ("time", "time_ns"):
        monkeypatch.setattr(time, name, lambda: next(jumps))
    with house(tmp_path, SHORT, pin=kept_pin(tmp_path)), Raw(tmp_path / "relay.sock") as raw:
        time.time()
        raw.ask(Verb.PULSE, 100)
        until(lambda: levels(tmp_path) == [1, 0])
    (was,) = on_ms(tmp_path)
    assert 98 <= was <= 100 + late_ms()


# -- the command

COMMAND = (sys.executable, "-c", "from appliance.cli import main; main()", "relay")
SETTINGS = '[relay]\ndriver = "relayd"\n[relayd]\npin = 17\nfactory = "file"\ngap_ms = 0\n'


def run(folder, *words):
    return subprocess.run(
        [*COMMAND, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "site.toml").write_text(SETTINGS)
    return tmp_path


def test_drive_low_switches_off_what_a_dead_process_left_on(folder):
    script = "import os, sys; from hw.gate_io import *\n"
    script += "OutputPin(PinOptions(factory='file', pins_file='pins.txt')).on(); os._exit(0)"
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, timeout=60)
    assert levels(folder) == [1]
    done = run(folder, "--drive-low")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert levels(folder) == [1, 0]
    assert run(folder, "--drive-low").returncode == 0
    assert levels(folder) == [1, 0]


def test_drive_low_with_damaged_settings_says_so_and_touches_no_pin(folder):
    (folder / "site.toml").write_text(SETTINGS.replace("17", "3").replace('"file"', '"files"'))
    done = run(folder, "--drive-low")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "yardpass: site.toml:4: relayd.pin = 3; accepted: a whole number from 9 to 27\n"
        "site.toml:5: relayd.factory = 'files'; accepted: lgpio, mock, file\n"
    )
    assert not (folder / "pins.txt").exists()


def test_drive_low_loads_nothing_that_it_does_not_need(folder):
    script = "import sys; before = set(sys.modules)\nfrom appliance.cli import cli\n"
    script += "cli(['relay', '--drive-low'], standalone_mode=False)\n"
    script += "print(*(name for name in set(sys.modules) - before if name in %r))"
    heavy = ("numpy", "cryptography", "nacl", "sqlite3", "asyncio", "ssl", "appliance.settings")
    done = subprocess.run(
        [sys.executable, "-c", script % (heavy,)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "\n"


def test_two_orders_at_once_are_misused_and_no_relayd_is_a_no(folder):
    assert run(folder, "--drive-low", "--state").returncode == 2
    done = run(folder, "--state")
    assert (done.returncode, done.stdout) == (1, "")
    assert "relay.sock: No such file" in done.stderr


def answers(folder):
    """Whether who connects is taken."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        return line.connect_ex(str(folder / "relay.sock")) == 0


@contextmanager
def serving(folder):
    """`yardpass relay` at work in a process; killed at the end if it still is."""
    child = subprocess.Popen(COMMAND, cwd=folder, stderr=subprocess.PIPE, text=True)
    with child:
        try:
            until(lambda: answers(folder))
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_opens_when_asked_tells_its_state_and_ends_off_at_a_signal(
    folder, number, late_ms
):
    with serving(folder) as child:
        assert levels(folder) == []
        with Raw(folder / "relay.sock") as raw:
            assert raw.ask(Verb.PULSE, 5_000) == "granted 5000"
            told = json.loads(raw.ask(Verb.STATE).partition(" ")[2])
            said = run(folder, "--state").stdout.splitlines()
            child.send_signal(number)
            stopped = time.monotonic_ns()
            assert child.wait(LIMIT_SECONDS) == 0
        assert child.stderr.read().startswith("process ")
    assert told["on"] and told["granted"] == {"pulse": 1}
    assert said[0].startswith("relay on for ") and said[0].endswith("; 2 clients")
    assert said[1:3] == ["granted: pulse 1", "refused: nothing"]
    assert said[3].startswith("limits: max_pulse_ms 5000, gap_ms 0, ")
    assert levels(folder) == [1, 0]
    assert (edges(folder)[1].ticks - stopped) / 1e6 <= late_ms()
    assert not (folder / "relay.sock").exists()


@contextmanager
def started_by_systemd(folder):
    """`yardpass relay` as a service that has said it is ready."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(folder / "notify"))
        told.settimeout(LIMIT_SECONDS)
        named = os.environ | {"NOTIFY_SOCKET": str(folder / "notify")}
        child = subprocess.Popen(COMMAND, cwd=folder, stderr=subprocess.PIPE, text=True, env=named)
        with child:
            try:
                assert told.recv(99) == b"READY=1"
                yield child
            finally:
                child.kill()


def test_a_service_whose_pins_come_late_is_up_refuses_who_connects_and_opens_when_they_are_there(
    folder,
):
    late = folder / "chip"
    (folder / "site.toml").write_text(f'{SETTINGS}pins_file = "{late}/pins.txt"\n')
    with started_by_systemd(folder) as child:
        assert (folder / "relay.sock").exists()
        assert not answers(folder)
        late.mkdir()
        until(lambda: answers(folder))
        with Raw(folder / "relay.sock") as raw:
            assert raw.ask(Verb.PULSE, 5_000) == "granted 5000"
        child.terminate()
        assert child.wait(LIMIT_SECONDS) == 0
        said = child.stderr.read().splitlines()
    assert said[0].startswith("the gate cannot be opened: file finds no pins (FileNotFoundError")
    assert [line for line in said[1:] if "cannot be opened" in line] == []
    assert [edge.level for edge in edges_of((late / "pins.txt").read_bytes())] == [1, 0]


def test_a_service_with_damaged_settings_is_up_and_works_once_they_are_mended(folder):
    (folder / "site.toml").write_text("[relay]\ndriver = 'sim'\n")
    with started_by_systemd(folder) as child:
        assert "[relayd] is missing" in child.stderr.readline()
        (folder / "new.toml").write_text(SETTINGS)
        (folder / "new.toml").replace(folder / "site.toml")
        until(lambda: answers(folder))


def test_a_service_that_waits_for_its_pins_ends_at_once(folder):
    (folder / "site.toml").write_text(SETTINGS.replace('"file"', '"lgpio"'))
    with started_by_systemd(folder) as child:
        assert child.stderr.readline().startswith("the gate cannot be opened: lgpio")
        child.terminate()
        assert child.wait(LIMIT_SECONDS) == -signal.SIGTERM


def test_who_starts_it_by_hand_without_pins_is_told_at_once(folder):
    (folder / "site.toml").write_text(SETTINGS.replace('"file"', '"lgpio"'))
    done = run(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("yardpass: lgpio cannot be loaded")


def test_a_process_killed_amid_a_pulse_leaves_an_heir_that_drives_the_pin_low(folder):
    with serving(folder) as child, Raw(folder / "relay.sock") as raw:
        raw.ask(Verb.PULSE, 5_000)
        child.kill()
        until(lambda: levels(folder) == [1, 0])
    assert edges(folder)[1].pid != child.pid
    assert on_ms(folder)[0] < 4_000


def test_a_process_whose_heir_is_killed_ends_with_its_pin_low(folder):
    with serving(folder) as child:
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        (heir,) = map(int, children)
        with Raw(folder / "relay.sock") as raw:
            raw.ask(Verb.PULSE, 5_000)
            os.kill(heir, signal.SIGTERM)  # it is deaf to that
            os.kill(heir, signal.SIGKILL)
            assert child.wait(LIMIT_SECONDS) == 1
        assert child.stderr.read().endswith("start yardpass relay again\n")
    assert levels(folder) == [1, 0]
