"""What lamp and buzzer of an OSDP reader do at each signal. Knows no line. (pure)

Colours differ, and so do rhythm and the number of beeps: nobody has to tell green from red.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hw.ports import Signal

OFF, RED, GREEN, AMBER, BLUE = range(5)
"""Colours of a reader's lamp (SIA OSDP 2.2)."""


@dataclass(frozen=True, slots=True)
class Lamp:
    """A colour, for how long it is on and off, and how often it beeps. Time in 100 ms."""

    colour: int
    on: int
    off: int
    beeps: int


LAMPS: Mapping[Signal, Lamp] = MappingProxyType(
    {
        Signal.IDLE: Lamp(OFF, 10, 0, 0),
        Signal.GREEN: Lamp(GREEN, 10, 0, 1),
        Signal.YELLOW: Lamp(AMBER, 5, 5, 2),
        Signal.RED: Lamp(RED, 2, 2, 3),
        Signal.GREY: Lamp(BLUE, 10, 10, 2),
        Signal.ALARM: Lamp(RED, 1, 1, 10),
        Signal.TROUBLE: Lamp(AMBER, 2, 38, 0),
    }
)
