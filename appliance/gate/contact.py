"""One contact: the pulse law, the pin it is applied to, and a second clock that never forgets it.

The deadline of the pin is held twice. relayd's loop holds it; so does a thread here, the guard,
for the loop may hang: in a log line to a pipe that nobody reads, in a client, in a mistake. A
thread, not SIGALRM: Python runs a signal's handler only in the main thread and between two
instructions, so a loop stuck inside a call that is not interrupted would never get to it. What
stops both, a stopped process or a call that keeps Python's own lock, is left to systemd's
watchdog: it kills, and ExecStopPost drives the pin low.
"""

import queue
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Protocol, assert_never

from appliance.gate.pulse_law import Denied, Granted, PulseLaw
from appliance.relay_limits import Limits
from hw.errors import Unavailable
from hw.relay_line import MAX_AGE_MS, Request, Verb, now_ms

JOIN_SECONDS = 2.0  # that the guard may take to end; it waits for nothing but the pin


class Pin(Protocol):
    """What is switched; see `hw.gate_io.OutputPin`."""

    def on(self) -> None: ...
    def off(self) -> None: ...
    def close(self) -> None: ...


class Contact:
    """Off when made, off when closed, off whenever in doubt. Any thread may ask.

    `fault` is empty while the pin obeys. A pin that does not go off makes the contact useless:
    whoever owns it ends the process. `alarm`, given once by the owner, is called then, and when
    the guard ends.
    """

    def __init__(
        self,
        pin: Pin,
        limits: Limits,
        *,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._pin = pin
        self._clock = clock
        self.alarm: Callable[[], object] = lambda: None
        self._began = clock()
        self._law = PulseLaw(limits, self._began)  # with the lock, as the next three
        self._is_on = False
        self._known: int | None = None  # the deadline that the guard was told of
        self._stale = 0
        self._lock = threading.Lock()
        self._stopping = False  # set once, by anybody; a signal handler may not take the lock
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()  # its put is reentrant
        self.fault = ""
        self._guard = threading.Thread(target=self._watch, name="yardpass-guard", daemon=True)
        self._guard.start()

    def asked(self, owner: Hashable, request: Request) -> str:
        """The answer to one request, as hw/relay_line.py writes it; the pin has moved by then."""
        with self._lock:
            now = self._clock()
            self._law.tick(now)
            self._apply(now)  # what is over goes off before anything else may go on
            switches = request.verb in (Verb.PULSE, Verb.HOLD, Verb.RENEW)
            if switches and (why := self._unfit(request, now)):
                return why
            answer = self._judge(owner, request, now)
            if isinstance(answer, Denied):
                return f"refused {answer.why.value} {answer.sentence}"
            if failure := self._apply(now):
                return f"failed {failure}"
            return f"granted {answer.until - now}" if answer else "done"

    def lost(self, owner: Hashable) -> None:
        """Its client is gone: a hold ends at once, a pulse at its own time."""
        with self._lock:
            now = self._clock()
            self._law.lost(owner, now)
            self._apply(now)

    def change(self, limits: Limits) -> None:
        """New limits. What runs may be cut by them; nothing is switched on."""
        with self._lock:
            now = self._clock()
            self._law.change(limits, now)
            self._apply(now)

    def tick(self) -> int | None:
        """Applies what time has changed. Gives the ms to the next change, None if none."""
        with self._lock:
            now = self._clock()
            self._law.tick(now)
            if self._stopping:
                self._law.clear(now)
            self._apply(now)
            deadline = self._law.deadline()
            return None if deadline is None else deadline - now

    def stop(self) -> None:
        """Off for good, at once, also while the loop hangs. A signal handler may call this."""
        self._stopping = True
        self._news.put(None)

    def is_guarded(self) -> bool:
        """Whether the guard is at work."""
        return self._guard.is_alive()

    def close(self) -> None:
        """Off for good. May be called twice."""
        self.stop()
        self._guard.join(JOIN_SECONDS)
        self._pin.close()

    def state(self) -> dict[str, Any]:
        """What `yardpass relay --state` shows. Times in ms."""
        with self._lock:
            now = self._clock()
            self._law.tick(now)
            deadline = self._law.deadline()
            return {
                "up_ms": now - self._began,
                "on": self._is_on,
                "left_ms": 0 if deadline is None else deadline - now,
                "granted": dict(self._law.granted),
                "refused": dict(self._law.denied + Counter(stale=self._stale)),
                "limits": asdict(self._law.limits),
            }

    def _unfit(self, request: Request, now: int) -> str:
        """Why nothing may be switched on for this request, whoever asks; empty if it may."""
        if self._stopping or self.fault:
            why = self.fault or "the relay process is stopping; ask again when it is back"
            return f"failed {why}"
        if not 0 <= now - request.stamp <= MAX_AGE_MS:
            self._stale += 1
            return f"refused stale asked {now - request.stamp} ms ago; ask again"
        return ""

    def _judge(self, owner: Hashable, request: Request, now: int) -> Granted | Denied | None:
        match request.verb:
            case Verb.PULSE:
                return self._law.pulse(owner, request.ms, now, way_out=request.way_out)
            case Verb.HOLD:
                return self._law.hold(owner, now, way_out=request.way_out)
            case Verb.RENEW:
                return self._law.renew(owner, now)
            case Verb.END:
                self._law.end(owner, now)
            case Verb.RELEASE:
                self._law.release(owner, now)
            case Verb.STATE:
                pass
            case _:
                assert_never(request.verb)
        return None

    def _apply(self, now: int) -> str:
        """Brings the pin to where the law wants it. Gives what failed. Called with the lock."""
        deadline = self._law.deadline()
        wanted = deadline is not None
        if deadline != self._known:
            self._known = deadline
            self._news.put(None)  # the guard knows of the deadline before the pin moves
        if wanted == self._is_on:
            return self.fault
        try:
            if wanted:
                self._is_on = True  # whatever comes of it, `off` is called in the end
                self._pin.on()
            else:
                self._pin.off()
                self._is_on = False
        except Unavailable as error:
            return self._failed(str(error), now)
        return ""

    def _failed(self, why: str, now: int) -> str:
        """A pin that does not go on is let go of; one that does not go off is a fault for good."""
        self._law.clear(now)
        try:
            self._pin.off()
            self._is_on = False
        except Unavailable as error:
            self.fault = str(error)
            self.alarm()
        return why

    def _watch(self) -> None:
        """The guard: sleeps until the deadline, or news of another one, and ticks."""
        left: int | None = None
        try:
            while not (self._stopping and left is None):
                with suppress(queue.Empty):
                    self._news.get(timeout=None if left is None else left / 1000)
                while not self._news.empty():
                    self._news.get()
                left = self.tick()
        finally:
            self.alarm()
