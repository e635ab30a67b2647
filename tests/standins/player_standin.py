"""A stand-in for `aplay`: a script that reads a clip and tells a FIFO what it got.

It has no child, as `aplay` has none: one that outlives a killed player would hold its lock.
"""

import fcntl
import hashlib
import os
import select
import sys

SCRIPT = f"""#!{sys.executable} -IS
import fcntl, hashlib, pathlib, sys, time

here = pathlib.Path(__file__).parent
lock = open(here / "lock", "a")
events = open(here / "events", "w", buffering=1)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("overlap", file=events)
clip = hashlib.sha256(sys.stdin.buffer.read()).hexdigest()
print(*sys.argv[1:], f"{{clip}}  -", file=events)
if (here / "hang").exists():
    time.sleep(60)
sys.exit(3 if (here / "fail").exists() else 0)
"""


class StandInPlayer:
    """`path` is the command. `heard` waits for the next line the script tells."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "player"
        self.path.write_text(SCRIPT)
        self.path.chmod(0o755)
        (folder / "lock").touch()
        os.mkfifo(folder / "events")
        self._events = os.open(folder / "events", os.O_RDWR | os.O_NONBLOCK)
        self._rest = b""

    def heard(self, seconds=10):
        while b"\n" not in self._rest:
            assert select.select([self._events], [], [], seconds)[0], "the player told nothing"
            self._rest += os.read(self._events, 65_536)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def fail(self):
        (self.folder / "fail").touch()

    def hang(self, does=True):
        (self.folder / "hang").touch() if does else (self.folder / "hang").unlink()

    def is_quiet(self):
        """Whether no player runs: a running one holds the lock."""
        with (self.folder / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def close(self):
        os.close(self._events)


def line_for(clip, options="-q"):
    """What the script tells of a clip."""
    return f"{options} {hashlib.sha256(clip).hexdigest()}  -"
