"""The terminal: every presentation is judged, recorded, then acted on, in that order.

The one place that moves the relay. Way in: no record, no opening. Way out: nothing blocks it, not
even a full disk. Knows no camera and no screen: texts come in, checks come out.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from appliance.gate.checker import Assessed, Checker
from appliance.policy.facts import Direction
from appliance.policy.verdict import Action, Colour, Verdict
from hw.errors import Refused as HardwareRefused
from hw.errors import Unavailable as HardwareUnavailable
from hw.ports import Relay
from ledger_sync import feed as feeds
from ledger_sync.checklog import CheckLog, Outdated
from ledger_sync.clock import Grade, Reading, grade_of
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.feed import Feed

HOLD_NS = 2_000_000_000  # a text not seen for this long, in ticks, is a new presentation
MAX_HELD = 512  # texts remembered as still being shown; more than a picture can hold (256)

Clock = Callable[[], Reading]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one presentation.

    `is_recorded`: the check is on disk. `is_opened`: the relay was pulsed. `fault` is a sentence
    about a store or relay that failed, else empty. `assessed` is None if the store was unreadable.
    """

    at: int
    verdict: Verdict
    assessed: Assessed | None
    is_recorded: bool
    is_opened: bool
    fault: str = ""


_UNJUDGED = Verdict(Colour.GREY, Action.ASK, ())


@dataclass(slots=True)
class Recorder:
    """The feed of this process and where its entries go."""

    log: CheckLog
    feed: Feed
    number: int
    site_secret: bytes = field(repr=False)
    _day: int = -1
    _day_key: bytes = field(default=b"", repr=False)

    def record(self, text: bytes, gate: str, outcome: Assessed, reading: Reading) -> None:
        """Makes the check durable. Raises `Unavailable`, or `Refused` for a number that no record
        holds: then nothing was stored."""
        verdict, facts, ledger_size, credential, mark = outcome
        check = feeds.Check(
            verdict.colour,
            verdict.action,
            reading.now,
            reading.error_seconds,
            ledger_size,
            feeds.pseudonym(self._key_of(reading.now), credential),
            hashlib.sha256(text).digest()[:16],
            gate,
            verdict.reasons,
            facts.to_bytes(),
        )
        entry = check.to_bytes()
        is_used = verdict.colour is not Colour.RED and facts.grade != Grade.POOR
        used = mark if is_used else None  # a time that cannot be checked must lock nobody out
        self.log.append(self.number, self.feed.size, entry, mark=used)
        self.feed.append(entry)

    def _key_of(self, now: int) -> bytes:
        day = now // feeds.DAY_SECONDS
        if day != self._day:
            self._day, self._day_key = day, feeds.day_key(self.site_secret, now)
        return self._day_key

    def sign_head(self) -> None:
        """Signs and keeps a head over all checks so far."""
        self.log.save_head(self.number, self.feed.size, self.feed.head())


class Terminal:
    """One gate at work. Owned by one thread; `present` returns when the relay is released."""

    def __init__(
        self,
        *,
        gate: str,
        direction: Direction,
        checker: Checker,
        recorder: Recorder,
        relay: Relay,
        pulse_ms: int,
        clock: Clock,
    ) -> None:
        self._gate = gate
        self._way_out = direction is Direction.OUT
        self._checker = checker
        self._recorder = recorder
        self._relay = relay
        self._pulse_ms = pulse_ms
        self._clock = clock
        self._held: OrderedDict[bytes, int] = OrderedDict()

    def see(self, text: bytes, ticks: int) -> Outcome | None:
        """`present` for a text in a picture taken at `ticks`; None while it is still being shown.

        A phone is held up for many pictures. They are one presentation until the text has been
        out of sight for `HOLD_NS`.
        """
        last = self._held.pop(text, None)
        self._held[text] = ticks
        if len(self._held) > MAX_HELD:
            self._held.popitem(last=False)
        if last is not None and ticks - last < HOLD_NS:
            return None
        return self.present(text)

    def present(self, text: bytes, *, nonce: bytes | None = None) -> Outcome:
        """Judges, records and acts on one presented text."""
        reading = self._clock()
        try:
            assessed, fault = self._judge(text, reading, nonce)
        except Outdated:  # somebody wrote since the last look: judge by what stands now
            assessed, fault = self._judge(text, reading, nonce)
        verdict = assessed.verdict if assessed else _UNJUDGED
        is_recorded = not fault
        may_open = verdict.action is Action.OPEN and is_recorded
        opened, relay_fault = self._act(may_open or self._way_out)
        fault = "; ".join(filter(None, (fault, relay_fault)))
        return Outcome(reading.now, verdict, assessed, is_recorded, opened, fault)

    def _judge(
        self, text: bytes, reading: Reading, nonce: bytes | None
    ) -> tuple[Assessed | None, str]:
        """The judgement, on record, and no fault; or what could be had of it, and the fault.

        Raises `Outdated` when the record shows that the judgement rests on an old view.
        """
        assessed = None
        try:
            grade = grade_of(reading, self._checker.floor)
            assessed = self._checker.assess(text, reading.now, grade=grade, nonce=nonce)
            self._recorder.record(text, self._gate, assessed, reading)
        except Outdated:
            raise
        except (Unavailable, Refused) as error:
            return assessed, str(error)
        return assessed, ""

    def _act(self, may_open: bool) -> tuple[bool, str]:
        if not may_open:
            return False, ""
        try:
            self._relay.pulse(self._pulse_ms)
        except (HardwareUnavailable, HardwareRefused) as error:
            return False, f"the relay failed: {error}"
        return True, ""

    def rest(self) -> None:
        """Work for a quiet moment: the signed head over a full bundle, a view for the next check.

        A store that fails here is told at the next check, with what to do.
        """
        with suppress(Unavailable):
            if self._recorder.feed.needs_head:
                self._recorder.sign_head()
            self._checker.look()

    def close(self) -> None:
        """Releases the relay for good and signs the last head."""
        try:
            self._relay.close()
        finally:
            self._recorder.sign_head()
