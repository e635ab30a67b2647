"""The relay's pin, though its chip or its library is not there yet.

A process that ended each time would start a new Python several times a second, ahead of everything
else on the machine. This one stays, is up for systemd and for who starts after it, answers nobody,
and says once why.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from hw.errors import Unavailable

FIRST_SECONDS, LONGEST_SECONDS = 0.2, 2.0  # pauses between two tries; each doubles the one before

_log = logging.getLogger("yardpass.relay")
Made = TypeVar("Made")


def awaited(
    make: Callable[[], Made],
    beat: Callable[[], object],
    wait: Callable[[float], object] = time.sleep,
) -> Made:
    """What `make` returns, once it raises no `Unavailable`. `beat` is called before each pause;
    `wait` takes seconds. Each new reason is logged once."""
    seconds, said = FIRST_SECONDS, ""
    while True:
        try:
            return make()
        except Unavailable as error:
            if str(error) != said:
                said = str(error)
                _log.warning("the gate cannot be opened: %s", said)
        beat()
        wait(seconds)
        seconds = min(2 * seconds, LONGEST_SECONDS)
