"""systemd hears that a service lives from the loop that does its work, and from nothing else."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from desk import YARDPASS
from test_console_app import Feeds, drive
from test_gate_command import COMMAND, endless, kit, kits  # noqa: F401 - fixtures
from test_sync_command import site  # noqa: F401 - a fixture

from appliance.commands import gate as command
from appliance.gate import duty, notify, senses
from appliance.gate.loop import Stop
from appliance.gate.notify import Beat, Notify
from appliance.gate.senses import Senses
from appliance.settings import load

WAIT_SECONDS = 60
INTERVAL_MS = 400  # of the watchdog: it is told after half of that


@pytest.fixture
def systemd(tmp_path_factory):
    """The socket that services tell, and the environment that names it."""
    path = tmp_path_factory.mktemp("systemd") / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(path))
        line.settimeout(WAIT_SECONDS)
        named = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(INTERVAL_MS * 1_000)}
        yield line, os.environ | named


class Ticks:
    """A clock of nanoseconds that stands still."""

    now = 0

    def __call__(self):
        return self.now


def test_the_first_beat_says_ready_and_the_watchdog_is_told_once_an_interval(systemd):
    line, environment = systemd
    ticks, told = Ticks(), Notify(environment)
    beat = Beat(told, ticks)
    heard = []

    for ms in (0, 100, 199, 200, 399, 400):
        ticks.now = ms * 1_000_000
        beat()
    told.close()
    line.setblocking(False)
    while len(heard) < 4:
        heard.append(line.recv(100))

    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    with pytest.raises(BlockingIOError):
        line.recv(100)


def test_without_a_watchdog_only_ready_and_the_end_are_told(systemd):
    line, environment = systemd
    del environment["WATCHDOG_USEC"]

    with notify.told(environment) as beat:
        beat()
        beat()

    assert [line.recv(100) for _ in range(2)] == [b"READY=1", b"STOPPING=1"]


@pytest.fixture
def gate(kit):  # noqa: F811 - a fixture
    return [*COMMAND, "--settings", str(endless(kit) / "site.toml")]


@pytest.fixture
def sync(site):  # noqa: F811 - a fixture
    return [YARDPASS, "sync", "--settings", str(site)]


@pytest.mark.long
@pytest.mark.parametrize("daemon", ["gate", "sync"])
def test_a_daemon_is_ready_then_lives_and_one_that_hangs_is_silent(systemd, request, daemon):
    line, environment = systemd
    command = request.getfixturevalue(daemon)
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        heard = [line.recv(100) for _ in range(3)]
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        line.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                line.recv(100)
        line.settimeout(3 * INTERVAL_MS / 1_000)
        with pytest.raises(TimeoutError):
            line.recv(100)
        process.send_signal(signal.SIGCONT)
        line.settimeout(WAIT_SECONDS)
        heard.append(line.recv(100))
        process.send_signal(signal.SIGTERM)
        while (last := line.recv(100)) == b"WATCHDOG=1":
            pass
        code = process.wait(WAIT_SECONDS)
    finally:
        process.kill()
        process.wait(WAIT_SECONDS)

    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    assert (last, code) == (b"STOPPING=1", 0)


def test_the_console_beats_at_each_look_even_when_the_look_fails():
    feeds, beats, before = Feeds(), [], []

    async def steps(app, pilot):
        app._wires = app._wires._replace(beat=lambda: beats.append(feeds.looks))
        before.append(feeds.looks)
        app.tick()
        feeds.fault = "the disk is gone"
        app.tick()
        await asyncio.sleep(0)

    drive(feeds, steps)

    assert len(beats) == feeds.looks - before[0] >= 2


def test_a_gate_that_cannot_start_is_never_ready(systemd, tmp_path):
    line, environment = systemd
    command = [sys.executable, "-c", "from appliance.cli import main; main()", "gate"]

    done = subprocess.run(
        [*command, "--settings", str(tmp_path / "none.toml")],
        env=environment,
        capture_output=True,
        timeout=WAIT_SECONDS,
        check=False,
    )

    line.setblocking(False)
    assert done.returncode == 1
    with pytest.raises(BlockingIOError):
        line.recv(100)


def test_a_gate_whose_camera_hangs_stops_to_beat(systemd, kit, monkeypatch):  # noqa: F811 - a fixture
    line, environment = systemd
    hangs = threading.Event()
    monkeypatch.setattr(senses, "HANG_NS", 0)
    stop, beats = Stop(), []

    class Hung(Senses):
        def is_hung(self):
            beats.append(super().is_hung())
            if len(beats) > 3:
                stop.set()
                hangs.set()
            return beats[-1]

    monkeypatch.setattr(duty, "Senses", Hung)
    monkeypatch.setattr(duty, "watch", lambda *_, **__: hangs.wait(WAIT_SECONDS))
    with notify.told(environment) as beat:
        command._run(load(endless(kit) / "site.toml"), stop, beat)

    assert beats == [True] * 4
    assert line.recv(100) == b"STOPPING=1"
