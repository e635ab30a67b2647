"""What it costs on this machine to have another process work on a picture, with nothing of ours.

Two bare processes on one core: one copies a picture into shared memory and sends a word, the other
does a fixed piece of work on it, of about a millisecond, and answers. Against the same work here.
"""

import mmap
import os
import socket
import warnings

import numpy as np
from numpy.typing import NDArray

from appliance.bench.measure import least_ns, with_process

ROWS, COLUMNS = 720, 1280
LOOKS = 45


def ratio() -> float:
    """CPU time of both processes / of one: the cheapest look of each, taken in turns."""
    size = ROWS * COLUMNS
    plane = np.arange(size, dtype=np.uint32).astype(np.uint8).reshape(ROWS, COLUMNS)
    slot = np.frombuffer(mmap.mmap(-1, size), np.uint8).reshape(ROWS, COLUMNS)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: numpy's sleep
        pid = os.fork()
    if pid == 0:
        _serve(ours, theirs, slot)
    theirs.close()
    both_ns = with_process(pid)

    def through() -> None:
        np.copyto(slot, plane)
        ours.send(b".")
        ours.recv(1)

    def alone() -> None:
        _work(plane)

    try:
        through()
        looks = [
            (least_ns(through, both_ns, 1), least_ns(alone, both_ns, 1)) for _ in range(LOOKS)
        ]
    finally:
        ours.close()
        os.waitpid(pid, 0)
        os.sched_setaffinity(0, allowed)
    return min(both for both, _ in looks) / min(one for _, one in looks)


def _serve(ours: socket.socket, theirs: socket.socket, slot: NDArray[np.uint8]) -> None:
    """The other process's whole life."""
    try:
        ours.close()
        while theirs.recv(1):
            _work(slot)
            theirs.send(b".")
    finally:
        os._exit(0)


def _work(plane: NDArray[np.uint8]) -> int:
    return sum(int((plane[1:].astype(np.int16) - plane[:-1]).max()) for _ in range(3))
