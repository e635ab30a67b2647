"""From a camera's frames to sightings of payloads: the newest frame wins, nothing queues.

For a live camera one thread, the pump, takes every frame, asks the motion gate and keeps at most
one picture for the consumer. A finite source is looked at frame by frame, without gate or thread.
Knows nothing of what a payload means.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self

from hw.codes import Decoder, Effort
from hw.errors import Unavailable
from hw.motion import MotionGate
from hw.ports import Camera, Frame

IDLE_SECONDS = 0.2
"""Longest time the consumer is kept waiting for a picture before it gets a None."""

STALL_SECONDS = 10.0
"""Time without any frame after which a live camera counts as gone."""

JOIN_SECONDS = 5.0
"""Time the pump may take to leave the camera when the eye closes."""

EFFORTS = (*(Effort.QUICK, Effort.HALF) * 3, Effort.QUICK, Effort.ALL)
"""How hard to look at a live picture, by the number of misses since the last sighting."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One payload, 1..1,024 bytes, and when the sensor took the picture that shows it."""

    payload: bytes
    ticks: int


@dataclass(frozen=True, slots=True)
class EyeCounts:
    """Frames taken, pictures looked at, payloads seen; decoding processes killed, respawned."""

    frames: int = 0
    looked: int = 0
    decoded: int = 0
    killed: int = 0
    respawned: int = 0


class Gate(Protocol):
    """Says which frames are worth a look; see `motion.MotionGate`."""

    def wants(self, frame: Frame) -> bool: ...


class Eye:
    """Looks through one camera with one decoder. One thread uses it, and closes it.

    Closing the eye closes the camera and the decoder it was given.
    """

    def __init__(
        self,
        camera: Camera,
        decoder: Decoder,
        motion: Gate | None = None,
        *,
        idle_seconds: float = IDLE_SECONDS,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._camera = camera
        self._decoder = decoder
        self._motion = motion or MotionGate()
        self._idle_seconds = idle_seconds
        self._stall_seconds = stall_seconds
        self._pump: _Pump | None = None
        self._frames = self._looked = self._decoded = 0  # the consumer's

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sightings(self) -> Iterator[Sighting | None]:
        """Every payload seen, and None after each look that saw none.

        A live camera also gives None when no picture was worth a look for `idle_seconds`, so the
        consumer is never kept longer than that and one decode. The same code is sighted again in
        every picture that shows it. Ends with a finite source, or when the eye is closed. Raises
        `Unavailable` when the camera fails or gives no frame for `stall_seconds`.
        """
        return self._live() if self._camera.live else self._each()

    def counts(self) -> EyeCounts:
        lost = self._decoder.losses
        frames = self._frames + (self._pump.frames if self._pump else 0)
        return EyeCounts(frames, self._looked, self._decoded, lost.killed, lost.respawned)

    def close(self) -> None:
        """Ends the pump, the camera and the decoder; a running `sightings` ends too."""
        if self._pump:
            self._pump.stop()
        self._camera.close()
        if self._pump:
            self._pump.thread.join(JOIN_SECONDS)
        self._decoder.close()

    def _each(self) -> Iterator[Sighting | None]:
        for frame in self._camera.frames():
            self._frames += 1
            yield from self._look(frame, Effort.ALL)

    def _live(self) -> Iterator[Sighting | None]:
        if self._pump:
            self._pump.thread.join(self._idle_seconds)  # it may still be on its way out
            if self._pump.thread.is_alive():
                raise Unavailable("the camera hangs in its last picture; restart the terminal")
            self._frames += self._pump.frames
        pump = self._pump = _Pump(self._camera, self._motion)
        pump.thread.start()
        misses = 0
        try:
            while not pump.has_ended():
                frame = pump.take(self._idle_seconds, self._stall_seconds)
                if frame is None:
                    yield None
                    continue
                decoded = self._decoded
                yield from self._look(frame, EFFORTS[misses % len(EFFORTS)])
                misses = 0 if self._decoded > decoded else misses + 1
        finally:
            pump.stop()

    def _look(self, frame: Frame, effort: Effort) -> Iterator[Sighting | None]:
        payloads = self._decoder.read(frame.luma, effort)
        self._looked += 1
        self._decoded += len(payloads)
        if not payloads:
            yield None
        for payload in payloads:
            yield Sighting(payload, frame.ticks)


class _Pump:
    """The only reader of a live camera; holds the newest wanted frame, older ones are lost."""

    def __init__(self, camera: Camera, motion: Gate) -> None:
        self.frames = 0  # the pump's
        self.thread = threading.Thread(target=self._run, name="yardpass-pump", daemon=True)
        self._camera = camera
        self._motion = motion
        self._changed = threading.Condition()  # guards the four below
        self._newest: Frame | None = None
        self._error: Exception | None = None
        self._ended = False
        self._stopped = False
        self._seen = 0  # the consumer's, as is the next
        self._still_seconds = 0.0

    def stop(self) -> None:
        """Makes the pump leave the camera after the frame it waits for."""
        with self._changed:
            self._stopped = self._ended = True
            self._changed.notify_all()

    def has_ended(self) -> bool:
        """Nothing more will come, and nothing is left to say."""
        with self._changed:
            return self._stopped or (self._ended and not self._newest and not self._error)

    def take(self, idle_seconds: float, stall_seconds: float) -> Frame | None:
        """The newest wanted frame, once; None after `idle_seconds` without one.

        Raises `Unavailable` when the camera failed, or gave no frame at all for `stall_seconds`.
        """
        with self._changed:
            self._changed.wait_for(self._has_news, idle_seconds)
            frame, self._newest = self._newest, None
            if frame is None and self._error is not None:
                error, self._error = self._error, None
                raise Unavailable(f"the camera failed: {error}") from error
        if self.frames != self._seen:
            self._seen, self._still_seconds = self.frames, 0.0
        elif frame is None:
            self._still_seconds += idle_seconds
        if self._still_seconds >= stall_seconds:
            raise Unavailable(f"no picture for {stall_seconds} s; check the camera's cable")
        return frame

    def _has_news(self) -> bool:
        return self._newest is not None or self._error is not None or self._ended

    def _run(self) -> None:
        try:
            for frame in self._camera.frames():
                if self._stopped:
                    break
                self.frames += 1
                if self._motion.wants(frame):
                    self._keep(replace(frame, luma=frame.luma.copy(), preview=None))
        except Exception as error:  # noqa: BLE001 - outermost loop of the thread; raised by `take`
            with self._changed:
                self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _keep(self, frame: Frame) -> None:
        with self._changed:
            self._newest = frame
            self._changed.notify_all()
