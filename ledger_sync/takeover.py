"""Taking over a newer ledger from a peer, one peer at a time, and giving files to those who do.

A peer gets a turn of limited length and a rest behind it, so that one that stalls, or shows what
is refused, keeps nobody else from being asked. FORMAT.md section 8.6.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ledger_sync import frames
from ledger_sync.accept import Forked
from ledger_sync.catchup import Catchup, size_of
from ledger_sync.errors import Refused
from ledger_sync.exchange import Patience
from ledger_sync.replica import Replica
from ledger_sync.roster import mark_of
from ledger_sync.serving import file_of
from ledger_sync.talk import Talk
from ledger_sync.trust import Trust

TURN_SECONDS = 30.0  # of the first turn; each that ends without a ledger doubles the next
LONGEST_SECONDS = 300.0
AGAIN_SECONDS = (1.0, 600.0)  # before one checkpoint of a peer is looked at again
_PEERS = 1_024  # that are remembered

_log = logging.getLogger("yardpass.sync")


@dataclass(slots=True)
class _Turn:
    talk: Talk
    catchup: Catchup
    until: float  # ticks


class Takeover:
    """Owned by one thread."""

    def __init__(
        self, replica: Replica, *, pinned: Trust, now: Callable[[], int], in_memory: bool
    ) -> None:
        self._replica = replica
        self._pinned = pinned
        self._now = now
        self._in_memory = in_memory
        self._turn: _Turn | None = None
        self._length = TURN_SECONDS
        self._again = Patience(*AGAIN_SECONDS, _PEERS)
        self._resting: dict[bytes, float] = {}  # kid -> until when it is not asked
        self._ticks = 0.0

    def consider(self, talk: Talk, text: bytes, ticks: float) -> bool:
        """Begins with the ledger of a peer if it may be newer; whether ours has changed."""
        self._ticks = ticks
        ours, peer = self._replica.note(), talk.session.peer
        if not text or text == ours or self._turn or size_of(text) < size_of(ours):
            return False
        if ticks < self._resting.get(peer, 0.0):
            return False
        if not self._again.may(peer, ticks, (ours, mark_of(text))):
            return False
        catchup = Catchup(
            self._replica,
            talk.name,
            text,
            pinned=self._pinned,
            now=self._now,
            in_memory=self._in_memory,
        )
        self._turn = _Turn(talk, catchup, ticks + self._length)
        return self._step(catchup.step)

    def on_file(self, talk: Talk, file: frames.File) -> bool:
        """A piece of a file came; whether the ledger has changed."""
        turn = self._turn
        if turn is None or turn.talk is not talk:
            return False
        return self._step(lambda: turn.catchup.take(file))

    def _step(self, work: Callable[[], list[frames.WantFile]]) -> bool:
        turn, before = self._turn, self._replica.ledger().version
        assert turn is not None
        try:
            self._ask(turn, work())
        except Refused as refused:
            alarm = "ALARM, another history: " if isinstance(refused, Forked) else ""
            level = logging.ERROR if alarm else logging.INFO
            _log.log(level, "%sthe ledger of %s: %s", alarm, turn.talk.name, refused)
            if turn.catchup.has_asked:
                self._let_rest(turn)
            self.stop()
        except BaseException:
            self.stop()
            raise
        if self._turn and not turn.catchup.is_waiting:
            self.stop()
        if self._replica.ledger().version == before:
            return False
        self._length = TURN_SECONDS
        return True

    def _ask(self, turn: _Turn, wants: list[frames.WantFile]) -> None:
        session = turn.talk.session
        for want in wants:
            if session.may_ask(want.path):
                turn.talk.link.send(want.to_bytes())

    def tick(self, ticks: float) -> None:
        """Ends a turn that took too long: somebody else is asked, and this peer later."""
        self._ticks = ticks
        if self._turn and self._turn.until < ticks:
            _log.info("the ledger of %s does not come", self._turn.talk.name)
            self._let_rest(self._turn)
            self._length = min(LONGEST_SECONDS, 2 * self._length)
            self.stop()

    def _let_rest(self, turn: _Turn) -> None:
        """Asks others first for as long as this peer's turn was."""
        if len(self._resting) >= _PEERS:
            self._resting.clear()
        self._resting[turn.talk.session.peer] = self._ticks + self._length

    def end(self, talk: Talk) -> None:
        """The link is gone."""
        if self._turn and self._turn.talk is talk:
            self.stop()

    def stop(self) -> None:
        if self._turn:
            self._turn.catchup.close()
        self._turn = None

    def give(self, talk: Talk, want: frames.WantFile) -> None:
        """Sends a piece of a file that a peer asked for."""
        data = file_of(self._replica, want.path)
        piece = data[want.start : want.start + frames.MAX_PIECE]
        start = min(want.start, len(data))
        talk.link.send(frames.File(want.path, start, len(data), piece).to_bytes())
