"""A webcam's kernel side in memory: answers the ioctls that linuxpy's own code really makes.

linuxpy's Device, VideoCapture, buffer queue and ctypes structures run unchanged; replaced are
only fcntl.ioctl, the mapping of driver memory, and select. The device file is /dev/null: a real
character device that opens everywhere.
"""

import errno
import mmap
import select
import types
from collections import deque

import pytest
from linuxpy import io as linuxpy_io
from linuxpy import ioctl as linuxpy_ioctl
from linuxpy.video import device as video
from linuxpy.video import raw

DEVICE = "/dev/null"
MONOTONIC = raw.BufferFlag.TIMESTAMP_MONOTONIC
ERROR = raw.BufferFlag.ERROR


def fourcc(name):
    return raw.v4l2_fourcc(*name)


class Webcam:
    """`formats` maps a four-letter name to its highest rate (0: not told). `row_padding` bytes
    follow each row. `pictures` waits to be read; `refill` is asked for more when it is empty."""

    def __init__(self, formats=None, *, size=None, row_padding=0, capability=None):
        self.formats = {"YUYV": 30} if formats is None else formats
        self.fixed_size = size
        self.row_padding = row_padding
        self.capability = (
            raw.Capability.VIDEO_CAPTURE | raw.Capability.STREAMING
            if capability is None
            else capability
        )
        self.unplugged = False
        self.pictures = deque()
        self.refill = lambda: None
        self.history = []
        self.rate = None
        self.settled = None  # (width, height, fourcc), or what a stubborn driver insists on
        self._free = deque()
        self._memory = {}

    def install(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(linuxpy_ioctl, "fcntl", types.SimpleNamespace(ioctl=self.ioctl))
        monkeypatch.setattr(video, "mem_map", self.map)
        monkeypatch.setattr(
            linuxpy_io.IO, "select", types.SimpleNamespace(select=self.select, epoll=select.epoll)
        )
        return self

    def show(self, data, *, flags=MONOTONIC, ticks=0):
        self.pictures.append((bytes(data), flags, ticks))

    def select(self, readers, writers, other, timeout=None):
        assert timeout is not None, "an endless wait hangs on a webcam that stays silent"
        if timeout and not self.pictures:
            self.refill()
        return (readers if self.pictures or self.unplugged else []), [], []

    def map(self, fd, length, offset):
        return self._memory.setdefault(offset, mmap.mmap(-1, length))

    def ioctl(self, fd, request, arg):
        if self.unplugged:
            raise OSError(errno.ENODEV, "No such device")
        answer = getattr(self, "_" + raw.IOC(request).name.lower(), None)
        if answer is None:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        answer(arg)
        return 0

    def _querycap(self, arg):
        arg.driver, arg.card, arg.bus_info = b"standin", b"webcam", b"usb-1"
        arg.capabilities = arg.device_caps = self.capability

    def _enum_fmt(self, arg):
        names = list(self.formats)
        if arg.index >= len(names):
            raise OSError(errno.EINVAL, "Invalid argument")
        arg.pixelformat = fourcc(names[arg.index])
        arg.description = names[arg.index].encode()

    def _enum_frameintervals(self, arg):
        rates = {fourcc(name): rate for name, rate in self.formats.items()}
        rate = rates.get(arg.pixel_format, 0)
        if arg.index or not rate:
            raise OSError(errno.EINVAL, "Invalid argument")
        arg.type = raw.Frmivaltypes.DISCRETE
        arg.discrete.numerator, arg.discrete.denominator = 1, rate

    def _s_fmt(self, arg):
        width, height = self.fixed_size or (arg.fmt.pix.width, arg.fmt.pix.height)
        if self.settled is None:
            self.settled = (width, height, arg.fmt.pix.pixelformat)
        self.history.append("set_format")

    def _g_fmt(self, arg):
        width, height, code = self.settled
        pix = arg.fmt.pix
        pix.width, pix.height, pix.pixelformat = width, height, code
        pix.bytesperline = width * (2 if code == fourcc("YUYV") else 1) + self.row_padding
        pix.sizeimage = min(pix.bytesperline * height * 2, 1 << 30)

    def _s_parm(self, arg):
        per_frame = arg.parm.capture.timeperframe
        self.rate = per_frame.denominator / per_frame.numerator

    def _reqbufs(self, arg):
        self.history.append(f"buffers {arg.count}")

    def _querybuf(self, arg):
        shape = raw.v4l2_format()
        self._g_fmt(shape)
        arg.length = shape.fmt.pix.sizeimage
        arg.m.offset = arg.index * mmap.PAGESIZE * 4096

    def _qbuf(self, arg):
        assert arg.index not in self._free
        self._free.append(arg.index)

    def _dqbuf(self, arg):
        if not self.pictures:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        data, flags, ticks = self.pictures.popleft()
        arg.index = self._free.popleft()
        arg.bytesused, arg.flags = len(data), flags
        arg.timestamp.secs, arg.timestamp.usecs = ticks // 10**9, ticks % 10**9 // 1000
        self._memory[arg.index * mmap.PAGESIZE * 4096][: len(data)] = data

    def _streamon(self, arg):
        self.history.append("on")

    def _streamoff(self, arg):
        self.history.append("off")
