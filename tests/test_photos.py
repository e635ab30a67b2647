"""The simulated camera's pictures."""

import random

import numpy as np
import pytest

from hw.codes import Scanner
from hw.errors import Refused
from hw.sim.camera import SimCamera
from hw.sim.optics import Shot
from hw.sim.photos import (
    FRAME,
    Condition,
    empty_scene,
    modules_of,
    photo_of,
    photograph,
    shot_of,
    wallpaper,
)

PAYLOAD = "YP1:7K9%2ABF.QQ0"


@pytest.mark.long
def test_the_same_seed_gives_the_same_picture_and_another_seed_another():
    one, again, other = (photo_of(PAYLOAD, Condition.GRID, seed=seed) for seed in (1, 1, 2))

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.long
@pytest.mark.parametrize("condition", Condition)
def test_every_condition_makes_a_grey_frame_that_is_sometimes_read(condition):
    scanner = Scanner(("zxing",))
    planes = [photo_of(PAYLOAD, condition, seed=seed) for seed in range(4)]

    assert {(plane.shape, plane.dtype) for plane in planes} == {(FRAME, np.dtype(np.uint8))}
    assert any(scanner.read(plane) == [PAYLOAD.encode()] for plane in planes)


@pytest.mark.parametrize("condition", Condition)
def test_every_condition_draws_its_amounts_from_the_chance_it_is_given(condition):
    shots = [shot_of(condition, random.Random(seed)) for seed in (1, 1, 2)]

    assert shots[0] == shots[1] != shots[2]


def test_the_code_has_the_side_that_the_shot_asks_for():
    plane = photograph(PAYLOAD, Shot(side=0.5, noise_levels=0, blur_px=0), seed=1)
    paper = plane > 220
    rows = np.flatnonzero(paper.sum(axis=1) > 100)
    count = modules_of(PAYLOAD).shape[0]

    assert np.ptp(rows) == pytest.approx(0.5 * 720 * (count + 8) / count, abs=3)


def test_a_screen_shows_its_pixels_where_paper_is_even():
    paper = photograph(PAYLOAD, Shot(side=0.6, noise_levels=0), seed=1)
    screen = photograph(PAYLOAD, Shot(side=0.6, noise_levels=0, dots=6), seed=1)
    white = paper == np.uint8(255 * 0.8 ** (1 / 2.2))

    assert white.sum() > 50_000
    assert screen[white].std() > 20


@pytest.mark.long
def test_empty_scenes_and_wallpaper_hold_no_code():
    planes = [empty_scene(seed=1), empty_scene(seed=2, frame_number=3), wallpaper(seed=1)]

    assert [Scanner().read(plane) for plane in planes] == [[], [], []]
    assert not np.array_equal(empty_scene(seed=1), empty_scene(seed=1, frame_number=1))


def test_a_picture_may_have_another_size_but_not_any():
    assert photograph(PAYLOAD, Shot(), seed=1, frame=(480, 640)).shape == (480, 640)
    for frame in [(10, 640), (5000, 5000)]:
        with pytest.raises(Refused, match="not one that a gate camera takes"):
            photograph(PAYLOAD, Shot(), seed=1, frame=frame)


def test_the_simulated_camera_records_what_was_asked_of_it():
    plane = np.zeros((4, 4), np.uint8)
    camera = SimCamera([plane, OSError("gone")], first_ticks=9)
    frames = camera.frames()

    assert next(frames).ticks == 9
    for source in (frames, camera.frames()):
        with pytest.raises(OSError, match="gone"):
            next(source)
    camera.close()
    assert list(camera.frames()) == []
    assert camera.history == [
        "frames",
        "picture 0",
        "error 1",
        "frames",
        "error 1",
        "close",
        "frames",
    ]
