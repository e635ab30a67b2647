"""The machine that floors of decisions were set on, and how far another one is from it."""

import statistics
from collections.abc import Sequence

from appliance.bench.measure import Work, interleaved_ratio, piece_of_python

PIECES_THERE = 0.079
"""Verifications a piece of Python took where floors were set: 1.33 for C; at 0.110 up to 1.50."""
NEAR_PIECES, FLOOR, FAR_FLOOR = 0.115, 1.35, 1.55
"""Where a piece takes more than the first, what is carried over is too much by the store's part,
which is no Python: 1.40 to 1.44 at 0.121 to 0.128. There the last is the floor."""


def pieces(verifies: Sequence[Work], look: Work, runs: int) -> float:
    """Verifications that a piece of Python takes here; `look` is what a gate does before each."""
    pairs = [(piece_of_python, verify) for verify in verifies]
    return statistics.median(interleaved_ratio(pairs, runs=runs, prepare=look))


def floor_at(pieces_here: float) -> float:
    """The floor of a decision on a machine where a piece of Python takes so many verifications."""
    return FLOOR if pieces_here <= NEAR_PIECES else FAR_FLOOR
