"""The Pi's own camera through picamera2. Knows no code, and no frame rate but its own.

Names and signatures: raspberrypi/picamera2, picamera2/picamera2.py and picamera2/request.py.
One `capture_request` per picture (two calls would halve the rate, issue 950), planes mapped and
never copied (copying is the cost, issue 914).
"""

import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from hw.errors import Unavailable
from hw.ports import Frame, Luma

BUFFERS = 4
"""Buffers of each stream: one held by the caller, one waiting for it, two being filled."""
WAIT_S = 3.0
"""Seconds without a picture after which the camera counts as gone."""

_FAULTS = (RuntimeError, OSError, ValueError, LookupError, BufferError, CancelledError)
"""What picamera2 and libcamera raise for a camera that is missing, busy or unplugged."""
_STREAMS = ("main", "lores")


@dataclass(frozen=True, slots=True)
class Picamera2Options:
    """How the Pi's camera is run. No exposure is longer than one frame, so `fps` caps blur."""

    camera: int = field(default=0, metadata={"least": 0, "most": 3})  # index, Pi cameras first
    width: int = field(default=1280, metadata={"least": 64, "most": 4608})  # px, even
    height: int = field(default=720, metadata={"least": 64, "most": 2592})  # px, even
    preview_width: int = field(default=640, metadata={"least": 32, "most": 1920})  # px, even
    preview_height: int = field(default=360, metadata={"least": 32, "most": 1080})  # px, even
    fps: int = field(default=50, metadata={"least": 1, "most": 120})  # pictures a second


class Picamera2Camera:
    """Hands out views of the driver's own buffers: luma of main, preview of lores, rows strided.

    A frame is valid until the next one is asked for or the camera is closed; its request goes
    back to the driver at that moment. `ticks` is when the sensor began the picture.
    """

    live = True

    def __init__(self, options: Picamera2Options) -> None:
        try:
            import picamera2
        except (ImportError, ValueError) as error:  # ValueError: numpy of another build
            raise Unavailable(
                f"picamera2 cannot be loaded ({error}); on the Pi run 'sudo apt install "
                "python3-picamera2' and make the venv with --system-site-packages"
            ) from error
        self._mapped = picamera2.MappedArray
        self._held = ExitStack()
        self._gone = ""
        self._closed = False
        try:
            self._camera: Any = picamera2.Picamera2(options.camera)
        except _FAULTS as error:
            raise self._lost(f"camera {options.camera} does not open ({error})") from error
        try:
            self._camera.configure(self._configuration(options))
            self._camera.start()
            self._streams = {name: self._camera.stream_configuration(name) for name in _STREAMS}
        except _FAULTS as error:
            self.close()
            raise self._lost(f"camera {options.camera} does not start ({error})") from error

    def frames(self) -> Iterator[Frame]:
        return iter(self._next, None)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with suppress(*_FAULTS):  # a camera that is gone cannot be closed any better
            self._held.close()
        with suppress(*_FAULTS):
            self._camera.close()

    def _configuration(self, options: Picamera2Options) -> Any:
        wanted = {
            "FrameDurationLimits": (1_000_000 // options.fps,) * 2,  # us; shortest and longest
            "AeExposureMode": 1,  # Short: gain before exposure time
            "AfMode": 2,  # Continuous
            "AfRange": 2,  # Full: a phone is held at arm's length or nearer
        }
        offered = self._camera.camera_controls
        return self._camera.create_video_configuration(
            main={"size": (options.width, options.height), "format": "YUV420"},
            lores={"size": (options.preview_width, options.preview_height), "format": "YUV420"},
            buffer_count=BUFFERS,
            controls={name: value for name, value in wanted.items() if name in offered},
            display=None,
            encode=None,
        )

    def _next(self) -> Frame | None:
        if self._closed:
            return None
        if self._gone:
            raise self._lost(self._gone)
        try:
            self._held.close()
            request = self._camera.capture_request(wait=WAIT_S)
            self._held.callback(request.release)
            luma, preview = (self._luma(request, name) for name in _STREAMS)
            ticks = request.get_metadata().get("SensorTimestamp", time.monotonic_ns())
        except _FAULTS as error:
            self._gone = f"the camera gives no pictures ({type(error).__name__}: {error})"
            with suppress(*_FAULTS):
                self._held.close()
            with suppress(*_FAULTS):
                self._camera.cancel_all_and_flush()  # or closing would wait for the lost picture
            raise self._lost(self._gone) from error
        return Frame(luma, ticks, preview)

    def _luma(self, request: Any, name: str) -> Luma:
        """The Y plane of one stream, uint8 [height, width]; the buffer begins with it."""
        stream = self._streams[name]
        (width, height), stride = stream["size"], stream["stride"]
        mapped = self._held.enter_context(self._mapped(request, name, reshape=False, write=False))
        plane: Luma = mapped.array[: stride * height].reshape(height, stride)[:, :width]
        return plane

    @staticmethod
    def _lost(what: str) -> Unavailable:
        return Unavailable(f"{what}; check its cable and 'rpicam-hello --list-cameras'")
