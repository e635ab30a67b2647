"""A batch: what one terminal hands another of a feed, closed by a signed head.

At most one bundle of entries, the head over the feed up to its last one, and what is sealed beside
them. Verified as a whole before a byte of it is kept. Pure. FORMAT.md sections 8.4 and 8.6.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from ledger_sync import feed as feeds
from ledger_sync import note
from ledger_sync.bundle import Entries
from ledger_sync.errors import Refused
from ledger_sync.feed import BUNDLE, MAX_SEALED, NOTHING_SEALED
from ledger_sync.merkle import Frontier, root_over

MAX_FEED_ENTRY = 3_072  # bytes of one feed entry: 256 of them fit a frame
MAX_BRANCHES = 8  # histories kept of one feed
MAX_SEALED_BUNDLE = BUNDLE * (1 + MAX_SEALED)


class Diverged(Refused):
    """The entries do not lead from what is held to the signed head: damage, or another history."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="R-LEDGER")


class Batch(NamedTuple):
    """Entries `start` to `start + count` of the feed (kid, incarnation); `note` is the head there.

    `bundle` is a C2SP tlog-tiles entry bundle; `sealed` the remainders, each behind its length in
    one byte, or nothing where they were forgotten already.
    """

    kid: bytes
    incarnation: bytes
    start: int
    count: int  # type: ignore[assignment]  # a tuple's own `count` is of no use here
    note: str
    bundle: bytes
    sealed: bytes

    @property
    def end(self) -> int:
        return self.start + self.count


class Verified(NamedTuple):
    """A batch that leads from the frontier it was checked against to its head. `sealed` is empty
    for a whole bundle, whose remainders are looked at later, see `has_its_sealed`."""

    batch: Batch
    entries: Sequence[bytes]
    sealed: list[bytes]
    frontier: Frontier
    root: bytes


def root_of(text: str, *, origin: str, key: bytes) -> note.Checkpoint:
    """The checkpoint in a head. Raises `Refused` if `key` did not sign it for this origin."""
    found = note.checkpoint_of(note.open_note(text, [feeds.verifier_of(origin, key)]))
    if found.origin != origin:
        raise _refused(f"a head of {found.origin[:80]}, not of {origin}")
    return found


def head_in(text: str) -> note.Checkpoint:
    """The checkpoint in a head that was verified before."""
    return note.checkpoint_of(note.Note(text.partition("\n\n")[0] + "\n", ()))


def verified(batch: Batch, *, frontier: Frontier, origin: str, key: bytes) -> Verified:
    """The entries of a batch, if they go on from `frontier` and `key` signed where they end.

    Raises `Diverged` if all is well but the hashes, `Refused` (R-LEDGER) otherwise; nothing was
    changed then, `frontier` neither.
    """
    start, count = batch.start, batch.count
    if start != frontier.size or not 1 <= count <= BUNDLE - start % BUNDLE:
        raise _refused(f"a batch of {count} at {start}, {frontier.size} are held")
    head = root_of(batch.note, origin=origin, key=key)
    if head.size != batch.end:
        raise _refused(f"a head over {head.size} behind a batch that ends at {batch.end}")
    entries = Entries(batch.bundle, count, most=MAX_FEED_ENTRY)
    grown = _grown(frontier, entries.leaves)
    if grown.root() != head.root:
        raise Diverged(f"{origin}: {start} to {batch.end} do not hash to the signed head")
    if start == 0:
        _check_opening(entries[0], key)
    sealed = [] if count == BUNDLE else _sealed(batch.sealed, entries)
    return Verified(batch, entries, sealed, grown, head.root)


def _grown(frontier: Frontier, leaves: list[bytes]) -> Frontier:
    """The frontier with these leaves behind it; a whole bundle is one subtree of it."""
    grown = frontier.copy()
    if len(leaves) == BUNDLE:
        grown.append_tree(root_over(leaves), BUNDLE.bit_length() - 1)
    else:
        for leaf in leaves:
            grown.append(leaf)
    return grown


def _check_opening(entry: bytes, key: bytes) -> None:
    if feeds.opening_of(entry).terminal != key:
        raise _refused("a feed that opens with another terminal's key")


def _sealed(data: bytes, entries: Sequence[bytes]) -> list[bytes]:
    """The sealed remainders, one an entry and empty where there is none."""
    if not data:
        return [b""] * len(entries)
    found, sha256 = sealed_of(data, len(entries)), hashlib.sha256
    stated = map(feeds.sealed_hash_of, entries)
    if any(
        one and sha256(one).digest() != there for one, there in zip(found, stated, strict=True)
    ):
        raise _refused("a sealed remainder that is not the one of its check")
    return found


def has_its_sealed(entries: Sequence[bytes], sealed: bytes) -> bool:
    """Whether the remainders beside these entries are theirs, or forgotten.

    Asked of whole bundles in a quiet moment: nothing but the auditor's reading rests on it, and
    who exchanges remainders could as well have withheld them.
    """
    try:
        _sealed(sealed, entries)
    except Refused:
        return False
    return True


def sealed_of(data: bytes, count: int) -> list[bytes]:
    """The `count` remainders in `data`, none more. Raises `Refused`."""
    found: list[bytes] = []
    at = 0
    for _ in range(count):
        if at >= len(data):
            raise _refused("sealed remainders end early")
        end = at + 1 + data[at]
        found.append(data[at + 1 : end])
        at = end
    if at != len(data):
        raise _refused("sealed remainders of another length than they say")
    return found


def sealed_bundle(parts: Sequence[bytes]) -> bytes:
    """The remainders end to end, each behind its length; nothing if all are forgotten."""
    if not any(parts):
        return b""
    return b"".join([part for one in parts for part in (bytes((len(one),)), one)])


def is_forgotten(entry: bytes, sealed: bytes) -> bool:
    """Whether the entry once had a sealed remainder, and has none here."""
    return not sealed and feeds.sealed_hash_of(entry) != NOTHING_SEALED


def _refused(why: str) -> Refused:
    return Refused(why, reason="R-LEDGER")
