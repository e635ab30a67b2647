"""The terminal: every presentation is judged, recorded, then acted on, in that order.

The one place that moves the relay. Way in: no record, no opening. Way out: nothing blocks it, not
even a full disk. Knows no device and no screen: texts and cards come in, checks come out.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from appliance.gate.card_checker import is_proven
from appliance.gate.card_desk import CardDesk, Presented
from appliance.gate.challenge import Challenge
from appliance.gate.challenge_desk import ChallengeDesk
from appliance.gate.checker import Assessed, Checker
from appliance.gate.opener import Condition, Opener, Opening
from appliance.gate.recorder import Recorder
from appliance.gate.view import View
from appliance.passes.code import Form
from appliance.policy.facts import Direction, Gate, Order
from appliance.policy.reasons import Reason
from appliance.policy.verdict import Action, Colour, Verdict
from hw.ports import Ask, CardRead, Level
from ledger_sync.checklog import Outdated
from ledger_sync.clock import Grade, Reading, believed, grade_of
from ledger_sync.errors import Refused, Unavailable

SELF_TEST = b"YP1:THIS IS NO PASS"
Clock = Callable[[], Reading]
Assess = Callable[[int, int], Assessed]
"""What was presented to its verdict, at a time by a clock of a grade."""
Record = Callable[[Assessed, Reading], None]
"""Makes a verdict durable; raises as `Recorder.record`."""
Withdraw = Callable[[bytes, int], object]
"""Takes an invite back for all gates, by the text its host showed, at a time; raises as
`Withdrawals.add`."""


def _forgets(text: bytes, now: int) -> None:
    """Where no other gate is to hear of it."""


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


@dataclass(frozen=True, slots=True)
class ByHand:
    """What became of an act of a guard, as `Outcome` says."""

    is_recorded: bool
    is_opened: bool
    fault: str = ""


_UNJUDGED = Verdict(Colour.GREY, Action.ASK, ())


class Terminal:
    """One gate at work. Owned by one thread; `present` returns when the relay is released."""

    def __init__(
        self,
        *,
        gate: Gate,
        checker: Checker,
        desk: CardDesk,
        recorder: Recorder,
        opener: Opener,
        clock: Clock,
        challenge: ChallengeDesk | None = None,
        withdraw: Withdraw = _forgets,
    ) -> None:
        """Without a `challenge` it has one of its own, of this process."""
        self._gate = gate.name
        self._way_out = gate.direction is Direction.OUT
        self._checker = checker
        self._desk = desk
        self._recorder = recorder
        self._opener = opener
        self._clock = clock
        self.challenge = challenge or ChallengeDesk(Challenge(checker.audience, os.urandom))
        self._withdraw = withdraw
        self._view = View()

    def see(self, text: bytes, ticks: int) -> Outcome | None:
        """`present` for a text in a picture taken at `ticks`; None while it is still being shown.

        A phone is held up for many pictures, which are one presentation: see view.py.
        """
        if self._view.is_held(text, ticks):
            return None
        outcome = self.present(text)
        if outcome.is_opened:
            self._view.let_through(text, ticks)
        return outcome

    def present(self, text: bytes) -> Outcome:
        """Judges, records and acts on one presented text."""

        def assess(now: int, grade: int) -> Assessed:
            nonces = self.challenge.nonces()
            return self._checker.assess(text, now, grade=grade, nonces=nonces)

        def record(assessed: Assessed, reading: Reading) -> None:
            self._recorder.record(text, self._gate, assessed, reading)

        return self._passed_on(text, self._serve(text, assess, record))

    def meet(self, read: CardRead) -> Outcome:
        """Judges, records and acts on one card that was held to a reader."""
        shown = self._desk.take(read)
        assess = partial(self._desk.assess, shown, nonces=self.challenge.nonces())
        outcome = self._serve(shown.text, assess, partial(self._record_card, shown))
        return self._passed_on(shown.text, outcome)

    def _passed_on(self, text: bytes, outcome: Outcome) -> Outcome:
        """A proven revocation of an invite is kept, once its check is on record."""
        facts = outcome.assessed.facts if outcome.assessed and outcome.is_recorded else None
        is_proven = facts and (facts.form, facts.refused) == (Form.UNINVITE, Reason.WITHDRAWN)
        if not is_proven:
            return outcome
        try:
            self._withdraw(text, outcome.at)
        except (Unavailable, Refused) as error:
            return replace(outcome, fault=f"{outcome.fault}; {error}".lstrip("; "))
        return outcome

    @property
    def ask(self) -> Ask:
        """What readers ask cards to sign; for any thread."""
        return self._desk.asking.ask

    def _record_card(self, shown: Presented, assessed: Assessed, reading: Reading) -> None:
        receipt = shown.receipt if is_proven(assessed.facts.marks) else b""
        self._recorder.record(shown.text, self._gate, assessed, reading, receipt=receipt)
        self._desk.remember(shown, assessed, reading.now)

    def _serve(self, text: bytes, assess: Assess, record: Record) -> Outcome:
        reading = self._clock()
        try:
            assessed, fault = self._judged(text, assess, record, reading)
        except Outdated:  # somebody wrote since the last look: judge by what stands now
            assessed, fault = self._judged(text, assess, record, reading)
        verdict = assessed.verdict if assessed else _UNJUDGED
        is_recorded = not fault
        if is_recorded and assessed is not None:
            self._checker.remember(assessed, reading.now)
            self._recorder.ring()
            self._desk.asking.stand(*self._recorder.feed.stand())
        may_open = verdict.action is Action.OPEN and is_recorded
        weighed = assessed is not None and bool(assessed.facts.around.orders & Order.LOCKDOWN)
        opened, relay_fault = self._act(verdict, may_open or self._way_out, weighed)
        fault = "; ".join(filter(None, (fault, relay_fault)))
        return Outcome(reading.now, verdict, assessed, is_recorded, opened, fault)

    def _judged(
        self, text: bytes, assess: Assess, record: Record, reading: Reading
    ) -> tuple[Assessed | None, str]:
        """The judgement, on record, and no fault; or what could be had of it, and the fault.

        Raises `Outdated` when the record shows that the judgement rests on an old view.
        """
        assessed = None
        try:
            assessed = assess(reading.now, grade_of(reading, self._checker.floor))
            assessed = self.challenge.once(text, assessed, reading.now)
            record(assessed, reading)
            self.challenge.count(text, assessed)
        except Outdated:
            raise
        except (Unavailable, Refused) as error:
            return assessed, str(error)
        return assessed, ""

    def _act(self, verdict: Verdict, may_open: bool, weighed: bool) -> Opening:
        if may_open:
            return self._opener.open(verdict.colour, weighed=weighed)
        self._opener.show(verdict.colour)
        return Opening(False)

    def by_hand(self, signed: bytes, sealed: bytes, *, is_opening: bool) -> ByHand:
        """Records what a guard did, with what was written beside it, and opens if it is that. Way
        in: no record, no opening. Whether the guard may is the caller's to know."""
        fault = ""
        try:
            self._recorder.act(signed, sealed, self.now())
        except (Unavailable, Refused) as error:
            fault = str(error)
        if not is_opening or (fault and not self._way_out):
            return ByHand(not fault, False, fault)
        opened, relay_fault = self._opener.open(Colour.GREEN, weighed=True)
        return ByHand(not fault, opened, "; ".join(filter(None, (fault, relay_fault))))

    def try_out(self) -> Colour:
        """How it judges a code that nobody issued, by what the store says now. Nothing is opened,
        recorded or remembered. Raises `Unavailable` where nothing can be judged."""
        now, grade = self.now(), int(self.grade())
        self._checker.look(now)
        return self._checker.assess(SELF_TEST, now, grade=grade).verdict.colour

    def refusal(self) -> str:
        """Why the gate would not open now, in a word as `Opener`; empty if it would."""
        return self._opener.refusal()

    def condition(self) -> Condition:
        """How the gate is."""
        return self._opener.condition()

    def now(self) -> int:
        """Unix seconds by this gate's clock, if it can be right; else the floor."""
        return believed(self._clock().now, self._checker.floor)

    def grade(self) -> Grade:
        """How far the clock can be trusted now; when POOR, somebody should show the challenge."""
        return grade_of(self._clock(), self._checker.floor)

    def seen(self, level: Level) -> None:
        """An input of the gate has another level."""
        self._opener.seen(level)

    def inputs_lost(self) -> None:
        """The inputs of the gate are gone."""
        self._opener.lost()

    def tick(self) -> None:
        """What is due at the gate; to be called by `next_due` (milliseconds of the monotonic
        clock, None for never) at the latest."""
        self._opener.tick()

    def next_due(self) -> int | None:
        return self._opener.next_due()

    def trouble(self, is_troubled: bool) -> None:
        """Something of the box needs mending, or no more."""
        self._opener.trouble(is_troubled)

    def rest(self) -> None:
        """Work for a quiet moment: the recorder's, and a view for the next check.

        A store that fails here is told at the next check, with what to do.
        """
        reading = self._clock()
        with suppress(Unavailable):
            self._desk.rest()
            self._recorder.rest(reading.now)
            self._checker.look(reading.now)
        grade = grade_of(reading, self._checker.floor)
        self._opener.stand(**self._checker.standing(reading.now, grade)._asdict())

    def head(self) -> str:
        """The signed head over all that was recorded, as peers are told it."""
        return self._recorder.feed.head().note

    def close(self) -> None:
        """Releases the relay for good and signs the last head."""
        try:
            self._opener.close()
        finally:
            self._recorder.close()
