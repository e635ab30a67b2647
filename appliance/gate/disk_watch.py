"""The disk of a terminal, watched: when it runs low every other terminal hears of it.

Looks at most once a minute, in quiet moments. A disk that does not tell is none that is low.
"""

import os
from collections.abc import Callable
from pathlib import Path

LOW_BYTES = 256 << 20  # four times what the store keeps for this terminal's own checks
WELL_BYTES = 320 << 20  # from which on it is well again: what was told must not flutter
LOOK_SECONDS = 60
LOW, WELL = "disk low", "disk well"  # of ledger_sync.gate_alarm


def free_bytes(folder: Path) -> int:
    """Of the disk this folder is on, -1 if it does not tell."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return -1
    return found.f_bavail * found.f_frsize


class DiskWatch:
    """`tell` is told LOW and WELL; `ticks` are seconds of a monotonic clock. Owned by the gate's
    thread."""

    def __init__(
        self,
        free: Callable[[], int],
        tell: Callable[[str], None],
        ticks: Callable[[], float],
    ) -> None:
        self._free = free
        self._tell = tell
        self._ticks = ticks
        self._is_low = False
        self._due = 0.0

    @property
    def is_wrong(self) -> bool:
        """Whether it runs low."""
        return self._is_low

    def look(self) -> None:
        """To be called whenever the gate rests."""
        now = self._ticks()
        if now < self._due:
            return
        self._due = now + LOOK_SECONDS
        free = self._free()
        if 0 <= free < LOW_BYTES and not self._is_low:
            self._is_low = True
            self._tell(LOW)
        elif self._is_low and free >= WELL_BYTES:
            self._is_low = False
            self._tell(WELL)
