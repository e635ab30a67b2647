"""The decoder that may crash: starts a process that looks, and outlives it.

Decoders have had memory bugs, and a crafted picture can keep them busy: the process is locked
down, sees pictures only in shared memory that it cannot write, and is killed when it is late or
what it says is out of bounds. Knows no camera and nothing of what a payload means.
"""

import fcntl
import mmap
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from hw.codes import ENGINES, MAX_PICTURE_PX, Effort, Losses, checked, checked_engines
from hw.decoder_child import MAX_REASON_BYTES, MAX_REPLY_BYTES, READY, REQUEST, parse_reply
from hw.errors import Refused, Unavailable
from hw.ports import Luma

DEADLINE_SECONDS = 1.0
"""What one picture may take, wall time: about ten times a 720p picture at `Effort.ALL` on a PC."""

START_SECONDS = 20.0
"""What a child may take from start to ready; a cold SD card is slow."""

REAP_SECONDS = 5.0
"""What the kernel may take to end a killed child."""

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
"""Pause before a child that crashed twice in a row is replaced; doubles up to the longest."""

F_SEAL_FUTURE_WRITE: Final = 0x0010  # linux/fcntl.h

CHILD = (
    "import sys; sys.path.append(sys.argv[1]); from hw import decoder_child;"
    "decoder_child.run(sys.argv[2:])"
)
"""Isolated Python ignores PYTHONPATH: the folder that holds `hw` is its first argument."""

KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH")
CHILD_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
}
"""One thread, and memory that is kept between pictures: giving it back each time cost a fifth."""


@dataclass(slots=True)
class _Child:
    """A started process and the parent's end of its channel."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    ready: bool = False

    def end(self) -> None:
        """Kills this one process and collects it."""
        self.channel.close()
        self.process.kill()
        try:
            self.process.wait(REAP_SECONDS)
        except subprocess.TimeoutExpired as error:
            stuck = f"the decoding process {self.process.pid} cannot be killed"
            raise Unavailable(f"{stuck}; restart the terminal") from error


class DecoderChild:
    """A `Decoder` whose engines run in a locked child process. One thread may use it.

    A picture that makes the child late, wrong or dead is lost and counted in `losses`, never
    tried again; `read` returns nothing for it and a new child is started meanwhile. Children that
    crash one after the other are replaced after a growing pause, during which `read` skips. The
    child also ends with the thread that made it. Raises `Unavailable` when no child can start.
    """

    def __init__(
        self,
        engines: Iterable[str] = ENGINES,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        start_seconds: float = START_SECONDS,
        ticks: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.losses = Losses()
        self._engines = checked_engines(engines)
        self._deadline_seconds = deadline_seconds
        self._start_seconds = start_seconds
        self._ticks = ticks
        self._sequence = 0
        self._failures_in_a_row = 0
        self._next_start = ticks()
        self._starts = 0
        self._child: _Child | None = None
        self._closed = False
        self._slot_file, self._slot = _sealed_slot()
        try:
            self._ready_child()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id, if one is started."""
        return self._child.process.pid if self._child else None

    def read(self, y_plane: Luma, effort: Effort = Effort.ALL) -> list[bytes]:
        """What `Scanner.read` returns, or nothing if the child does not survive the picture."""
        luma = checked(y_plane)
        child = self._ready_child()
        if child is None:
            self.losses.skipped += 1
            return []
        np.copyto(np.frombuffer(self._slot, np.uint8, luma.size).reshape(luma.shape), luma)
        try:
            payloads = self._asked(child, luma.shape, effort)
        except TimeoutError:  # the deadline was pause enough
            self.losses.late += 1
        except Refused:
            self.losses.malformed += 1
            self._pause()
        except OSError:
            self.losses.crashed += 1
            self._pause()
        else:
            self._failures_in_a_row = 0
            return payloads
        self._drop()
        self._start_unless_paused()
        return []

    def close(self) -> None:
        """Ends the child and gives the memory back."""
        self._closed = True
        self._drop()
        if not self._slot.closed:
            self._slot.close()
            os.close(self._slot_file)

    def _asked(self, child: _Child, shape: tuple[int, ...], effort: Effort) -> list[bytes]:
        self._sequence = (self._sequence + 1) % 2**32
        child.channel.send(REQUEST.pack(self._sequence, *shape, effort))
        message = child.channel.recv(MAX_REPLY_BYTES + 1)
        if not message:
            raise ConnectionResetError("the decoding process ended")
        return parse_reply(message, self._sequence)

    def _ready_child(self) -> _Child | None:
        """A child that can be asked; none while a pause lasts."""
        if self._closed:
            raise Unavailable("the decoder is closed; make a new one")
        if self._child is None:
            self._start_unless_paused()
        if self._child is not None and not self._child.ready:
            self._await(self._child)
        return self._child

    def _spawned(self) -> _Child:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        passed = (theirs.fileno(), self._slot_file)
        numbers = [str(number) for number in (*passed, os.getpid())]
        root = str(Path(__file__).resolve().parent.parent)
        kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        try:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
                [sys.executable, "-I", "-c", CHILD, root, *numbers, *self._engines],
                pass_fds=passed,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # zbar reports failed assertions there
                env=kept | CHILD_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise Unavailable(
                f"no decoding process can be started ({error}); free memory"
            ) from error
        finally:
            theirs.close()
        return _Child(process, ours)

    def _await(self, child: _Child) -> None:
        try:
            child.channel.settimeout(self._start_seconds)
            said = child.channel.recv(MAX_REASON_BYTES)
        except TimeoutError:
            said = f"it was not ready after {self._start_seconds} s".encode()
        except OSError as error:
            said = str(error).encode()
        if said == READY:
            child.channel.settimeout(self._deadline_seconds)
            child.ready = True
            return
        self._drop()
        self._pause()
        reason = said.decode("ascii", "replace") or f"it ended with {child.process.returncode}"
        shown = "".join(letter if letter.isprintable() else "?" for letter in reason)
        advice = "it needs memory and a kernel with seccomp"
        raise Unavailable(f"the decoding process cannot start: {shown}; {advice}")

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _pause(self) -> None:
        """Nothing after a first failure, then a little, doubling."""
        self._failures_in_a_row += 1
        doublings = min(self._failures_in_a_row - 2, 16)
        seconds = min(FIRST_PAUSE_SECONDS * 2**doublings, LONGEST_PAUSE_SECONDS)
        self._next_start = self._ticks() + (round(seconds * 1e9) if doublings >= 0 else 0)

    def _start_unless_paused(self) -> None:
        if self._ticks() >= self._next_start:
            self._child = self._spawned()
            self.losses.respawned = self._starts
            self._starts += 1


def _sealed_slot() -> tuple[int, mmap.mmap]:
    """Shared memory for one picture that only this process can write, and nobody can resize."""
    try:
        file = os.memfd_create("yardpass-picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(file, MAX_PICTURE_PX)
        slot = mmap.mmap(file, MAX_PICTURE_PX)
        fcntl.fcntl(
            file,
            fcntl.F_ADD_SEALS,
            fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | F_SEAL_FUTURE_WRITE | fcntl.F_SEAL_SEAL,
        )
    except OSError as error:
        raise Unavailable(f"no shared memory for pictures ({error}); free memory") from error
    return file, slot
