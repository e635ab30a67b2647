"""Whether a checkpoint and its entries may become the state of a terminal.

The numbered steps of FORMAT.md section 7, in that order. Pure: bytes in, `Accepted` out, or
`Refused` (R-LEDGER) and nothing changes.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ledger_sync.entries import Entry, parse
from ledger_sync.errors import Refused
from ledger_sync.merkle import EMPTY_ROOT, Frontier, leaf_hash
from ledger_sync.note import Checkpoint, checkpoint_of, open_note
from ledger_sync.quorum import Policy

MAGIC = b"yardpass-ledger-1\n"
MAX_FILE = 512 << 20  # bytes of one export file
_NOTE_HEAD = struct.Struct(">I")
_ENTRY_HEAD = struct.Struct(">H")


class Position(NamedTuple):
    """Where a terminal stands in its ledger: nothing accepted yet is size 0."""

    size: int
    root: bytes


NOWHERE = Position(0, EMPTY_ROOT)


class Accepted(NamedTuple):
    """What the terminal may now believe: the checkpoint, its frontier, the newest quorum time."""

    checkpoint: Checkpoint
    note: bytes
    quorum_time: int
    frontier: Frontier
    new_entries: list[tuple[int, bytes, Entry]]


def accept(export: bytes, *, policy: Policy, origin: str, known: Position) -> Accepted:
    """The ledger in an export file, if every step passes.

    `policy` and `origin` are pinned when the terminal is provisioned. Raises `Refused`.
    """
    # 1. The bounds, and a signed note that parses.
    note_bytes, entries = split(export)
    note = open_note(note_bytes, policy.verifiers)
    checkpoint = checkpoint_of(note)
    # 2. The origin is the pinned one.
    if checkpoint.origin != origin:
        raise Refused(f"ledger of {checkpoint.origin}, not of {origin}", reason="R-LEDGER")
    # 3. The log's own key signed it: the one that bears this origin (tlog-policy, "log").
    own = [log for log in policy.logs if log.name == origin]
    if not any(signature.verifier in own for signature in note.signatures):
        raise Refused("the log's own key did not sign this checkpoint", reason="R-LEDGER")
    # 4. A quorum of cosigners signed it.
    cosigners = policy.cosigners_of(note)
    if not policy.satisfied(cosigners):
        raise Refused(f"{len(cosigners)} cosignatures are no quorum", reason="R-LEDGER")
    # 5. The ledger never shrinks, and one size has one root.
    if checkpoint.size < known.size:
        size = checkpoint.size
        raise Refused(f"{size} entries, {known.size} were accepted before", reason="R-LEDGER")
    if checkpoint.size == known.size and checkpoint.root != known.root:
        raise Refused("the same size with another root: two histories", reason="R-LEDGER")
    # 6. and 7. All entries hash to the new root, and the old ones to the root accepted before.
    frontier, fresh = _replay(entries, known, checkpoint)
    # 8. Only now is an entry parsed. 9. is the store's: all of it in one transaction.
    parsed = [(seq, raw, parse(raw)) for seq, raw in fresh]
    return Accepted(checkpoint, note_bytes, policy.quorum_time(cosigners), frontier, parsed)


def _replay(
    entries: Iterator[bytes], known: Position, checkpoint: Checkpoint
) -> tuple[Frontier, list[tuple[int, bytes]]]:
    frontier, old_root = Frontier(), EMPTY_ROOT
    fresh: list[tuple[int, bytes]] = []
    for seq, entry in enumerate(entries):
        frontier.append(leaf_hash(entry))
        if frontier.size == known.size:
            old_root = frontier.root()
        elif frontier.size > known.size:
            fresh.append((seq, entry))
    if frontier.size != checkpoint.size:
        size = checkpoint.size
        raise Refused(f"{frontier.size} entries, the checkpoint says {size}", reason="R-LEDGER")
    if frontier.root() != checkpoint.root:  # a damaged file, before it is called a fork
        raise Refused("the entries do not hash to the signed root", reason="R-LEDGER")
    if old_root != known.root:
        raise Refused("entries accepted before differ: two histories", reason="R-LEDGER")
    return frontier, fresh


def join(note_bytes: bytes, entries: list[bytes]) -> bytes:
    """An export file: magic, the note behind its length, each entry behind its length."""
    parts = [MAGIC, _NOTE_HEAD.pack(len(note_bytes)), note_bytes]
    for entry in entries:
        parts += (_ENTRY_HEAD.pack(len(entry)), entry)
    return b"".join(parts)


def split(export: bytes) -> tuple[bytes, Iterator[bytes]]:
    """The note of an export file, and its entries as they are asked for."""
    if len(export) > MAX_FILE or not export.startswith(MAGIC):
        raise Refused("not a Yardpass ledger file", reason="R-LEDGER")
    at = len(MAGIC) + _NOTE_HEAD.size
    if len(export) < at:
        raise Refused("a ledger file that ends early", reason="R-LEDGER")
    (size,) = _NOTE_HEAD.unpack_from(export, len(MAGIC))
    if len(export) < at + size:
        raise Refused("a ledger file that ends early", reason="R-LEDGER")
    return export[at : at + size], _entries(export, at + size)


def _entries(export: bytes, at: int) -> Iterator[bytes]:
    while at < len(export):
        end = at + _ENTRY_HEAD.size
        if end > len(export):
            raise Refused("a ledger file that ends early", reason="R-LEDGER")
        (size,) = _ENTRY_HEAD.unpack_from(export, at)
        if end + size > len(export):
            raise Refused("a ledger file that ends early", reason="R-LEDGER")
        yield export[end : end + size]
        at = end + size
