"""What fsck.py holds against the checks of all feeds: moves that were kept of them, and the
conflicts of people who cannot be where they are. FORMAT.md section 8.7.
"""

from collections.abc import Container, Iterator

from ledger_sync.feed import Use
from ledger_sync.moves import Moves
from ledger_sync.places import Move, contradictions
from ledger_sync.shelf import MAX_ENTRIES, Held
from ledger_sync.store import Store

_HELD = "SELECT kind, first, second FROM presence_conflict ORDER BY second, kind"


class Walk:
    """Goes through all moves, beside the feeds in the order of their numbers."""

    def __init__(self, store: Store, passed: Container[int], *, has_secret: bool) -> None:
        """`passed` are the feeds that cannot be read; without the site's secret no check says
        whose it is."""
        self._store = store
        self._passed = passed
        self._has_secret = has_secret
        self._moves = sorted(Moves(store).all(), key=lambda move: move.place)
        self._at = 0

    def look(self, held: Held, name: str, uses: dict[int, Use]) -> Iterator[str]:
        """What is kept of a feed and not in its checks."""
        for move in self._up_to((held.number + 1) * MAX_ENTRIES):
            use = uses.get(move.seq) if move.place // MAX_ENTRIES == held.number else None
            if use is None or not self._is_of(move, use):
                yield _stray(move)
            elif move.seq >= held.taken:
                yield f"feed {name}: entry {move.seq}: its move is known and was not looked at"

    def _is_of(self, move: Move, use: Use) -> bool:
        if self._has_secret and move.holder != use.holder:
            return False
        stated = (use.zone, use.at, use.way, use.digest, use.code_at, use.quota)
        return stated == (move.zone, move.at, move.way, move.digest, move.code_at, move.quota)

    def _up_to(self, end: int) -> Iterator[Move]:
        while self._at < len(self._moves) and self._moves[self._at].place < end:
            self._at += 1
            if self._moves[self._at - 1].place // MAX_ENTRIES not in self._passed:
                yield self._moves[self._at - 1]

    def finish(self) -> Iterator[str]:
        """What is left when all feeds were gone through: moves of no feed, conflicts that do not
        follow from the moves."""
        for move in self._up_to(1 << 63):
            yield _stray(move)
        pairs = contradictions(self._moves)
        for kind, first, second in self._store.rows(_HELD):
            pair = pairs.get((kind, second))
            if pair is None or pair.first.place != first:
                yield f"feed: the {kind} conflict of {first} and {second} is in no moves"


def _stray(move: Move) -> str:
    return f"feed: the move at {move.place} is in no check there"
