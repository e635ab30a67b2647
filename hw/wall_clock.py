"""The system's clock and what the kernel says of it. Knows no floor and no grade.

Linux only: adjtimex(2) tells whether a time source disciplines the clock and bounds its error.
"""

import ctypes
import math
import time
from dataclasses import dataclass
from pathlib import Path

TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
MAX_ERROR_SECONDS = 16  # what the kernel says when it has no idea
_CHIPS = Path("/sys/class/rtc")


@dataclass(frozen=True, slots=True)
class WallTime:
    """Unix seconds UTC, whether a source disciplines them, the bound on their error in seconds,
    and whether a battery-backed clock chip is there to keep them over a power cut."""

    now: int
    synchronised: bool
    error_seconds: int
    has_chip: bool


class _Timex(ctypes.Structure):
    """The head of `struct timex`; what follows is not read, but room is left for it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * 256),
    )


class WallClock:
    """Reads the system clock; cheap enough for every check."""

    def __init__(self, chips: Path = _CHIPS) -> None:
        self._adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
        self._has_chip = any(chips.glob("rtc*"))

    def read(self) -> WallTime:
        """The time now. An unanswered question counts as not synchronised."""
        state = _Timex()
        answer = self._adjtimex(ctypes.byref(state))
        synchronised = 0 <= answer < TIME_ERROR
        microseconds = state.maxerror if synchronised else MAX_ERROR_SECONDS * 1_000_000
        return WallTime(
            int(time.time()), synchronised, math.ceil(microseconds / 1_000_000), self._has_chip
        )
