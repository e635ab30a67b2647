"""Taking in what peers say of feeds: one batch to rows, or to evidence of two histories.

Every batch is verified against what is held before any of it is written. All writes happen inside
the caller's transaction. FORMAT.md sections 8.4 to 8.7.
"""

import enum
import re
from collections.abc import Sequence
from typing import NamedTuple

from ledger_sync import batch as batches
from ledger_sync import feed as feeds
from ledger_sync.batch import MAX_BRANCHES, Batch, Diverged, Verified
from ledger_sync.errors import Refused
from ledger_sync.feed import Use
from ledger_sync.merkle import Frontier, leaf_hash
from ledger_sync.moves import Moves
from ledger_sync.shelf import Held, Owner, Shelf
from ledger_sync.store import Store
from ledger_sync.tiles import bundle_of, entries_of
from ledger_sync.uses import Uses

FORK, CLONE = "fork", "clone"
RECENT_SECONDS = 600  # a use so long ago lets no code pass a second time
SETTLED = 2_048  # entries of a feed looked at in one transaction: 2 MB in memory
MAX_EVIDENCE = 16  # pairs of heads that are kept of one terminal
_INCARNATION = re.compile(r"[0-9a-f]{16}", re.ASCII)


class Result(enum.Enum):
    """What became of a batch."""

    TAKEN = enum.auto()  # it is held now
    KNOWN = enum.auto()  # it was held before
    EARLY = enum.auto()  # what comes before it is missing
    OTHER = enum.auto()  # another history: all of the feed is needed to tell
    FORK = enum.auto()  # another history, proven: both are held now
    STRANGE = enum.auto()  # of a terminal that the ledger here does not name, or of too many feeds


class Taken(NamedTuple):
    """A batch and what became of it; `held` is the feed it went to, as it is now."""

    result: Result
    held: Held | None


class Intake:
    """What a store takes from peers. Owned by one thread."""

    def __init__(self, store: Store, site: str, site_secret: bytes) -> None:
        self._store = store
        self._shelf = Shelf(store)
        self._uses = Uses(store)
        self._moves = Moves(store)
        self._site = site
        self._secret = site_secret

    def take(self, batch: Batch, owner: Owner, held: Sequence[Held], *, now: int) -> Taken:
        """Verifies a batch and puts it where it belongs. `held` are the histories of its feed.

        Raises `Refused` for one that is damaged or not signed by its owner; nothing is written
        then. `now` is the time after which no use can have been made.
        """
        if not held and batch.start == 0:
            return self._begin(batch, owner, now)
        if len(held) > 1:  # who signs two histories is not believed at all
            owner = owner._replace(is_here=False)
        other = False
        for one in sorted(held, key=lambda one: (one.size != batch.start, -one.size)):
            if one.size >= batch.start:
                taken = self._extend(batch, one, owner, now)
                if taken is not None:
                    return taken
                other = True
        if not other:
            return Taken(Result.EARLY, None)
        batches.root_of(batch.note, origin=held[0].origin, key=owner.key)  # before much work
        return self._fork(batch, owner, held, now) or Taken(Result.OTHER, None)

    def _begin(self, batch: Batch, owner: Owner, now: int) -> Taken:
        """The first batch of a feed that is not held yet."""
        origin = feeds.origin_of(self._site, owner.name, batch.incarnation)
        found = batches.verified(batch, frontier=Frontier(), origin=origin, key=owner.key)
        previous = feeds.opening_of(found.entries[0]).previous
        fresh = self._shelf.put_feed(batch.kid, batch.incarnation, 0, origin, previous, now)
        return Taken(Result.TAKEN, self._put(fresh, found, owner, now))

    def _extend(self, batch: Batch, one: Held, owner: Owner, now: int) -> Taken | None:
        """A batch that begins within this history or at its end: known, or goes on from it, or
        None if it is not of it."""
        if one.size > batch.start:
            entries = entries_of(batch.bundle, batch.count)
            ours = self._shelf.bodies(one.number, batch.start, min(batch.end, one.size))
            if entries[: len(ours)] != ours:
                return None
            if batch.end <= one.size:
                return Taken(Result.KNOWN, one)
            batch = _behind(batch, entries, one.size)
        frontier = Frontier(one.size, one.peaks)
        try:
            found = batches.verified(batch, frontier=frontier, origin=one.origin, key=owner.key)
        except Diverged:
            return None
        return Taken(Result.TAKEN, self._put(one, found, owner, now))

    def _put(self, one: Held, found: Verified, owner: Owner, now: int) -> Held:
        self._shelf.put(one.number, found)
        if owner.is_here:
            self._mark(one, found.entries, now)
        self._uses.raise_hlc(feeds.hlc_of(found.entries[-1]), now)
        self._check_clone(one, found, now)
        grown = (found.batch.end, found.frontier.peaks, found.batch.note)
        return one._replace(size=grown[0], peaks=grown[1], note=grown[2])

    def _mark(self, one: Held, entries: Sequence[bytes], now: int) -> None:
        """What must be known at once: by which codes somebody came in a moment ago. The rest of
        an old log waits for `settle`, so that a long outage is caught up with quickly."""
        begin = len(entries) if one.own == 0 else 0
        while begin and _is_recent(entries[begin - 1], now):
            begin -= 1
        uses = [use for _, use in self._uses_in(entries[begin:], 0)]
        if uses:
            self._uses.put(uses, now=now, count=bool(one.own))

    def _uses_in(self, entries: Sequence[bytes], start: int) -> list[tuple[int, Use]]:
        secret, use_of = self._secret, feeds.use_of
        found = [(seq, use_of(entry, secret)) for seq, entry in enumerate(entries, start=start)]
        return [(seq, use) for seq, use in found if use is not None]

    def _fork(self, batch: Batch, owner: Owner, held: Sequence[Held], now: int) -> Taken | None:
        """Another history, if the batch goes on from where one that is held once was: then both
        are signed by the same key. None if it goes on from something else."""
        for one in held:
            if one.size < batch.start:
                continue
            before = self._shelf.bodies(one.number, 0, batch.start)
            frontier = Frontier()
            for entry in before:
                frontier.append(leaf_hash(entry))
            try:
                found = batches.verified(
                    batch, frontier=frontier, origin=one.origin, key=owner.key
                )
            except Diverged:
                continue
            return Taken(Result.FORK, self._put_branch(one, found, held, now))
        if batch.start == 0:
            raise Refused(f"{held[0].origin}: entries that are not those of their head")
        return None

    def _put_branch(self, one: Held, found: Verified, held: Sequence[Held], now: int) -> Held:
        """Keeps the other history whole, and both heads as evidence. Uses in it are not counted:
        who signs two histories is not believed at all."""
        same_size = self._shelf.head_at(one, found.batch.end)  # such two prove themselves
        notes = (same_size or one.note, found.batch.note)
        self.keep_evidence(FORK, one.kid, (one.incarnation, one.incarnation), notes, now)
        branch = max(each.branch for each in held) + 1
        if branch >= MAX_BRANCHES:
            return one
        batch, previous = found.batch, one.previous
        if batch.start == 0:
            previous = feeds.opening_of(found.entries[0]).previous
        ids = (one.kid, one.incarnation, branch, one.origin, previous)
        made = self._shelf.put_feed(*ids, now)
        frontier = Frontier()
        for start in range(0, batch.start, feeds.BUNDLE):
            stop = min(batch.start, start + feeds.BUNDLE)
            self._copy(one, made, start, stop, frontier)
        self._shelf.put(made.number, found)
        return self._shelf.feed(made.number)

    def _copy(self, one: Held, made: Held, start: int, stop: int, frontier: Frontier) -> None:
        """Entries that two histories begin with. The head there is that of the first."""
        part = self._shelf.part(one.number, start, stop)
        count = stop - start
        entries = entries_of(part.bundle, count)
        sealed = [b""] * count
        if part.sealed and count < feeds.BUNDLE:  # a whole bundle is kept as it is
            sealed = batches.sealed_of(part.sealed, count)
        for entry in entries:
            frontier.append(leaf_hash(entry))
        text = self._shelf.head_at(one, stop)
        batch = Batch(one.kid, one.incarnation, start, count, text, part.bundle, part.sealed)
        found = Verified(batch, entries, sealed, frontier, frontier.root())
        self._shelf.put(made.number, found)

    def _check_clone(self, one: Held, found: Verified, now: int) -> None:
        """Two incarnations that go on from the same one, or from none: one key in two boxes, or
        a card that was put back. Both are kept; people must look. Looked at with every batch, for
        the feed that is written here now has no head until its first bundle is full."""
        for other in self._shelf.siblings(one):
            if other.note:
                notes = (other.note, found.batch.note)
                between = (other.incarnation, one.incarnation)
                self.keep_evidence(CLONE, one.kid, between, notes, now)

    def keep_evidence(
        self, kind: str, kid: bytes, between: tuple[bytes, bytes], notes: tuple[str, str], now: int
    ) -> None:
        """Keeps two heads that cannot both be, once for each pair of incarnations, and no more of
        one terminal than people need."""
        (one, first), (other, second) = sorted(zip(between, notes, strict=True))
        self._store.db.execute(
            "INSERT OR IGNORE INTO feed_evidence"
            " (kind, kid, one, other, first, second, found_at) SELECT ?, ?, ?, ?, ?, ?, ?"
            " WHERE (SELECT count(*) FROM feed_evidence WHERE kind = ? AND kid = ?) < ?",
            (kind, kid, one, other, first, second, now, kind, kid, MAX_EVIDENCE),
        )

    def forks(self) -> list[tuple[bytes, str, str]]:
        """(kid, one head, the other) of every feed that has two histories."""
        rows = self._store.rows(
            "SELECT kid, first, second FROM feed_evidence WHERE kind = ? ORDER BY id", FORK
        )
        return [(bytes(kid), first, second) for kid, first, second in rows]

    def take_evidence(
        self, kid: bytes, first: bytes, second: bytes, owner: Owner | None, now: int
    ) -> None:
        """Keeps two heads of one feed and size with two roots, both signed by its owner: they
        prove themselves; others are passed over. Raises `Refused` for what is no head of its."""
        if owner is None:
            return
        origin = _text(first).partition("\n")[0]
        incarnation = _incarnation_of(origin)
        if origin != feeds.origin_of(self._site, owner.name, incarnation):
            raise Refused(f"evidence of {origin[:80]} from another terminal", reason="R-LEDGER")
        texts = (_text(first), _text(second))
        one, other = (batches.root_of(text, origin=origin, key=owner.key) for text in texts)
        if one.size == other.size and one.root != other.root:
            with self._store.transaction():
                self.keep_evidence(FORK, kid, (incarnation, incarnation), texts, now)

    def settle(self, number: int, stop: int, owner: Owner | None, *, now: int) -> int:
        """Looks at entries of a feed, up to `stop` and at most `SETTLED`, for how often whom, for
        codes used twice and for who cannot be where they are; up to where it has looked now."""
        held = self._shelf.feed(number)
        stop = min(stop, held.taken + SETTLED)
        uses = self._uses_in(self._shelf.bodies(number, held.taken, stop), held.taken)
        is_one = len(self._shelf.histories(held.kid, held.incarnation)) == 1
        if owner is not None and owner.is_here and is_one:
            if not held.own:  # its own gate counted as it recorded
                self._uses.put([use for _, use in uses], now=now)
            self._uses.put_codes(number, uses, now=now)
            self._moves.put(number, uses, now=now)
        self._shelf.check_sealed(number, held.taken, stop)
        self._shelf.put_taken(number, stop)
        return stop


def _is_recent(entry: bytes, now: int) -> bool:
    """Whether what stands before it must be looked at, too: what states no time hides nothing."""
    at = feeds.at_of(entry)
    return at == 0 or at >= now - RECENT_SECONDS


def _behind(batch: Batch, entries: list[bytes], size: int) -> Batch:
    """What of a batch stands behind the first `size` entries of its feed."""
    skip = size - batch.start
    sealed: list[bytes] = []
    is_part = batch.count < feeds.BUNDLE  # beside whole bundles nobody may have looked so far
    if batch.sealed and (is_part or batches.has_its_sealed(entries, batch.sealed)):
        sealed = batches.sealed_of(batch.sealed, batch.count)[skip:]
    return batch._replace(
        start=size,
        count=batch.count - skip,
        bundle=bundle_of(entries[skip:]),
        sealed=batches.sealed_bundle(sealed),
    )


def _incarnation_of(origin: str) -> bytes:
    """The incarnation that an origin ends with. Raises `Refused` for none."""
    words = origin.rpartition("/")[2]
    if not _INCARNATION.fullmatch(words):
        raise Refused(f"{origin[:80]} is no feed", reason="R-LEDGER")
    return bytes.fromhex(words)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused("a head that is not UTF-8", reason="R-LEDGER") from None
