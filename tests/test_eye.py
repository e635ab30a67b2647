"""The eye, on the simulated camera and with real decoders."""

import os
import signal
import sys
import threading

import numpy as np
import pytest

from hw.codes import Effort, Losses, Scanner
from hw.decoder import DecoderChild
from hw.errors import Unavailable
from hw.eye import EFFORTS, Eye, EyeCounts, Sighting
from hw.sim.camera import FRAME_TICKS, SimCamera
from hw.sim.optics import Shot
from hw.sim.photos import photograph

ONE = photograph("YP1:ONE", Shot(side=0.4), seed=1)
TWO = photograph("YP1:TWO", Shot(side=0.4), seed=2)
EMPTY = np.full((720, 1280), 128, np.uint8)


class Everything:
    """A gate that wants every frame."""

    def wants(self, frame: object) -> bool:
        return True


class SlowDecoder:
    """Holds every read until the camera has played out; records what it was shown, and how."""

    losses = Losses()

    def __init__(self, camera: SimCamera) -> None:
        self._camera = camera
        self.seen: list[tuple[int, Effort]] = []
        self.closed = 0

    def read(self, y_plane, effort=Effort.ALL):
        assert self._camera.played.wait(30)
        self.seen.append((int(y_plane[0, 0]), effort))
        return []

    def close(self) -> None:
        self.closed += 1


def test_every_frame_of_a_finite_source_is_looked_at_in_order():
    camera = SimCamera([ONE, EMPTY, ONE, TWO], first_ticks=1000)
    with Eye(camera, Scanner()) as eye:
        seen = list(eye.sightings())

        assert seen == [
            Sighting(b"YP1:ONE", 1000),
            None,
            Sighting(b"YP1:ONE", 1000 + 2 * FRAME_TICKS),
            Sighting(b"YP1:TWO", 1000 + 3 * FRAME_TICKS),
        ]
        assert eye.counts() == EyeCounts(frames=4, looked=4, decoded=3)
    assert camera.history == ["frames", *(f"picture {n}" for n in range(4)), "close"]


def test_a_frame_with_two_codes_gives_two_sightings_of_the_same_moment():
    camera = SimCamera([np.hstack([ONE, TWO])], first_ticks=5)
    with Eye(camera, Scanner()) as eye:
        seen = list(eye.sightings())

    assert sorted(seen, key=lambda each: each.payload) == [
        Sighting(b"YP1:ONE", 5),
        Sighting(b"YP1:TWO", 5),
    ]


def test_a_live_camera_is_read_through_the_real_child():
    camera = SimCamera([ONE], live=True)
    with Eye(camera, DecoderChild(), idle_seconds=5) as eye:
        assert next(eye.sightings()) == Sighting(b"YP1:ONE", 0)


def test_while_a_decode_is_slow_only_the_newest_frame_is_kept():
    planes = [np.full((90, 160), shade, np.uint8) for shade in range(0, 250, 10)]
    camera = SimCamera(planes, live=True)
    decoder = SlowDecoder(camera)
    with Eye(camera, decoder, Everything(), idle_seconds=0.05) as eye:
        sightings = eye.sightings()
        for _ in range(4):
            assert next(sightings) is None

        shown = [shade for shade, _ in decoder.seen]
        assert shown[-1] == 240
        assert len(shown) <= 2
        assert eye.counts().frames == len(planes)
    assert decoder.closed == 1


def test_misses_are_looked_at_harder_in_turn():
    class Lockstep(SlowDecoder):
        """Lets the camera go on when it has seen a picture."""

        def read(self, y_plane, effort=Effort.ALL):
            self.seen.append((int(y_plane[0, 0]), effort))
            step.release()
            return []

    class StepCamera(SimCamera):
        def frames(self):
            for frame in super().frames():
                yield frame
                assert step.acquire(timeout=30)

    step = threading.Semaphore(0)
    camera = StepCamera([EMPTY] * 9, live=True)
    decoder = Lockstep(camera)
    with Eye(camera, decoder, Everything()) as eye:
        sightings = eye.sightings()
        while len(decoder.seen) < 9:
            next(sightings)

    assert [effort for _, effort in decoder.seen] == [*EFFORTS, EFFORTS[0]]


def test_a_consumer_of_a_quiet_live_camera_gets_control_again():
    camera = SimCamera([], live=True)
    with Eye(camera, Scanner(), idle_seconds=0.001, stall_seconds=60) as eye:
        sightings = eye.sightings()

        assert [next(sightings) for _ in range(3)] == [None, None, None]


def test_a_live_camera_without_any_frame_becomes_unavailable():
    camera = SimCamera([], live=True)
    with (
        Eye(camera, Scanner(), idle_seconds=0.001, stall_seconds=0.005) as eye,
        pytest.raises(Unavailable, match="no picture for"),
    ):
        list(eye.sightings())


def test_a_failure_of_a_live_camera_reaches_the_consumer_as_unavailable():
    camera = SimCamera([ONE, RuntimeError("cable")], live=True)
    with Eye(camera, Scanner(), idle_seconds=5) as eye:
        for _ in range(2):  # asking again after that fails again
            with pytest.raises(Unavailable, match="cable"):
                list(eye.sightings())


def test_a_failure_of_a_finite_camera_reaches_the_consumer_unchanged():
    gone = Unavailable("the folder is gone; insert the stick")
    with Eye(SimCamera([ONE, gone]), Scanner()) as eye:
        sightings = eye.sightings()

        assert next(sightings) == Sighting(b"YP1:ONE", 0)
        with pytest.raises(Unavailable, match="insert the stick"):
            next(sightings)


def test_closing_the_eye_ends_its_thread_and_what_it_was_given():
    camera = SimCamera([EMPTY], live=True)
    decoder = DecoderChild()
    eye = Eye(camera, decoder, idle_seconds=5)
    sightings = eye.sightings()
    next(sightings)

    eye.close()
    eye.close()

    assert list(sightings) == []
    assert "yardpass-pump" not in [thread.name for thread in threading.enumerate()]
    assert camera.history[-1] == "close"
    assert decoder.pid is None


def test_a_decoder_killed_on_the_way_is_counted_and_the_sightings_go_on():
    decoder = DecoderChild(deadline_seconds=0.1)
    with Eye(SimCamera([EMPTY, ONE, TWO]), decoder) as eye:
        sightings = eye.sightings()
        os.kill(decoder.pid, signal.SIGSTOP)

        seen = [next(sightings), next(sightings)]

        assert seen == [None, Sighting(b"YP1:ONE", FRAME_TICKS)]
        assert eye.counts() == EyeCounts(frames=2, looked=2, decoded=1, killed=1, respawned=1)


@pytest.mark.long
def test_a_camera_that_hangs_is_not_read_by_a_second_thread():
    camera = SimCamera([EMPTY], live=True)
    with Eye(camera, Scanner(), idle_seconds=5) as eye:
        first = eye.sightings()
        next(first)
        first.close()

        with pytest.raises(Unavailable, match="hangs"):
            next(eye.sightings())


def test_asking_again_waits_for_the_pump_that_is_on_its_way_out():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    said = []
    try:
        for _ in range(60):
            camera = SimCamera([ONE, RuntimeError("cable")], live=True)
            with Eye(camera, Scanner(("zxing",)), idle_seconds=5) as eye:
                for _ in range(2):
                    with pytest.raises(Unavailable) as caught:
                        list(eye.sightings())
                    said.append(str(caught.value))
    finally:
        sys.setswitchinterval(before)

    assert set(said) == {"the camera failed: cable"}
