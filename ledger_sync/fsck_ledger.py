"""The ledger's part of fsck.py: entries against the root, root against the signatures, state
against a replay, denials and orders against their notes. FORMAT.md sections 5 to 7.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from ledger_sync import deny, note, order, snapshot
from ledger_sync.accept import NOWHERE, checked
from ledger_sync.bootstrap import trust_in
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fields import MAX_NUMBER
from ledger_sync.history import Base
from ledger_sync.kinds import MAY_ORDER, Issuer
from ledger_sync.materialise import known_of
from ledger_sync.merkle import Frontier, leaf_hash
from ledger_sync.order import Rank
from ledger_sync.replica import Ledger, Replica
from ledger_sync.snapshot import Image
from ledger_sync.state import LIST_SIZE
from ledger_sync.state_digest import TABLES
from ledger_sync.store import Store
from ledger_sync.tiles import WIDTH
from ledger_sync.trust import Trust

_Row: TypeAlias = tuple[Any, ...]
_RANKS = {type(None): 0, int: 1, float: 1, str: 2, bytes: 3}
_NUMBERS = "SELECT number FROM bundle ORDER BY number"
_STATE = TABLES | {"skipped": "SELECT seq FROM skipped ORDER BY seq"}
_ORDERS = "SELECT zone, kind, issued_at, digest, signer, note FROM standing_order ORDER BY zone"
_MADE = {
    "schema": "SELECT name, type, tbl_name, sql FROM sqlite_schema"
    " WHERE tbl_name <> '_sqlite_migrations' ORDER BY name, type",
    "migration": "SELECT migration_set, name FROM _sqlite_migrations"
    " WHERE id > 0 AND applied_at > '' ORDER BY migration_set, name",
}
"""What a store made now has, and this one must have, too: a flipped bit in a trigger is a rule
forgotten. It may have more, as the office's does."""


def findings(store: Store, pinned: Trust) -> Iterator[str]:
    """What is wrong with the ledger of a store, a sentence each."""
    replica = Replica(store)
    held = replica.ledger()
    yield from _entries(store, replica, held, pinned)
    if held.size or replica.note():
        yield from _note(replica, pinned)
    elif held.quorum_time:
        yield "ledger: a quorum time, and no checkpoint it is of"
    yield from _history(store, replica, pinned)
    yield from _denials(store, replica, pinned)
    yield from _blocks(store, replica, pinned)
    yield from _orders(store, replica, pinned)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The entries of a store by the bundle, without those before the snapshot it began with. Read
    from the store at each walk: a ledger may be larger than memory."""

    store: Store
    replica: Replica
    skip: int = 0  # entries of the first bundle

    def __iter__(self) -> Iterator[list[bytes]]:
        skip = self.skip
        for (number,) in self.store.rows(_NUMBERS):
            yield self.replica.bundle(number)[skip:]
            skip = 0


def _entries(store: Store, replica: Replica, held: Ledger, pinned: Trust) -> Iterator[str]:
    base = replica.history.base()
    size = base.size if base else 0
    if not _is_range(store.rows(_NUMBERS), size // WIDTH, -(-held.size // WIDTH)):
        numbers = [number for (number,) in store.rows(f"{_NUMBERS} LIMIT 9")]
        yield f"ledger: bundles {numbers}... are there, the checkpoint counts {held.size}"
    image, frontier, kept = None, Frontier(), _Kept(store, replica, size % WIDTH)
    if base is not None:
        image = _image(base, store, replica)
        frontier = image.frontier.copy()
    try:
        for entry in chain.from_iterable(kept):
            frontier.append(leaf_hash(entry))
    except (Refused, Unavailable) as error:
        yield f"ledger: {error}"
        return
    if (frontier.size, frontier.root()) != (held.size, held.root):
        yield "ledger: the stored entries are not those of the accepted root"
        return
    if frontier.peaks != replica.frontier().peaks:
        yield "ledger: the stored frontier is not that of the entries"
    yield from _state(store, held, kept, image, pinned)
    if base and hashlib.sha256(base.file).digest() not in _snapshots(store):
        yield "ledger: the snapshot this store began with is none of the ledger"


def _is_range(rows: Iterable[tuple[int]], start: int, end: int) -> bool:
    for (number,) in rows:
        if number != start:
            return False
        start += 1
    return start == end


def _image(base: Base, store: Store, replica: Replica) -> Image:
    count = base.size % WIDTH
    bundle = next(iter(_Kept(store, replica)), []) if count else []
    return snapshot.with_partial(snapshot.opened(base.file), bundle[:count])


def _snapshots(store: Store) -> list[bytes]:
    return [bytes(sha256) for (sha256,) in store.rows("SELECT sha256 FROM snapshot")]


def _state(
    store: Store, held: Ledger, kept: _Kept, image: Image | None, pinned: Trust
) -> Iterator[str]:
    """Rows that replaying the ledger does not give, and the other way round."""
    with tempfile.TemporaryDirectory(prefix="yardpass-fsck-") as name:
        path = Path(name) / "replayed.db"
        with Store.create(path, origin=held.origin, floor=0) as beside:
            trust = trust_in(image, pinned) if image else pinned
            Replica(beside).append(chain.from_iterable(kept), trust=trust, base=image)
            for table, query in (_STATE | _MADE).items():
                with closing(beside.db.execute(query)) as theirs:
                    yield from _differing(table, store.rows(query), theirs)
            yield from _keys(store, beside)


def _differing(table: str, ours: Iterator[_Row], theirs: Iterator[_Row]) -> Iterator[str]:
    for is_ours, row in _unmatched(ours, theirs):
        if not is_ours:
            yield f"state: {table} {row[0]!r} is missing or altered"
        elif table in _STATE:
            yield f"state: {table} {row[0]!r} does not follow from the ledger"


def _unmatched(ours: Iterator[_Row], theirs: Iterator[_Row]) -> Iterator[tuple[bool, _Row]]:
    """(whether it is of `ours`, row) for every row that one side has and the other has not. Both
    come in the same order, so that one row of each is held at a time."""
    our, their = next(ours, None), next(theirs, None)
    while our is not None or their is not None:
        if our == their:
            our, their = next(ours, None), next(theirs, None)
        elif their is None or (our is not None and _order(our) < _order(their)):
            assert our is not None
            yield True, our
            our = next(ours, None)
        else:
            yield False, their
            their = next(theirs, None)


def _order(row: _Row) -> list[tuple[int, Any]]:
    """Sorts rows as SQLite does, whatever types a damaged page gives."""
    return [(_RANKS[type(value)], value) for value in row]


def _keys(store: Store, beside: Store) -> Iterator[str]:
    """Keys that feeds are signed with. A store that an older version made, or that began with a
    snapshot, need not have those of terminals that are gone."""
    ours, theirs = (dict(one.rows("SELECT key, name FROM feed_key")) for one in (store, beside))
    for key, name in ours.items():
        if theirs.get(key) != name:
            yield f"state: feed_key {name!r} does not follow from the ledger"
    for key, name in store.rows("SELECT key, name FROM terminal"):
        if key not in ours:
            yield f"state: feed_key {name!r} is missing or altered"


def _note(replica: Replica, pinned: Trust) -> Iterator[str]:
    held, trust = replica.ledger(), replica.history.trust(pinned)
    try:
        found = checked(replica.note(), trust=trust, known=NOWHERE)
    except Refused as refused:
        yield f"ledger: checkpoint: {refused}"
        return
    if found.checkpoint != note.Checkpoint(held.origin, held.size, held.root):
        yield "ledger: the signed checkpoint is not the one that was accepted"
    if found.quorum_time > held.quorum_time or held.quorum_time > held.floor:
        yield "ledger: the quorum time or the time floor was altered"


def _history(store: Store, replica: Replica, pinned: Trust) -> Iterator[str]:
    """Checkpoints that led from one policy to the next, and those that contradict each other."""
    versions = {version for (version,) in store.rows("SELECT version FROM policy")}
    trusts = {
        version: replica.history.trust(pinned, at=version)
        for version in versions | {pinned.version}
    }
    for version, text in replica.history.bridges():
        if not _is_of(text, [trusts[version]] if version in trusts else []):
            yield f"ledger: the checkpoint that led on from policy {version} is damaged"
    for at, *texts in replica.history.evidence():
        if not all(_is_of(text, trusts.values()) for text in texts):
            yield f"ledger: the evidence of {at} is damaged"


def _is_of(text: bytes, trusts: Iterable[Trust]) -> bool:
    """Whether one of these policies accepts the signatures of a checkpoint."""
    for trust in trusts:
        with suppress(Refused):
            checked(text, trust=trust, known=NOWHERE)
            return True
    return False


def _denials(store: Store, replica: Replica, pinned: Trust) -> Iterator[str]:
    """Every denied place must have its note, and every note its place."""
    held, known = replica.ledger(), known_of(store.db, replica.history.trust(pinned))
    issuers = _once(known.issuers.values())
    marked = {slot for (slot,) in store.rows("SELECT slot FROM status WHERE value >= 4")}
    for slot, value in store.rows("SELECT * FROM status WHERE value NOT BETWEEN 0 AND 7"):
        yield f"state: status {slot} is {value}, which stands for nothing"
    for slot, until, signer, data in store.rows("SELECT slot, until, signer, note FROM denial"):
        marked ^= {slot}
        try:
            found = deny.opened(bytes(data), origin=held.origin, issuers=issuers, now=until)
        except Refused as refused:
            yield f"denial of {slot}: {refused}"
            continue
        slots = {
            known.lists[uri].number * LIST_SIZE + idx
            for uri, idx in found.places
            if uri in known.lists
        }
        if slot not in slots or (found.until, found.signer) != (until, signer):
            yield f"denial of {slot}: its note says otherwise"
    for slot in sorted(marked):
        yield f"denial of {slot}: the mark or the note is missing"


def _blocks(store: Store, replica: Replica, pinned: Trust) -> Iterator[str]:
    """Every blocked visitor must stand in a note, and each visitor of a note must be blocked."""
    held, known = replica.ledger(), known_of(store.db, replica.history.trust(pinned))
    issuers = _once(known.issuers.values())
    wanted: dict[int, int] = {}
    ends = dict(store.rows("SELECT credential, until FROM block"))
    for visitor, until, signer, data in store.rows("SELECT * FROM block ORDER BY credential"):
        try:
            found = deny.opened(bytes(data), origin=held.origin, issuers=issuers, now=until)
        except Refused as refused:
            yield f"block of {visitor}: {refused}"
            continue
        if visitor not in found.visitors or (found.until, found.signer) != (until, signer):
            yield f"block of {visitor}: its note says otherwise"
        for one in found.visitors:
            wanted[one] = max(found.until, wanted.get(one, 0))
    for visitor in sorted(one for one, until in wanted.items() if ends.get(one, 0) < until):
        yield f"block of {visitor}: it is missing"


def _once(issuers: Iterable[Iterable[Issuer]]) -> list[Issuer]:
    """All keys as if they still had the right: it may have been withdrawn after a note was
    taken."""
    found = chain.from_iterable(issuers)
    return [replace(one, since=0, until=MAX_NUMBER, rights=None) for one in found]


def _orders(store: Store, replica: Replica, pinned: Trust) -> Iterator[str]:
    """Every zone must have the order that its note states, signed by whom it says, and every
    order its zones, or newer ones there."""
    held, known = replica.ledger(), known_of(store.db, replica.history.trust(pinned))
    newest: dict[int, Rank] = {}
    sound = []
    for zone, *stated, signer, data in store.rows(_ORDERS):
        issuers = [  # a right may have been withdrawn after the order was taken
            replace(one, since=0, until=MAX_NUMBER, rights=MAY_ORDER)
            for one in chain.from_iterable(known.issuers.values())
            if one.key.kid.hex() == signer
        ]
        try:
            found = order.opened(data, origin=held.origin, issuers=issuers, now=MAX_NUMBER)
        except Refused as refused:
            yield f"order for zone {zone}: {refused}"
            continue
        sound.append((zone, found.rank))
        for one in order.zones_of(found.zones):
            newest[one] = max(found.rank, newest.get(one, found.rank))
        if stated != [found.kind.value, found.issued_at, found.digest]:
            yield f"order for zone {zone}: its note says otherwise"
    for zone, rank in sorted(set(newest.items()) ^ set(sound)):
        yield f"order for zone {zone}: that of {rank[0]} does not stand as its note says"
