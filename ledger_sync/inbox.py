"""The inbox: batches that came and are not durable yet, and what is said when they are.

All that came together is one transaction: each batch is verified, written, and only then vouched
for. FORMAT.md sections 8.4 to 8.6.
"""

from collections.abc import Callable
from typing import NamedTuple

from ledger_sync import frames, note
from ledger_sync.batch import Batch, head_in
from ledger_sync.errors import Refused
from ledger_sync.frames import MARK_BYTES, Row
from ledger_sync.intake import Intake, Result
from ledger_sync.merkle import Frontier
from ledger_sync.roster import Roster
from ledger_sync.shelf import Held, Shelf
from ledger_sync.store import Store
from ledger_sync.talk import Self, Talk

BATCHES = 64  # batches of one transaction
_COSTS = {
    Result.TAKEN: 0.0,
    Result.KNOWN: 0.02,
    Result.EARLY: 0.1,
    Result.STRANGE: 0.01,
    Result.OTHER: 20.0,
    Result.FORK: 20.0,
}
"""What a batch costs its sender, by what became of it; see exchange.py."""
_Done = tuple[Batch, Result, Held | None]


class Flushed(NamedTuple):
    """What became of the batches of a peer: feeds that grew, whether some were known or do not
    fit here, and what the peer's fault was."""

    grown: list[int]
    is_puzzling: bool
    fault: Refused | None


class Inbox:
    """Owned by one thread. `now` is not before the floor, `clock` is what a cosigner states."""

    def __init__(
        self,
        store: Store,
        me: Self,
        intake: Intake,
        roster: Roster,
        *,
        now: Callable[[], int],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._me = me
        self._intake = intake
        self._roster = roster
        self._shelf = Shelf(store)
        self._now = now
        self._clock = clock

    def flush(self, talk: Talk) -> Flushed:
        """Makes all batches of a peer durable, up to its first fault, then acknowledges them.

        Raises `Unavailable` if the store cannot: none of them is kept then.
        """
        pending, talk.pending = talk.pending, []
        done: list[_Done] = []
        fault = None
        if pending:
            talk.flushed += 1
            self._store.check_room()
            with self._store.transaction():
                fault = self._take_all(pending, done)
        grown = self._after(talk, done)
        for batch, result, _ in done:
            if result is Result.OTHER:
                self._want(talk, batch)
        try:
            talk.session.charge(sum(_COSTS[result] for _, result, _ in done))
        except Refused as refused:
            fault = fault or refused
        is_puzzling = any(result in (Result.KNOWN, Result.EARLY) for _, result, _ in done)
        return Flushed(grown, is_puzzling, fault)

    def _take_all(self, pending: list[Batch], done: list[_Done]) -> Refused | None:
        now = self._now()
        for batch in pending:
            try:
                done.append((batch, *self._take(batch, now)))
            except Refused as refused:
                return refused
        return None

    def _take(self, batch: Batch, now: int) -> tuple[Result, Held | None]:
        owner = self._roster.owner(batch.kid)
        if owner is None:  # named in a ledger that is not here yet
            return Result.STRANGE, None
        if owner.key == self._me.feed_key:
            own = self._shelf.newest_own()
            if own and own.incarnation == batch.incarnation:
                return Result.KNOWN, None  # the gate itself may be writing there
        histories = self._shelf.histories(batch.kid, batch.incarnation)
        if not histories and not self._roster.has_room(batch.kid):
            return Result.STRANGE, None
        return self._intake.take(batch, owner, histories, now=now)

    def _after(self, talk: Talk, done: list[_Done]) -> list[int]:
        """Says what is durable now; which feeds grew."""
        newest: dict[int, Held] = {}
        for batch, result, held in done:
            if held is not None and result in (Result.TAKEN, Result.FORK):
                newest[held.number] = held
                talk.session.has(held.number, batch.end)
                talk.session.given += 1
        for number, held in newest.items():
            root = Frontier(held.size, held.peaks).root()[:MARK_BYTES]
            self._roster.put(number, Row(held.kid, held.incarnation, held.size, root))
            self.acknowledge(talk, held)
        return list(newest)

    def _want(self, talk: Talk, batch: Batch) -> None:
        """Asks for all of a history that does not go on from what is held."""
        root = head_in(batch.note).root[:MARK_BYTES]
        row = Row(batch.kid, batch.incarnation, batch.end, root)
        talk.link.send(frames.WantFeed(row).to_bytes())

    def acknowledge(self, talk: Talk, held: Held) -> None:
        """Vouches for a feed to the terminal that wrote it, once for each size."""
        session = talk.session
        if session.peer == held.kid and held.note and session.acked.get(held.number) != held.size:
            session.acked[held.number] = held.size
            talk.link.send(self.ack_of(held.kid, held.incarnation, held.note).to_bytes())

    def ack_of(self, kid: bytes, incarnation: bytes, head: str) -> frames.Ack:
        me = note.Verifier(self._me.name, note.COSIGNER_KEY, self._me.link.public.raw)
        text = head.partition("\n\n")[0] + "\n"
        line = note.sign_note(text, me, self._me.link, time=max(0, self._clock()))
        return frames.Ack(kid, incarnation, f"{text}\n{line}".encode())
