"""The part of picamera2 that Yardpass calls, over memory, with every event on record.

Signatures as in raspberrypi/picamera2: picamera2/picamera2.py (Picamera2.__init__,
create_video_configuration, configure, stream_configuration, start, capture_request,
cancel_all_and_flush, close) and picamera2/request.py (CompletedRequest, MappedArray).
A released buffer is overwritten, as the sensor would do, so a view kept too long shows.
"""

import mmap
import sys
import types

import numpy as np
import pytest

STRIDE_STEP = 64
PADDING = 0xEE
REUSED = 0xDD
FIRST_TIMESTAMP = 7_000_000_000
FRAME_NS = 20_000_000


def scene(number, width, height):
    """The luma plane that picture `number` of the stand-in shows."""
    return ((np.arange(height)[:, None] * 3 + np.arange(width) + number) % 200).astype(np.uint8)


class Rig:
    """What happened, and what shall happen. `faults` maps a call to the exception it raises."""

    def __init__(self):
        self.history = []
        self.controls = {}
        self.offered = {"FrameDurationLimits": (), "AeExposureMode": (), "ExposureTime": ()}
        self.faults = {}
        self.metadata = True
        self.format = None

    def note(self, event):
        self.history.append(event)
        name = event.split()[0]
        if name in self.faults:
            raise self.faults[name]

    def install(self, monkeypatch: pytest.MonkeyPatch):
        rig = self

        class Picamera2(_Picamera2):
            def __init__(self, camera_num=0, verbose_console=None, tuning=None, allocator=None):
                super().__init__(rig, camera_num)

        module = types.ModuleType("picamera2")
        module.Picamera2 = Picamera2
        module.MappedArray = MappedArray
        monkeypatch.setitem(sys.modules, "picamera2", module)
        return self


class _Picamera2:
    def __init__(self, rig, camera_num):
        self._rig = rig
        rig.note(f"open {camera_num}")
        self._config = None
        self._count = 0

    @property
    def camera_controls(self):
        return self._rig.offered

    def create_video_configuration(  # noqa: PLR0917 - the library's own signature
        self,
        main={},  # noqa: B006 - the library's own signature
        lores=None,
        raw={},  # noqa: B006 - the library's own signature
        transform=None,
        colour_space=None,
        buffer_count=6,
        controls={},  # noqa: B006 - the library's own signature
        display="main",
        encode="main",
        queue=True,
    ):
        return {"main": dict(main), "lores": dict(lores), "controls": dict(controls)} | {
            "buffer_count": buffer_count,
            "display": display,
            "encode": encode,
            "queue": queue,
        }

    def configure(self, camera_config=None):
        self._rig.note("configure")
        for name in camera_config["controls"]:
            if name not in self._rig.offered:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        self._rig.controls = camera_config["controls"]
        for stream in (camera_config["main"], camera_config["lores"]):
            width, height = stream["size"]
            stream["stride"] = (width // STRIDE_STEP + 1) * STRIDE_STEP
            stream["framesize"] = stream["stride"] * height * 3 // 2
        self._config = camera_config

    def stream_configuration(self, name="main"):
        return self._config[name]

    def start(self, config=None, show_preview=False):
        self._rig.note("start")

    def capture_request(self, wait=None, signal_function=None, flush=None):
        assert not isinstance(wait, bool) and wait > 0, "an endless wait hangs on a pulled cable"
        self._rig.note(f"capture {self._count}")
        self._count += 1
        return CompletedRequest(self._rig, self._config, self._count - 1)

    def cancel_all_and_flush(self):
        self._rig.note("cancel")

    def close(self):
        self._rig.note("close")


class CompletedRequest:
    def __init__(self, rig, config, number):
        self._rig, self.config, self._number = rig, config, number
        self._references = 1
        self.buffers = {name: self._filled(config[name]) for name in ("main", "lores")}

    def _filled(self, stream):
        (width, height), stride = stream["size"], stream["stride"]
        memory = mmap.mmap(-1, stream["framesize"])
        plane = np.frombuffer(memory, np.uint8)
        plane[:] = PADDING
        plane[: stride * height].reshape(height, stride)[:, :width] = scene(
            self._number, width, height
        )
        return memory

    def get_metadata(self):
        self._rig.note(f"metadata {self._number}")
        stamp = {"SensorTimestamp": FIRST_TIMESTAMP + self._number * FRAME_NS}
        return stamp if self._rig.metadata else {}

    def release(self):
        self._references -= 1
        if self._references < 0:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        self._rig.note(f"release {self._number}")
        for memory in self.buffers.values():
            np.frombuffer(memory, np.uint8)[:] = REUSED

    def note(self, event, stream):
        self._rig.note(f"{event} {stream} {self._number}")


class MappedArray:
    def __init__(self, request, stream, reshape=True, write=True):
        assert not write, "a picture is only looked at"
        self._request, self._stream, self._reshape = request, stream, reshape
        self.array = None

    def __enter__(self):
        self._request.note("map", self._stream)
        self.array = np.frombuffer(self._request.buffers[self._stream], np.uint8)
        if self._reshape:
            stream = self._request.config[self._stream]
            self.array = self.array.reshape(stream["size"][1] * 3 // 2, stream["stride"])
        return self

    def __exit__(self, exc_type, exc_value, exc_traceback):
        del self.array
        self._request.note("unmap", self._stream)
