"""The gossip of one terminal: its store and its conversations, whatever carries them.

Takes what peers send (inbox.py, takeover.py, alarms.py), tells them what they lack (outbox.py),
passes on what is new. No socket and no clock of its own: wire.py and the simulator both drive it.
FORMAT.md sections 8.5 to 8.7.
"""

import random
from collections.abc import Callable

from ledger_sync import frames, note
from ledger_sync.alarms import Alarms
from ledger_sync.exchange import Session
from ledger_sync.frames import Message, Row
from ledger_sync.greeter import Greeter
from ledger_sync.inbox import BATCHES, Inbox
from ledger_sync.intake import Intake
from ledger_sync.outbox import Outbox
from ledger_sync.replica import Replica
from ledger_sync.roster import Roster, kid_of
from ledger_sync.settling import Settling
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.takeover import Takeover
from ledger_sync.talk import AGAIN_SECONDS, Link, Self, Talk
from ledger_sync.trust import Trust

__all__ = ["BATCHES", "Gossip", "Link", "Self", "Talk"]


class Gossip:
    """Owned by one thread. `ticks` are seconds of a monotonic clock, `now` Unix seconds."""

    def __init__(
        self,
        store: Store,
        me: Self,
        *,
        pinned: Trust,
        now: Callable[[], int],
        chance: random.Random,
        in_memory: bool = False,
        intake: type[Intake] = Intake,
    ) -> None:
        """`in_memory` keeps a ledger on its way in memory; `intake` is another one in a simulation
        of mistakes."""
        self._store = store
        self._me = me
        self._now = now
        self._chance = chance
        self._replica = Replica(store)
        self._shelf = Shelf(store)
        self._intake = intake(store, me.site, me.site_secret)
        self.kid = kid_of(me.feed_key)
        self._roster = Roster(store, self.kid)
        self._alarms = Alarms(
            store, self._intake, self._roster, pinned=pinned, now=self._time, verify=me.verify
        )
        self._takeover = Takeover(self._replica, pinned=pinned, now=now, in_memory=in_memory)
        self._inbox = Inbox(store, me, self._intake, self._roster, now=self._time, clock=now)
        self._outbox = Outbox(self._shelf, self._roster, self._takeover)
        self._settling = Settling(store, self._intake, self._roster)
        self._greeter = Greeter(store, self._roster, self._alarms, self._inbox, chance)
        self._talks: list[Talk] = []
        self._ticks = 0.0
        self.acknowledged: dict[tuple[int, str], tuple[int, str]] = {}
        """(own feed, peer) -> the size it vouches for, and the note that says so; see `settle`."""
        self.on_acknowledged: Callable[[], None] = lambda: None
        self.takeovers = 0  # ledgers that came from a peer

    # --- conversations ---------------------------------------------------------------------------

    def begin(self, name: str, peer: bytes, link: Link, ticks: float) -> Talk:
        """A link to the terminal `name` (kid `peer`) is up."""
        talk = Talk(name, Session(peer, ticks), link)
        self._talks.append(talk)
        self._greeter.hello(talk, ticks)
        return talk

    def end(self, talk: Talk) -> None:
        """The link is gone."""
        if talk in self._talks:
            self._talks.remove(talk)
        talk.pending.clear()
        self._takeover.end(talk)

    @property
    def talks(self) -> tuple[Talk, ...]:
        return tuple(self._talks)

    @property
    def pending_count(self) -> int:
        """Batches of one peer in memory that are not durable yet."""
        return max((len(talk.pending) for talk in self._talks), default=0)

    def feeds(self) -> dict[bytes, list[Row]]:
        """What is held of all feeds, by the kid of the terminal."""
        return self._roster.feeds()

    def hear(self, talk: Talk, data: bytes, ticks: float, *, more: bool = False) -> None:
        """Bytes came over a link. Raises `Refused` if the peer is at fault, `Unavailable` if the
        store is: the link must be ended. What was taken before stays.

        With `more` on its way batches may wait to be made durable together; the caller comes
        again, with nothing if need be.
        """
        self._ticks = ticks
        try:
            for message in talk.session.hear(data, ticks):
                if isinstance(message, frames.Parts):
                    talk.pending.append(message.batch)
                else:
                    self._flush(talk)
                    self._on(talk, message)
                if len(talk.pending) >= BATCHES:
                    self._flush(talk)
        except BaseException:
            self._flush(talk)
            raise
        if not more:
            self._flush(talk)
        self.pump(talk)

    def _on(self, talk: Talk, message: Message) -> None:
        match message:
            case frames.Hello():
                self._on_hello(talk, message)
            case frames.WantFeed() | frames.WantRows():
                self._greeter.on_want(talk, message, self._ticks)
            case frames.File():
                if self._takeover.on_file(talk, message):
                    self._took_over()
            case frames.Ack():
                self._on_ack(talk, message)
            case frames.Deny() | frames.Evidence():
                if self._alarms.on_alarm(talk, message):
                    self._tell_all()
            case _:
                pass  # DONE only tells where a stick ends; a WANT of a file waits for room

    def _on_hello(self, talk: Talk, hello: frames.Hello) -> None:
        self._greeter.on_hello(talk, hello, self._ticks)
        self._alarms.tell(talk, self._ticks)
        if self._takeover.consider(talk, hello.checkpoint, self._ticks):
            self._took_over()

    def _took_over(self) -> None:
        self.takeovers += 1
        self.ledger_changed()

    # --- feeds -----------------------------------------------------------------------------------

    def rang(self, text: str) -> None:
        """The gate has recorded something: the newest head of its feed. Raises `Refused` for what
        is none of this terminal's."""
        self._grew(*self._outbox.rang(text, self._me.feed_key))

    def own_changed(self) -> None:
        """The gate has signed off feeds of earlier runs."""
        for grown in self._outbox.signed_off():
            self._grew(*grown)

    def feeds_changed(self) -> None:
        """Another process put in feeds, such as from a stick."""
        for grown in self._roster.refresh():
            self._grew(*grown)

    def _grew(self, number: int, before: int, size: int) -> None:
        """A feed grew by what is done here: what is new goes to all peers."""
        if before == size:
            return
        self._settling.grew([number], 1, self._ticks)
        for talk in self._talks:
            if talk.session.was_greeted:
                talk.session.offer(number, before, size)
                self.pump(talk)

    def pump(self, talk: Talk) -> None:
        """Sends what was promised, as long as the link takes it."""
        self._outbox.pump(talk)

    def _flush(self, talk: Talk) -> None:
        """Makes all batches of a peer durable, then acknowledges them and tells the others."""
        count = len(talk.pending)
        grown, is_puzzling, fault = self._inbox.flush(talk)
        self._settling.grew(grown, count, self._ticks)
        if is_puzzling:
            talk.catch_up(self._ticks)
        for other in self._talks if grown else ():
            if other is not talk:
                other.hello_soon(self._ticks + AGAIN_SECONDS * self._chance.uniform(0.5, 1.5))
        if fault:
            raise fault

    def _time(self) -> int:
        """No time before the floor: a clock that says less is wrong."""
        return max(self._now(), self._replica.ledger().floor)

    def _on_ack(self, talk: Talk, ack: frames.Ack) -> None:
        """A peer vouches that it holds our feed durably up to a head of ours."""
        key = self._roster.link_key(talk.name)
        numbers = self._roster.numbers(ack.kid, ack.incarnation)
        if ack.kid != self.kid or not key or not numbers:
            return
        cosigner = note.Verifier(talk.name, note.COSIGNER_KEY, key)
        head = note.checkpoint_of(note.open_note(ack.note, [cosigner]))
        row, held = self._roster.row(numbers[0]), self._shelf.feed(numbers[0])
        if head.origin != held.origin or head.size > row.size:
            return
        if (
            self._roster.root_at(row, head.size, talk.session.charge_hashes)
            == head.root[: frames.MARK_BYTES]
        ):
            before = self.acknowledged.get((held.number, talk.name), (0, ""))
            found = (head.size, ack.note.decode())
            self.acknowledged[held.number, talk.name] = max(before, found)
            self.on_acknowledged()

    # --- the ledger, denials and evidence --------------------------------------------------------

    def ledger_changed(self) -> None:
        """Another ledger stands in the store: others are terminals, others must be told."""
        self._roster.reload()
        self._alarms.reload()
        for talk in self._talks:
            talk.hello_soon(self._ticks)

    def denials_changed(self) -> None:
        """Tells every peer of the denials, orders and withdrawals it was not told of."""
        self._alarms.reload()
        self._tell_all()

    def _tell_all(self) -> None:
        for talk in self._talks:
            if talk.session.was_greeted:
                self._alarms.tell(talk, self._ticks)

    # --- time ------------------------------------------------------------------------------------

    def tick(self, ticks: float) -> None:
        """Work that is due; a few times a second."""
        self._ticks = ticks
        self._takeover.tick(ticks)
        for talk in list(self._talks):
            for number in [number for number, due in talk.later.items() if due <= ticks]:
                del talk.later[number]
                talk.session.offer(number, 0, self._roster.size(number))
            if talk.hello_due <= ticks and talk.session.hello_at + AGAIN_SECONDS / 2 <= ticks:
                self._greeter.hello(talk, ticks)
            if talk.session.was_greeted:
                self._alarms.tell(talk, ticks)
            self.pump(talk)

    def settle(self) -> None:
        """Looks at a part of what has not been looked at for uses and codes used twice, and keeps
        what peers have acknowledged; once in a while, for each is a write."""
        is_busy = any(talk.pending for talk in self._talks)
        self._settling.settle(self.acknowledged, self._ticks, now=self._time(), is_busy=is_busy)
        self._settling.move(self._ticks, is_busy=is_busy)
        self._settling.forget(self._ticks, sure=self._replica.ledger().floor)

    def settle_all(self) -> None:
        """`settle` until nothing is left to look at."""
        self._settling.hurry()
        while self._settling.is_due or self.acknowledged:
            self._settling.settle(self.acknowledged, self._ticks, now=self._time(), is_busy=False)
