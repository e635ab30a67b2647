"""One camera model: from a sheet of paper or a lit screen to the grey levels of a sensor.

Every sensor pixel averages several rays, each followed back onto the sheet, whose screen pixels
have red, green and blue stripes; what lens and sensor add (blur, movement, glare, shadow, noise)
comes after. Light is linear, 0..1. Knows nothing of codes but a grid of dark modules.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hw.ports import Luma

RAYS = 3
"""Rays a sensor pixel averages, on each axis."""

GAMMA = 2.2
"""Exponent between light and the grey levels that a camera stores."""

STRIPE_LIGHT = (0.30, 0.59, 0.11)
"""Share of a white screen pixel's luma that its red, green and blue stripes give (Rec. 601)."""

STRIPE_FILL = 0.86
ROW_FILL = 0.82
"""Lit part of a stripe's width, and of a screen pixel's height. The rest is black matrix."""

THINGS = 30
"""Rectangles (bricks, bars, signs) in the background."""

SHADOW_EDGE_PX = 20
"""Width over which a shadow fades in."""

Plane = NDArray[np.float32]
Rays = NDArray[np.float64]
Point = tuple[float, float]
"""x, y on the sensor, in pixels."""

Stain = tuple[float, float, float, float]
"""x, y and radius in modules, and its light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """How one picture is taken. Lengths are in sensor pixels unless named, shares are 0..1.

    `side` is the code's side (without margin) as a share of the frame's height; `tilt` is how much
    smaller the far edge appears, `bend` how far the sheet bulges as a share of its side. `dots` of
    a screen is how many of its own pixels a side it draws a module with; paper has 0. `black` and
    `white` are the light of ink and ground. `stains` counts marks of ink or of ground on the code,
    `shadow` is the light that something in front of half the sheet takes away.
    """

    side: float = 0.45
    rotation_degrees: float = 0.0
    tilt: float = 0.0
    bend: float = 0.0
    dots: int = 0
    margin_modules: int = 4
    black: float = 0.06
    white: float = 0.80
    stains: int = 0
    shadow: float = 0.0
    glare: float = 0.0
    blur_px: float = 0.6
    motion_px: float = 0.0
    noise_levels: float = 2.0


def ground(noise: np.random.Generator, frame: tuple[int, int]) -> Plane:
    """What is behind the code: a wall with patches and edged things, lit from one side."""
    height, width = frame
    patches = Image.fromarray(noise.uniform(0.05, 0.35, (9, 16)).astype(np.float32))
    wall = np.array(patches.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    for _ in range(THINGS):
        top, left = int(noise.integers(height)), int(noise.integers(width))
        tall, wide = (int(size) for size in noise.geometric(0.012, 2))
        wall[top : top + tall, left : left + wide] *= np.float32(noise.uniform(0.4, 1.6))
    return wall * np.linspace(0.7, 1.3, width, dtype=np.float32)


def lay(
    modules: NDArray[np.bool_],
    shot: Shot,
    centre: Point,
    light: Plane,
    noise: np.random.Generator,
) -> None:
    """Puts paper or screen with its middle at `centre` into `light`, in place."""
    height, width = light.shape
    count = modules.shape[0]
    corners = _corners(shot.side * height / 2, centre, shot)
    to_sheet = _homography(corners, count)
    sheet = Sheet(np.pad(modules, shot.margin_modules), shot, _stains(count, shot, noise))
    box = _sheet_box(to_sheet, sheet, (height, width))
    rows, columns = slice(box[0], box[1]), slice(box[2], box[3])
    seen, cover = _trace(sheet, to_sheet, box)
    light[rows, columns] = light[rows, columns] * (1 - cover) + seen


def _corners(half: float, centre: Point, shot: Shot) -> Plane:
    """Where the code's corners fall on the sensor, [4, 2] as x, y, clockwise from top left."""
    far, top = half * (1 - shot.tilt), half * (shot.tilt / 2 - 1)
    square = np.array([(-far, top), (far, top), (half, half), (-half, half)], np.float32)
    angle = math.radians(shot.rotation_degrees)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    corners: Plane = (square @ turn + np.array(centre)).astype(np.float32)
    return corners


def _homography(corners: Plane, count: int) -> NDArray[np.float64]:
    """The 3x3 matrix that takes a sensor point to modules; solves the four corner pairs."""
    sheet = ((0, 0), (count, 0), (count, count), (0, count))
    system, right = [], []
    for (x, y), (u, v) in zip(corners.tolist(), sheet, strict=True):
        system += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        right += [u, v]
    solution = np.linalg.solve(
        np.array(system, dtype=np.float64), np.array(right, dtype=np.float64)
    )
    return np.append(solution, 1.0).reshape(3, 3)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the rays meet: dark modules with their margin, how they are shown, and the stains.

    Sheet coordinates are modules, 0 at the code's corner, negative on the margin.
    """

    dark: NDArray[np.bool_]
    shot: Shot
    stains: list[Stain]

    def light(self, u: Rays, v: Rays) -> tuple[Plane, NDArray[np.bool_]]:
        """Light that leaves the sheet at u, v, and whether the sheet is there at all."""
        margin, count = self.shot.margin_modules, self.dark.shape[0]
        middle = count / 2 - margin
        v = v + self.shot.bend * count * (((u - middle) / count) ** 2 * 4 - 0.5)
        column, row = np.floor(u).astype(np.int32) + margin, np.floor(v).astype(np.int32) + margin
        here = (column >= 0) & (column < count) & (row >= 0) & (row < count)
        dark = self.dark[np.clip(row, 0, count - 1), np.clip(column, 0, count - 1)]
        light = np.where(dark, self.shot.black, self.shot.white).astype(np.float32)
        if self.shot.dots:
            light *= _screen(u * self.shot.dots, v * self.shot.dots)
        for x, y, radius, shade in self.stains:
            light[(u - x) ** 2 + (v - y) ** 2 < radius**2] = shade
        return light, here


def _stains(count: int, shot: Shot, noise: np.random.Generator) -> list[Stain]:
    """Round marks on the code: x, y, radius in modules, and their light."""
    return [
        (
            noise.uniform(0, count),
            noise.uniform(0, count),
            noise.uniform(0.02, 0.08) * count,
            noise.choice((shot.black, shot.white)),
        )
        for _ in range(shot.stains)
    ]


def _sheet_box(
    to_sheet: NDArray[np.float64], sheet: Sheet, frame: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Rows and columns of the frame that the sheet, margin and bulge included, can touch."""
    shot, count = sheet.shot, sheet.dark.shape[0]
    low = -shot.margin_modules - shot.bend * count / 2
    high = count - shot.margin_modules + shot.bend * count / 2
    square = np.array([(low, low, 1), (high, low, 1), (high, high, 1), (low, high, 1)]).T
    x, y, scale = np.linalg.inv(to_sheet) @ square
    x, y = x / scale, y / scale
    top, left = max(0, math.floor(y.min())), max(0, math.floor(x.min()))
    return top, min(frame[0], math.ceil(y.max())), left, min(frame[1], math.ceil(x.max()))


def _trace(
    sheet: Sheet, to_sheet: NDArray[np.float64], box: tuple[int, int, int, int]
) -> tuple[Plane, Plane]:
    """Light that the sheet sends to each pixel of `box`, and the share of the pixel it covers."""
    top, bottom, left, right = box
    seen = np.zeros((bottom - top, right - left), np.float32)
    cover = np.zeros_like(seen)
    for ray in range(RAYS * RAYS):
        x = np.arange(left, right) + (ray % RAYS + 0.5) / RAYS
        y = (np.arange(top, bottom) + (ray // RAYS + 0.5) / RAYS)[:, None]
        u, v, scale = (row[0] * x + row[1] * y + row[2] for row in to_sheet)
        light, here = sheet.light(u / scale, v / scale)
        seen += light * here
        cover += here
    return seen / np.float32(RAYS**2), cover / np.float32(RAYS**2)


def _screen(x: Rays, y: Rays) -> Plane:
    """How much brighter than their mean a white screen's points are, in screen pixels x, y."""
    stripe, across = np.divmod(x % 1 * 3, 1)
    lit = (np.abs(across - 0.5) < STRIPE_FILL / 2) & (np.abs(y % 1 - 0.5) < ROW_FILL / 2)
    share = np.array(STRIPE_LIGHT, np.float32)[np.minimum(stripe.astype(np.int8), 2)]
    peak: Plane = np.where(lit, share * np.float32(3 / (STRIPE_FILL * ROW_FILL)), 0)
    return peak.astype(np.float32)


def develop(light: Plane, shot: Shot, centre: Point, noise: np.random.Generator) -> Luma:
    """Light on the sensor to grey levels: glare, lens, movement, exposure curve, noise."""
    if shot.glare:
        light = light + _beam(shot, centre, noise, light.shape)
    if shot.shadow:
        light = light * _shade(shot, centre, noise, light.shape)
    light = _smeared(_blurred(light, shot.blur_px), round(shot.motion_px), int(noise.integers(4)))
    grey = np.clip(light, 0, 1) ** np.float32(1 / GAMMA) * 255
    grey += noise.standard_normal(grey.shape, np.float32) * np.float32(shot.noise_levels)
    levels: Luma = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    return levels


def _beam(shot: Shot, centre: Point, noise: np.random.Generator, frame: tuple[int, ...]) -> Plane:
    """Light of a lamp mirrored somewhere on the code."""
    y, x = np.ogrid[: frame[0], : frame[1]]
    left, top = np.array(centre) + noise.uniform(-0.5, 0.5, 2) * shot.side * frame[0]
    spread = (shot.side * frame[0] * 0.3) ** 2
    beam: Rays = shot.glare * np.exp(-((x - left) ** 2 + (y - top) ** 2) / spread)
    return beam.astype(np.float32)


def _shade(shot: Shot, centre: Point, noise: np.random.Generator, frame: tuple[int, ...]) -> Plane:
    """Share of the light that is left, with an edge across the code."""
    y, x = np.ogrid[: frame[0], : frame[1]]
    angle, reach = noise.uniform(0, 2 * math.pi), noise.uniform(-0.1, 0.1) * frame[0]
    side = (x - centre[0]) * math.cos(angle) + (y - centre[1]) * math.sin(angle) + reach
    left: Rays = 1 - shot.shadow * np.clip(side / SHADOW_EDGE_PX + 0.5, 0, 1)
    return left.astype(np.float32)


def _blurred(light: Plane, sigma_px: float) -> Plane:
    """Gaussian blur, edges repeated."""
    reach = math.ceil(2.5 * sigma_px)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma_px, 0.01)) ** 2)
    for axis in (0, 1):
        light = _shifted_sum(light, (taps / taps.sum()).tolist(), (1 - axis, axis))
    return light


def _smeared(light: Plane, length_px: int, direction: int) -> Plane:
    """Even movement over `length_px` in one of four directions."""
    if length_px < 2:
        return light
    step = ((0, 1), (1, 0), (1, 1), (1, -1))[direction]
    return _shifted_sum(light, [1 / length_px] * length_px, step)


def _shifted_sum(light: Plane, taps: list[float], step: tuple[int, int]) -> Plane:
    """Sum of `light` moved along `step`, one tap after the other, edges repeated."""
    height, width = light.shape
    pad = len(taps) // 2
    padded = np.pad(light, pad, mode="edge")
    total = np.zeros_like(light)
    for index, tap in enumerate(taps):
        top, left = (pad + (index - pad) * move for move in step)
        total += np.float32(tap) * padded[top : top + height, left : left + width]
    return total
