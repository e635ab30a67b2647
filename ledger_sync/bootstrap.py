"""Starting a replica from a snapshot instead of from the first entry.

The log's newest snapshot entry is proven to stand in the tree of the checkpoint, its file is
fetched by hash, and the entries behind it must lead from its frontier to the signed root. What
its rows say is the quorum's word until somebody replays the whole log: `replay` does.
FORMAT.md section 7.7.
"""

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from ledger_sync import entries, snapshot
from ledger_sync.accept import NOWHERE, Candidate, checked
from ledger_sync.cbor import Value
from ledger_sync.entries import Policy
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.merkle import HASH_BYTES, Frontier, leaf_hash, verify_inclusion
from ledger_sync.note import MAX_NOTE
from ledger_sync.replica import Replica
from ledger_sync.snapshot import Image
from ledger_sync.sources import Absence, Source
from ledger_sync.spool import Spool
from ledger_sync.state_digest import state_digest
from ledger_sync.store import Store
from ledger_sync.tiles import (
    MAX_BUNDLE,
    MAX_TILE,
    WIDTH,
    TileTree,
    bundle_path,
    entries_of,
    parse_path,
    tile_path,
)
from ledger_sync.trust import Trust, succeed

POINTER = "snapshot"
_Step: TypeAlias = tuple[int, Trust]
"""The number of a policy entry, and the trust after it."""
_POINTED = re.compile(rb"(0|[1-9][0-9]{0,15})\n", re.ASCII)


def image_of(source: Source, candidate: Candidate) -> Image | None:
    """The newest snapshot that `source` shows below this checkpoint; None if it shows none.

    Raises `Refused` (R-LEDGER) for one that is not what the log says.
    """
    pointer = source.get(POINTER, most=32)
    if isinstance(pointer, Absence):
        return None
    found = _POINTED.fullmatch(pointer.data)
    seq, size = int(found[1]) if found else -1, candidate.checkpoint.size
    if not 0 <= seq < size:
        raise _refused(f"{source.where} points to no snapshot of this checkpoint")
    number, held = divmod(seq, WIDTH)
    bundle = bundle_of(source, number, min(WIDTH, size - number * WIDTH))
    tree = TileTree(size, lambda path: _tile(source, path))
    leaf, root = leaf_hash(bundle[held]), candidate.checkpoint.root
    if not verify_inclusion(leaf, seq, size, tree.inclusion_proof(seq), root):
        raise _refused("the snapshot entry does not stand in the signed tree")
    entry = entries.parse(bundle[held])
    if not isinstance(entry, entries.Snapshot) or entry.size != seq:
        raise _refused(f"entry {seq} is no snapshot")
    image = snapshot.opened(_file(source, entry))
    if image.frontier.size != seq:
        raise _refused("a snapshot of another size than its entry says")
    if image.digest() != entry.digest:
        raise _refused("rows of another state than its entry says")
    return snapshot.with_partial(image, bundle[:held])


def trust_in(image: Image, trust: Trust) -> Trust:
    """The trust after the policies among the rows; each must follow the one before it."""
    return [trust, *(newer for _, newer in _trusts_in(image, trust))][-1]


def with_bridges(image: Image, source: Source, trust: Trust, *, size: int) -> Image:
    """The snapshot with the notes up to `size` that lead from policy to policy in it, as far as
    `source` has them: for those who will take the ledger from this replica and are behind."""
    steps, found = [(-1, trust), *_trusts_in(image, trust)], []
    for at, (_, before) in enumerate(steps[:-1]):
        with suppress(Refused, Unavailable):
            bridge = source.get(f"bridge/{before.version}", most=MAX_NOTE)
            if not isinstance(bridge, Absence) and _leads_on(bridge.data, steps[at:], size):
                found.append((before.version, bridge.data))
    return image._replace(bridges=tuple(found))


def _leads_on(note: bytes, steps: list[_Step], most: int) -> bool:
    """Whether the note is over the policy behind the first of these, and signed by both quorums.
    Raises `Refused` if one of them is missing."""
    (_, before), *later = steps
    size = checked(note, trust=before, known=NOWHERE).checkpoint.size
    over = [trust for seq, trust in later if seq < size <= most]
    for trust in over[-1:]:
        checked(note, trust=trust, known=NOWHERE)
    return bool(over)


def _trusts_in(image: Image, trust: Trust) -> Iterator[_Step]:
    for table, columns in image.rows():
        if table == "policy":
            seq, entry = _policy_in(columns)
            newer = succeed(trust, entry)
            if newer.version > trust.version:
                yield seq, newer
            trust = newer


def _policy_in(columns: list[Value]) -> tuple[int, Policy]:
    match columns:
        case [int(version), int(seq), bytes(raw)]:
            entry = entries.parse(raw)
            if isinstance(entry, Policy) and entry.version == version:
                return seq, entry
        case _:
            pass
    raise _refused("a policy row that is no policy")


def replay(replica: Replica, source: Source, *, pinned: Trust) -> int:
    """Fetches the entries before the snapshot that the replica began with, and checks its state.

    How many entries. Raises `Refused` if replaying gives another state than the quorum claimed:
    then nobody may believe this ledger. Nothing is changed unless all is well.
    """
    base = replica.history.base()
    if base is None:
        return 0
    size, image = base.size, snapshot.opened(base.file)
    with Spool(replica.folder) as spool, tempfile.TemporaryDirectory(dir=replica.folder) as name:
        frontier = Frontier()
        for number in range(-(-size // WIDTH)):
            is_ours = number == size // WIDTH  # the bundle the snapshot ends in
            bundle = replica.bundle(number) if is_ours else bundle_of(source, number, WIDTH)
            spool.add(bundle := bundle[: size - number * WIDTH])
            for entry in bundle:
                frontier.append(leaf_hash(entry))
        if frontier.peaks != image.frontier.peaks:
            raise _refused("the entries before the snapshot do not hash to its frontier")
        path = Path(name) / "replayed.db"
        with Store.create(path, origin=pinned.origin, floor=0) as beside:
            flat = (entry for bundle in spool for entry in bundle)
            Replica(beside).append(flat, trust=pinned)
            skipped = [seq for (seq,) in beside.rows("SELECT seq FROM skipped")]
            keys = list(beside.rows("SELECT key, name FROM feed_key"))
            if state_digest(beside.db) != base.digest:
                if skipped:
                    raise _wrong("this version cannot read every entry; update it, then replay")
                raise _refused("replaying the log gives another state than the quorum claimed")
        replica.history.complete(spool, skipped, keys)
    return size


def bundle_of(source: Source, number: int, width: int) -> list[bytes]:
    """The first `width` entries of a bundle: the partial file, or the full one it grew into."""
    for asked in dict.fromkeys((width, WIDTH)):
        found = source.get(bundle_path(number, asked), most=MAX_BUNDLE)
        if not isinstance(found, Absence):
            try:
                return entries_of(found.data, asked)[:width]
            except Refused as refused:
                raise _wrong(f"{source.where}, {bundle_path(number, asked)}: {refused}") from None
    raise _wrong(f"{source.where} has no {bundle_path(number, width)}")


def _tile(source: Source, path: str) -> bytes:
    level, number, width = parse_path(path)
    assert level is not None
    for asked in dict.fromkeys((width, WIDTH)):
        found = source.get(tile_path(level, number, asked), most=MAX_TILE)
        if not isinstance(found, Absence):
            return found.data if asked == width else found.data[: width * HASH_BYTES]
    raise _refused(f"{source.where} has no {path}")


def _file(source: Source, entry: entries.Snapshot) -> bytes:
    path = f"blob/{entry.sha256.hex()}"
    if entry.length > snapshot.MAX_FILE:
        raise _refused(f"of {entry.length} bytes, at most {snapshot.MAX_FILE} are read")
    found = source.get(path, most=entry.length)
    if isinstance(found, Absence) or hashlib.sha256(found.data).digest() != entry.sha256:
        raise _refused(f"{source.where} has no {path}, or another file under that name")
    return found.data


def _wrong(why: str) -> Refused:
    return Refused(why, reason="R-LEDGER")


def _refused(why: str) -> Refused:
    return Refused(f"snapshot: {why}", reason="R-LEDGER")
