"""When the contact may be on: limits, what was granted, what was refused and why (pure).

Milliseconds of a monotonic clock come in as `now`; a `now` that goes back is taken as the newest
one. Knows no pin, no socket and no clock. Two things hold the contact: pulses, each with its own
end, and holds, each alive only while it is renewed. It is on while any of them lives.

- Without a hold the contact is never on longer than `max_pulse_ms`: a pulse asked for while
  another runs makes the opening longer, not over `max_pulse_ms` from its rise.
- Rate and duty look back over the last minute. They count pulses, from the way out too, since
  the motor does not know who asked. A hold counts as one pulse of the rate; how long it lasts
  does not count as duty, for it is meant to last.
- The law forgets with its process. So its start counts as the moment the contact went off.
- The way out is never blocked by gap, rate or duty (open on exit). Length and merging still apply.
"""

import enum
from collections import Counter, deque
from collections.abc import Hashable
from dataclasses import dataclass

from appliance.relay_limits import Limits

WINDOW_MS = 60_000
"""How far back rate and duty look."""
MAX_KEPT = 4_096
"""Openings remembered; the way out has no rate, so the memory needs a bound of its own."""


class Why(enum.Enum):
    """Why a request was refused."""

    LENGTH = "length"
    GAP = "gap"
    RATE = "rate"
    DUTY = "duty"
    LEASE = "lease"


@dataclass(frozen=True, slots=True)
class Granted:
    """The contact stays on for this request until `until`, in ms of the law's clock."""

    until: int


@dataclass(frozen=True, slots=True)
class Denied:
    """Nothing was changed. `sentence` says which value was wrong and what to do."""

    why: Why
    sentence: str


@dataclass(slots=True)
class _Opening:
    """One stretch of pulses, from its rise to its end; the end moves while it runs."""

    start: int
    end: int


class PulseLaw:
    """The state of one contact. An owner is whoever asks: a connection, by any name of its own."""

    def __init__(self, limits: Limits, now: int) -> None:
        self.limits = limits
        self.granted: Counter[str] = Counter()  # by what was asked
        self.denied: Counter[str] = Counter()  # by why
        self._now = now
        self._end = now  # when the contact goes off, or went
        self._pulses: dict[Hashable, int] = {}  # owner -> when its pulse ends
        self._holds: dict[Hashable, int] = {}  # owner -> when its lease runs out
        self._orphan = now  # when the last pulse of owners who are gone ends
        self._starts: deque[int] = deque(maxlen=MAX_KEPT)  # of pulses and holds
        self._openings: deque[_Opening] = deque(maxlen=MAX_KEPT)

    def pulse(self, owner: Hashable, ms: int, now: int, *, way_out: bool) -> Granted | Denied:
        """On for `ms`, whatever becomes of the owner."""
        self.tick(now)
        if not 1 <= ms <= self.limits.max_pulse_ms:
            most = self.limits.max_pulse_ms
            return self._deny(Why.LENGTH, f"a pulse of {ms} ms; give 1 to {most} ms")
        start = self._openings[-1].start if self._is_pulsed() else self._now
        until = min(self._now + ms, start + self.limits.max_pulse_ms)
        if not way_out and (denied := self._hurried() or self._overworked(start, until)):
            return denied
        self._open(start, until)
        self._pulses[owner] = max(until, self._pulses.get(owner, until))
        self._grant("pulse", until)
        return Granted(until)

    def hold(self, owner: Hashable, now: int, *, way_out: bool) -> Granted | Denied:
        """On until the lease runs out, is given back, or its owner is lost."""
        self.tick(now)
        if owner in self._holds:
            return self._lease(owner)
        if not way_out and (denied := self._hurried()):
            return denied
        granted = self._lease(owner)
        self._grant("hold", granted.until)
        return granted

    def renew(self, owner: Hashable, now: int) -> Granted | Denied:
        """A lease that ran out is not brought back to life: the contact was off in between."""
        self.tick(now)
        if owner not in self._holds:
            return self._deny(Why.LEASE, "there is no hold to renew; ask for a new one")
        return self._lease(owner)

    def end(self, owner: Hashable, now: int) -> None:
        """Ends the pulse of this owner before its time."""
        self.tick(now)
        self._pulses.pop(owner, None)
        self._shorten()

    def release(self, owner: Hashable, now: int) -> None:
        """Gives the hold of this owner back."""
        self.tick(now)
        self._holds.pop(owner, None)
        self._shorten()

    def lost(self, owner: Hashable, now: int) -> None:
        """The owner is gone: its hold ends at once, its pulse at its own time."""
        self.tick(now)
        self._orphan = max(self._orphan, self._pulses.pop(owner, self._orphan))
        self._holds.pop(owner, None)
        self._shorten()

    def clear(self, now: int) -> None:
        """Ends everything: the pin failed, or the process stops."""
        self.tick(now)
        self._pulses.clear()
        self._holds.clear()
        self._orphan = self._now
        self._shorten()

    def change(self, limits: Limits, now: int) -> None:
        """New limits, at once: what runs is cut to them, nothing gets longer."""
        self.tick(now)
        self.limits = limits
        if self._is_pulsed():
            most = self._openings[-1].start + limits.max_pulse_ms
            self._pulses = {owner: min(end, most) for owner, end in self._pulses.items()}
            self._orphan = min(self._orphan, most)
        lease = self._now + limits.lease_ms
        self._holds = {owner: min(end, lease) for owner, end in self._holds.items()}
        self._shorten()

    def tick(self, now: int) -> None:
        """Lets time pass. What has ended was over at its own end, however late this comes."""
        self._now = max(self._now, now)
        self._pulses = {owner: end for owner, end in self._pulses.items() if end > self._now}
        self._holds = {owner: end for owner, end in self._holds.items() if end > self._now}
        while self._starts and self._starts[0] <= self._now - WINDOW_MS:
            self._starts.popleft()
        while self._openings and self._openings[0].end <= self._now - WINDOW_MS:
            self._openings.popleft()

    def deadline(self) -> int | None:
        """When the contact goes off unless somebody asks for more; None while it is off."""
        return self._end if self._end > self._now else None

    def _is_pulsed(self) -> bool:
        return bool(self._openings) and self._openings[-1].end > self._now

    def _hurried(self) -> Denied | None:
        """Whether an opening now would come too soon, or too often."""
        wait = self._end + self.limits.gap_ms - self._now
        if self._end <= self._now and wait > 0:
            return self._deny(Why.GAP, f"the contact was on just now; ask again in {wait} ms")
        if len(self._starts) >= self.limits.pulses_a_minute:
            wait = self._starts[-self.limits.pulses_a_minute] + WINDOW_MS - self._now
            most = self.limits.pulses_a_minute
            return self._deny(Why.RATE, f"{most} openings in a minute; ask again in {wait} ms")
        return None

    def _overworked(self, start: int, until: int) -> Denied | None:
        """Whether a stretch of pulses from `start` to `until` would be on for too much of the
        minute before its end. That is its worst minute: while it runs, every later one has more
        of it in, and lets go no more than that."""
        end = max(until, self._openings[-1].end) if self._is_pulsed() else until
        past = [one for one in self._openings if one.start != start]
        used = sum(max(0, one.end - max(one.start, end - WINDOW_MS)) for one in past) + end - start
        if used * 100 <= self.limits.duty_percent * WINDOW_MS:
            return None
        most = self.limits.duty_percent
        return self._deny(Why.DUTY, f"on for more than {most} % of a minute; let it rest")

    def _open(self, start: int, until: int) -> None:
        if self._is_pulsed():
            self._openings[-1].end = max(self._openings[-1].end, until)
        else:
            self._openings.append(_Opening(start, until))

    def _lease(self, owner: Hashable) -> Granted:
        until = self._now + self.limits.lease_ms
        self._holds[owner] = until
        self._end = max(self._end, until)
        return Granted(until)

    def _grant(self, what: str, until: int) -> None:
        self._starts.append(self._now)
        self._end = max(self._end, until)
        self.granted[what] += 1

    def _shorten(self) -> None:
        """What was given back or cut ends now, unless somebody else still needs it."""
        pulsed = max([self._now, self._orphan, *self._pulses.values()])
        if self._openings:
            self._openings[-1].end = min(self._openings[-1].end, pulsed)
        self._end = min(self._end, max([pulsed, *self._holds.values()]))

    def _deny(self, why: Why, sentence: str) -> Denied:
        self.denied[why.value] += 1
        return Denied(why, sentence)
