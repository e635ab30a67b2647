"""Plays the pattern of the newest signal. Knows no pin: it is given a writer."""

import threading
from collections.abc import Callable
from contextlib import suppress

from hw.errors import Unavailable
from hw.patterns import PATTERNS, Parts, at
from hw.ports import Signal

LONGEST_WAIT_S = 5.0
"""Seconds after which what is on is written again, though the pattern does not change: a lamp that
failed is tried again."""
CLOSE_S = 1.0
"""Seconds a closing player waits for its thread."""


class Player:
    """Writes what is on whenever it changes: the first step in `show`, the others in one thread.

    All is off before the first signal; nothing is written after `close`. A writer that raises
    `Unavailable` is tried again at the next change.
    """

    def __init__(self, write: Callable[[Parts], None], clock: Callable[[], int]) -> None:
        self._write = write
        self._clock = clock
        self._changed = threading.Condition()
        self._pattern = PATTERNS[Signal.IDLE]  # guarded by _changed, as all below
        self._began = clock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="indicator", daemon=True)
        self._thread.start()

    def show(self, signal: Signal) -> None:
        """Begins this signal now, in place of whatever is shown, also if it is the same.

        Raises what the writer raises.
        """
        with self._changed:
            if self._closed:
                return
            self._pattern, self._began = PATTERNS[signal], self._clock()
            self._changed.notify_all()
            self._tick()

    def close(self) -> None:
        """Ends the thread; whoever owns the writer switches everything off after that."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(CLOSE_S)

    def _tick(self) -> float:
        """Writes what is on now. Seconds until that changes or is written again."""
        elapsed_ms = (self._clock() - self._began) // 1_000_000
        parts, left = at(self._pattern, elapsed_ms)
        self._write(parts)
        return LONGEST_WAIT_S if left is None else left / 1_000

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                seconds = LONGEST_WAIT_S
                with suppress(Unavailable):
                    seconds = self._tick()
                self._changed.wait(min(seconds, LONGEST_WAIT_S))
