"""Known mistakes, switched on to see that a world finds them; none of this is in the product.

One feed a key: a process goes on with the feed of the one before (in node.py). Drop the shorter:
of two histories only the longer is kept. Ack first: a peer vouches before its disk has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_sync.batch import Verified
from ledger_sync.gossip import Gossip, Talk
from ledger_sync.intake import Intake
from ledger_sync.shelf import Held


@dataclass(frozen=True, slots=True)
class Variant:
    """Which known mistakes a world is built with."""

    one_feed_a_key: bool = False
    drop_shorter: bool = False
    ack_first: bool = False


class DropsShorter(Intake):
    """Keeps what is longer, or was first."""

    def _put_branch(self, one: Held, found: Verified, held: Sequence[Held], now: int) -> Held:
        return one


class AcksFirst(Gossip):
    """Vouches for what it is about to write."""

    def _flush(self, talk: Talk) -> None:
        for batch in talk.pending:
            if talk.session.peer == batch.kid:
                ack = self._inbox.ack_of(batch.kid, batch.incarnation, batch.note)
                talk.link.send(ack.to_bytes())
        super()._flush(talk)
