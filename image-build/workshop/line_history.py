"""What one line of gpio-sim did, found by looking at it again and again. Runs alone in a guest.

Of each change the moments of the last look before it and the first look behind it are kept, so
that the longest time for which a line can have been high is known, however late a look was.

    python3 line_history.py VALUE-FILE HISTORY-FILE [PAUSE-SECONDS]
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Change(NamedTuple):
    """A change to `level`, after the look at `before` and not later than `after`, in ns."""

    before: int
    after: int
    level: int

    @property
    def text(self) -> str:
        return f"{self.before} {self.after} {self.level}"


class High(NamedTuple):
    """A time for which the line was high: it began at `began` or a little later; for `least` ns
    it was seen high, for `most` ns it may have been."""

    began: int
    least: int
    most: int


def changes(read: Callable[[], int], clock: Callable[[], int]) -> Iterator[Change | None]:
    """Each change as it is seen, None for a look that saw none. The first look tells a level."""
    before, level = clock(), -1
    while True:
        start, seen = clock(), read()
        yield Change(before, clock(), seen) if seen != level else None
        before, level = start, seen


def change_of(text: str) -> Change:
    """From `Change.text`. Raises `ValueError`."""
    before, after, level = (int(word) for word in text.split())
    return Change(before, after, level)


def highs(history: Iterable[Change]) -> list[High]:
    """The times for which the line was high, without one that has not ended."""
    found: list[High] = []
    rise: Change | None = None
    for change in history:
        if change.level:
            rise = rise or change
        elif rise:
            least = max(0, change.before - rise.after)
            found.append(High(rise.before, least, change.after - rise.before))
            rise = None
    return found


def main(value: Path, history: Path, pause: float) -> None:
    with value.open("rb", buffering=0) as line, history.open("w", buffering=1) as kept:

        def read() -> int:
            line.seek(0)
            return int(line.read(1))

        for change in changes(read, time.monotonic_ns):
            if change:
                kept.write(f"{change.text}\n")
            elif pause:
                time.sleep(pause)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3] if len(sys.argv) > 3 else 0))
