"""The gate machine: its tables are total, and what it may never do it never does."""

from collections import deque
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from appliance.door_config import MAX_DEBOUNCE_MS, GateConfig
from appliance.gate.door import ALARMS, TABLE, Move, Output, State
from appliance.gate.events import CHANGES, CONTACT, REQUESTS, Event, Fact
from appliance.gate.machine import (
    FOR_PEERS,
    STANDING,
    begin,
    is_alarming,
    next_due,
    refusal_of_entry,
    resting,
    step,
)
from ledger_sync.errors import Refused

CONFIG = GateConfig(
    open_ms=5_000,
    settle_ms=1_000,
    held_warning_ms=20_000,
    held_alarm_ms=30_000,
    stuck_ms=60_000,
    exit_jammed_ms=90_000,
    renew_ms=1_000,
)
SECURE = replace(CONFIG, fail_safe=False)
E, Out, S = Event, Output, State
LAMPS = {Out.SHOW_GREEN, Out.SHOW_RED, Out.SHOW_ALARM, Out.SHOW_IDLE}


class Gate:
    """A machine with its clock: `at(seconds, event)` gives what is said, without the lamps."""

    def __init__(self, config=CONFIG, *, found=E.CONTACT_FOUND_CLOSED):
        self.situation = begin(config, 0)
        self.at(0, found)
        self.at(2, E.TIME)

    def at(self, seconds, event):
        self.situation, outputs = step(self.situation, event, int(seconds * 1_000))
        self.lamps = [output for output in outputs if output in LAMPS]
        return [output for output in outputs if output not in LAMPS]

    @property
    def door(self):
        return self.situation.door


# -- the tables


def test_the_door_table_holds_every_state_with_everything_that_can_happen():
    assert set(TABLE) == set(product(State, Move))


def test_every_event_is_told_by_the_contact_or_changes_a_fact_or_asks_or_is_the_time():
    groups = [set(CONTACT), set(CHANGES), REQUESTS - {E.EXIT_PRESSED}, {E.TIME}]
    assert set().union(*groups) == set(Event)
    assert sum(map(len, groups)) == len(Event)


def test_every_fact_can_be_set_and_lifted():
    assert {(change.fact, change.holds) for change in CHANGES.values()} == set(
        product(set(Fact) - {Fact.JAMMED}, (True, False))
    )


@pytest.mark.parametrize(("state", "move"), TABLE, ids=lambda value: value.name)
def test_an_alarm_is_told_when_it_begins_and_cleared_when_it_ends(state, move):
    after, told = TABLE[state, move]
    begins = [ALARMS[after]] if after in ALARMS and after is not state else []
    told_of = {*ALARMS, S.OPEN_AT_START}  # which peers are told of as well
    ends = [Out.CLEARED] if state in told_of and after not in told_of else []
    assert [
        output for output in told if output in {*ALARMS.values(), Out.CLEARED}
    ] == begins + ends


SHUT = {S.CLOSED, S.OPENING, S.SETTLING}
AJAR = set(State) - SHUT - {S.UNSEEN}


def column(move):
    return {state: TABLE[state, move][0] for state in State}


def test_a_door_that_opens_freely_is_free_and_one_that_closes_settles():
    assert set(column(Move.OPENED_FREELY).values()) == {S.FREE}
    for move in (Move.CLOSED, Move.FOUND_CLOSED):
        after = column(move)
        assert {after[state] for state in AJAR | {S.UNSEEN}} == {S.SETTLING}
        assert all(after[state] is state for state in SHUT)


def test_a_door_is_freed_where_it_stands_and_bound_with_some_grace():
    assert column(Move.FREED) == {s: S.FREE if s in AJAR else s for s in State}
    assert column(Move.BOUND) == {s: s for s in State} | {S.FREE: S.OPEN, S.CLOSED: S.SETTLING}


def test_only_a_door_that_is_shut_and_may_not_be_opened_is_forced():
    assert [pair for pair in TABLE if Out.FORCED in TABLE[pair][1]] == [(S.CLOSED, Move.OPENED)]
    opened, found = column(Move.OPENED), column(Move.FOUND_OPEN)
    assert {s for s in State if opened[s] is not found[s]} == {S.CLOSED}
    assert found[S.CLOSED] is found[S.UNSEEN] is S.OPEN_AT_START
    assert all(opened[state] is state for state in AJAR)


def test_who_is_allowed_makes_a_shut_door_one_that_opens_and_ends_no_alarm_but_a_warning():
    kept = {s: s for s in State}
    ends = {S.HELD_WARNING: S.OPEN, S.OPEN_AT_START: S.OPEN}
    assert column(Move.ALLOWED) == kept | dict.fromkeys(SHUT, S.OPENING) | ends


def test_time_leads_to_an_end_and_never_round():
    due = column(Move.DUE)
    for state in State:
        seen = [state]
        while due[seen[-1]] is not seen[-1]:
            seen.append(due[seen[-1]])
            assert len(seen) <= 5
    ends = {state for state in State if due[state] is state}
    assert ends == {S.UNSEEN, S.CLOSED, S.STUCK, S.FREE}
    for state in ends:  # else `step` would never come to an end
        assert next_due(replace(begin(CONFIG, 0), door=state)) is None


def test_the_table_of_standings_is_total_and_a_fire_only_ever_adds_openings():
    assert set(STANDING) == set(product((False, True), repeat=3))
    for _, lockdown, schedule in STANDING:
        fire, calm = STANDING[True, lockdown, schedule], STANDING[False, lockdown, schedule]
        assert fire.fail_safe_held
        assert fire.fail_secure_held is calm.fail_secure_held
        assert fire.lets_in is calm.lets_in is not lockdown


def test_every_state_is_reached_and_every_output_said():
    reached, said = explored()
    assert reached == set(State)
    assert said == set(Output)


def explored():
    """States and outputs that some short story leads to."""
    queue = deque([begin(CONFIG, 0)])
    seen, said = {key(queue[0])}, set()
    while queue:
        situation = queue.popleft()
        for event, wait in product(Event, (0, 1_500, 21_000, 61_000, 91_000)):
            after, outputs = step(situation, event, situation.now + wait)
            said.update(outputs)
            if key(after) not in seen and len(seen) < 150:
                seen.add(key(after))
                queue.append(after)
    return {door for door, _ in seen}, said


def key(situation):
    return situation.door, situation.facts


def test_no_output_closes_a_gate():
    acts = {Out.PULSE, Out.HOLD, Out.RELEASE}
    assert {output for output in Output if output.name in {"CLOSE", "SHUT", "LOCK"}} == set()
    assert not acts & FOR_PEERS


# -- what a gate does


def test_a_grant_opens_and_the_door_that_closes_is_closed_after_it_settled():
    gate = Gate()
    assert gate.at(10, E.GRANTED_IN) == [Out.PULSE]
    assert gate.door is S.OPENING
    assert gate.at(12, E.CONTACT_OPENED) == [Out.PASSED]
    assert gate.at(14, E.CONTACT_CLOSED) == []
    assert gate.door is S.SETTLING
    assert next_due(gate.situation) == 15_000
    assert gate.at(15, E.TIME) == []
    assert (gate.door, next_due(gate.situation)) == (S.CLOSED, None)


def test_a_grant_that_nobody_uses_runs_out():
    gate = Gate()
    gate.at(10, E.GRANTED_OUT)
    assert gate.at(14.999, E.TIME) == []
    assert gate.at(15, E.TIME) == [Out.NOT_PASSED]
    assert gate.at(15, E.CONTACT_OPENED) == [Out.FORCED]


def test_a_door_that_nobody_may_open_is_forced_and_in_the_end_stuck():
    gate = Gate()
    assert gate.at(10, E.CONTACT_OPENED) == [Out.FORCED]
    assert gate.lamps == [Out.SHOW_ALARM]
    assert gate.at(69.999, E.TIME) == []
    assert gate.at(70, E.TIME) == [Out.STUCK]
    assert gate.at(80, E.CONTACT_CLOSED) == [Out.CLEARED]
    assert gate.lamps == [Out.SHOW_IDLE]


def test_a_door_left_open_warns_then_alarms_then_is_stuck_even_if_nobody_calls():
    gate = Gate()
    gate.at(10, E.GRANTED_IN)
    gate.at(11, E.CONTACT_OPENED)
    assert gate.at(100, E.TIME) == [Out.HELD_WARNING, Out.HELD, Out.STUCK]
    assert gate.lamps == [Out.SHOW_ALARM]


def test_a_stuck_gate_refuses_entries_and_lets_everybody_out():
    gate = Gate()
    gate.at(10, E.CONTACT_OPENED)
    gate.at(80, E.TIME)
    assert gate.at(81, E.GRANTED_IN) == [Out.REFUSED_STUCK]
    assert gate.lamps == [Out.SHOW_RED]
    assert gate.at(82, E.SCHEDULE_BEGINS) == []
    assert gate.at(83, E.GRANTED_OUT) == [Out.PULSE]
    assert gate.at(84, E.EXIT_PRESSED) == [Out.PULSE]
    assert gate.at(85, E.FIRE_ON) == [Out.FIRE, Out.CLEARED, Out.HOLD]


def test_opening_hours_wait_until_a_stuck_gate_has_closed():
    gate = Gate()
    gate.at(10, E.CONTACT_OPENED)
    gate.at(80, E.SCHEDULE_BEGINS)
    assert gate.at(90, E.CONTACT_CLOSED) == [Out.CLEARED, Out.HOLD]


@pytest.mark.parametrize("request_", [E.GRANTED_OUT, E.EXIT_PRESSED])
def test_a_lockdown_stops_entries_and_no_exit(request_):
    gate = Gate()
    assert gate.at(10, E.LOCKDOWN_SET) == [Out.LOCKDOWN]
    assert gate.at(11, E.GRANTED_IN) == [Out.REFUSED_LOCKDOWN]
    assert gate.lamps == [Out.SHOW_RED]
    assert gate.door is S.CLOSED
    assert gate.at(12, request_) == [Out.PULSE]
    assert gate.at(13, E.LOCKDOWN_LIFTED) == [Out.LOCKDOWN_OVER]
    assert gate.at(14, E.GRANTED_IN) == [Out.PULSE]


def test_a_lockdown_ends_opening_hours_and_an_open_gate_is_told():
    gate = Gate()
    assert gate.at(10, E.SCHEDULE_BEGINS) == [Out.HOLD]
    assert gate.at(10.5, E.CONTACT_OPENED) == []
    assert gate.door is S.FREE
    assert gate.at(11, E.LOCKDOWN_SET) == [Out.LOCKDOWN, Out.RELEASE]
    assert gate.at(72, E.TIME) == [Out.HELD_WARNING, Out.HELD, Out.STUCK]
    assert gate.at(73, E.CONTACT_CLOSED) == [Out.CLEARED]
    assert gate.at(74, E.LOCKDOWN_LIFTED) == [Out.LOCKDOWN_OVER, Out.HOLD]


def test_a_fire_holds_a_fail_safe_gate_open_whatever_else_holds():
    gate = Gate()
    gate.at(10, E.LOCKDOWN_SET)
    assert gate.at(11, E.FIRE_ON) == [Out.FIRE, Out.HOLD]
    assert gate.at(11.5, E.EXIT_PRESSED) == [Out.HOLD]
    assert gate.at(12, E.LOCKDOWN_SET) == []
    assert next_due(gate.situation) == 12_500
    assert gate.at(12.5, E.TIME) == [Out.HOLD]
    assert gate.at(13, E.FIRE_OFF) == [Out.FIRE_OVER, Out.RELEASE]
    assert gate.at(14, E.GRANTED_IN) == [Out.REFUSED_LOCKDOWN]


def test_a_fail_secure_gate_stays_locked_in_a_fire_and_every_exit_opens_it():
    gate = Gate(SECURE)
    gate.at(10, E.LOCKDOWN_SET)
    assert gate.at(11, E.FIRE_ON) == [Out.FIRE]
    assert gate.at(12, E.EXIT_PRESSED) == [Out.PULSE]
    assert gate.at(13, E.GRANTED_OUT) == [Out.PULSE]
    assert gate.at(14, E.GRANTED_IN) == [Out.REFUSED_LOCKDOWN]
    assert gate.at(15, E.LOCKDOWN_LIFTED) == [Out.LOCKDOWN_OVER]
    assert gate.at(16, E.GRANTED_IN) == [Out.PULSE]


def test_who_leaves_a_fire_is_no_burglar_and_sees_no_alarm():
    gate = Gate(SECURE)
    gate.at(10, E.TAMPER_ON)
    assert gate.lamps == [Out.SHOW_ALARM]
    gate.at(11, E.FIRE_ON)
    assert gate.lamps == [Out.SHOW_IDLE]
    assert gate.at(12, E.CONTACT_OPENED) == []
    assert gate.at(500, E.TIME) == []
    assert gate.at(501, E.FIRE_OFF) == [Out.FIRE_OVER]
    assert gate.lamps == [Out.SHOW_ALARM]
    assert gate.at(521, E.TIME) == [Out.HELD_WARNING]


def test_who_has_a_hand_on_the_door_as_the_hours_end_is_no_burglar():
    gate = Gate()
    gate.at(10, E.SCHEDULE_BEGINS)
    assert gate.at(20, E.SCHEDULE_ENDS) == [Out.RELEASE]
    assert gate.at(20.5, E.CONTACT_OPENED) == []
    assert gate.door is S.OPEN
    gate.at(30, E.CONTACT_CLOSED)
    assert gate.at(31, E.CONTACT_OPENED) == [Out.FORCED]


def test_why_an_entry_would_be_refused_can_be_asked_before():
    gate = Gate()
    assert refusal_of_entry(gate.situation) is None
    gate.at(10, E.CONTACT_OPENED)
    gate.at(80, E.TIME)
    assert refusal_of_entry(gate.situation) is Out.REFUSED_STUCK
    gate.at(81, E.LOCKDOWN_SET)
    assert refusal_of_entry(gate.situation) is Out.REFUSED_LOCKDOWN


def test_tamper_is_told_and_blocks_nobody():
    gate = Gate()
    assert gate.at(10, E.TAMPER_ON) == [Out.TAMPER]
    assert gate.at(11, E.TAMPER_ON) == []
    assert gate.at(12, E.GRANTED_IN) == [Out.PULSE]
    assert gate.at(13, E.TAMPER_OFF) == [Out.TAMPER_OVER]


def test_a_failed_relay_is_told_once_and_a_lease_is_asked_for_again():
    gate = Gate()
    gate.at(10, E.SCHEDULE_BEGINS)
    assert gate.at(10.1, E.RELAY_FAILED) == [Out.RELAY_FAILED]
    assert gate.at(10.2, E.RELAY_FAILED) == []
    assert gate.at(11, E.TIME) == [Out.HOLD]
    assert gate.at(11.1, E.RELAY_WORKS) == [Out.RELAY_WORKS]


def test_an_exit_button_that_only_the_terminal_hears_asks_for_no_pulse():
    gate = Gate(replace(CONFIG, exit_pulse=False))
    assert gate.at(10, E.EXIT_PRESSED) == []
    assert gate.lamps == [Out.SHOW_GREEN]
    assert gate.at(11, E.CONTACT_OPENED) == [Out.PASSED]
    assert Gate(replace(CONFIG, exit_pulse=False)).at(10, E.GRANTED_OUT) == [Out.PULSE]


def test_a_pressed_exit_button_excuses_an_opening_until_it_counts_as_jammed():
    gate = Gate()
    gate.at(10, E.EXIT_PRESSED)
    assert gate.at(99.999, E.TIME) == []
    assert gate.at(100, E.TIME) == [Out.EXIT_JAMMED, Out.NOT_PASSED]
    assert gate.at(101, E.EXIT_PRESSED) == [Out.PULSE]  # never blocked
    assert gate.at(110, E.CONTACT_OPENED) == [Out.NOT_PASSED, Out.FORCED]
    assert gate.at(111, E.EXIT_RELEASED) == [Out.EXIT_JAMMED_OVER]


def test_who_lets_go_of_the_exit_button_has_the_usual_time():
    gate = Gate()
    gate.at(10, E.EXIT_PRESSED)
    gate.at(40, E.EXIT_RELEASED)
    assert gate.at(44.999, E.CONTACT_OPENED) == [Out.PASSED]


def test_the_next_in_line_ends_a_warning_but_not_an_alarm():
    gate = Gate()
    gate.at(10, E.GRANTED_IN)
    gate.at(11, E.CONTACT_OPENED)
    assert gate.at(31, E.TIME) == [Out.HELD_WARNING]
    assert gate.at(32, E.GRANTED_IN) == [Out.PULSE, Out.CLEARED]
    assert gate.at(62, E.TIME) == [Out.HELD_WARNING, Out.HELD]
    assert gate.at(63, E.GRANTED_IN) == [Out.PULSE]
    assert gate.door is S.HELD


# -- starting


@pytest.mark.parametrize("config", [CONFIG, SECURE], ids=["fail-safe", "fail-secure"])
@pytest.mark.parametrize("found", [E.CONTACT_FOUND_OPEN, E.CONTACT_FOUND_CLOSED, E.CONTACT_OPENED])
def test_a_start_never_pulses_whatever_stands_at_the_inputs(config, found):
    situation = begin(config, 0)
    said = []
    for event in (found, E.TAMPER_ON, E.EXIT_RELEASED, E.FIRE_OFF, E.TIME):
        situation, outputs = step(situation, event, 100)
        said += outputs
    _, later = step(situation, E.TIME, 10**9)
    assert not {Out.PULSE, Out.HOLD, Out.FORCED} & {*said, *later}


def test_a_door_found_open_is_not_forced_but_held_when_its_time_is_over():
    situation, said = step(begin(CONFIG, 0), E.CONTACT_FOUND_OPEN, 50)
    assert (situation.door, said) == (S.OPEN_AT_START, (Out.OPEN_AT_START,))
    situation, said = step(situation, E.TIME, 30_050)
    assert said == (Out.HELD_WARNING, Out.HELD, Out.SHOW_ALARM)
    situation, said = step(situation, E.CONTACT_CLOSED, 31_000)
    assert said == (Out.CLEARED, Out.SHOW_IDLE)
    assert step(situation, E.CONTACT_OPENED, 33_000)[1] == (Out.FORCED, Out.SHOW_ALARM)


def test_who_was_let_pass_before_the_first_look_is_not_forgotten():
    situation, _ = step(begin(CONFIG, 0), E.GRANTED_IN, 0)
    situation, _ = step(situation, E.CONTACT_FOUND_CLOSED, 50)
    assert step(situation, E.CONTACT_OPENED, 4_000)[1] == ()


def test_a_gate_without_a_contact_opens_and_knows_nothing_forced_or_held():
    gate = Gate(replace(CONFIG, has_contact=False))
    assert gate.at(10, E.GRANTED_IN) == [Out.PULSE]
    for event in CONTACT:
        assert gate.at(11, event) == []
    assert gate.at(10_000, E.TIME) == []
    assert gate.door is S.UNSEEN


def test_a_clock_that_goes_back_counts_as_standing_still():
    gate = Gate()
    gate.at(10, E.GRANTED_IN)
    assert gate.at(3, E.TIME) == []
    assert gate.situation.now == 10_000


# -- settings


def test_every_fault_of_a_config_is_told_at_once():
    with pytest.raises(Refused) as caught:
        GateConfig(open_ms=0, debounce_ms=MAX_DEBOUNCE_MS + 1, stuck_ms=1_000, renew_ms=True)
    assert str(caught.value) == (
        "open_ms = 0; give a whole number from 500 to 86400000; "
        "renew_ms = True; give a whole number from 50 to 5000; "
        "debounce_ms = 201; give a whole number from 0 to 200; "
        "give held_warning_ms < held_alarm_ms < stuck_ms"
    )
    assert caught.value.reason == "R-SETTINGS"
    with pytest.raises(Refused, match="exit_debounce_ms <= debounce_ms"):
        GateConfig(debounce_ms=10)
    assert MAX_DEBOUNCE_MS < 400  # IEC 60839-11-1


# -- any story at all


class AnyStory(RuleBasedStateMachine):
    """Whatever happens in whatever order and time: what may never be is never."""

    @initialize(fail_safe=st.booleans(), has_contact=st.booleans(), exit_pulse=st.booleans())
    def start(self, fail_safe, has_contact, exit_pulse):
        config = replace(
            CONFIG, fail_safe=fail_safe, has_contact=has_contact, exit_pulse=exit_pulse
        )
        self.situation = begin(config, 0)
        self.lease = False
        self.lit = Output.SHOW_IDLE
        self.alarm = None

    @rule(event=st.sampled_from(Event), wait=st.sampled_from((0, 1, 999, 4_000, 21_000, 95_000)))
    def happens(self, event, wait):
        before, config = self.situation, self.situation.config
        self.situation, said = step(before, event, before.now + wait)
        facts = self.situation.facts
        self._follow(said)

        if Out.PULSE in said:
            assert event in REQUESTS
        if Out.HOLD in said:
            assert Fact.SCHEDULE in facts or Fact.FIRE in facts
        if event is E.GRANTED_IN and Fact.LOCKDOWN in facts:
            assert Out.REFUSED_LOCKDOWN in said and Out.PULSE not in said
        if event is E.GRANTED_OUT or (event is E.EXIT_PRESSED and config.exit_pulse):
            assert {Out.PULSE, Out.HOLD} & set(said)
        if Out.REFUSED_LOCKDOWN in said or Out.REFUSED_STUCK in said:
            assert event in (E.GRANTED_IN, E.GRANTED_IN_LOCKDOWN)
        if event is E.GRANTED_IN_LOCKDOWN:
            assert {Out.PULSE, Out.HOLD, Out.REFUSED_STUCK} & set(said)
            assert Out.REFUSED_LOCKDOWN not in said
        if not config.has_contact:
            assert not {Out.FORCED, Out.HELD, Out.STUCK} & set(said)

    def _follow(self, said):
        """What somebody who only hears the outputs believes."""
        for output in said:
            if output is Out.HOLD or output is Out.RELEASE:
                assert self.lease or output is Out.HOLD
                self.lease = output is Out.HOLD
            if output in {Out.SHOW_ALARM, Out.SHOW_IDLE}:
                self.lit = output
            if output in {*ALARMS.values(), Out.OPEN_AT_START}:
                self.alarm = output
            if output is Out.CLEARED:
                assert self.alarm is not None
                self.alarm = None

    @invariant()
    def a_fire_holds_a_fail_safe_gate_open(self):
        fire = Fact.FIRE in self.situation.facts
        assert self.situation.is_held is self.lease
        if self.situation.config.fail_safe and fire:
            assert self.lease
        if self.lease and not fire:
            assert Fact.LOCKDOWN not in self.situation.facts

    @invariant()
    def who_only_hears_knows_the_alarm(self):
        told = {**ALARMS, S.OPEN_AT_START: Out.OPEN_AT_START}
        assert told.get(self.situation.door) is self.alarm
        assert self.lit is resting(self.situation)
        assert is_alarming(self.situation) is (self.lit is Out.SHOW_ALARM)

    @invariant()
    def what_is_due_lies_ahead(self):
        due = next_due(self.situation)
        assert due is None or due > self.situation.now
        assert not (self.situation.is_held and due is None)
        assert (self.situation.door is S.FREE) <= self.situation.is_free


AnyStory.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyStory = AnyStory.TestCase
