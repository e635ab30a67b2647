"""The door of a gate as a total table: every state, all that can happen to it, what follows. Pure.

Rule: whatever moves a door from state to state stands in `TABLE`, and nothing else does. The table
knows no lockdown, no fire, no schedule and no clock; `machine.py` asks it. A door has at most one
alarm, which is its state: a graver one takes its place, `CLEARED` ends it.
"""

import enum
from collections.abc import Mapping


class State(enum.Enum):
    """How the door stands, and why."""

    UNSEEN = "unseen"  # no contact is wired, or it was not told yet
    CLOSED = "closed"
    OPENING = "opening"  # closed, and somebody may open it
    OPEN = "open"  # opened by somebody who may
    HELD_WARNING = "held warning"  # open for long: those at the gate are told
    HELD = "held"  # open for too long: everybody is told
    STUCK = "stuck"  # nothing holds it open, and it does not close
    FORCED = "forced"  # opened by nobody who may
    OPEN_AT_START = "open at start"  # open when first looked at: nobody knows since when
    FREE = "free"  # open, and may be: a fire, or hours in which it stands open
    SETTLING = "settling"  # closed just now: it may rebound, or open for the next in line


class Move(enum.Enum):
    """What can happen to a door."""

    FOUND_OPEN = "found open"  # the first look at the contact, or the first after a gap
    FOUND_CLOSED = "found closed"
    OPENED = "opened"
    OPENED_FREELY = "opened freely"  # while nobody needs to be asked
    CLOSED = "closed"
    ALLOWED = "allowed"  # somebody may open it now
    DUE = "due"  # the time of this state is over
    FREED = "freed"  # from now on it may stand open
    BOUND = "bound"  # from now on it may not


class Output(enum.Enum):
    """What is to be done, or told. Nothing here closes a gate: Yardpass only ever opens one."""

    PULSE = "pulse"  # energise the relay for one pulse
    HOLD = "hold"  # energise it for a lease; comes again until RELEASE
    RELEASE = "release"  # let the lease go
    REFUSED_LOCKDOWN = "refused: lockdown"  # a grant on the way in that does not open
    REFUSED_STUCK = "refused: stuck"
    PASSED = "passed"  # the door opened for somebody who may
    NOT_PASSED = "not passed"  # somebody might have opened it, and did not
    OPEN_AT_START = "open at start"
    HELD_WARNING = "held warning"
    HELD = "held"
    STUCK = "stuck"
    FORCED = "forced"
    CLEARED = "cleared"  # the alarm of the door is over
    TAMPER = "tamper"
    TAMPER_OVER = "tamper over"
    FIRE = "fire"
    FIRE_OVER = "fire over"
    LOCKDOWN = "lockdown"
    LOCKDOWN_OVER = "lockdown over"
    EXIT_JAMMED = "exit jammed"  # the exit button is pressed for good: it excuses nothing any more
    EXIT_JAMMED_OVER = "exit jammed over"
    RELAY_FAILED = "relay failed"
    RELAY_WORKS = "relay works"
    SHOW_GREEN = "show green"  # lamps and sounds; what a verdict shows is the verdict's
    SHOW_RED = "show red"
    SHOW_ALARM = "show alarm"
    SHOW_IDLE = "show idle"


_S, _M, _O = State, Move, Output

ALARMS: Mapping[State, Output] = {
    _S.HELD_WARNING: _O.HELD_WARNING,
    _S.HELD: _O.HELD,
    _S.STUCK: _O.STUCK,
    _S.FORCED: _O.FORCED,
}
"""States that are an alarm -> what says so."""

_CLEARED = (_O.CLEARED,)

TABLE: Mapping[tuple[State, Move], tuple[State, tuple[Output, ...]]] = {
    (_S.UNSEEN, _M.FOUND_OPEN): (_S.OPEN_AT_START, (_O.OPEN_AT_START,)),
    (_S.UNSEEN, _M.FOUND_CLOSED): (_S.SETTLING, ()),  # somebody may have been let pass before
    (_S.UNSEEN, _M.OPENED): (_S.OPEN_AT_START, (_O.OPEN_AT_START,)),
    (_S.UNSEEN, _M.OPENED_FREELY): (_S.FREE, ()),
    (_S.UNSEEN, _M.CLOSED): (_S.SETTLING, ()),
    (_S.UNSEEN, _M.ALLOWED): (_S.UNSEEN, ()),
    (_S.UNSEEN, _M.DUE): (_S.UNSEEN, ()),
    (_S.UNSEEN, _M.FREED): (_S.UNSEEN, ()),
    (_S.UNSEEN, _M.BOUND): (_S.UNSEEN, ()),
    # -- closed
    (_S.CLOSED, _M.FOUND_OPEN): (_S.OPEN_AT_START, (_O.OPEN_AT_START,)),
    (_S.CLOSED, _M.FOUND_CLOSED): (_S.CLOSED, ()),
    (_S.CLOSED, _M.OPENED): (_S.FORCED, (_O.FORCED,)),
    (_S.CLOSED, _M.OPENED_FREELY): (_S.FREE, ()),
    (_S.CLOSED, _M.CLOSED): (_S.CLOSED, ()),
    (_S.CLOSED, _M.ALLOWED): (_S.OPENING, ()),
    (_S.CLOSED, _M.DUE): (_S.CLOSED, ()),
    (_S.CLOSED, _M.FREED): (_S.CLOSED, ()),
    (_S.CLOSED, _M.BOUND): (_S.SETTLING, ()),  # a hand may be on it already
    # -- opening
    (_S.OPENING, _M.FOUND_OPEN): (_S.OPEN, (_O.PASSED,)),
    (_S.OPENING, _M.FOUND_CLOSED): (_S.OPENING, ()),
    (_S.OPENING, _M.OPENED): (_S.OPEN, (_O.PASSED,)),
    (_S.OPENING, _M.OPENED_FREELY): (_S.FREE, (_O.PASSED,)),
    (_S.OPENING, _M.CLOSED): (_S.OPENING, ()),
    (_S.OPENING, _M.ALLOWED): (_S.OPENING, ()),
    (_S.OPENING, _M.DUE): (_S.CLOSED, (_O.NOT_PASSED,)),
    (_S.OPENING, _M.FREED): (_S.OPENING, ()),
    (_S.OPENING, _M.BOUND): (_S.OPENING, ()),
    # -- open
    (_S.OPEN, _M.FOUND_OPEN): (_S.OPEN, ()),
    (_S.OPEN, _M.FOUND_CLOSED): (_S.SETTLING, ()),
    (_S.OPEN, _M.OPENED): (_S.OPEN, ()),
    (_S.OPEN, _M.OPENED_FREELY): (_S.FREE, ()),
    (_S.OPEN, _M.CLOSED): (_S.SETTLING, ()),
    (_S.OPEN, _M.ALLOWED): (_S.OPEN, ()),
    (_S.OPEN, _M.DUE): (_S.HELD_WARNING, (_O.HELD_WARNING,)),
    (_S.OPEN, _M.FREED): (_S.FREE, ()),
    (_S.OPEN, _M.BOUND): (_S.OPEN, ()),
    # -- held warning
    (_S.HELD_WARNING, _M.FOUND_OPEN): (_S.HELD_WARNING, ()),
    (_S.HELD_WARNING, _M.FOUND_CLOSED): (_S.SETTLING, _CLEARED),
    (_S.HELD_WARNING, _M.OPENED): (_S.HELD_WARNING, ()),
    (_S.HELD_WARNING, _M.OPENED_FREELY): (_S.FREE, _CLEARED),
    (_S.HELD_WARNING, _M.CLOSED): (_S.SETTLING, _CLEARED),
    (_S.HELD_WARNING, _M.ALLOWED): (_S.OPEN, _CLEARED),  # the next in line is passing
    (_S.HELD_WARNING, _M.DUE): (_S.HELD, (_O.HELD,)),
    (_S.HELD_WARNING, _M.FREED): (_S.FREE, _CLEARED),
    (_S.HELD_WARNING, _M.BOUND): (_S.HELD_WARNING, ()),
    # -- held
    (_S.HELD, _M.FOUND_OPEN): (_S.HELD, ()),
    (_S.HELD, _M.FOUND_CLOSED): (_S.SETTLING, _CLEARED),
    (_S.HELD, _M.OPENED): (_S.HELD, ()),
    (_S.HELD, _M.OPENED_FREELY): (_S.FREE, _CLEARED),
    (_S.HELD, _M.CLOSED): (_S.SETTLING, _CLEARED),
    (_S.HELD, _M.ALLOWED): (_S.HELD, ()),  # who passes does not take the wedge away
    (_S.HELD, _M.DUE): (_S.STUCK, (_O.STUCK,)),
    (_S.HELD, _M.FREED): (_S.FREE, _CLEARED),
    (_S.HELD, _M.BOUND): (_S.HELD, ()),
    # -- stuck
    (_S.STUCK, _M.FOUND_OPEN): (_S.STUCK, ()),
    (_S.STUCK, _M.FOUND_CLOSED): (_S.SETTLING, _CLEARED),
    (_S.STUCK, _M.OPENED): (_S.STUCK, ()),
    (_S.STUCK, _M.OPENED_FREELY): (_S.FREE, _CLEARED),
    (_S.STUCK, _M.CLOSED): (_S.SETTLING, _CLEARED),
    (_S.STUCK, _M.ALLOWED): (_S.STUCK, ()),
    (_S.STUCK, _M.DUE): (_S.STUCK, ()),
    (_S.STUCK, _M.FREED): (_S.FREE, _CLEARED),
    (_S.STUCK, _M.BOUND): (_S.STUCK, ()),
    # -- forced
    (_S.FORCED, _M.FOUND_OPEN): (_S.FORCED, ()),
    (_S.FORCED, _M.FOUND_CLOSED): (_S.SETTLING, _CLEARED),
    (_S.FORCED, _M.OPENED): (_S.FORCED, ()),
    (_S.FORCED, _M.OPENED_FREELY): (_S.FREE, _CLEARED),
    (_S.FORCED, _M.CLOSED): (_S.SETTLING, _CLEARED),
    (_S.FORCED, _M.ALLOWED): (_S.FORCED, ()),
    (_S.FORCED, _M.DUE): (_S.STUCK, (_O.STUCK,)),
    (_S.FORCED, _M.FREED): (_S.FREE, _CLEARED),
    (_S.FORCED, _M.BOUND): (_S.FORCED, ()),
    # -- open at start
    (_S.OPEN_AT_START, _M.FOUND_OPEN): (_S.OPEN_AT_START, ()),
    (_S.OPEN_AT_START, _M.FOUND_CLOSED): (_S.SETTLING, _CLEARED),
    (_S.OPEN_AT_START, _M.OPENED): (_S.OPEN_AT_START, ()),
    (_S.OPEN_AT_START, _M.OPENED_FREELY): (_S.FREE, _CLEARED),
    (_S.OPEN_AT_START, _M.CLOSED): (_S.SETTLING, _CLEARED),
    (_S.OPEN_AT_START, _M.ALLOWED): (_S.OPEN, _CLEARED),
    (_S.OPEN_AT_START, _M.DUE): (_S.HELD_WARNING, (_O.HELD_WARNING,)),
    (_S.OPEN_AT_START, _M.FREED): (_S.FREE, _CLEARED),
    (_S.OPEN_AT_START, _M.BOUND): (_S.OPEN_AT_START, ()),
    # -- free
    (_S.FREE, _M.FOUND_OPEN): (_S.FREE, ()),
    (_S.FREE, _M.FOUND_CLOSED): (_S.SETTLING, ()),
    (_S.FREE, _M.OPENED): (_S.FREE, ()),
    (_S.FREE, _M.OPENED_FREELY): (_S.FREE, ()),
    (_S.FREE, _M.CLOSED): (_S.SETTLING, ()),
    (_S.FREE, _M.ALLOWED): (_S.FREE, ()),
    (_S.FREE, _M.DUE): (_S.FREE, ()),
    (_S.FREE, _M.FREED): (_S.FREE, ()),
    (_S.FREE, _M.BOUND): (_S.OPEN, ()),  # let go: it has the time of one who opened it now
    # -- settling
    (_S.SETTLING, _M.FOUND_OPEN): (_S.OPEN, ()),
    (_S.SETTLING, _M.FOUND_CLOSED): (_S.SETTLING, ()),
    (_S.SETTLING, _M.OPENED): (_S.OPEN, ()),
    (_S.SETTLING, _M.OPENED_FREELY): (_S.FREE, ()),
    (_S.SETTLING, _M.CLOSED): (_S.SETTLING, ()),
    (_S.SETTLING, _M.ALLOWED): (_S.OPENING, ()),
    (_S.SETTLING, _M.DUE): (_S.CLOSED, ()),
    (_S.SETTLING, _M.FREED): (_S.SETTLING, ()),
    (_S.SETTLING, _M.BOUND): (_S.SETTLING, ()),
}
"""(state, what happens) -> the next state, and what is told. Every pair is in it."""
