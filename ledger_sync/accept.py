"""Whether a checkpoint and its entries may become the state of a terminal.

The numbered steps of FORMAT.md section 7.3, in that order: 1 to 5 look at the note alone, before
any entry is fetched for it; 6 to 8 at the entries; 9, one transaction, is the replica's. Pure:
bytes in, a value out, or `Refused` (R-LEDGER) and nothing changes.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ledger_sync import entries
from ledger_sync.entries import Policy
from ledger_sync.errors import Refused
from ledger_sync.merkle import EMPTY_ROOT, Frontier, leaf_hash
from ledger_sync.note import Checkpoint, checkpoint_of, open_note
from ledger_sync.trust import Trust, succeed

MAX_POLICIES = 256  # policy entries that one acceptance walks through
Chunks = Iterable[list[bytes]]
"""Entries in order, in lists of one bundle or less; can be walked more than once."""


class Forked(Refused):
    """The log signed two histories. Both checkpoints are evidence: keep them, alarm."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="R-LEDGER")


class Damaged(Refused):
    """The entries are not those of the checkpoint: damaged on the way, or of another history."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="R-LEDGER")


class Position(NamedTuple):
    """Where a terminal stands in its ledger: nothing accepted yet is size 0."""

    size: int
    root: bytes


NOWHERE = Position(0, EMPTY_ROOT)


class Candidate(NamedTuple):
    """A checkpoint that passed steps 1 to 5, its note, and the time its quorum vouches for."""

    checkpoint: Checkpoint
    note: bytes
    quorum_time: int


class Accepted(NamedTuple):
    """What the terminal may now believe, once step 9 has made it durable.

    `chunks` are the entries from `start` on; `trust` is that after the last of them.
    """

    checkpoint: Checkpoint
    note: bytes
    quorum_time: int
    frontier: Frontier
    start: int
    chunks: Chunks
    trust: Trust


def checked(note: bytes, *, trust: Trust, known: Position) -> Candidate:
    """Steps 1 to 5: a checkpoint worth fetching entries for. Raises `Refused`, `Forked`."""
    # 7.3.1: the bounds, and a signed note that parses.
    opened = open_note(note, trust.quorum.verifiers)
    checkpoint = checkpoint_of(opened)
    # 7.3.2: the origin is the pinned one.
    if checkpoint.origin != trust.origin:
        raise _refused(f"ledger of {checkpoint.origin}, not of {trust.origin}")
    # 7.3.3: the log's own key signed it, the one of this origin (tlog-policy, "log").
    if not trust.signed_by_log(opened):
        raise _refused("the log's own key did not sign this checkpoint")
    # 7.3.4: a quorum of cosigners signed it.
    quorum_time = trust.quorum_of(opened)
    if quorum_time is None:
        count = len(trust.quorum.cosigners_of(opened))
        raise _refused(f"{count} cosignatures are no quorum")
    # 7.3.5: the ledger never shrinks, and one size has one root.
    if checkpoint.size < known.size:
        raise _refused(f"{checkpoint.size} entries, {known.size} were accepted before")
    if checkpoint.size == known.size and checkpoint.root != known.root:
        raise Forked("the same size with another root: two histories")
    return Candidate(checkpoint, bytes(note), quorum_time)


def accept(candidate: Candidate, chunks: Chunks, *, trust: Trust, frontier: Frontier) -> Accepted:
    """Steps 6 to 8, for the entries behind the frontier that was accepted before.

    Raises `Damaged` if the entries are not those of the checkpoint, `Refused` for policy entries
    that may not follow. All other entries are parsed in step 9, verified by then.
    """
    checkpoint, start = candidate.checkpoint, frontier.size
    # 7.3.6: behind what was accepted before there are as many as the note says.
    frontier = frontier.copy()
    policies = _hash(chunks, frontier, checkpoint.size)
    if frontier.size != checkpoint.size:
        why = f"{frontier.size} entries, the checkpoint says {checkpoint.size}"
        raise Damaged(f"{why}; some were cut off")
    # 7.3.7: from the frontier accepted before, they hash to the root.
    if frontier.root() != checkpoint.root:
        raise Damaged("the entries do not hash to the signed root")
    # 7.3.8: policies in order; who the newest names must have signed this checkpoint, too.
    newest = trust
    for raw in policies:
        entry = entries.parse(raw)
        assert isinstance(entry, Policy)
        newest = succeed(newest, entry)
    time = candidate.quorum_time
    if newest is not trust:
        again = checked(candidate.note, trust=newest, known=Position(0, EMPTY_ROOT))
        time = min(time, again.quorum_time)
    # 7.3.9, one transaction, is `Replica.apply`.
    return Accepted(checkpoint, candidate.note, time, frontier, start, chunks, newest)


def _hash(chunks: Chunks, frontier: Frontier, most: int) -> list[bytes]:
    """Appends all entries to `frontier`; the policy entries among them."""
    policies = []
    append, head = frontier.append, entries.POLICY_HEAD
    for chunk in chunks:
        for entry in chunk:
            append(leaf_hash(entry))
            if entry.startswith(head):
                policies.append(entry)
        if frontier.size > most or len(policies) > MAX_POLICIES:
            raise Damaged(f"more entries than the {most} of the checkpoint, or too many policies")
    return policies


def is_fork(candidate: Candidate, everything: Chunks, known: Position) -> bool:
    """Whether these entries, from the first on, prove that `candidate` signs another history.

    They do if they hash to its root, and to another than the known one on the way.
    """
    frontier, before = Frontier(), known.root
    for chunk in everything:
        for entry in chunk:
            frontier.append(leaf_hash(entry))
            if frontier.size == known.size:
                before = frontier.root()
    whole = Position(frontier.size, frontier.root())
    signed = Position(candidate.checkpoint.size, candidate.checkpoint.root)
    return whole == signed and before != known.root


def _refused(why: str) -> Refused:
    return Refused(why, reason="R-LEDGER")
