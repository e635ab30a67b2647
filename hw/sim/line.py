"""A serial cable made of a pty, with faults on demand. Knows no protocol.

The device that is simulated holds one end; `path` is the port a terminal opens. The name stays
while the pty behind it goes and comes, as a name in /dev/serial/by-id does.
"""

import os
import shutil
import tempfile
import threading
import tty
from contextlib import suppress
from pathlib import Path

from hw.errors import Unavailable
from hw.readers.line import Line

PLUG_WAIT_S = 1.0
"""Time from one look for a plugged cable to the next, in seconds."""


class PtyLine:
    """A cable that is plugged in. `receive` and `send` are for the device, all else for whoever
    plays with the cable, from any thread. `link` is where `path` is made; in a folder of its own
    by default. Raises `Unavailable` when there is something of that name."""

    def __init__(self, link: Path | None = None) -> None:
        self._folder = None if link else Path(tempfile.mkdtemp(prefix="yardpass-"))
        self._link = link or Path(str(self._folder), "port")
        self._line = Line("the simulated cable", self._open)
        self._plugged = threading.Condition()
        self._is_cut = False
        self._to_corrupt = 0
        self._far = -1  # the terminal's end, held so that it may come and go
        try:
            self.plug()
        except Unavailable:
            self.close()
            raise

    @property
    def path(self) -> str:
        return str(self._link)

    @property
    def is_closed(self) -> bool:
        return self._line.is_closed

    def receive(self, seconds: float = PLUG_WAIT_S) -> bytes:
        """What the terminal sent; b"" after `seconds`, and while the cable is cut or unplugged."""
        try:
            data = self._line.read(seconds)
        except Unavailable:
            with self._plugged:
                self._plugged.wait_for(lambda: self._far >= 0 or self.is_closed, seconds)
            return b""
        return b"" if self._is_cut else data

    def send(self, data: bytes) -> None:
        """To the terminal. Lost while the cable is cut or unplugged, as on a real one."""
        if self._to_corrupt and data:
            self._to_corrupt -= 1
            middle = len(data) // 2
            data = data[:middle] + bytes((data[middle] ^ 0x55,)) + data[middle + 1 :]
        if not self._is_cut:
            with suppress(Unavailable):  # nobody reads, or it is unplugged
                self._line.write(data)

    def cut(self) -> None:
        """The wires break, the port stays."""
        self._is_cut = True

    def mend(self) -> None:
        self._is_cut = False

    def corrupt(self, count: int) -> None:
        """Damage the next `count` things that are sent."""
        self._to_corrupt = count

    def unplug(self) -> None:
        """The port vanishes, as a USB adapter that is pulled."""
        with self._plugged:
            self._line.shut()
            if self._far >= 0:
                os.close(self._far)
                self._far = -1
                self._link.unlink(missing_ok=True)

    def plug(self) -> None:
        with self._plugged:
            if self._far < 0 and not self.is_closed:
                self._line.open()
                self._plugged.notify_all()

    def close(self) -> None:
        self.unplug()
        self._line.close()
        with self._plugged:
            self._plugged.notify_all()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self) -> int:
        near, far = os.openpty()
        tty.setraw(far)
        os.set_blocking(near, False)
        try:
            if self._link.is_symlink() and not self._link.exists():
                self._link.unlink()  # of a simulation that was killed
            self._link.symlink_to(os.ttyname(far))
        except OSError as error:
            os.close(near)
            os.close(far)
            raise Unavailable(f"{self._link}: {error.strerror}; choose another place") from error
        self._far = far
        return near
