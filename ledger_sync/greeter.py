"""HELLO: what is held here, said to peers; what a peer holds, and what follows from that.

Knows what to promise and what to ask for; sends no entry itself. FORMAT.md sections 8.5 and 8.6.
"""

import random

from ledger_sync import frames, vector
from ledger_sync.alarms import Alarms
from ledger_sync.exchange import Session
from ledger_sync.frames import Row
from ledger_sync.inbox import Inbox
from ledger_sync.replica import Replica
from ledger_sync.roster import Roster
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.talk import Talk

HELLO_SECONDS = 30.0  # between two HELLOs to a quiet peer
LAZY_SECONDS = (0.3, 1.0)  # before another terminal's feed is passed on


class Greeter:
    """Owned by one thread."""

    def __init__(
        self, store: Store, roster: Roster, alarms: Alarms, inbox: Inbox, chance: random.Random
    ) -> None:
        self._replica = Replica(store)
        self._shelf = Shelf(store)
        self._roster = roster
        self._alarms = alarms
        self._inbox = inbox
        self._chance = chance

    def hello(self, talk: Talk, ticks: float) -> None:
        """Says what is held."""
        rows, closed = vector.vector_of(self._roster.feeds(), talk.full)
        marks = self._alarms.marks()
        hello = frames.Hello(self._roster.kid, self._replica.note(), rows, closed, *marks)
        talk.full.clear()
        talk.session.hello_at = ticks
        talk.hello_due = ticks + HELLO_SECONDS * self._chance.uniform(0.8, 1.2)
        talk.link.send(hello.to_bytes())

    def on_hello(self, talk: Talk, hello: frames.Hello, ticks: float) -> None:
        """Promises what the peer lacks, asks for histories it has and this store has not."""
        root_at = self._root_at(talk.session)
        found = vector.plan(self._roster.feeds(), hello.rows, hello.closed, root_at)
        for row in hello.rows:
            self._on_row(talk, row)
        for row, start in found.sends:
            self._schedule(talk, row, start, ticks)
        wants: list[frames.WantFeed | frames.WantRows] = [*map(frames.WantFeed, found.wants)]
        for want in [*wants, *map(frames.WantRows, found.unknown)]:
            if talk.session.may_want(want, ticks):
                talk.link.send(want.to_bytes())
        if found.is_behind:
            talk.catch_up(ticks)

    def _on_row(self, talk: Talk, row: Row) -> None:
        """The peer holds so much of a feed. If it wrote that itself it is told what is held here:
        it may have been gone before the acknowledgement reached it."""
        for number in self._roster.numbers(row.kid, row.incarnation)[:1]:
            talk.session.has(number, row.size)
            is_told = talk.session.acked.get(number) == row.size
            if row.kid == talk.session.peer and row == self._roster.row(number) and not is_told:
                self._inbox.acknowledge(talk, self._shelf.feed(number))

    def _schedule(self, talk: Talk, row: Row, start: int, ticks: float) -> None:
        """The peer lacks a feed from this entry on."""
        session, number = talk.session, self._roster.number_of(row)
        if not session.resend.may(number, ticks, (start, row.size)):
            return
        session.rewind(number, start)
        if row.kid == self._roster.kid:
            session.offer(number, start, row.size)
        else:  # its owner is asked at the same time, and may be faster
            due = ticks + self._chance.uniform(*LAZY_SECONDS)
            talk.later[number] = min(due, talk.later.get(number, due))

    def _root_at(self, session: Session) -> vector.RootAt:
        def root_at(row: Row, size: int) -> bytes:
            return self._roster.root_at(row, size, session.charge_hashes)

        return root_at

    def on_want(self, talk: Talk, want: frames.WantFeed | frames.WantRows, ticks: float) -> None:
        """Lists all of a terminal's feeds in the next HELLO; promises all of one history."""
        if isinstance(want, frames.WantRows):
            if self._roster.has(want.kid):
                talk.full.add(want.kid)
                talk.hello_soon(ticks)
            return
        row, root_at = want.row, self._root_at(talk.session)
        for number in self._roster.numbers(row.kid, row.incarnation):
            ours = self._roster.row(number)
            if ours.size >= row.size and root_at(ours, row.size) == row.root:
                talk.session.rewind(number, 0)
                talk.session.offer(number, 0, ours.size)
                return
