"""How good a picture is for reading codes: how bright, how sharp. Knows no camera."""

from typing import NamedTuple

import numpy as np

from hw.ports import Luma

LOOKED_AT = 640  # pixels across; larger pictures are thinned out to about that
DARK, BRIGHT = 8, 247  # levels of 255 that hold no detail


class Quality(NamedTuple):
    """Pixels across and down; the mean level, 0 to 255; the shares of pixels that are black and
    white; the variance of the Laplacian, which falls with blur, and is 0 for a plain wall."""

    width: int
    height: int
    mean: float
    dark: float
    bright: float
    sharpness: float


def quality_of(luma: Luma) -> Quality:
    """Of one picture, in some milliseconds."""
    height, width = luma.shape
    step = max(1, width // LOOKED_AT)
    small = luma[::step, ::step].astype(np.int32)
    inner = small[1:-1, 1:-1]
    beside = small[:-2, 1:-1] + small[2:, 1:-1] + small[1:-1, :-2] + small[1:-1, 2:]
    edges = beside - 4 * inner
    return Quality(
        width,
        height,
        float(small.mean()),
        float((small <= DARK).mean()),
        float((small >= BRIGHT).mean()),
        float(edges.var()) if edges.size else 0.0,
    )
