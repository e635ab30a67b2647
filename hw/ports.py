"""The shapes every device is seen through. A driver promises what its port's docstring says.

Time in this package is `ticks`: nanoseconds of the monotonic clock, never the time of day.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
"""A grey picture, uint8, shape [height, width]. Rows may be strided, never columns."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: the luma plane, when the sensor took it, a small copy if there is one."""

    luma: Luma = field(repr=False)
    ticks: int
    preview: Luma | None = field(default=None, repr=False)


class Camera(Protocol):
    """Yields pictures until it is closed or, for a finite source, until it is used up.

    `live` says whether an unread picture loses its worth when a newer one exists. A frame is
    valid until the next one is asked for. Raises `Unavailable` when the device is gone;
    asking again after that raises `Unavailable` again. A single picture that cannot be used
    raises `Refused`, and the next ask goes on behind it. `close` may be called twice.
    """

    live: bool

    def frames(self) -> Iterator[Frame]: ...
    def close(self) -> None: ...


class Relay(Protocol):
    """One contact that opens one gate. Off when made, off when closed, off whenever in doubt.

    `pulse` energises for `milliseconds` (1..MAX_PULSE_MS) and returns when the contact is
    released again, also when it is interrupted. Raises `Unavailable` when the pin cannot be
    driven, `Refused` for a length out of range. There is no way to leave it on.
    """

    def pulse(self, milliseconds: int) -> None: ...
    def close(self) -> None: ...


MAX_PULSE_MS = 5_000
"""Longest pulse any relay driver accepts, in milliseconds."""
