"""What must reach everybody: orders, deny notes, withdrawals, and evidence of two histories.

All are small and prove themselves, whoever brings them; each is told to every peer that does not
say it has it, a few a second, orders first. FORMAT.md sections 7.8 to 7.10 and 8.7.
"""

import logging
from collections.abc import Callable

from ledger_sync import frames, order
from ledger_sync.denials import Denials
from ledger_sync.errors import Refused
from ledger_sync.intake import Intake
from ledger_sync.orders import Orders
from ledger_sync.replica import Replica
from ledger_sync.roster import Roster, mark_of
from ledger_sync.store import Store
from ledger_sync.talk import Talk
from ledger_sync.trust import Trust
from ledger_sync.withdrawals import Verify, Withdrawals, is_withdrawal

_log = logging.getLogger("yardpass.sync")


class Alarms:
    """The orders, deny notes, withdrawals and evidence of one store, and what peers know of
    them."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        roster: Roster,
        *,
        pinned: Trust,
        now: Callable[[], int],
        verify: Verify | None = None,
    ) -> None:
        """`now` is not before the floor; `verify` as in `Withdrawals`."""
        self._replica = Replica(store)
        self._denials = Denials(store)
        self._orders = Orders(store)
        self._withdrawals = Withdrawals(store, verify)
        self._intake = intake
        self._roster = roster
        self._pinned = pinned
        self._now = now
        self._notes: dict[bytes, frames.Deny] = {}  # as `reload` sorts them
        self._proofs: dict[bytes, frames.Evidence] = {}
        self.reload()

    def reload(self) -> None:
        """Reads what is held anew: orders, deny notes, withdrawals, of each the newest first. A
        host can make as many of the last as he likes, and holds up none of the others."""
        denials = [text for _, text in self._denials.notes()]
        withdrawals = self._withdrawals.notes()
        notes = (*self._orders.notes()[::-1], *denials[::-1], *withdrawals[::-1])
        self._notes = {_mark_of_note(text): frames.Deny(text) for text in notes}
        pairs = [(b"", one, other) for _, one, other in self._replica.history.evidence()]
        pairs += [(kid, one.encode(), two.encode()) for kid, one, two in self._intake.forks()]
        proofs = [frames.Evidence(*pair) for pair in pairs]
        self._proofs = {_mark_of_pair(one): one for one in proofs}

    def marks(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """What a HELLO says is held: the orders, the newest denials, withdrawals and
        proofs."""
        most = frames.MAX_MARKS
        return tuple(self._notes)[:most], tuple(self._proofs)[-most:]

    def tell(self, talk: Talk, ticks: float) -> None:
        """Tells a peer what it lacks, as much as it must listen to now."""
        for known in (self._notes, self._proofs):
            for mark, message in known.items():
                if talk.session.may_tell(mark, ticks):
                    talk.link.send(message.to_bytes())

    def on_alarm(self, talk: Talk, found: frames.Deny | frames.Evidence) -> bool:
        """Takes what a peer tells; whether it was new."""
        if isinstance(found, frames.Deny):
            return self._on_note(talk, found.note)
        return self._on_evidence(talk, found)

    def _on_note(self, talk: Talk, text: bytes) -> bool:
        """Takes what takes effect at once; whether it was new."""
        mark, what = _mark_of_note(text), _kind_of(text)
        if mark in self._notes:
            return False
        try:
            self._add(text)
        except Refused as refused:  # overtaken on the way, or of a list that is not here yet
            _log.info("%s from %s does not count here: %s", what, talk.name, refused)
            return False
        _log.info("%s came from %s", what, talk.name)
        self.reload()
        return mark in self._notes

    def _add(self, text: bytes) -> None:
        if is_withdrawal(text):
            self._withdrawals.add(text, now=self._now())
            return
        held = self._orders if order.is_order(text) else self._denials
        held.add(text, trust=self._replica.history.trust(self._pinned), now=self._now())

    def _on_evidence(self, talk: Talk, found: frames.Evidence) -> bool:
        """Keeps two signed notes that contradict each other; whether they were new."""
        mark = _mark_of_pair(found)
        if mark in self._proofs:
            return False
        try:
            if found.kid:
                owner = self._roster.owner(found.kid)
                self._intake.take_evidence(*found, owner, self._now())
            else:
                self._replica.history.take_evidence(
                    found.first, found.second, pinned=self._pinned, at=self._now()
                )
        except Refused as refused:  # signed by those this terminal does not believe, or no more
            _log.info("evidence from %s proves nothing here: %s", talk.name, refused)
            return False
        self.reload()
        return mark in self._proofs


def _kind_of(text: bytes) -> str:
    if is_withdrawal(text):
        return "a withdrawal"
    return "an order" if order.is_order(text) else "a deny note"


def _mark_of_note(text: bytes) -> bytes:
    """Of what an order says, whoever signed it besides; of other notes as they are."""
    if order.is_order(text):
        return order.digest_in(text)[: frames.MARK_BYTES]
    return mark_of(text)


def _mark_of_pair(found: frames.Evidence) -> bytes:
    """Of what the notes say; whoever signed them besides makes no other pair of them."""
    texts = sorted(note.partition(b"\n\n")[0] for note in found[1:])
    return mark_of(b"\0".join([found.kid, *texts]))
