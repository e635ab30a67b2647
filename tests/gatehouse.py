"""relayd at work in a thread of the test, on gpiozero's mock pins or on pins kept in a file."""

import os
import threading
import time
from contextlib import contextmanager, suppress

from appliance.gate.contact import Contact
from appliance.gate.listener import Listener
from appliance.gate.notify import Notify
from appliance.gate.relayd import Relayd, users_of
from appliance.relay_limits import Limits
from appliance.relay_settings import RelaydSettings
from hw.gate_io import OutputPin, PinOptions
from hw.relay_line import RelayLine, RelayLineOptions

LIMIT_SECONDS = 20
WORTH_KEEPING_MS = 5
FREE = Limits(gap_ms=0, pulses_a_minute=600, duty_percent=100)


class Canary:
    """How late this machine wakes a thread that sleeps: that much no process can help.

    It asks for the priority that the relay's unit gives relayd, and keeps each gap with its ticks.
    """

    def __init__(self, *, nice=0):
        self.late_ms = 0.0
        self._nice = nice
        self._gaps = []  # (ticks when it slept, ticks when it woke, ms late)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(LIMIT_SECONDS)

    def late_within(self, since, until):
        """The worst of the gaps that touch these ticks, in ms."""
        touching = (late for slept, woke, late in self._gaps if slept <= until and woke >= since)
        return max(touching, default=0.0)

    def _watch(self):
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._nice)
        before = time.monotonic_ns()
        while not self._end.wait(0.002):
            now = time.monotonic_ns()
            late = (now - before) / 1e6 - 2
            self.late_ms = max(self.late_ms, late)
            if late > WORTH_KEEPING_MS:
                self._gaps.append((before, now, late))
            before = now


class House:
    """One relayd: its pin, its socket, its settings as a reload would read them."""

    def __init__(self, folder, limits=FREE, *, pin=None, users=None, environment=None):
        self.path = folder / "relay.sock"
        self.pin = pin or OutputPin(PinOptions(factory="mock"))
        self.settings = RelaydSettings(self.path, PinOptions(factory="mock"), limits, ())
        self.told = lambda: self.settings
        self.listener = Listener(self.path)
        self.contact = Contact(self.pin, limits)
        self.notify = Notify(environment or {})
        allowed = users_of(()) if users is None else users
        self.daemon = Relayd(
            self.listener.socket,
            self.contact,
            allowed,
            notify=self.notify,
            told=lambda: self.told(),  # noqa: PLW0108 - tests replace it later
        )
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    @contextmanager
    def hanging(self):
        """The loop hangs as long as this lasts: in reading its settings again."""
        hangs, go_on = threading.Event(), threading.Event()

        def hang():
            hangs.set()
            assert go_on.wait(LIMIT_SECONDS)
            return self.settings

        self.told = hang
        self.daemon.reload()
        assert hangs.wait(LIMIT_SECONDS)
        try:
            yield
        finally:
            go_on.set()

    def levels(self):
        """Every level the pin went through."""
        return [int(entry.state) for entry in self.pin.pin.states]

    def line(self, **options):
        wait = options.pop("wait", None)
        return RelayLine(RelayLineOptions(str(self.path), **options), wait=wait)

    def _run(self):
        try:
            self.daemon.run()
        except OSError as error:
            self.error = error

    def close(self):
        self.daemon.stop()
        self.thread.join(LIMIT_SECONDS)
        assert not self.thread.is_alive()
        self.close_unstarted()

    def close_unstarted(self):
        self.contact.close()
        self.notify.close()
        self.listener.close()


@contextmanager
def house(folder, limits=FREE, **options):
    made = House(folder, limits, **options)
    made.thread.start()
    try:
        yield made
    finally:
        made.close()
