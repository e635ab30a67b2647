"""Checks on a stick: the frames that terminals send each other, in one file.

    checks        HELLO, then DENY frames (orders first) and BUNDLE frames, then DONE

Read like a peer that says nothing more: it can withhold, never alter. FORMAT.md section 8.6.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ledger_sync import files, frames, vector
from ledger_sync.batch import Batch
from ledger_sync.denials import Denials
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.feed import BUNDLE
from ledger_sync.frame_reader import FrameReader
from ledger_sync.gossip import Gossip
from ledger_sync.orders import Orders
from ledger_sync.replica import Replica
from ledger_sync.roster import Roster
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.talk import Talk
from ledger_sync.withdrawals import Withdrawals

NAME = "checks"  # the file, beside those of the ledger
PIECE = 1 << 13  # bytes heard at once: as many notes as fit in cost less than a peer may
TOGETHER = 32  # pieces whose batches are made durable together
_FIRST = frames.HEAD.size + frames.MAX_FRAME  # bytes in which HELLO is whole
_PATIENCE = 60.0  # seconds that seem to pass between two pieces: a stick may say much at once


def count(store: Store) -> int:
    """How many entries of all feeds there are to write: up to their newest heads."""
    return sum(held.size for held in Shelf(store).feeds())


def urgent(store: Store) -> list[bytes]:
    """The orders, deny notes and withdrawals there are to write, orders first."""
    denials = [denial for _, denial in Denials(store).notes()]
    return [*Orders(store).notes(), *denials, *Withdrawals(store).notes()]


def write(path: Path, store: Store, kid: bytes) -> None:
    """Writes all feeds of a store, up to their newest heads, its orders, denials and withdrawals.

    `kid` is of the terminal that writes. Raises `Unavailable` if the stick or the store fails.
    """
    files.replace(path, _frames(store, kid))


def _frames(store: Store, kid: bytes) -> Iterator[bytes]:
    shelf = Shelf(store)
    feeds = Roster(store, kid).feeds()
    rows, closed = vector.vector_of(feeds, set(feeds))
    yield frames.Hello(kid, Replica(store).note(), rows, closed, (), ()).to_bytes()
    for text in urgent(store):
        yield frames.Deny(text).to_bytes()
    for held in shelf.feeds():
        for start in range(0, held.size, BUNDLE):
            stop = min(held.size, start + BUNDLE)
            head = shelf.head_at(held, stop)
            if head:
                ids = (held.kid, held.incarnation, start, stop - start, head)
                batch = Batch(*ids, *shelf.part(held.number, start, stop))
                yield frames.Parts(batch).to_bytes()
    yield frames.Done().to_bytes()


class _Silent:
    """A link that nobody listens at."""

    def send(self, data: bytes) -> None:
        """What this terminal has to say is written when it exports."""

    def has_room(self) -> bool:
        return False


def read(path: Path, gossip: Gossip) -> int:
    """Takes in what the file at `path` holds of checks and urgent notes; how many entries are new.

    Raises `Refused` for what no terminal wrote, `Unavailable` for a stick that was pulled: what
    was taken in before stays, and all of it was verified.
    """
    before = _count(gossip)
    try:
        with path.open("rb") as file:
            talk = gossip.begin(str(path), _writer_of(file.read(_FIRST), path), _Silent(), 0.0)
            file.seek(0)
            try:
                _hear(gossip, talk, file)
            finally:
                gossip.end(talk)
    except OSError as error:
        what = f"{path} cannot be read ({error.strerror})"
        raise Unavailable(f"{what}; plug the stick in again") from error
    gossip.settle_all()
    return _count(gossip) - before


def _hear(gossip: Gossip, talk: Talk, file: BinaryIO) -> None:
    ticks = 0.0
    for number, piece in enumerate(iter(partial(file.read, PIECE), b""), start=1):
        gossip.hear(talk, piece, ticks, more=number % TOGETHER > 0)
        ticks += _PATIENCE
    gossip.hear(talk, b"", ticks)


def _count(gossip: Gossip) -> int:
    return sum(row.size for rows in gossip.feeds().values() for row in rows)


def _writer_of(head: bytes, path: Path) -> bytes:
    """The kid of the terminal that wrote the file, as its HELLO says: nothing rests on it."""
    first = next(FrameReader().feed(head), None)
    if not isinstance(first, frames.Hello):
        raise Refused(f"{path} does not begin as checks of a terminal", reason="R-LEDGER")
    return first.kid
