"""The loop of the gate process: what the eye sees goes to the terminal, until told to stop.

A camera that fails is a state, not an end: one line when it goes, one when it is back.
"""

import logging
import threading
from collections.abc import Iterator

from appliance.gate import words
from appliance.gate.assembly import open_eye
from appliance.gate.terminal import Terminal
from appliance.settings import Settings
from hw.errors import Refused, Unavailable
from hw.eye import Eye, Sighting

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0

_log = logging.getLogger("yardpass.gate")


def watch(settings: Settings, terminal: Terminal, stop: threading.Event) -> None:
    """Serves sightings until `stop` is set or a finite camera is used up.

    Raises `Unavailable` if the camera or its decoder cannot be started the first time: a wrong
    setting should stop the start, a cable that comes loose later should not.
    """
    pause, is_first, is_gone = FIRST_PAUSE_SECONDS, True, False
    while not stop.is_set():
        try:
            with open_eye(settings) as eye:
                is_first = False
                if is_gone:
                    _log.warning("the camera is back")
                    is_gone = False
                serve(eye, terminal, stop)
                return
        except Unavailable as error:
            if is_first:
                raise
            if not is_gone:
                _log.error("the camera is gone: %s; check its cable, trying again", error)
            is_gone = True
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def serve(eye: Eye, terminal: Terminal, stop: threading.Event) -> None:
    """Hands every sighting to the terminal; rests it while nobody is there."""
    for sighting in _sightings(eye):
        if stop.is_set():
            return
        if sighting is None:
            terminal.rest()
            continue
        outcome = terminal.see(sighting.payload, sighting.ticks)
        if outcome is not None:
            _log.info("%s", words.line(outcome))


def _sightings(eye: Eye) -> Iterator[Sighting | None]:
    """The eye's sightings; a single picture that cannot be used is told and passed over."""
    while True:
        try:
            yield from eye.sightings()
            return
        except Refused as refused:
            _log.warning("a picture was passed over: %s", refused)
