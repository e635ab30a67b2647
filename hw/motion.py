"""Whether a picture is worth a decoder's time: it differs from the last, or it is its turn.

A pure decision over frames; knows no camera, no decoder and no clock.
"""

import numpy as np
from numpy.typing import NDArray

from hw.ports import Frame

COLUMNS = 80
"""About how many columns are compared; rows at the same step."""

CHANGE_LEVELS = 1.0
"""Mean difference above the sensor's noise, in grey levels, from which something moves."""

MAX_NOISE_LEVELS = 12.0
NOISE_RISE_LEVELS = 0.02
"""Most difference that can pass for noise, and how much a frame may add to that."""

IDLE_TURN = 5
"""One in so many pictures is wanted even if nothing moves: a phone held still must be read."""


class MotionGate:
    """Compares each frame with the one before. One thread may use it.

    Takes the camera's small copy if the frame has one, else every n-th pixel of the large one.
    What the calmest recent pictures differ by is noise: a dark night does not count as movement.
    """

    def __init__(
        self, *, change_levels: float = CHANGE_LEVELS, idle_turn: int = IDLE_TURN
    ) -> None:
        self._change_levels = change_levels
        self._idle_turn = idle_turn
        self._last: NDArray[np.uint8] = np.empty((0, 0), np.uint8)
        self._noise_levels = MAX_NOISE_LEVELS
        self._unwanted = 0

    def wants(self, frame: Frame) -> bool:
        """Whether to look at `frame`. Call it once for every frame, in order."""
        plane = frame.luma if frame.preview is None else frame.preview
        step = max(1, plane.shape[1] // COLUMNS)
        now = plane[::step, ::step].copy()
        last, self._last = self._last, now
        wanted = last.shape != now.shape or self._has_moved(now, last)
        if wanted or self._unwanted + 1 >= self._idle_turn:
            self._unwanted = 0
            return True
        self._unwanted += 1
        return False

    def _has_moved(self, now: NDArray[np.uint8], last: NDArray[np.uint8]) -> bool:
        """Mean of |now - last|, without leaving bytes, against what noise alone would give."""
        difference = float((np.maximum(now, last) - np.minimum(now, last)).mean())
        risen = min(self._noise_levels + NOISE_RISE_LEVELS, MAX_NOISE_LEVELS)
        self._noise_levels = min(difference, risen)
        return difference >= self._noise_levels + self._change_levels
