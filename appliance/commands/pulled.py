"""A stick that is pulled: systemd then ends what needs it, by SIGTERM."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from ledger_sync.errors import Unavailable


@contextmanager
def heard(doing: str) -> Iterator[None]:
    """Within, SIGTERM raises `Unavailable`, which says what was done: read, copied."""

    def end(*_: object) -> None:
        what = f"it was stopped while it was {doing}"
        raise Unavailable(f"{what}; was the stick pulled? put it in again")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
