"""Settling what may wait until it is quiet: uses in old entries, codes used twice, people let in
twice, what peers vouched for, codes and moves that are to be forgotten.

A long outage is caught up with quickly because of it; whoever sends without end cannot put it off
for ever. FORMAT.md section 8.7.
"""

from ledger_sync.intake import Intake
from ledger_sync.moves import Moves
from ledger_sync.roster import Roster
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.uses import SLICES, Uses

BUSY_BATCHES = 8  # so many at once are an outage caught up with: what can wait, waits
BUSY_SECONDS = 1.0  # behind them
PATIENCE_SECONDS = 60.0  # how long it waits at the most
AT_ONCE = 2  # feeds looked at in one transaction
FORGET_SECONDS = 10.0  # between two slices of old codes: all of them take half a day
MOVED_BATCHES = 64  # batches taken in before the store's write-ahead log is moved into its file


class Settling:
    """Which feeds have entries that were not looked at. Owned by one thread."""

    def __init__(self, store: Store, intake: Intake, roster: Roster) -> None:
        self._store = store
        self._intake = intake
        self._roster = roster
        self._shelf = Shelf(store)
        self._uses = Uses(store)
        self._moves = Moves(store)
        self._slice = 0
        self._forgot_at = 0.0
        self._due = dict.fromkeys(self._shelf.unsettled())
        self._busy_until = 0.0
        self._settled_at = float("-inf")
        self._unmoved = 0

    def grew(self, numbers: list[int], count: int, ticks: float) -> None:
        """These feeds grew, by `count` batches that came together."""
        self._due.update(dict.fromkeys(numbers))
        self._unmoved += count
        if numbers and count >= BUSY_BATCHES:
            self._busy_until = ticks + BUSY_SECONDS

    @property
    def is_due(self) -> bool:
        return bool(self._due)

    def hurry(self) -> None:
        """Nobody waits for anything else."""
        self._busy_until = float("-inf")

    def settle(
        self,
        acknowledged: dict[tuple[int, str], tuple[int, str]],
        ticks: float,
        *,
        now: int,
        is_busy: bool,
    ) -> None:
        """One transaction of it; empties `acknowledged`. Raises `Unavailable`."""
        can_wait = ticks < self._settled_at + PATIENCE_SECONDS
        some = [] if can_wait and (is_busy or ticks < self._busy_until) else list(self._due)
        sizes = {number: self._roster.size(number) for number in some[:AT_ONCE]}
        if sizes:
            self._settled_at = ticks
        if not sizes and not acknowledged:
            return
        settled = []
        with self._store.transaction():
            for number, size in sizes.items():
                owner = self._roster.owner(self._roster.row(number).kid) if size else None
                if self._intake.settle(number, size, owner, now=now) >= size:
                    settled.append(number)
            for (number, peer), (size, text) in acknowledged.items():
                self._shelf.put_acknowledged(number, peer, size, text)
        acknowledged.clear()
        for number in sizes:  # those that are not done yet stand behind the others
            del self._due[number]
            if number not in settled:
                self._due[number] = None

    def move(self, ticks: float, *, is_busy: bool) -> None:
        """Moves what was taken in into the store's file, if that is much and nobody waits."""
        if not is_busy and ticks >= self._busy_until and self._unmoved >= MOVED_BATCHES:
            self._unmoved = 0
            self._store.checkpoint()

    def forget(self, ticks: float, *, sure: int) -> None:
        """Forgets old codes, a slice at a time, and before the first one old moves. `sure` is a
        time that is certainly past."""
        if self._due or ticks < max(self._busy_until, self._forgot_at + FORGET_SECONDS):
            return
        self._forgot_at = ticks
        with self._store.transaction():
            if self._slice == 0:
                self._moves.forget(sure=sure)
            self._uses.forget_codes(self._slice, sure=sure)
        self._slice = (self._slice + 1) % SLICES
