"""An input without its bounces: a level counts when it was stable long enough. Pure.

IEC 60839-11-1 wants every input that is active for more than 400 ms processed, so `stable_ms` is
well below that.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Debounce:
    """One input. `level` is what counts, None before the first level was stable.

    Time is milliseconds of a monotonic clock and never goes back.
    """

    stable_ms: int
    level: bool | None = None
    raw: bool | None = None
    since: int = 0  # when `raw` began

    def seen(self, raw: bool, now: int) -> "Debounce":
        """What the pin is from `now` on. Call `settled` for the time before first."""
        return self if raw is self.raw else replace(self, raw=raw, since=now)

    def due(self) -> int | None:
        """When the present level will count; None if it counts already."""
        return None if self.raw is self.level else self.since + self.stable_ms

    def settled(self, now: int) -> "Debounce":
        """The input at `now`: its level changed if it differs from the one before."""
        due = self.due()
        return self if due is None or now < due else replace(self, level=self.raw)
