"""The alarm book: which alarms of a gate are told on. Pure.

A loose wire can come and go ten times a second, and what is told is kept by every terminal for
good. So of what flutters only the last word is told, once a minute.
"""

from collections.abc import Callable

from ledger_sync.gate_alarm import ENDS

BURST = 10  # of a group at once
PAUSE_MS = 60_000  # from one to the next behind them
GROUPS = {kind: end for end, kinds in ENDS.items() for kind in (end, *kinds)}
"""What an alarm is about: it, and what ends it, are one group."""


class AlarmBook:
    """`tell` is told what is told on; times are milliseconds of a monotonic clock."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._waiting: dict[str, str] = {}
        self._spent: dict[str, list[int]] = {}

    def take(self, kind: str, now: int) -> None:
        """Something happened."""
        group = GROUPS[kind]
        if self._may(group, now):
            self._write(group, kind, now)
        else:
            self._waiting[group] = kind

    def tick(self, now: int) -> None:
        """Tells what waited for its time."""
        for group, kind in list(self._waiting.items()):
            if self._may(group, now):
                self._write(group, kind, now)

    def next_due(self) -> int | None:
        """When `tick` has something to tell, None if nothing waits."""
        return min((self._spent[group][0] + PAUSE_MS for group in self._waiting), default=None)

    def _may(self, group: str, now: int) -> bool:
        spent = self._spent.get(group, [])
        return len(spent) < BURST or now >= spent[0] + PAUSE_MS

    def _write(self, group: str, kind: str, now: int) -> None:
        self._waiting.pop(group, None)
        self._spent[group] = [*self._spent.get(group, []), now][-BURST:]
        self._tell(kind)
