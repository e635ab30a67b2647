"""A serial port as a `Line`: raw bytes, 8N1, no flow control. Knows no protocol.

The standard library's termios is all it takes, so no package has to be installed for it.
"""

import fcntl
import os
import termios
import tty

from hw.errors import Refused, Unavailable
from hw.readers.line import Line

BAUDS = {rate: getattr(termios, f"B{rate}") for rate in (9600, 19200, 38400, 57600, 115200)}
"""Rates a port may run at, in bits a second -> termios's number for it."""


def serial_line(path: str, baud: int) -> Line:
    """The line behind a serial port; it is opened by `Line.open`, not yet here.

    Raises `Refused` for an empty path and for a rate that no reader uses."""
    if not path or "\0" in path:
        raise Refused(f"port {path!r}; give a path such as /dev/serial0", reason="R-SETTINGS")
    if baud not in BAUDS:
        rates = ", ".join(str(rate) for rate in BAUDS)
        raise Refused(f"baud {baud!r}; give one of {rates}", reason="R-SETTINGS")
    return Line(path, lambda: open_serial(path, baud))


def open_serial(path: str, baud: int) -> int:
    """A descriptor of the port, alone on it, with what came earlier thrown away: a card that was
    shown before the start is no card at the gate."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        if not os.isatty(descriptor):
            raise Unavailable(f"{path} is no serial port; look at 'ls -l /dev/serial/by-id'")
        _lock(descriptor, path)
        tty.setraw(descriptor)
        _set_speed(descriptor, BAUDS[baud])
        termios.tcflush(descriptor, termios.TCIOFLUSH)
    except termios.error as error:  # no OSError
        os.close(descriptor)
        raise Unavailable(f"{path} cannot be set up ({error}); plug it in again") from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock(descriptor: int, path: str) -> None:
    """Two programs on one port would each get half of the bytes."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Unavailable(f"{path} is used by another program; stop it") from error


def _set_speed(descriptor: int, speed: int) -> None:
    iflag, oflag, cflag, lflag, _, _, characters = termios.tcgetattr(descriptor)
    cflag = cflag & ~(termios.CSTOPB | termios.CRTSCTS) | termios.CLOCAL | termios.CREAD
    mode = [iflag, oflag, cflag, lflag, speed, speed, characters]
    termios.tcsetattr(descriptor, termios.TCSANOW, mode)
