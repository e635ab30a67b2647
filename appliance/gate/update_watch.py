"""What became of the last update of this box, watched for its lamps: one that did not work, or a
slot that was given up, needs somebody, and where no guard is only the lamps can say so.

Looks at most once a minute, in quiet moments. A computer without slots has no updates.
"""

from collections.abc import Callable

from appliance.update.outcome import Outcome

LOOK_SECONDS = 60


class UpdateWatch:
    """`read` gives the last outcome, None for none; `now` is in Unix seconds, `ticks` are seconds
    of a monotonic clock. Owned by the gate's thread."""

    def __init__(
        self,
        read: Callable[[], Outcome | None],
        now: Callable[[], int],
        ticks: Callable[[], float],
    ) -> None:
        self._read = read
        self._now = now
        self._ticks = ticks
        self._due = 0.0
        self._is_wrong = False

    @property
    def is_wrong(self) -> bool:
        return self._is_wrong

    def look(self) -> None:
        """To be called whenever the gate rests."""
        ticks = self._ticks()
        if ticks < self._due:
            return
        self._due = ticks + LOOK_SECONDS
        found = self._read()
        self._is_wrong = found is not None and found.is_wrong(self._now())
