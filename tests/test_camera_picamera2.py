"""The Pi camera adapter over a stand-in with picamera2's documented signatures."""

import sys
from concurrent.futures import CancelledError

import numpy as np
import pytest
from standins.picamera2_standin import FIRST_TIMESTAMP, FRAME_NS, REUSED, Rig, scene

from hw.camera.picamera2 import Picamera2Camera, Picamera2Options
from hw.errors import Unavailable

SMALL = Picamera2Options(width=100, height=60, preview_width=50, preview_height=30)
OPENING = ["open 0", "configure", "start"]


def taken(number):
    return [f"capture {number}", f"map main {number}", f"map lores {number}", f"metadata {number}"]


def given_back(number):
    return [f"unmap lores {number}", f"unmap main {number}", f"release {number}"]


@pytest.fixture
def rig(monkeypatch):
    return Rig().install(monkeypatch)


def test_planes_are_views_of_the_drivers_rows_without_their_padding(rig):
    camera = Picamera2Camera(SMALL)
    frame = next(camera.frames())
    assert np.array_equal(frame.luma, scene(0, 100, 60))
    assert np.array_equal(frame.preview, scene(0, 50, 30))
    assert frame.luma.strides == (128, 1) and frame.preview.strides == (64, 1)
    assert not frame.luma.flags.owndata
    camera.close()


def test_every_request_is_given_back_exactly_once_before_the_next_is_asked_for(rig):
    camera = Picamera2Camera(SMALL)
    frames = camera.frames()
    for _ in range(3):
        next(frames)
    camera.close()
    camera.close()
    expected = [*OPENING]
    for number in range(3):
        expected += taken(number) + given_back(number)
    assert rig.history == [*expected, "close"]


def test_a_frame_is_overwritten_once_the_next_is_asked_for(rig):
    camera = Picamera2Camera(SMALL)
    frames = camera.frames()
    first = next(frames)
    next(frames)
    assert (first.luma == REUSED).all()
    camera.close()


def test_ticks_are_the_sensors_own_timestamps(rig):
    camera = Picamera2Camera(SMALL)
    frames = camera.frames()
    assert [next(frames).ticks for _ in range(3)] == [
        FIRST_TIMESTAMP + number * FRAME_NS for number in range(3)
    ]
    camera.close()


def test_a_driver_without_timestamps_still_gives_ticks(rig):
    rig.metadata = False
    camera = Picamera2Camera(SMALL)
    assert next(camera.frames()).ticks > 0
    camera.close()


def test_the_rate_caps_the_exposure_and_only_offered_controls_are_set(rig):
    rig.offered["AfMode"] = ()
    Picamera2Camera(Picamera2Options(fps=50)).close()
    assert rig.controls == {
        "FrameDurationLimits": (20_000, 20_000),
        "AeExposureMode": 1,
        "AfMode": 2,
    }


def test_a_machine_without_picamera2_is_told_which_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(Unavailable, match="apt install python3-picamera2"):
        Picamera2Camera(SMALL)


@pytest.mark.parametrize("error", [RuntimeError("no cameras"), IndexError("list index")])
def test_a_camera_that_is_not_there_is_unavailable(rig, error):
    rig.faults["open"] = error
    with pytest.raises(Unavailable, match="camera 0 does not open"):
        Picamera2Camera(SMALL)


@pytest.mark.parametrize("call", ["configure", "start"])
def test_a_camera_that_does_not_start_is_closed_again(rig, call):
    rig.faults[call] = RuntimeError("Failed to acquire camera: Device or resource busy")
    with pytest.raises(Unavailable, match=r"does not start.*busy"):
        Picamera2Camera(SMALL)
    assert rig.history == [*OPENING[: OPENING.index(call) + 1], "close"]


@pytest.mark.parametrize(
    "error", [TimeoutError(), RuntimeError("Dequeue timer expired"), CancelledError()]
)
def test_a_camera_that_vanishes_is_unavailable_and_can_still_be_closed(rig, error):
    camera = Picamera2Camera(SMALL)
    frames = camera.frames()
    next(frames)
    rig.faults["capture"] = error
    for _ in range(2):
        with pytest.raises(Unavailable, match="check its cable"):
            next(frames)
    camera.close()
    expected = [*OPENING, *taken(0), *given_back(0), "capture 1", "cancel", "close"]
    assert rig.history == expected


def test_a_request_that_cannot_be_mapped_is_given_back(rig):
    camera = Picamera2Camera(SMALL)
    rig.faults["map"] = RuntimeError("failed to lock-sync-write dma buf")
    with pytest.raises(Unavailable):
        next(camera.frames())
    camera.close()
    expected = [*OPENING, "capture 0", "map main 0", "release 0", "cancel", "close"]
    assert rig.history == expected


def test_a_camera_whose_close_fails_is_closed_all_the_same(rig):
    camera = Picamera2Camera(SMALL)
    rig.faults["close"] = RuntimeError("Unable to stop preview.")
    camera.close()
    assert list(camera.frames()) == []
