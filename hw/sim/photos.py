"""Pictures of codes as a gate camera would take them, the same for the same seed.

For the demo, training, tests and the bench. Knows what makes a picture hard and what a QR code
looks like, never what is written in it.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum, auto
from typing import Any

import numpy as np
import segno
from numpy.typing import NDArray

from hw.errors import Refused
from hw.ports import Luma
from hw.sim.optics import Shot, develop, ground, lay

FRAME = (720, 1280)
"""Height and width of a gate picture, in pixels."""

MIN_SIDE_PX = 64
MAX_FRAME_PX = 16 * 1024 * 1024
"""Smallest side and most pixels that a picture may be asked for."""

WALLPAPER_MODULE_PX = 3
"""Size of a module in the wallpaper: as small as both engines still notice."""


class Condition(StrEnum):
    """What makes a picture hard. Each ranges from easy to hopeless, as in the public collections.

    PHONE is a screen too fine for the camera to see its pixels, MOIRE one whose pixels are about
    as large as the sensor's, GRID one whose pixels the camera resolves.
    """

    PLAIN = auto()
    SMALL = auto()
    ROTATED = auto()
    TILTED = auto()
    CURVED = auto()
    BLURRED = auto()
    MOVING = auto()
    FAINT = auto()
    NOISY = auto()
    GLARE = auto()
    SHADOW = auto()
    DAMAGED = auto()
    BORDERLESS = auto()
    PHONE = auto()
    MOIRE = auto()
    GRID = auto()


SCREENS = (Condition.PHONE, Condition.MOIRE, Condition.GRID)


def shot_of(condition: Condition, chance: random.Random) -> Shot:
    """A shot of this condition, with the amounts drawn from `chance`."""
    near = condition in (Condition.MOIRE, Condition.GRID)
    base = Shot(
        side=chance.uniform(0.55, 0.80) if near else chance.uniform(0.22, 0.45),
        rotation_degrees=chance.uniform(-12, 12),
        noise_levels=chance.uniform(1, 5),
    )
    return replace(base, **_amounts(condition, chance))


def _amounts(condition: Condition, chance: random.Random) -> dict[str, Any]:
    """The fields of `Shot` that this condition sets."""
    within = chance.uniform
    ranges: dict[Condition, Callable[[], dict[str, Any]]] = {
        Condition.PLAIN: dict,
        Condition.SMALL: lambda: {"side": within(0.10, 0.24)},
        Condition.ROTATED: lambda: {"rotation_degrees": within(-180, 180)},
        Condition.TILTED: lambda: {"tilt": within(0.1, 0.6)},
        Condition.CURVED: lambda: {"bend": within(0.005, 0.08)},
        Condition.BLURRED: lambda: {"blur_px": within(1, 4)},
        Condition.MOVING: lambda: {"motion_px": within(2, 14)},
        Condition.FAINT: lambda: {"black": 0.16, "white": within(0.17, 0.30)},
        Condition.NOISY: lambda: {"noise_levels": within(10, 60)},
        Condition.GLARE: lambda: {"glare": within(0.3, 3.0)},
        Condition.SHADOW: lambda: {"shadow": within(0.5, 0.97)},
        Condition.DAMAGED: lambda: {"stains": chance.randint(1, 12)},
        Condition.BORDERLESS: lambda: {"margin_modules": chance.randint(0, 1)},
        Condition.PHONE: lambda: {"dots": 20, "black": 0.01, "glare": within(0, 0.5)},
        Condition.MOIRE: lambda: {"dots": chance.randint(8, 11), "black": 0.01},
        Condition.GRID: lambda: {"dots": chance.randint(3, 4), "black": 0.01},
    }
    return ranges[condition]()


def photograph(payload: str, shot: Shot, *, seed: int, frame: tuple[int, int] = FRAME) -> Luma:
    """A picture of `payload` as a QR code with ECC M: uint8 [height, width].

    Same arguments, same bytes (with the same numpy). Raises `Refused` for an odd frame size.
    """
    noise, light = _scene(seed, frame)
    modules = modules_of(payload)
    sheet = shot.side * (1 + 2 * shot.margin_modules / modules.shape[0]) * frame[0]
    room = max(0.0, frame[0] - sheet)
    centre = (
        frame[1] * (0.5 + noise.uniform(-0.15, 0.15)),
        frame[0] / 2 + noise.uniform(-0.5, 0.5) * room,
    )
    lay(modules, shot, centre, light, noise)
    return develop(light, shot, centre, noise)


def photo_of(payload: str, condition: Condition, *, seed: int) -> Luma:
    """A picture of `payload` under `condition`, its amounts drawn by `seed`."""
    chance = random.Random(f"{condition}{seed}")  # noqa: S311 - a picture, not a secret
    return photograph(payload, shot_of(condition, chance), seed=seed)


def empty_scene(*, seed: int, frame_number: int = 0, frame: tuple[int, int] = FRAME) -> Luma:
    """What the camera sees when nobody is there; `frame_number` changes only the noise."""
    _, light = _scene(seed, frame)
    return develop(light, Shot(), (0, 0), np.random.default_rng((seed, frame_number)))


def wallpaper(*, seed: int, frame: tuple[int, int] = FRAME) -> Luma:
    """A hostile picture: nothing but finder patterns, which keep an engine busy for nothing."""
    finder = np.pad(np.pad(np.pad(np.ones((3, 3)), 1), 1, constant_values=1), (0, 1))
    rows, columns = (side // (8 * WALLPAPER_MODULE_PX) + 1 for side in frame)
    dark = np.tile(finder, (rows, columns)).astype(np.uint8)
    large = dark.repeat(WALLPAPER_MODULE_PX, axis=0).repeat(WALLPAPER_MODULE_PX, axis=1)
    noise = np.random.default_rng(seed).integers(0, 8, frame, np.uint8)
    return np.where(large[: frame[0], : frame[1]], noise, 255 - noise).astype(np.uint8)


def modules_of(payload: str) -> NDArray[np.bool_]:
    """The dark modules of the code, [n, n], without margin."""
    code = segno.make_qr(payload, error="m", boost_error=False)
    return np.array(tuple(code.matrix), dtype=np.uint8).astype(np.bool_)


def _scene(seed: int, frame: tuple[int, int]) -> tuple[np.random.Generator, NDArray[np.float32]]:
    if frame[0] * frame[1] > MAX_FRAME_PX or min(frame) < MIN_SIDE_PX:
        raise Refused(f"a picture of {frame[1]}x{frame[0]} is not one that a gate camera takes")
    noise = np.random.default_rng(seed)
    return noise, ground(noise, frame)
