"""The real Picamera2 on libcamera's virtual camera, where no Pi is. Takes the place of its class.

Three things differ from a Pi's camera. It has no raw stream. Its pictures have two planes, so the
buffers must be libcamera's own. It gives a picture as soon as it has a buffer, so it is slowed.
"""

import mmap
import time
from typing import Any

from picamera2.allocators import LibcameraAllocator
from picamera2.picamera2 import Picamera2 as RealPicamera2

PAUSE_SECONDS = 0.4
"""Between two looks for finished pictures; up to four, one a buffer, are finished by then."""


class Picamera2(RealPicamera2):  # type: ignore[misc]  # picamera2 has no types
    """As the product makes it: by the number of the camera alone."""

    def __init__(self, camera_num: int = 0) -> None:
        super().__init__(camera_num, allocator=_Buffers())
        self.allocator.camera = self.camera  # open by now; buffers are made later

    def _get_raw_modes(self) -> list[dict[str, Any]]:
        return [{"format": "NV12", "size": (1280, 720)}]

    def process_requests(self, display: Any) -> Any:
        time.sleep(PAUSE_SECONDS)
        return super().process_requests(display)


class _Buffers(LibcameraAllocator):  # type: ignore[misc]  # libcamera has no types
    """Mapped once and for good, as those of a Pi are: a picture's owner may look at it until the
    next one comes."""

    needs_sync = False

    def __init__(self) -> None:
        super().__init__(None)
        self.sync = _Mapped
        self._maps: dict[int, mmap.mmap] = {}

    def map_of(self, buffer: Any) -> mmap.mmap:
        """All planes of a buffer, which lie behind each other in one file."""
        number = buffer.planes[0].fd
        if number not in self._maps:
            length = max(plane.offset + plane.length for plane in buffer.planes)
            self._maps[number] = mmap.mmap(number, length, mmap.MAP_SHARED, mmap.PROT_READ)
        return self._maps[number]


class _Mapped:
    """What Picamera2 calls a sync: holds a buffer while somebody looks."""

    def __init__(self, allocator: _Buffers, buffer: Any, write: bool) -> None:
        self._map = allocator.map_of(buffer)

    def __enter__(self) -> mmap.mmap:
        return self._map

    def __exit__(self, *_: object) -> None:
        pass
