"""A QR code as lines of a terminal: two modules a letter, white ground whatever its colours."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

QUIET_MODULES = 4  # ISO/IEC 18004 asks for four
_WHITE_ON_BLACK, _PLAIN = "\x1b[97;40m", "\x1b[0m"


def qr_lines(text: bytes) -> str:
    """`text`, of QR's alphanumeric alphabet, as lines, and itself below."""
    import segno

    drawn = io.StringIO()
    made = segno.make_qr(text.decode("ascii"), error="m", boost_error=False)
    made.terminal(out=drawn, border=QUIET_MODULES, compact=True)
    lines = drawn.getvalue().rstrip("\n").split("\n")
    drawn_lines = (f"{_WHITE_ON_BLACK}{line}{_PLAIN}" for line in lines)
    return "\n".join((*drawn_lines, text.decode("ascii"), ""))


def show_qr(text: bytes) -> None:
    """Writes it to stdout. A screen that is gone is no reason to stop."""
    with suppress(OSError):
        sys.stdout.write(qr_lines(text))
        sys.stdout.flush()


@contextmanager
def screen() -> Iterator[Callable[[bytes], None]]:
    """Shows texts on the terminal that stdout is, and nowhere if it is none.

    Never waits: a screen that somebody has stopped (Ctrl-S) misses what does not fit, for whoever
    shows is the gate's own thread.
    """
    handle = _opened()

    def show(text: bytes) -> None:
        if handle is not None:
            with suppress(OSError):
                os.write(handle, qr_lines(text).encode())

    try:
        yield show
    finally:
        if handle is not None:
            os.close(handle)


def _opened() -> int | None:
    """The terminal opened anew: not to wait is a property of an opening, and others use stdout."""
    try:
        name = os.ttyname(sys.stdout.fileno())
        return os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError):  # no terminal; no file at all
        return None
