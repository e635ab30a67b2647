"""`yardpass relay` as systemd keeps it: a process that is started again whenever it dies, and
`yardpass relay --drive-low` after each death. The pin is kept in a file, as a Pi keeps its pins.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from hw.errors import Refused, Unavailable
from hw.relay_line import RelayLine, RelayLineOptions
from hw.sim.pins import edges_of

COMMAND = (sys.executable, "-S", "-c", "from appliance.cli import main; main()", "relay")
PLACES = os.pathsep.join(filter(None, sys.path))  # without the site module a start costs less
LIMIT_SECONDS = 30
MAX_PULSE_MS = 2_000
SETTINGS = f"""\
[relay]
driver = "relayd"
[relayd]
pin = 17
factory = "file"
max_pulse_ms = {MAX_PULSE_MS}
gap_ms = 0
pulses_a_minute = 600
duty_percent = 100
lease_ms = 300
"""


class Watchman:
    """One relayd in `folder`, and what became of its pin."""

    def __init__(self, folder, *, before=(), watchdog_ms=0):
        self.folder = folder
        (folder / "site.toml").write_text(SETTINGS)
        self._command = (*before, *COMMAND)
        self.child = None
        self._poll = threading.Event()  # never set: who waits for a file looks again now and then
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        self._notify.settimeout(LIMIT_SECONDS)
        watchdog = {"WATCHDOG_USEC": str(watchdog_ms * 1_000)} if watchdog_ms else {}
        told = {"NOTIFY_SOCKET": str(folder / "notify"), "PYTHONPATH": PLACES}
        self._environment = os.environ | watchdog | told

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child is not None:
            self.child.kill()
            self.child.wait(LIMIT_SECONDS)
        self._notify.close()

    def start(self, *, ready=True):
        self.child = subprocess.Popen(
            self._command,
            cwd=self.folder,
            env=self._environment,
            stderr=subprocess.DEVNULL,
        )
        while ready and self._notify.recv(100) != b"READY=1":
            pass

    def hush(self):
        """Takes in what was told so far."""
        self._notify.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self._notify.recv(100)
        self._notify.settimeout(LIMIT_SECONDS)

    def is_alive_within(self, seconds):
        """Whether the watchdog is told within so many seconds."""
        self._notify.settimeout(seconds)
        try:
            self._notify.recv(100)
        except TimeoutError:
            return False
        finally:
            self._notify.settimeout(LIMIT_SECONDS)
        return True

    def send(self, number):
        """Gives the ticks before the signal was sent."""
        ticks = time.monotonic_ns()
        self.child.send_signal(number)
        return ticks

    def end(self, number=signal.SIGTERM):
        """Ends the process and does what the unit does then. Gives the ticks and its exit code."""
        ticks = self.send(number)
        return ticks, self.follow()

    def kill_heir(self):
        """Kills the child that drives the pin low for a dead relayd; None if there is none yet."""
        path = Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children")
        heirs = path.read_text().split()
        if not heirs:
            return None
        ticks = time.monotonic_ns()
        os.kill(int(heirs[0]), signal.SIGKILL)
        return ticks

    def follow(self):
        """Waits for the end of the process, then does what its unit does. Gives the exit code."""
        self.hush()  # a full line would be no fault of its
        code = self.child.wait(LIMIT_SECONDS)
        subprocess.run(
            [*COMMAND, "--drive-low"],
            cwd=self.folder,
            env=self._environment,
            check=True,
            timeout=60,
        )
        return code

    def line(self):
        return RelayLine(RelayLineOptions(str(self.folder / "relay.sock")))

    def edges(self):
        path = self.folder / "pins.txt"
        return edges_of(path.read_bytes()) if path.exists() else []

    def levels(self):
        return [edge.level for edge in self.edges()]

    def is_low(self):
        return self.levels()[-1:] != [1]

    def wait_low(self):
        deadline = time.monotonic() + LIMIT_SECONDS
        while not self.is_low():
            assert time.monotonic() < deadline
            self._poll.wait(0.002)


def visit(folder, seed):
    """What a client does until it is killed: pulses and holds, each written down before it is
    asked for. It goes on when relayd is away."""
    os.chdir(folder)
    dice, rest = random.Random(seed), threading.Event()
    asked = os.open("asked.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    relay = RelayLine(RelayLineOptions("relay.sock"))
    while True:
        rest.wait(dice.random() * 0.02)
        with suppress(Refused, Unavailable):
            os.write(asked, b"%d\n" % time.monotonic_ns())
            if dice.random() < 0.5:
                relay.pulse(dice.randint(1, MAX_PULSE_MS if dice.random() < 0.1 else 300))
                continue
            relay.hold()
            for _ in range(dice.randint(0, 5)):
                rest.wait(0.09)
                relay.renew()
            relay.release()
