"""What the gossip has to do with: this terminal, a link, a conversation over it."""

from dataclasses import dataclass, field
from typing import Protocol

from ledger_sync.batch import Batch
from ledger_sync.exchange import Session
from ledger_sync.keys import SigningKey
from ledger_sync.withdrawals import Verify

AGAIN_SECONDS = 1.0  # at the least between two HELLOs


class Link(Protocol):
    """One way to one peer."""

    def send(self, data: bytes) -> None:
        """Hands over bytes; they arrive whole and in order, or the link ends."""
        ...

    def has_room(self) -> bool:
        """Whether more should be handed over now."""
        ...


@dataclass(frozen=True, slots=True)
class Self:
    """Which terminal this is: its site and name, its feed key's public half, the key its link is
    secured with, and the secret of its site. `verify` reads what takes an invite back; None where
    nobody can."""

    site: str
    name: str
    feed_key: bytes
    link: SigningKey
    site_secret: bytes = field(repr=False)
    verify: Verify | None = None


@dataclass(slots=True, eq=False)
class Talk:
    """A conversation under way."""

    name: str
    session: Session
    link: Link
    hello_due: float = 0.0  # ticks
    pending: list[Batch] = field(default_factory=list)
    """Batches that came and are not durable yet."""
    flushed: int = 0
    """How often such batches were made durable, or dropped."""
    later: dict[int, float] = field(default_factory=dict)
    """number -> ticks, of feeds to pass on if nobody else has by then."""
    full: set[bytes] = field(default_factory=set)
    """Terminals whose feeds the next HELLO lists, for the peer asked."""

    def hello_soon(self, due: float) -> None:
        """The next HELLO is due then, or before."""
        self.hello_due = min(self.hello_due, due)

    def catch_up(self, ticks: float) -> None:
        """It holds more: HELLO soon, and less soon while that brings nothing."""
        if self.session.catch_up.may("hello", ticks, self.session.given):
            self.hello_soon(self.session.hello_at + AGAIN_SECONDS)
