"""A disk in a file that writes down what is done to it: a plugin of nbdkit, for power cuts.

    nbdkit -U SOCKET python image-build/workshop/recorder.py disk=FILE journal=FILE

Every write and every flush goes to the journal in the order it came, see journal.py; the file is
changed. The export `card` ends before the file's last block, `beside` is that block: what is told
there takes effect at once, so a flush of it says nothing of the card. Any other export is all.
Runs in the Python that nbdkit was built with, so it imports nothing of ours; knows no filesystem.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

import nbdkit  # type: ignore[import-not-found]  # exists inside nbdkit alone

API_VERSION = 2
_HEAD = struct.Struct("<cQI")  # as journal.HEAD, whose module is not importable here
_BESIDE_BYTES = 4_096  # as journal.ACK_BYTES


class _Disk:
    """What nbdkit serves. Owned by its one thread, see `thread_model`."""

    file = -1
    size = 0
    journal: BinaryIO

    def write_down(self, kind: bytes, at: int, data: bytes = b"") -> None:
        self.journal.write(_HEAD.pack(kind, at, len(data)) + data)
        if kind == b"F":
            self.journal.flush()


_disk = _Disk()


def config(key: str, value: str) -> None:
    if key == "disk":
        _disk.file = os.open(value, os.O_RDWR)
        _disk.size = os.fstat(_disk.file).st_size
    elif key == "journal":
        _disk.journal = Path(value).open("wb")  # noqa: SIM115 - open as long as nbdkit runs
    else:
        raise RuntimeError(f"recorder: unknown parameter {key}; use disk= and journal=")


def thread_model() -> int:
    return int(nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS)


def open(readonly: bool) -> tuple[int, int]:
    """The part of the disk that this connection has: where it begins, its size."""
    end = _disk.size - _BESIDE_BYTES
    parts = {"card": (0, end), "beside": (end, _BESIDE_BYTES)}
    return parts.get(nbdkit.export_name(), (0, _disk.size))


def close(_part: tuple[int, int]) -> None:
    _disk.journal.flush()


def get_size(part: tuple[int, int]) -> int:
    return part[1]


def can_write(_part: tuple[int, int]) -> bool:
    return True


def can_flush(_part: tuple[int, int]) -> bool:
    return True


def can_fua(_part: tuple[int, int]) -> int:
    return int(nbdkit.FUA_EMULATE)  # as a write and a flush, which the journal then holds


def pread(part: tuple[int, int], buffer: bytearray, offset: int, _flags: int) -> None:
    os.preadv(_disk.file, [buffer], part[0] + offset)


def pwrite(part: tuple[int, int], buffer: bytes, offset: int, _flags: int) -> None:
    data = bytes(buffer)
    os.pwrite(_disk.file, data, part[0] + offset)
    _disk.write_down(b"W", part[0] + offset, data)


def flush(part: tuple[int, int], _flags: int) -> None:
    if part[0] == 0:
        _disk.write_down(b"F", 0)
