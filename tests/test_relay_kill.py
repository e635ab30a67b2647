"""relayd and its clients are killed at random points; the pin is low in time, each time.

Real processes on pins kept in a file. What is claimed is read from the pin's whole history.
"""

import multiprocessing
import random
import signal
import subprocess
import sys
import threading
import time
from bisect import bisect_right

import pytest
from gatehouse import Canary
from watchman import MAX_PULSE_MS, Watchman, visit

from hw.errors import Unavailable
from hw.relay_line import MAX_AGE_MS

pytestmark = pytest.mark.long

LATE_MS = 50  # how late the pin may be, as the requirement says
NICE = -10  # as the relay's unit has it; nothing if this user may not
GATES = 3  # side by side, each with its own relayd and client


class Siege:
    """One gate whose processes are killed in turn; every kill and its moment is kept."""

    def __init__(self, folder, seed, kills):
        folder.mkdir()
        self.folder = folder
        self.dice = random.Random(seed)
        self.targets = ["relayd", "client"] * kills + ["heir"] * (kills // 5)
        self.dice.shuffle(self.targets)
        self.kills = []  # (ticks, who)
        self.late = {
            "relayd": [],
            "client": [],
            "heir": [],
        }  # ms from a kill while on to the contact's end
        self.start = multiprocessing.get_context("forkserver").Process
        self.rest = threading.Event()
        self.canary = Canary(nice=NICE)

    def visitor(self):
        made = self.start(target=visit, args=(self.folder, self.dice.random()), daemon=True)
        made.start()
        return made

    def run(self):
        before = ("nice", "--adjustment", str(NICE))
        with self.canary, Watchman(self.folder, before=before) as relayd:
            relayd.start(ready=False)
            client = self.visitor()
            try:
                for target in self.targets:
                    self.rest.wait(self.dice.random() * 0.3)
                    client = self.strike(target, relayd, client)
            finally:
                client.kill()
                client.join(30)
            relayd.wait_low()
            _, self.code = relayd.end()
            self.edges = relayd.edges()

    def strike(self, target, relayd, client):
        if target == "relayd":
            ticks, code = relayd.end(signal.SIGKILL)
            assert code == -signal.SIGKILL
            relayd.start(ready=self.dice.random() < 0.8)  # else the next kill may hit the start
        elif target == "heir":
            ticks = relayd.kill_heir()
            if ticks is None:  # amid a start
                return client
            assert relayd.follow() == 1
            relayd.start()
        else:
            ticks = time.monotonic_ns()
            client.kill()
            client.join(30)
            relayd.wait_low()  # the next one may open again; this one's opening must end first
            client = self.visitor()
        self.kills.append((ticks, target))
        return client

    def judge(self):
        missed = len(self.targets) - len(self.kills)
        assert missed <= self.targets.count("heir")
        levels = [edge.level for edge in self.edges]
        assert levels == [1, 0] * (len(levels) // 2)
        ticks = [edge.ticks for edge in self.edges]
        assert ticks == sorted(ticks)
        for killed, target in self.kills:
            after = bisect_right(ticks, killed)
            if after % 2:  # it was on
                late = (ticks[after] - killed) / 1e6
                self.late[target].append(late)
                # What the machine stood still meanwhile no process can help.
                still = 2 * self.canary.late_within(killed, ticks[after])
                assert late <= MAX_PULSE_MS + LATE_MS + still, (target, still)
        self.judge_rises([edge.ticks for edge in self.edges if edge.level])

    def judge_rises(self, rises):
        """Every rise answers a request of its own, which was not older than a request may be."""
        text = (self.folder / "asked.txt").read_text()
        asked = sorted(int(line) for line in text.split())
        for rise in rises:
            since = rise - (MAX_AGE_MS + LATE_MS) * 10**6
            since -= round(2e6 * self.canary.late_within(since, rise))
            before = [one for one in asked if since <= one <= rise]
            assert before, "the contact went on and nobody had asked"
            asked.remove(before[-1])


def besiege(tmp_path, gates, kills):
    sieges = [Siege(tmp_path / str(gate), 7_000 + gate, kills) for gate in range(gates)]
    multiprocessing.get_context("forkserver").set_forkserver_preload(["watchman", "hw.ports"])
    threads = [threading.Thread(target=siege.run) for siege in sieges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for siege in sieges:
        siege.judge()
        assert siege.code in (0, -signal.SIGTERM)  # the latter amid a start
    return sieges


def test_whoever_is_killed_the_pin_is_low_in_time_and_rises_for_nobody_who_did_not_ask(tmp_path):
    (siege,) = besiege(tmp_path, 1, 2)
    assert len(siege.kills) == 4, siege.kills


@pytest.mark.heavy
def test_200_kills_of_each_leave_the_pin_low_in_time_each_time(tmp_path, capsys):
    sieges = besiege(tmp_path, GATES, -(-200 // GATES))
    assert sum(len(siege.kills) for siege in sieges) >= 400
    said = f"{sum(len(siege.edges) for siege in sieges) // 2} openings"
    for target in ("relayd", "client", "heir"):
        late = [ms for siege in sieges for ms in siege.late[target]]
        said += (
            f"; {target} killed while on {len(late)} times, off after {max(late):.0f} ms at most"
        )
        assert len(late) > 10  # else the points were not random
    with capsys.disabled():
        sys.stdout.write(f"\n{said}\n")


def test_no_start_restart_reload_or_standstill_moves_the_pin(tmp_path):
    with Watchman(tmp_path) as relayd:
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            relayd.start()
            line = relayd.line()
            line.state()
            for _ in range(20):
                relayd.send(signal.SIGHUP)
                relayd.send(signal.SIGSTOP)
                relayd.send(signal.SIGCONT)
                line.state()
            line.close()
            assert relayd.end(number)[1] == (-9 if number == signal.SIGKILL else 0)
        assert relayd.levels() == []


def test_what_was_asked_of_a_stopped_process_is_not_done_when_it_goes_on(tmp_path):
    with Watchman(tmp_path) as relayd:
        relayd.start()
        line = relayd.line()
        line.state()
        relayd.send(signal.SIGSTOP)
        with pytest.raises(Unavailable, match="no answer"):
            line.pulse(500)
        relayd.send(signal.SIGCONT)
        told = line.state()
        line.close()
        assert (told["granted"], told["refused"]) == ({}, {"stale": 1})
        assert relayd.levels() == []


def told_gone(line):
    """Whether a pulse says that relayd went away."""
    try:
        line.pulse(1_000)
    except Unavailable:
        return True
    return False


def test_a_process_that_stands_still_amid_a_pulse_is_ended_and_the_pin_driven_low(tmp_path):
    with Watchman(tmp_path, watchdog_ms=200) as relayd:
        relayd.start()
        line = relayd.line()
        gone = []
        pulse = threading.Thread(target=lambda: gone.append(told_gone(line)))
        pulse.start()
        while relayd.is_low():
            pass
        relayd.send(signal.SIGSTOP)
        relayd.hush()
        assert not relayd.is_alive_within(0.2)  # then systemd sends SIGABRT, and SIGKILL
        assert relayd.end(signal.SIGKILL)[1] == -9
        assert relayd.levels() == [1, 0]
        pulse.join(30)
        assert gone == [True]
        line.close()


@pytest.mark.heavy
def test_a_network_that_goes_and_comes_back_moves_nothing_and_stops_nothing(tmp_path):
    with Watchman(tmp_path, before=("unshare", "--net")) as relayd:
        relayd.start()
        line = relayd.line()
        inside = ("nsenter", "--target", str(relayd.child.pid), "--net", "ip", "link", "set", "lo")
        for number in range(20):
            subprocess.run([*inside, "down" if number % 2 else "up"], check=True, timeout=60)
            line.state()
        assert relayd.levels() == []
        line.pulse(10)
        assert relayd.levels() == [1, 0]
        line.close()
        assert relayd.end()[1] == 0
        assert relayd.levels() == [1, 0]
