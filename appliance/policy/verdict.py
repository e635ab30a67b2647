"""What a gate concludes: a colour, an action, the reasons; never without the whole check list."""

import enum
from collections.abc import Sequence
from typing import NamedTuple

from appliance.policy.reasons import Reason
from ledger_sync import cbor


class Colour(enum.IntEnum):
    """GREEN opens, YELLOW asks the guard, RED refuses, GREY: the gate cannot know."""

    GREEN = 0
    GREY = 1
    YELLOW = 2
    RED = 3


class Action(enum.IntEnum):
    """What the gate does."""

    OPEN = 0
    ASK = 1
    DENY = 2


class Check(enum.IntEnum):
    """The numbered list of FORMAT.md section 4.6. Every check must have been made for a GREEN."""

    READ = 1
    PROVEN = 2
    ISSUER = 3
    AUDIENCE = 4
    NONCE = 5
    BEGUN = 6
    ALIVE = 7
    FRESH = 8
    NOT_FUTURE = 9
    GROWING = 10
    ZONE = 11
    STATUS = 12
    STATIC = 13
    UPDATE = 14
    CLOCK = 15
    LIST_AGE = 16
    CARRIER = 17
    LOCKDOWN = 18
    INVITED = 19
    RULES = 20


ALL_CHECKS = sum(1 << check for check in Check)

SHAPES = {Colour.GREEN: "●", Colour.GREY: "◆", Colour.YELLOW: "▲", Colour.RED: "■"}
"""A shape for each colour, so that no verdict needs colour to be told apart."""


class Verdict(NamedTuple):
    """Colour, action and reasons, the gravest first. Made by `conclude` only."""

    colour: Colour
    action: Action
    reasons: tuple[Reason, ...]

    def to_bytes(self) -> bytes:
        """The verdict as bytes, to compare a replay with the log."""
        return cbor.encode((int(self.colour), int(self.action), tuple(map(str, self.reasons))))


_GREEN = Verdict(Colour.GREEN, Action.OPEN, ())
_COLOUR_OF = {"R": Colour.RED, "Y": Colour.YELLOW, "G": Colour.GREY}


def conclude(
    made: int, findings: Sequence[Reason], *, unsure: Action = Action.ASK, way_out: bool
) -> Verdict:
    """The verdict over the checks that were `made` (a mask) and what they found.

    GREEN needs all checks and no finding; a list without all checks is red whatever it found. A
    finding that ended the list early is red anyway.
    `unsure`: what the site lets the gate do by itself when it is yellow or cannot know (grey).
    `way_out`: opens always.
    """
    if made != ALL_CHECKS:
        findings = (*findings, Reason.INCOMPLETE)
    elif not findings:
        return _GREEN
    colour = max(_COLOUR_OF[reason[0]] for reason in findings)
    reasons = tuple(sorted(findings, key=lambda reason: -_COLOUR_OF[reason[0]]))
    if way_out:
        return Verdict(colour, Action.OPEN, reasons)
    return Verdict(colour, Action.DENY if colour is Colour.RED else unsure, reasons)
