"""The feeds' part of fsck.py: entries in sequence, under heads that their terminal signed, beside
what is sealed and acknowledged. What follows from the entries is in fsck_uses.py.

What peers wrote into their checks is no damage of this store; where it stands is. FORMAT.md
section 8.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from ledger_sync import feed as feeds
from ledger_sync.act_record import ACT, act_record_of
from ledger_sync.batch import has_its_sealed, root_of
from ledger_sync.errors import Refused
from ledger_sync.feed import BUNDLE, Opening
from ledger_sync.fsck_peers import Peers
from ledger_sync.fsck_uses import MAX_FEEDS, Tally
from ledger_sync.gate_alarm import ALARM, alarm_of
from ledger_sync.keys import ED25519, PublicKey
from ledger_sync.merkle import Frontier, leaf_hash
from ledger_sync.shelf import MAX_ENTRIES, Held, Shelf
from ledger_sync.store import Store

_STRAYS = {
    "feed: no feed has the number": "SELECT id FROM feed WHERE id NOT BETWEEN 1 AND 1073741823",
    "feed: an entry of no feed is at": "SELECT id FROM feed_entry"
    " WHERE id < 0 OR id / 4294967296 NOT IN (SELECT id FROM feed)",
    "feed: a bundle of no feed, or across two bundles, is at": "SELECT id FROM feed_bundle"
    " WHERE id < 0 OR id % 256 <> 0 OR id / 4294967296 NOT IN (SELECT id FROM feed)",
    "feed: a head of no feed is at": "SELECT size FROM head"
    " WHERE feed NOT IN (SELECT id FROM feed)",
    "feed: an acknowledgement of no feed is of": "SELECT peer FROM acknowledged"
    " WHERE feed NOT IN (SELECT id FROM feed)",
    "feed: neither this terminal's nor a peer's is number": "SELECT id FROM feed"
    " WHERE own NOT IN (0, 1)",
    "feed: histories of one feed are not counted from 0 at": "SELECT min(id) FROM feed"
    " GROUP BY kid, incarnation HAVING min(branch) <> 0 OR max(branch) <> count(*) - 1",
    "feed: a holder without the time of a code, or a time without a holder, is at": "SELECT id"
    " FROM feed_entry WHERE (holder IS NULL) + (code_at IS NULL) + (way IS NULL)"
    " + (seen_at IS NULL) + (zone IS NULL) NOT IN (0, 5)",
}
"""Sentence -> the rows it ends with: what no feed leads to, halves of what belongs together."""
_PLACES = """
SELECT id & 4294967295, 1 FROM feed_entry WHERE id >= ?1 AND id < ?2
UNION ALL SELECT id & 4294967295, 256 FROM feed_bundle WHERE id >= ?1 AND id < ?2 ORDER BY 1"""
_BOXES = """
SELECT id & 4294967295, sealed FROM {} WHERE id >= ? AND id < ? AND length(sealed) > 0"""
_MARKED = """
SELECT id & 4294967295, holder, code_at, way, seen_at, zone FROM feed_entry
WHERE id >= ? AND id < ? AND holder IS NOT NULL ORDER BY id"""


class Kept(NamedTuple):
    """A feed with all that is held of it."""

    held: Held
    name: str
    entries: list[bytes]


class Start(NamedTuple):
    """What the opening of the next feed of this terminal must say of the one before it."""

    boots: int = 0
    previous: bytes = b""
    size: int = 0


def findings(store: Store, site_secret: bytes) -> Iterator[str]:
    """What is wrong with the feeds of a store, a sentence each."""
    for what, query in _STRAYS.items():
        for (place,) in store.rows(query):
            yield f"{what} {place}"
    shelf = Shelf(store)
    keys = {kid: owner.key for kid, owner in shelf.owners().items()}
    tally, start = Tally(store, site_secret), Start()
    held_here = [held for held in shelf.feeds() if 0 < held.number < MAX_FEEDS]
    own_keys: dict[bytes, bytes] = {}
    peers = Peers(store)
    for held in held_here:
        name = held.origin if not held.branch else f"{held.origin}, history {held.branch + 1},"
        try:
            kept = _kept(store, shelf, held, name)
            opening = feeds.opening_of(kept.entries[0])
        except Refused as refused:
            yield f"feed {name}: {refused}"
            tally.pass_over(held.number)
            continue
        marks = list(store.rows(_MARKED, *_span(held)))
        if held.own:
            yield from _own(kept, opening, start)
            yield from _marks(kept, marks, site_secret)
            start = Start(start.boots + 1, held.incarnation, len(kept.entries))
            own_keys[held.kid] = opening.terminal
        else:
            yield from _peers(kept, opening, marks, keys)
        yield from _feed(shelf, kept, opening, peers)
        yield from _sealed(store, kept)
        yield from tally.look(held, name, kept.entries)
    yield from tally.finish()
    yield from peers.evidence(keys | own_keys)


def _span(held: Held) -> tuple[int, int]:
    """The ids of the rows of a feed."""
    return held.number * MAX_ENTRIES, (held.number + 1) * MAX_ENTRIES


def _kept(store: Store, shelf: Shelf, held: Held, name: str) -> Kept:
    """Raises `Refused` for entries that do not follow each other."""
    end = 0
    for place, count in store.rows(_PLACES, *_span(held)):
        if place != end:
            raise Refused(f"entry {min(place, end)} is missing, or there twice")
        end += count
    if not end:
        raise Refused("entry 0 is missing, and all others")
    return Kept(held, name, shelf.bodies(held.number))


def _own(kept: Kept, opening: Opening, start: Start) -> Iterator[str]:
    """What only a feed of this terminal promises: records that can be read, a start after the
    feed before it. Peers may have given back more of that since."""
    stated = (opening.boot_count, opening.previous)
    if stated != (start.boots, start.previous) or opening.previous_size > start.size:
        yield f"feed {kept.name}: it does not follow the feed before it"
    for seq, entry in enumerate(kept.entries[1:], start=1):
        try:
            _READERS.get(entry[:1], feeds.pruned_of)(entry)
        except Refused as refused:
            yield f"feed {kept.name}: entry {seq}: {refused}"


_READERS: dict[bytes, Callable[[bytes], object]] = {
    bytes((feeds.CHECK,)): feeds.check_of,
    bytes((ALARM,)): alarm_of,
    bytes((ACT,)): act_record_of,
}


def _marks(kept: Kept, marks: list[tuple[int, ...]], secret: bytes) -> Iterator[str]:
    """What is kept beside a check of its holder must stand in it, too."""
    for seq, holder, *mark in marks:
        use = feeds.use_of(kept.entries[seq], secret)
        if use is None or [use.code_at, use.way, use.at, use.zone] != mark:
            yield f"feed {kept.name}: entry {seq}: its mark is not that of the check"
        elif secret and use.holder != holder:
            yield f"feed {kept.name}: entry {seq}: its holder is another"


def _peers(
    kept: Kept, opening: Opening, marks: list[tuple[int, ...]], keys: Mapping[bytes, bytes]
) -> Iterator[str]:
    """What only a feed that came from a peer promises."""
    held = kept.held
    if keys.get(held.kid) != opening.terminal:
        yield f"feed {kept.name}: the ledger gave its key to no terminal"
    if held.size != len(kept.entries):
        yield f"feed {kept.name}: {len(kept.entries)} entries under a head over {held.size}"
    if marks:
        yield f"feed {kept.name}: it is kept as if this terminal wrote it"


def _feed(shelf: Shelf, kept: Kept, opening: Opening, peers: Peers) -> Iterator[str]:
    held, name, key = kept.held, kept.name, opening.terminal
    start = (PublicKey(ED25519, key).kid, held.origin.rpartition("/")[2], opening.previous)
    if start != (held.kid, held.incarnation.hex(), held.previous):
        yield f"feed {name}: what is kept of its start is not in its opening"
    if not 0 <= held.taken <= len(kept.entries):
        yield f"feed {name}: more was looked at than there is"
    heads = dict(shelf.full_heads(held.number))
    sizes = {held.size, *heads, *peers.sizes(held.number)}
    frontiers = _frontiers(kept.entries, sizes)
    yield from _heads(kept, heads, frontiers, key)
    yield from peers.acknowledgements(held, name, frontiers)


def _sealed(store: Store, kept: Kept) -> Iterator[str]:
    """What is sealed beside checks that state something else. Beside a peer's bundle it is looked
    at when its entries are settled, so until then nobody vouches for it."""
    held, name = kept.held, kept.name
    for seq, box in store.rows(_BOXES.format("feed_entry"), *_span(held)):
        if hashlib.sha256(box).digest() != feeds.sealed_hash_of(kept.entries[seq]):
            yield f"feed {name}: entry {seq}: what is sealed is not what the check states"
    for seq, boxes in store.rows(_BOXES.format("feed_bundle"), *_span(held)):
        end = seq + BUNDLE
        is_settled = held.own or end <= held.taken
        if is_settled and not has_its_sealed(kept.entries[seq:end], boxes):
            yield f"feed {name}: from entry {seq} on: what is sealed is not what the checks state"


def _frontiers(entries: Iterable[bytes], sizes: set[int]) -> dict[int, Frontier]:
    """The frontier at each of these sizes that the feed has reached."""
    frontier, found = Frontier(), {}
    for entry in entries:
        frontier.append(leaf_hash(entry))
        if frontier.size in sizes:
            found[frontier.size] = frontier.copy()
    return found


def _heads(
    kept: Kept, heads: dict[int, str], frontiers: Mapping[int, Frontier], key: bytes
) -> Iterator[str]:
    """Every kept head must be signed by the key the feed opens with, over these entries."""
    held, name = kept.held, kept.name
    end = min(held.size, len(kept.entries))
    if list(heads) != list(range(BUNDLE, end + 1, BUNDLE)):
        yield f"feed {name}: heads of its bundles are missing, or too many"
    if not held.note:
        if held.size or held.peaks:
            yield f"feed {name}: head at {held.size}: it is not there"
        return
    for size, text in [*heads.items(), (held.size, held.note)]:
        try:
            head = root_of(text, origin=held.origin, key=key)
        except Refused as refused:
            yield f"feed {name}: head at {size}: {refused}"
            continue
        frontier = frontiers.get(size, Frontier())
        if (head.size, head.root) != (size, frontier.root()):
            yield f"feed {name}: entries before {size} are not those of its head"
    if frontiers.get(held.size, Frontier()).peaks != held.peaks:
        yield f"feed {name}: the stored frontier is not that of its entries"
