"""The loop of the camera: what the eye sees is told on, until told to stop.

A camera that fails is a state, not an end: one line when it goes, one when it is back.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Protocol

from appliance.gate import words
from appliance.gate.devices import open_eye
from appliance.gate.terminal import Outcome
from appliance.settings import Settings
from appliance.version import software
from hw.errors import Refused, Unavailable
from hw.eye import Eye, Sighting
from hw.gate_io import Pause

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0

_log = logging.getLogger("yardpass.gate")
_SOFTWARE = software()


class Stop:
    """Whether the loop should end. `set` may be called from a signal handler of the same thread,
    which an Event does not allow: its lock may be held by the very wait that was interrupted."""

    def __init__(self) -> None:
        self._is_set = False
        self._pause = Pause()

    def set(self) -> None:
        self._is_set = True
        self._pause.wake()

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, seconds: float) -> None:
        """Returns after `seconds`, or when it is set."""
        if not self._is_set:
            self._pause(seconds)


class Seeing(Protocol):
    """Who is told what is seen: `see` may say what became of it, `rest` is for quiet moments."""

    def see(self, text: bytes, ticks: int) -> Outcome | None: ...
    def rest(self) -> None: ...


def _untold(fault: str) -> None:
    """Nobody asks how the camera is."""


def watch(
    settings: Settings, terminal: Seeing, stop: Stop, *, tell: Callable[[str], None] = _untold
) -> None:
    """Serves sightings until `stop` is set or a finite camera is used up. `tell` hears why the
    camera is gone, and an empty sentence when it is back.

    Raises `Refused` if the settings of the camera are wrong the first time; one that is missing is
    waited for, so that cards, exits and guards are served without it.
    """
    pause, is_first, is_gone = FIRST_PAUSE_SECONDS, True, False
    while not stop.is_set():
        try:
            with open_eye(settings) as eye:
                is_first = False
                for _ in served(eye, terminal, stop):
                    if is_gone and eye.counts().frames:
                        _log.warning("the camera is back")
                        tell("")
                        pause, is_gone = FIRST_PAUSE_SECONDS, False
                return
        except (Unavailable, Refused) as error:
            if is_first and isinstance(error, Refused):
                raise
            is_first = False
            if not is_gone:
                tell(f"{error}; check its cable")
                _log.error("the camera is gone: %s; check its cable, trying again", error)
            is_gone = True
            terminal.rest()
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def served(eye: Eye, terminal: Seeing, stop: Stop) -> Iterator[None]:
    """Hands every sighting to the terminal, and yields before each. Rests the terminal after
    each, even while one code hangs before the camera for good."""
    for sighting in _sightings(eye):
        if stop.is_set():
            return
        yield
        outcome = terminal.see(sighting.payload, sighting.ticks) if sighting else None
        if outcome is not None:
            _log.info("%s", words.line(outcome, software=_SOFTWARE))
        terminal.rest()


def _sightings(eye: Eye) -> Iterator[Sighting | None]:
    """The eye's sightings; a picture that cannot be used is told, then as good as empty."""
    while True:
        try:
            yield from eye.sightings()
            return
        except Refused as refused:
            _log.warning("a picture was passed over: %s", refused)
        yield None
