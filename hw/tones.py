"""Tones in place of clips: the beeps of `patterns.py`, each signal at its own pitch."""

import io
import math
import struct
import wave
from collections.abc import Mapping

from hw.patterns import PATTERNS, Step
from hw.ports import Signal

RATE = 16_000  # samples a second
HERTZ: Mapping[Signal, int] = {
    Signal.GREEN: 1_320,
    Signal.YELLOW: 880,
    Signal.RED: 330,
    Signal.GREY: 550,
    Signal.ALARM: 1_000,
}
"""Higher is better news; a fifth or more between those that ask for different things."""
_LOUDNESS = 0.6  # of full scale
_EDGE_S = 0.005  # seconds of rise and fall, against clicks


def tone(signal: Signal) -> bytes:
    """A WAV file of this signal's beeps; empty for a signal without."""
    if signal not in HERTZ:
        return b""
    samples = b"".join(_samples(step, HERTZ[signal]) for step in PATTERNS[signal].beeps)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples)
    return file.getvalue()


def _samples(step: Step, hertz: int) -> bytes:
    count = step.ms * RATE // 1_000
    if not step.parts:
        return bytes(2 * count)
    values = (
        round(32_767 * _LOUDNESS * _edge(index, count) * math.sin(math.tau * hertz * index / RATE))
        for index in range(count)
    )
    return struct.pack(f"<{count}h", *values)


def _edge(index: int, count: int) -> float:
    return min(1.0, index / (_EDGE_S * RATE), (count - index) / (_EDGE_S * RATE))
