"""A USB webcam through Video4Linux2 and linuxpy. Knows no code.

Formats whose luma can be taken as it lies come first; MJPEG goes through the same caps as a
picture file. Formats: docs.kernel.org, userspace-api/media/v4l/pixfmt.html.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hw.camera.files import MAX_PIXELS, luma_of
from hw.errors import Refused, Unavailable
from hw.ports import Frame, Luma

BUFFERS = 4
"""Buffers shared with the driver; it stops filling them when nobody reads."""
WAIT_S = 3.0
"""Seconds without a picture after which the webcam counts as gone."""
MAX_DAMAGED = 30
"""Damaged pictures in a row after which the webcam counts as gone."""

_PLAIN = {"GREY": 1, "NV12": 1, "YU12": 1, "YUYV": 2}
"""Formats that begin with rows of luma, best first, and the bytes from one luma to the next."""
_COMPRESSED = "MJPG"


@dataclass(frozen=True, slots=True)
class V4l2Options:
    """Which webcam, and what is asked of it; the nearest it can do is taken."""

    device: str = "/dev/video0"  # path of the device file
    width: int = field(default=1280, metadata={"least": 64, "most": 4608})  # px
    height: int = field(default=720, metadata={"least": 64, "most": 2592})  # px
    fps: int = field(default=30, metadata={"least": 1, "most": 120})  # pictures a second


class V4l2Camera:
    """The newest picture the webcam has. Frames are copies and stay valid.

    `damaged` counts the pictures that were skipped because the webcam cut or spoilt them.
    """

    live = True

    def __init__(self, options: V4l2Options) -> None:
        try:
            from linuxpy.video import device as video
        except ImportError as error:
            raise Unavailable(
                f"linuxpy cannot be loaded ({error}); run pip install 'yardpass[webcam]'"
            ) from error
        if not Path(options.device).is_char_device():
            raise self._lost(f"{options.device!r} is no video device")
        self.damaged = 0
        self._video = video
        self._gone = ""
        self._closed = False
        self._device = video.Device(options.device)
        self._capture = video.VideoCapture(self._device, size=BUFFERS)
        try:
            self._device.open()
            self._layout = self._agreed(options)
            self._capture.open()
        except Unavailable:
            self.close()
            raise
        except (OSError, ValueError, video.V4L2Error) as error:
            self.close()
            raise self._lost(f"{options.device!r} cannot be used ({error})") from error

    def frames(self) -> Iterator[Frame]:
        return iter(self._next, None)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with suppress(OSError, ValueError):  # an unplugged webcam answers nothing any more
            self._capture.close()
        with suppress(OSError, ValueError):
            if self._capture.buffer is not None:
                self._capture.disarm()
        with suppress(OSError):
            self._device.close()

    def _agreed(self, options: V4l2Options) -> Any:
        """Settle format, size and rate with the driver; linuxpy's Format of what came out."""
        size = (options.width, options.height)
        kind = self._video.BufferType.VIDEO_CAPTURE
        if self._video.Capability.VIDEO_CAPTURE not in self._device.info.device_capabilities:
            raise self._lost(f"{options.device!r} takes no pictures")
        offered = {
            entry.pixel_format.human_str(): self._rate(entry.pixel_format, size)
            for entry in self._device.info.buffer_formats(kind)
        }
        name = choose(offered, options.fps)
        if name is None:
            raise self._lost(f"{options.device!r} offers only {', '.join(offered) or 'nothing'}")
        self._capture.set_format(*size, name)
        with suppress(OSError):  # a driver without a choice of rates says so by an error
            self._capture.set_fps(options.fps)
        layout = self._capture.get_format()
        settled = layout.pixel_format.human_str()
        if settled not in {*_PLAIN, _COMPRESSED} or not _bounded(layout):
            raise self._lost(
                f"{options.device!r} insists on {layout.width} x {layout.height} {settled}"
            )
        return layout

    def _rate(self, pixel_format: Any, size: tuple[int, int]) -> float:
        """The highest rate of a format at this size, 0 when the driver does not say."""
        steps = self._device.info.fps_intervals(pixel_format, *size)
        return max((float(max(step.min_fps, step.max_fps)) for step in steps), default=0.0)

    def _next(self) -> Frame | None:
        if self._closed:
            return None
        if self._gone:
            raise self._lost(self._gone)
        try:
            for _ in range(MAX_DAMAGED):
                taken = self._newest()
                if taken is None:
                    self._gone = f"the webcam gave no picture for {WAIT_S} s"
                    raise self._lost(self._gone)
                luma = self._luma(taken)
                if luma is not None:
                    return Frame(luma, self._ticks(taken))
                self.damaged += 1
            self._gone = f"the webcam gave {MAX_DAMAGED} damaged pictures in a row"
            raise self._lost(self._gone)
        except Unavailable:
            raise
        except (OSError, ValueError, self._video.V4L2Error) as error:
            self._gone = f"the webcam is gone ({error})"
            raise self._lost(self._gone) from error

    def _newest(self) -> Any:
        """The last picture waiting, or the next to come; None after WAIT_S without one."""
        read = self._capture.buffer.frame_reader.read
        taken = read(WAIT_S)
        for _ in range(BUFFERS):
            newer = read(0) if taken is not None else None
            if newer is None:
                break
            taken = newer
        return taken

    def _luma(self, taken: Any) -> Luma | None:
        """Luma of linuxpy's Frame, uint8 [height, width]; None for a damaged picture."""
        if self._video.BufferFlag.ERROR in taken.flags:
            return None
        name = self._layout.pixel_format.human_str()
        if name == _COMPRESSED:
            try:
                return luma_of(bytes(taken.data), "webcam picture", formats=("JPEG",))
            except Refused:
                return None
        width, height, step = self._layout.width, self._layout.height, _PLAIN[name]
        row = max(self._layout.bytes_per_line, width * step)
        if len(taken.data) < row * height:
            return None
        rows = np.frombuffer(taken.data, np.uint8, row * height).reshape(height, row)
        return (
            rows[:, :width] if step == 1 else np.ascontiguousarray(rows[:, : width * step : step])
        )

    def _ticks(self, taken: Any) -> int:
        """When the driver says the picture was taken, on the clock of `ticks`."""
        flag = self._video.BufferFlag
        if taken.flags & flag.TIMESTAMP_MASK != flag.TIMESTAMP_MONOTONIC:
            return time.monotonic_ns()
        stamp = taken.buff.timestamp
        return int(stamp.secs) * 1_000_000_000 + int(stamp.usecs) * 1_000

    @staticmethod
    def _lost(what: str) -> Unavailable:
        return Unavailable(f"{what}; plug it in again and look at 'ls -l /dev/video*'")


def choose(offered: Mapping[str, float], fps: int) -> str | None:
    """The format to ask for, of those `offered` with their highest rates (0: unknown).

    Plain luma at the wanted rate, else MJPEG, else slower plain luma; None when nothing fits.
    Most webcams give YUYV at 1280 x 720 only 10 times a second, MJPEG 30 times.
    """
    plain = [name for name in _PLAIN if name in offered]
    quick = [name for name in plain if not 0 < offered[name] < fps - 1]
    compressed = [_COMPRESSED] if _COMPRESSED in offered else []
    return next(iter(quick + compressed + plain), None)


def _bounded(layout: Any) -> bool:
    return bool(layout.width > 0 and 0 < layout.height <= MAX_PIXELS // layout.width)
