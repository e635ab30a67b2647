"""What can happen at a gate, and what of it holds until somebody ends it. Pure."""

import enum
from collections.abc import Mapping
from typing import NamedTuple

from appliance.gate.door import Move, Output


class Event(enum.Enum):
    """What can happen at a gate."""

    GRANTED_IN = "granted in"  # a verdict opens, on the way in
    GRANTED_IN_LOCKDOWN = "granted in lockdown"  # a verdict, or a guard, in view of the lockdown
    GRANTED_OUT = "granted out"
    EXIT_PRESSED = "exit pressed"  # the exit button (REX)
    EXIT_RELEASED = "exit released"
    CONTACT_FOUND_OPEN = "contact found open"  # the first look after a start or a gap
    CONTACT_FOUND_CLOSED = "contact found closed"
    CONTACT_OPENED = "contact opened"
    CONTACT_CLOSED = "contact closed"
    TAMPER_ON = "tamper on"
    TAMPER_OFF = "tamper off"
    FIRE_ON = "fire on"
    FIRE_OFF = "fire off"
    LOCKDOWN_SET = "lockdown set"
    LOCKDOWN_LIFTED = "lockdown lifted"
    SCHEDULE_BEGINS = "schedule begins"  # hours in which the gate stands open
    SCHEDULE_ENDS = "schedule ends"
    RELAY_FAILED = "relay failed"
    RELAY_WORKS = "relay works"
    TIME = "time"  # nothing but time went by


class Fact(enum.Enum):
    """What holds until somebody ends it, beside whatever else holds."""

    EXIT = "exit"  # the button is pressed
    JAMMED = "jammed"  # and has been for too long
    TAMPER = "tamper"
    FIRE = "fire"
    LOCKDOWN = "lockdown"
    SCHEDULE = "schedule"
    RELAY_FAILED = "relay failed"


class Change(NamedTuple):
    """What an event does to a fact, and what is told if that was news."""

    fact: Fact
    holds: bool
    told: tuple[Output, ...] = ()


CHANGES: Mapping[Event, Change] = {
    Event.EXIT_PRESSED: Change(Fact.EXIT, True),
    Event.EXIT_RELEASED: Change(Fact.EXIT, False),
    Event.TAMPER_ON: Change(Fact.TAMPER, True, (Output.TAMPER,)),
    Event.TAMPER_OFF: Change(Fact.TAMPER, False, (Output.TAMPER_OVER,)),
    Event.FIRE_ON: Change(Fact.FIRE, True, (Output.FIRE,)),
    Event.FIRE_OFF: Change(Fact.FIRE, False, (Output.FIRE_OVER,)),
    Event.LOCKDOWN_SET: Change(Fact.LOCKDOWN, True, (Output.LOCKDOWN,)),
    Event.LOCKDOWN_LIFTED: Change(Fact.LOCKDOWN, False, (Output.LOCKDOWN_OVER,)),
    Event.SCHEDULE_BEGINS: Change(Fact.SCHEDULE, True),
    Event.SCHEDULE_ENDS: Change(Fact.SCHEDULE, False),
    Event.RELAY_FAILED: Change(Fact.RELAY_FAILED, True, (Output.RELAY_FAILED,)),
    Event.RELAY_WORKS: Change(Fact.RELAY_FAILED, False, (Output.RELAY_WORKS,)),
}

CONTACT: Mapping[Event, tuple[Move, Move]] = {
    Event.CONTACT_FOUND_OPEN: (Move.FOUND_OPEN, Move.OPENED_FREELY),
    Event.CONTACT_FOUND_CLOSED: (Move.FOUND_CLOSED, Move.FOUND_CLOSED),
    Event.CONTACT_OPENED: (Move.OPENED, Move.OPENED_FREELY),
    Event.CONTACT_CLOSED: (Move.CLOSED, Move.CLOSED),
}
"""What the contact tells -> the move of the door: when it is bound, when it may stand open."""

REQUESTS = frozenset(
    {Event.GRANTED_IN, Event.GRANTED_IN_LOCKDOWN, Event.GRANTED_OUT, Event.EXIT_PRESSED}
)
