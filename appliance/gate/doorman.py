"""The doorman: the gate machine at work on one gate's relay, inputs, lamps and sounds.

Everything that happens at the gate goes through `machine.step`; what it says is done here, in its
order. Decides nothing. Owned by the terminal's thread.
"""

import logging
from collections.abc import Callable
from typing import TypeAlias

from appliance.door_config import GateConfig
from appliance.gate import machine
from appliance.gate.alarm_book import AlarmBook
from appliance.gate.door import Output
from appliance.gate.events import Event, Fact
from appliance.gate.inputs import Inputs
from appliance.gate.opener import JAMMED_OPEN, Condition, Opening
from appliance.policy.verdict import Colour
from hw.errors import Refused, Unavailable
from hw.ports import Indicator, Level, Relay, Signal

SHOW_MS = 3_000  # how long lamps show a verdict
SIGNALS = {
    Output.SHOW_GREEN: Signal.GREEN,
    Output.SHOW_RED: Signal.RED,
    Output.SHOW_ALARM: Signal.ALARM,
    Output.SHOW_IDLE: Signal.IDLE,
}
COLOURS = {
    Colour.GREEN: Signal.GREEN,
    Colour.YELLOW: Signal.YELLOW,
    Colour.RED: Signal.RED,
    Colour.GREY: Signal.GREY,
}
REFUSALS = {
    Output.REFUSED_LOCKDOWN: "the gate is locked down",
    Output.REFUSED_STUCK: "the gate stands open and does not close; nobody is let in by it",
}
EXITS = frozenset({Event.EXIT_PRESSED, Event.GRANTED_OUT})
"""What lets people out: no limit of the relay stands in its way."""
STANDING = {
    "lockdown": (Event.LOCKDOWN_SET, Event.LOCKDOWN_LIFTED),
    "hours": (Event.SCHEDULE_BEGINS, Event.SCHEDULE_ENDS),
}
"""What holds until it is lifted: how it begins and ends."""
Tell: TypeAlias = Callable[[str], None]
"""Told each alarm for the peers, by the name of ledger_sync.gate_alarm."""

_log = logging.getLogger("yardpass.gate")


class Doorman:
    """Opens as the opener's port says, and lives through what else happens at a gate.

    `now` gives milliseconds of a monotonic clock, as the levels' ticks count them.
    """

    def __init__(
        self,
        config: GateConfig,
        relay: Relay,
        *,
        pulse_ms: int,
        is_way_out: bool,
        now: Callable[[], int],
        tell: Tell,
        indicator: Indicator | None = None,
    ) -> None:
        self._relay = relay
        self._pulse_ms = pulse_ms
        self._granted = Event.GRANTED_OUT if is_way_out else Event.GRANTED_IN
        self._now = now
        self._book = AlarmBook(tell)
        self._indicator = indicator
        self._inputs = Inputs(config)
        self._situation = machine.begin(config, now())
        self._shown_until = 0
        self._is_troubled = False
        self._is_dark = False  # the indicator failed; said once
        self._has_lease = False
        self._opening = Opening(False)
        self._colour: Colour | None = None
        self._at = now()
        self._is_exit_only = is_way_out
        self._is_exit = is_way_out
        self._was_asked = False  # whether the relay was, in this step
        self._stands = {name: False for name in STANDING}

    # --- what happens ----------------------------------------------------------------------------

    def trouble(self, is_troubled: bool) -> None:
        """Shown where the lamps would be dark: a verdict or an alarm goes before it."""
        if is_troubled is self._is_troubled:
            return
        self._is_troubled = is_troubled
        if not self._shown_until and machine.resting(self._situation) is Output.SHOW_IDLE:
            self._show(Signal.IDLE)

    def stand(self, *, locked: bool, held_open: bool) -> None:
        """What orders and hours ask of the gate from now on."""
        for name, holds in (("lockdown", locked), ("hours", held_open)):
            if self._stands[name] is not holds:
                self._stands[name] = holds
                begins, ends = STANDING[name]
                self._step(begins if holds else ends)

    def open(self, colour: Colour, *, weighed: bool = False) -> Opening:
        """A verdict lets somebody pass: shown before the gate moves, for that takes a while."""
        self._opening, self._colour = Opening(False), colour
        is_weighed = weighed and not self._is_exit_only
        self._step(Event.GRANTED_IN_LOCKDOWN if is_weighed else self._granted)
        self._colour = None
        return self._opening

    def seen(self, level: Level) -> None:
        """An input has another level, or was looked at for the first time."""
        at = level.ticks // 1_000_000
        self._inputs, heard = self._inputs.seen(level.sensor.value, level.is_active, at)
        self._hear(heard)

    def lost(self) -> None:
        """The inputs are gone: when they come back, everything is found anew."""
        self._inputs = Inputs(self._situation.config)

    def tick(self) -> None:
        """What is due by now; to be called by `next_due` at the latest."""
        now = self._now()
        self._inputs, heard = self._inputs.passed(now)
        self._hear(heard)
        due = machine.next_due(self._situation)
        if due is not None and due <= now:
            self._step(Event.TIME)
        self._book.tick(now)
        if self._shown_until and now >= self._shown_until:
            self._shown_until = 0
            self._show(SIGNALS[machine.resting(self._situation)])

    def next_due(self) -> int | None:
        """When `tick` has something to do, None if nothing is due."""
        times = (
            machine.next_due(self._situation),
            self._inputs.next_due(),
            self._book.next_due(),
            self._shown_until or None,
        )
        return min((time for time in times if time is not None), default=None)

    def refusal(self) -> str:
        is_stuck = machine.is_stuck(self._situation) and not self._is_exit_only
        return JAMMED_OPEN if is_stuck else ""

    def condition(self) -> Condition:
        facts = sorted(fact.value for fact in self._situation.facts)
        return Condition(self._situation.door.value, tuple(facts))

    def show(self, colour: Colour) -> None:
        """Shows a verdict for a moment. An alarm goes on behind it."""
        self._shown_until = self._now() + SHOW_MS
        self._show(COLOURS[colour])

    def close(self) -> None:
        """Releases the relay for good, puts the lamps out."""
        try:
            self._relay.close()
        finally:
            if self._indicator is not None:
                self._indicator.close()

    # --- what follows ----------------------------------------------------------------------------

    def _hear(self, heard: tuple[tuple[Event, int], ...]) -> None:
        for event, at in heard:
            self._step(event, at)

    def _step(self, event: Event, at: int | None = None) -> None:
        self._at = self._now() if at is None else at
        self._was_asked = False
        self._is_exit = self._is_exit_only or event in EXITS
        self._situation, said = machine.step(self._situation, event, self._at)
        for output in said:
            self._do(output)

    def _found(self, event: Event) -> None:
        """What became of the relay, at the moment it was asked: later, a renewal would be due
        again, and asked for from within."""
        self._situation, said = machine.step(self._situation, event, self._at)
        for output in said:
            self._do(output)

    def _do(self, output: Output) -> None:
        if output in machine.FOR_PEERS:
            _log.warning("gate: %s", output.value)
            self._book.take(output.value, self._at)
        if output in REFUSALS:
            self._opening = Opening(False, REFUSALS[output])
        elif output is Output.SHOW_GREEN and not self._opening.is_opened and self._was_asked:
            pass  # the button was pressed and the relay refused: nothing opened
        elif output in SIGNALS:
            is_lasting = output in (Output.SHOW_IDLE, Output.SHOW_ALARM)
            self._shown_until = 0 if is_lasting else self._now() + SHOW_MS
            self._show(SIGNALS[output])
        elif output is Output.PULSE:
            self._pulse()
        elif output is Output.HOLD:
            self._hold()
        elif output is Output.RELEASE:
            self._release()

    def _pulse(self) -> None:
        if self._colour is not None:
            self.show(self._colour)
        self._was_asked = True
        try:
            self._relay.pulse(self._pulse_ms, way_out=self._is_exit)
        except Refused as refused:  # asked too often: the relay itself is well
            self._opening = Opening(False, f"the relay failed: {refused}")
        except Unavailable as error:
            self._opening = Opening(False, f"the relay failed: {error}")
            self._found(Event.RELAY_FAILED)
        else:
            self._opening = Opening(True)
            self._found(Event.RELAY_WORKS)

    def _hold(self) -> None:
        """Takes the lease or renews it. While it is held, whoever is let pass needs no pulse."""
        if self._colour is not None:
            self.show(self._colour)
        try:
            self._lease()
        except (Refused, Unavailable) as error:
            self._has_lease = False
            self._opening = Opening(False, f"the relay failed: {error}")
            if isinstance(error, Unavailable):
                self._found(Event.RELAY_FAILED)
        else:
            self._has_lease = True
            self._opening = Opening(True)
            self._found(Event.RELAY_WORKS)

    def _lease(self) -> None:
        """Another lease; a new one if the last has run out. A fire lets people out: it counts as
        a way out, which no limit of the relay blocks."""
        if self._has_lease:
            try:
                self._relay.renew()
                return
            except Refused:
                pass
        is_fire = Fact.FIRE in self._situation.facts
        self._relay.hold(way_out=self._is_exit or is_fire)

    def _release(self) -> None:
        self._has_lease = False
        try:
            self._relay.release()
        except (Refused, Unavailable) as error:
            _log.warning("the relay was not let go: %s; its lease ends by itself", error)

    def _show(self, signal: Signal) -> None:
        """Lamps that fail are a state: said once, the gate goes on without."""
        if self._indicator is None:
            return
        if signal is Signal.IDLE and self._is_troubled:
            signal = Signal.TROUBLE
        try:
            self._indicator.show(signal)
        except Unavailable as error:
            if not self._is_dark:
                _log.warning("lamps or sounds fail: %s", error)
            self._is_dark = True
        else:
            self._is_dark = False
