"""A disk in memory that writes down what is done to it: a plugin of nbdkit, for power-cuts.

    nbdkit -U SOCKET python image-build/workshop/recorder.py image=BASE journal=FILE

Every write and every flush goes to the journal in the order it came, see journal.py. Runs in the
Python that nbdkit was built with, so it imports nothing of ours; knows no filesystem.
"""

import struct
from pathlib import Path
from typing import BinaryIO

import nbdkit  # type: ignore[import-not-found]  # exists inside nbdkit alone

API_VERSION = 2
_HEAD = struct.Struct("<cQI")  # as journal.HEAD, whose module is not importable here


class _Disk:
    """What nbdkit serves. Owned by its one thread, see `thread_model`."""

    data = bytearray()
    journal: BinaryIO

    def write_down(self, kind: bytes, at: int, data: bytes = b"") -> None:
        self.journal.write(_HEAD.pack(kind, at, len(data)) + data)
        if kind == b"F":
            self.journal.flush()


_disk = _Disk()


def config(key: str, value: str) -> None:
    if key == "image":
        _disk.data = bytearray(Path(value).read_bytes())
    elif key == "journal":
        _disk.journal = Path(value).open("wb")  # noqa: SIM115 - open as long as nbdkit runs
    else:
        raise RuntimeError(f"recorder: unknown parameter {key}; use image= and journal=")


def thread_model() -> int:
    return int(nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS)


def open(readonly: bool) -> int:
    return 1


def close(_handle: int) -> None:
    _disk.journal.flush()


def get_size(_handle: int) -> int:
    return len(_disk.data)


def can_write(_handle: int) -> bool:
    return True


def can_flush(_handle: int) -> bool:
    return True


def can_fua(_handle: int) -> int:
    return int(nbdkit.FUA_EMULATE)  # as a write and a flush, which the journal then holds


def pread(_handle: int, buffer: bytearray, offset: int, _flags: int) -> None:
    buffer[:] = _disk.data[offset : offset + len(buffer)]


def pwrite(_handle: int, buffer: bytes, offset: int, _flags: int) -> None:
    data = bytes(buffer)
    _disk.data[offset : offset + len(data)] = data
    _disk.write_down(b"W", offset, data)


def flush(_handle: int, _flags: int) -> None:
    _disk.write_down(b"F", 0)
