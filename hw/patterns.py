"""What each signal looks and sounds like: one table of colour, rhythm and beeps. Knows no pin.

A signal can be told by any one of three: which lamps are lit, the rhythm of the light whatever its
colour, and the beeps. So nobody needs to see colours, and nobody needs to see. No light flashes
more than three times in any second (WCAG 2.3.1), for it may be the only lamp in the dark.
Duress has no signal, so nothing here can betray it.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from hw.ports import Signal


class Part(enum.Enum):
    """What an indicator can switch."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    BUZZER = "buzzer"


Parts: TypeAlias = frozenset[Part]


class Step(NamedTuple):
    """These parts are on for so many milliseconds."""

    parts: Parts
    ms: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """Light that repeats as long as the signal is shown; beeps once, or again and again."""

    light: tuple[Step, ...]
    beeps: tuple[Step, ...]
    beeps_repeat: bool = False


_G, _Y, _R = frozenset({Part.GREEN}), frozenset({Part.YELLOW}), frozenset({Part.RED})
_ON: Parts = frozenset({Part.BUZZER})
_OFF: Parts = frozenset()
_SHORT, _LONG = 150, 600  # ms of a beep; four to one is told apart by ear

PATTERNS: Mapping[Signal, Pattern] = {
    Signal.IDLE: Pattern(light=(Step(_OFF, 1_000),), beeps=()),
    # steady, one short beep
    Signal.GREEN: Pattern(light=(Step(_G, 1_000),), beeps=(Step(_ON, _SHORT),)),
    # slow, two short beeps
    Signal.YELLOW: Pattern(
        light=(Step(_Y, 700), Step(_OFF, 700)),
        beeps=(Step(_ON, _SHORT), Step(_OFF, 150), Step(_ON, _SHORT)),
    ),
    # fast, one long beep
    Signal.RED: Pattern(
        light=(Step(_R, 200), Step(_OFF, 200)),
        beeps=(Step(_ON, _LONG),),
    ),
    # yellow and red together, in twos; long, short
    Signal.GREY: Pattern(
        light=(Step(_Y | _R, 200), Step(_OFF, 200), Step(_Y | _R, 200), Step(_OFF, 800)),
        beeps=(Step(_ON, _LONG), Step(_OFF, 150), Step(_ON, _SHORT)),
    ),
    # red, yellow, red, in threes; long beeps until it is over
    Signal.ALARM: Pattern(
        light=(
            *(Step(_R, 200), Step(_OFF, 200), Step(_Y, 200), Step(_OFF, 200)),
            *(Step(_R, 200), Step(_OFF, 800)),
        ),
        beeps=(Step(_ON, _LONG), Step(_OFF, 400)),
        beeps_repeat=True,
    ),
    # yellow, then red with it, once in four seconds; silent: it goes on for hours, at night too
    Signal.TROUBLE: Pattern(
        light=(Step(_Y, 200), Step(_Y | _R, 200), Step(_OFF, 3_600)), beeps=()
    ),
}


def at(pattern: Pattern, elapsed_ms: int) -> tuple[Parts, int | None]:
    """What is on `elapsed_ms` after the signal began, and in how many milliseconds that changes;
    None if it does not."""
    light, light_left = _at(pattern.light, elapsed_ms, repeats=True)
    beeps, beeps_left = _at(pattern.beeps, elapsed_ms, repeats=pattern.beeps_repeat)
    left = min((ms for ms in (light_left, beeps_left) if ms is not None), default=None)
    return light | beeps, left


def _at(steps: tuple[Step, ...], elapsed_ms: int, *, repeats: bool) -> tuple[Parts, int | None]:
    total = sum(step.ms for step in steps)
    if not repeats and elapsed_ms >= total:
        return _OFF, None
    if repeats and len(steps) == 1:
        return steps[0].parts, None
    left = elapsed_ms % total
    for step in steps[:-1]:
        if left < step.ms:
            return step.parts, step.ms - left
        left -= step.ms
    return steps[-1].parts, steps[-1].ms - left
