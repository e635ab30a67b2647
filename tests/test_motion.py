"""The motion gate, on scenes of the simulated camera."""

import numpy as np

from hw.motion import IDLE_TURN, MotionGate
from hw.ports import Frame
from hw.sim.optics import Shot
from hw.sim.photos import empty_scene, photograph


def frame_of(plane: np.ndarray, preview: np.ndarray | None = None) -> Frame:
    return Frame(plane, 0, preview)


def idle(count: int, seed: int = 1) -> list[Frame]:
    return [frame_of(empty_scene(seed=seed, frame_number=number)) for number in range(count)]


def test_the_first_frame_is_wanted_and_of_an_idle_scene_every_fifth_after_it():
    gate = MotionGate()

    wanted = [gate.wants(frame) for frame in idle(16)]

    assert wanted == [number % IDLE_TURN == 0 for number in range(16)]


def test_a_small_code_that_appears_and_one_that_disappears_are_wanted_at_once():
    gate = MotionGate()
    still = idle(4, seed=3)
    held = frame_of(photograph("YP1:SMALL", Shot(side=0.18), seed=3))
    for frame in still[:2]:
        gate.wants(frame)

    assert [gate.wants(frame) for frame in (held, held, still[3])] == [True, False, True]


def test_the_noise_of_a_dark_night_is_no_movement_but_a_phone_in_it_is():
    noise = np.random.default_rng(1)
    night = [noise.normal(30, 9, (720, 1280)).clip(0, 255).astype(np.uint8) for _ in range(10)]
    phone = night[9].copy()
    phone[200:500, 500:660] = 200
    gate = MotionGate()

    wanted = [gate.wants(frame_of(plane)) for plane in [*night, phone]]

    assert wanted == [number % IDLE_TURN == 0 for number in range(10)] + [True]


def test_a_scene_that_never_stops_moving_stays_wanted():
    gate = MotionGate()
    noise = np.random.default_rng(2)
    planes = [noise.integers(0, 256, (90, 160), np.uint8) for _ in range(50)]

    assert all(gate.wants(frame_of(plane)) for plane in planes * 20)


def test_the_camera_s_small_copy_is_compared_where_there_is_one():
    gate = MotionGate()
    calm, other = np.zeros((360, 640), np.uint8), np.full((360, 640), 90, np.uint8)
    loud = iter(np.random.default_rng(3).integers(0, 256, (4, 72, 128), np.uint8))
    previews = [calm, calm, calm, other]

    wanted = [gate.wants(frame_of(next(loud), preview)) for preview in previews]

    assert wanted == [True, False, False, True]


def test_a_frame_of_another_shape_is_wanted():
    gate = MotionGate()

    wanted = [gate.wants(frame_of(np.zeros(shape, np.uint8))) for shape in [(90, 160), (120, 160)]]

    assert wanted == [True, True]


def test_the_gate_keeps_no_part_of_a_frame_that_the_camera_takes_back():
    gate = MotionGate()
    plane = np.zeros((90, 160), np.uint8)
    gate.wants(frame_of(plane))
    plane[:] = 255

    assert gate.wants(frame_of(plane))
