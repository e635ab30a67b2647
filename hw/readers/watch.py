"""How a reader on a line goes, comes back and is told of. Knows no protocol."""

from collections.abc import Callable, Iterator

from hw.errors import Unavailable
from hw.ports import CardRead, Health
from hw.readers.line import Line

RETRY_S = 1.0
"""Time from one try to reach a lost reader to the next, in seconds."""


def watch(
    line: Line,
    reads: Callable[[], Iterator[CardRead | None]],
    *,
    clock: Callable[[], int],
    retry_s: float = RETRY_S,
) -> Iterator[CardRead | Health]:
    """What the readers' port promises of `events`, for a reader on `line`.

    `reads` is called anew on each opened line. It gives a None as soon as the reader answers, then
    the cards, and raises `Unavailable` when the reader is gone.
    """
    fault: str | None = None  # None: nothing told yet; "": told that it is well
    try:
        while not line.is_closed:
            lost = ""
            try:
                line.open()
                for read in reads():
                    if read is not None:
                        yield read
                    elif fault != "":
                        fault = ""
                        yield Health(line.name, clock())
            except Unavailable as error:
                lost = str(error)
            if line.is_closed:
                return
            if lost and not fault:
                fault = lost
                yield Health(line.name, clock(), fault)
            line.shut()
            line.pause(retry_s)
    finally:
        line.shut()
