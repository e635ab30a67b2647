"""The gate machine: what happens at a gate and when -> what to do and what to tell. Pure.

Why two tables. The door has one state at a time, and it depends on what came before: `door.TABLE`.
Fire, lockdown and the hours in which a gate stands open do not: each is set and lifted by somebody
else, all may hold at once, and any order of lifting them must lead back to the same gate. So they
are facts in a set, and `STANDING` says for each combination of the three whether the gate is held
open and whether it lets people in. Tamper, a failed relay and a pressed exit button are facts that
no combination changes. Nothing in `STANDING` can keep an exit shut: it has no column for it.

What opens: a grant, the exit button, and a fact that holds the gate open. An entry is refused at a
gate that is stuck open, and in a lockdown unless whoever grants it has weighed that (a rule that
lets emergency services in, a guard); an exit never is. Fire holds a fail-safe gate open; a
fail-secure one stays locked from outside, and every exit opens it.

Time is `now`, milliseconds of a monotonic clock. `step` first lives through what was due before
`now`, so a late call says the same, later. Who runs the machine calls it with `Event.TIME` at
`next_due`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from appliance.door_config import GateConfig
from appliance.gate.door import ALARMS, TABLE, Move, Output, State
from appliance.gate.events import CHANGES, CONTACT, REQUESTS, Change, Event, Fact


class Standing(NamedTuple):
    """What a combination of facts means. There is no column for exits: they always open."""

    fail_safe_held: bool  # a fail-safe gate is held open
    fail_secure_held: bool
    lets_in: bool


STANDING: Mapping[tuple[bool, bool, bool], Standing] = {
    # fire, lockdown, schedule
    (False, False, False): Standing(False, False, True),
    (False, False, True): Standing(True, True, True),
    (False, True, False): Standing(False, False, False),
    (False, True, True): Standing(False, False, False),
    (True, False, False): Standing(True, False, True),
    (True, False, True): Standing(True, True, True),
    (True, True, False): Standing(True, False, False),
    (True, True, True): Standing(True, False, False),
}

FOR_PEERS = frozenset(
    {
        *(Output.FORCED, Output.HELD, Output.STUCK, Output.CLEARED, Output.OPEN_AT_START),
        *(Output.TAMPER, Output.TAMPER_OVER, Output.FIRE, Output.FIRE_OVER),
        *(Output.LOCKDOWN, Output.LOCKDOWN_OVER, Output.RELAY_FAILED, Output.RELAY_WORKS),
        *(Output.EXIT_JAMMED, Output.EXIT_JAMMED_OVER),
    }
)
"""What every other terminal must hear, "commanded closed but open" (STUCK, HELD, FORCED) first."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the machine knows. Made by `begin`, changed by `step` only."""

    config: GateConfig
    now: int
    door: State = State.UNSEEN
    facts: frozenset[Fact] = frozenset()
    since: int = 0  # when the door's present time began to run
    until: int = 0  # how long who was let pass last may open the door
    exit_since: int = 0
    is_held: bool = False  # the relay has a lease
    is_free: bool = False  # nobody needs to be asked: held open, or a fire
    renewed_at: int = 0


def begin(config: GateConfig, now: int) -> Situation:
    """A gate at the start of the process: nothing is energised, whatever stands at the inputs."""
    return Situation(config, now)


def step(situation: Situation, event: Event, now: int) -> tuple[Situation, tuple[Output, ...]]:
    """The situation after `event`, and what to do, in this order. Never raises.

    A `now` that went back counts as the last one.
    """
    now = max(now, situation.now)
    said: list[Output] = []
    after = replace(_overdue(situation, now, said), now=now)
    after = _weighed(_taken(after, event, said), said)
    if is_alarming(situation) != is_alarming(after):
        said.append(resting(after))
    return after, tuple(said)


def next_due(situation: Situation) -> int | None:
    """When `step` must be called though nothing happens; None if only an event can change it."""
    times = [_door_due(situation), _jam_due(situation)]
    if situation.is_held:
        times.append(situation.renewed_at + situation.config.renew_ms)
    return min((time for time in times if time is not None), default=None)


def is_alarming(situation: Situation) -> bool:
    """Whether the people at the gate are to see and hear an alarm.

    Not in a fire: there the alarm is the fire panel's, and nothing must hold up who leaves.
    """
    return Fact.FIRE not in situation.facts and (
        situation.door in ALARMS or Fact.TAMPER in situation.facts
    )


def resting(situation: Situation) -> Output:
    """What lamps and sounds show when no verdict is shown."""
    return Output.SHOW_ALARM if is_alarming(situation) else Output.SHOW_IDLE


def refusal_of_entry(situation: Situation) -> Output | None:
    """Why a grant on the way in would not open now; None if it would. There is none for exits."""
    if not standing(situation).lets_in:
        return Output.REFUSED_LOCKDOWN
    return Output.REFUSED_STUCK if situation.door is State.STUCK else None


def is_stuck(situation: Situation) -> bool:
    """Whether the gate stands open and does not close: a pulse would make it worse."""
    return situation.door is State.STUCK


def standing(situation: Situation) -> Standing:
    """The row of `STANDING` for this situation."""
    facts = situation.facts
    return STANDING[Fact.FIRE in facts, Fact.LOCKDOWN in facts, Fact.SCHEDULE in facts]


def _overdue(situation: Situation, now: int, said: list[Output]) -> Situation:
    """Lives through every time limit up to `now`, each at its own time."""
    while True:
        door, jam = _door_due(situation), _jam_due(situation)
        due = min((time for time in (door, jam) if time is not None), default=None)
        if due is None or due > now:
            return situation
        situation = replace(situation, now=max(due, situation.now))
        if due == jam:
            said.append(Output.EXIT_JAMMED)
            situation = replace(situation, facts=situation.facts | {Fact.JAMMED})
        else:
            situation = _moved(situation, Move.DUE, said)


def _taken(situation: Situation, event: Event, said: list[Output]) -> Situation:
    if event in CONTACT:
        if situation.config.has_contact:
            return _moved(situation, CONTACT[event][situation.is_free], said)
        return situation
    if event in CHANGES:
        situation = _changed(situation, CHANGES[event], said)
    return _requested(situation, event, said) if event in REQUESTS else situation


def _changed(situation: Situation, change: Change, said: list[Output]) -> Situation:
    if (change.fact in situation.facts) is change.holds:
        return situation
    said.extend(change.told)
    if change.fact is Fact.EXIT:
        return _button(situation, change.holds, said)
    if change.holds:
        return replace(situation, facts=situation.facts | {change.fact})
    return replace(situation, facts=situation.facts - {change.fact})


def _button(situation: Situation, is_pressed: bool, said: list[Output]) -> Situation:
    """The exit button goes down or up. Who held it has the usual time from letting it go."""
    if is_pressed:
        facts = situation.facts | {Fact.EXIT}
        return replace(situation, facts=facts, exit_since=situation.now)
    facts = situation.facts - {Fact.EXIT, Fact.JAMMED}
    if Fact.JAMMED in situation.facts:
        said.append(Output.EXIT_JAMMED_OVER)
        return replace(situation, facts=facts)
    until = max(situation.until, situation.now + situation.config.open_ms)
    return replace(situation, facts=facts, until=until)


def _requested(situation: Situation, event: Event, said: list[Output]) -> Situation:
    refused = refusal_of_entry(situation) if event is Event.GRANTED_IN else None
    if event is Event.GRANTED_IN_LOCKDOWN and is_stuck(situation):
        refused = Output.REFUSED_STUCK
    if refused is not None:
        said.extend((refused, Output.SHOW_RED))
        return situation
    is_exit = event is Event.EXIT_PRESSED
    if situation.is_held:  # it stands open already: take the lease again, at the end of the step
        situation = replace(situation, renewed_at=situation.now - situation.config.renew_ms)
    elif situation.config.exit_pulse or not is_exit:
        said.append(Output.PULSE)
    if is_exit:
        said.append(Output.SHOW_GREEN)
    until = max(situation.until, situation.now + situation.config.open_ms)
    return _moved(replace(situation, until=until), Move.ALLOWED, said)


def _weighed(situation: Situation, said: list[Output]) -> Situation:
    """Takes or lets go the lease, and tells the door, as the facts stand now."""
    is_free = Fact.FIRE in situation.facts or _should_hold(situation)
    if is_free is not situation.is_free:
        situation = replace(situation, is_free=is_free)
        situation = _moved(situation, Move.FREED if is_free else Move.BOUND, said)
    should = _should_hold(situation)
    if not should:
        if situation.is_held:
            said.append(Output.RELEASE)
        return replace(situation, is_held=False)
    if situation.is_held and situation.now < situation.renewed_at + situation.config.renew_ms:
        return situation
    said.append(Output.HOLD)
    return replace(situation, is_held=True, renewed_at=situation.now)


def _should_hold(situation: Situation) -> bool:
    row = standing(situation)
    if situation.config.fail_safe and Fact.FIRE in situation.facts:
        return row.fail_safe_held
    held = row.fail_safe_held if situation.config.fail_safe else row.fail_secure_held
    return held and situation.door is not State.STUCK


def _moved(situation: Situation, move: Move, said: list[Output]) -> Situation:
    door, told = TABLE[situation.door, move]
    said.extend(told)
    is_new = door is not situation.door or (door is State.OPEN and move is Move.ALLOWED)
    if is_new and move is not Move.DUE:  # the limits of a door left open count from one time on
        situation = replace(situation, since=situation.now)
    return replace(situation, door=door)


def _is_pressed(situation: Situation) -> bool:
    return Fact.EXIT in situation.facts and Fact.JAMMED not in situation.facts


def _jam_due(situation: Situation) -> int | None:
    due = situation.exit_since + situation.config.exit_jammed_ms
    return due if _is_pressed(situation) else None


def _door_due(situation: Situation) -> int | None:
    config, since = situation.config, situation.since
    match situation.door:
        case State.OPENING:
            return None if _is_pressed(situation) else situation.until
        case State.SETTLING:
            end = max(since + config.settle_ms, situation.until)
            return None if _is_pressed(situation) else end
        case State.OPEN | State.OPEN_AT_START:
            return since + config.held_warning_ms
        case State.HELD_WARNING:
            return since + config.held_alarm_ms
        case State.HELD | State.FORCED:
            return since + config.stuck_ms
        case _:
            return None
