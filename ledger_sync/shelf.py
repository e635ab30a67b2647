"""The shelf: the feeds of all terminals in one store, a terminal's own among them.

Entries of its own stand as rows, written by checklog.py; what peers sent stands in bundles as it
came, the unfinished last one as rows. A feed is (kid of the terminal's key, incarnation); a second
history of one, which only a cheat or a copied memory can make, is kept beside it as another
branch. FORMAT.md section 8.
"""

from typing import NamedTuple

from ledger_sync.batch import Verified, has_its_sealed, sealed_bundle, sealed_of
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.feed import BUNDLE, Head, at_of
from ledger_sync.keys import ED25519, PublicKey
from ledger_sync.store import Store
from ledger_sync.tiles import bundle_of, entries_of

MAX_ENTRIES = 2**32  # entries of one feed: the id of a row is feed * MAX_ENTRIES + seq
LATEST_SECONDS = 60 * 86_400  # a check this long after what is forgotten is none of this time
LAST_OWN = 16  # own feeds that are looked at for what was left unfinished
_COLUMNS = (
    "id, kid, incarnation, branch, origin, size, peaks, note, own, taken, opened_at, previous"
)
_OPEN = """
INSERT INTO feed
(kid, incarnation, branch, origin, opened_at, size, peaks, note, own, taken, previous)
VALUES (?, ?, ?, ?, ?, 0, x'', '', 0, 0, ?)"""
_HEAD = "UPDATE feed SET size = ?, peaks = ?, note = ? WHERE id = ?"
_ENTRY = "INSERT OR REPLACE INTO feed_entry VALUES (?, ?, ?, NULL, NULL, NULL, NULL, NULL)"
_SEALED = """
SELECT e.id, e.body FROM {} e LEFT JOIN feed f ON f.id = e.id / 4294967296
WHERE length(e.sealed) > 0 AND (f.own = 0 OR (SELECT count(*) FROM terminal) = 1
  OR e.id % 4294967296 + {} <= (SELECT max(a.size) FROM acknowledged a WHERE a.feed = f.id))
ORDER BY e.id"""
_FORGETTABLE = {
    "feed_entry": _SEALED.format("feed_entry", 1),
    "feed_bundle": _SEALED.format("feed_bundle", BUNDLE),
}
"""Table -> its rows to forget; of own feeds only what a peer vouches for, if there is one."""
_ROWS = "SELECT id, body, sealed FROM feed_entry WHERE id >= ? AND id < ? ORDER BY id"
_UNROW = "DELETE FROM feed_entry WHERE id >= ? AND id < ?"
_BUNDLES = "SELECT id, body, sealed FROM feed_bundle WHERE id >= ? AND id < ? ORDER BY id"


class Held(NamedTuple):
    """A feed as it is held. `size`, `peaks` and `note` are those of the newest head kept; of a
    feed that this terminal writes now there may be entries behind it. `taken` entries were looked
    at for codes used twice."""

    number: int
    kid: bytes
    incarnation: bytes
    branch: int
    origin: str
    size: int
    peaks: tuple[bytes, ...]
    note: str
    own: int
    taken: int
    opened_at: int
    previous: bytes


class Owner(NamedTuple):
    """Whose feeds a key signs: the terminal's name, its raw key, whether it still is one."""

    name: str
    key: bytes
    is_here: bool


class Part(NamedTuple):
    """Entries of one bundle, as a batch carries them."""

    bundle: bytes
    sealed: bytes


def _held(row: tuple[object, ...]) -> Held:
    number, kid, incarnation, branch, origin, size, peaks, *rest = row
    assert isinstance(kid, bytes) and isinstance(incarnation, bytes) and isinstance(peaks, bytes)
    hashes = tuple(peaks[at : at + 32] for at in range(0, len(peaks), 32))
    return Held._make((number, kid, incarnation, branch, origin, size, hashes, *rest))


def _split(sealed: bytes) -> list[bytes]:
    """The remainders of a bundle; none where they are not in order, which nobody looked at yet."""
    try:
        return sealed_of(sealed, BUNDLE) if sealed else [b""] * BUNDLE
    except Refused:
        return [b""] * BUNDLE


def _last_at(table: str, body: bytes, latest: int) -> int:
    """When the check of a row, or the last one of a bundle, was made; a time after `latest`, which
    nobody can have meant, holds nothing back."""
    entries = entries_of(body, BUNDLE) if table == "feed_bundle" else [body]
    return max((at for at in map(at_of, entries) if at <= latest), default=0)


class Shelf:
    """The feeds of one store. Whoever calls a `put_` or `forget` does it inside a transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._execute = store.db.execute

    def feeds(self) -> list[Held]:
        """All feeds, in the order they came to this store."""
        return [_held(row) for row in self._store.rows(f"SELECT {_COLUMNS} FROM feed ORDER BY id")]  # noqa: S608 - our own names

    def feed(self, number: int) -> Held:
        row = self._store.row(f"SELECT {_COLUMNS} FROM feed WHERE id = ?", number)  # noqa: S608 - as above
        if row is None:
            raise Unavailable(f"feed {number} is not in {self._store.path}")
        return _held(row)

    def histories(self, kid: bytes, incarnation: bytes) -> list[Held]:
        """All that is held of one feed."""
        query = f"SELECT {_COLUMNS} FROM feed WHERE kid = ? AND incarnation = ? ORDER BY branch"  # noqa: S608 - as above
        return [_held(row) for row in self._store.rows(query, kid, incarnation)]

    def siblings(self, held: Held) -> list[Held]:
        """The other incarnations of the same key that say they came after the same one."""
        query = (
            f"SELECT {_COLUMNS} FROM feed WHERE kid = ? AND previous = ? AND incarnation <> ?"  # noqa: S608 - as above
            " LIMIT 8"
        )
        rows = self._store.rows(query, held.kid, held.previous, held.incarnation)
        return [_held(row) for row in rows]

    def own_feeds(self) -> list[Held]:
        """The feeds this store opened last, newest first: only they may be unfinished."""
        query = f"SELECT {_COLUMNS} FROM feed WHERE own = 1 ORDER BY id DESC LIMIT {LAST_OWN}"  # noqa: S608 - as above
        return [_held(row) for row in self._store.rows(query)]

    def newest_own(self) -> Held | None:
        """The feed this terminal writes now, or wrote last."""
        return next(iter(self.own_feeds()), None)

    def origins(self) -> list[str]:
        """The origins of all feeds, oldest first, a branch each."""
        return [origin for (origin,) in self._store.rows("SELECT origin FROM feed ORDER BY id")]

    def entries(self, origin: str) -> list[bytes]:
        """All entries of the feed of this origin, oldest first; of its first branch."""
        row = self._store.row("SELECT id FROM feed WHERE origin = ? ORDER BY branch", origin)
        return self.bodies(row[0]) if row else []

    def heads(self, origin: str) -> list[tuple[int, str]]:
        """(size, signed head) of the feed of this origin, smallest first."""
        row = self._store.row("SELECT id FROM feed WHERE origin = ? ORDER BY branch", origin)
        if row is None:
            return []
        held = self.feed(row[0])
        found = dict(self.full_heads(held.number))
        return sorted((found | {held.size: held.note} if held.note else found).items())

    def full_heads(self, number: int) -> list[tuple[int, str]]:
        """(size, head) at the end of each bundle."""
        rows = self._store.rows("SELECT size, note FROM head WHERE feed = ? ORDER BY size", number)
        return [(size, text) for size, text in rows]

    def head_at(self, held: Held, size: int) -> str:
        """The head at the end of a bundle or of all that is held, empty if it is not here."""
        if size == held.size:
            return held.note
        row = self._store.row(
            "SELECT note FROM head WHERE feed = ? AND size = ?", held.number, size
        )
        return str(row[0]) if row else ""

    def bodies(self, number: int, start: int = 0, stop: int = MAX_ENTRIES) -> list[bytes]:
        """The entries from `start` up to `stop`, as far as they are there."""
        return [body for body, _ in self.pairs(number, start, stop)]

    def part(self, number: int, start: int, stop: int) -> Part:
        """Entries of one bundle. Raises `Unavailable` if they are not all there."""
        first = number * MAX_ENTRIES
        if start % BUNDLE == 0 and stop - start == BUNDLE:
            row = self._store.row(
                "SELECT body, sealed FROM feed_bundle WHERE id = ?", first + start
            )
            if row is not None:
                return Part(bytes(row[0]), bytes(row[1]))
        pairs = self.pairs(number, start, stop)
        if len(pairs) != stop - start:
            what = f"feed {number} of {self._store.path} has lost entries before {stop}"
            raise Unavailable(f"{what}; run: yardpass ledger fsck")
        return Part(
            bundle_of([body for body, _ in pairs]), sealed_bundle([one for _, one in pairs])
        )

    def pairs(self, number: int, start: int, stop: int) -> list[tuple[bytes, bytes]]:
        """(entry, its remainder) from `start` up to `stop`, as far as they are there. Rows may be
        behind bundles, too, where a restored terminal gets the rest of its own from peers."""
        first = number * MAX_ENTRIES
        begin, end = first + start, first + stop
        runs = {
            at: [(bytes(body), bytes(sealed))]
            for at, body, sealed in self._store.rows(_ROWS, begin, end)
        }
        for at, body, sealed in self._store.rows(_BUNDLES, begin - start % BUNDLE, end):
            remainders = _split(bytes(sealed))
            pairs = list(zip(entries_of(bytes(body), BUNDLE), remainders, strict=True))
            runs[at] = pairs[max(0, begin - at) : end - at]
        return [pair for at in sorted(runs) for pair in runs[at]]

    def put_feed(
        self, kid: bytes, incarnation: bytes, branch: int, origin: str, previous: bytes, at: int
    ) -> Held:
        """A new feed of a peer, or a second history of one; empty."""
        cursor = self._execute(_OPEN, (kid, incarnation, branch, origin, at, previous))
        return self.feed(int(cursor.lastrowid or 0))

    def put_head(self, number: int, head: Head) -> None:
        """The newest head of a feed; one at the end of a bundle stays for good."""
        self._execute(_HEAD, (head.size, b"".join(head.peaks), head.note, number))
        if head.size and head.size % BUNDLE == 0:
            row = (number, head.size, head.note)
            self._execute("INSERT OR REPLACE INTO head VALUES (?, ?, ?)", row)

    def bind(self, number: int, stop: int) -> None:
        """Makes the rows of the bundle that ends at `stop` one bundle, as it is sent. Raises
        `Unavailable` if they are not all there."""
        start = stop - BUNDLE
        self._put_bundle(number, start, self.part(number, start, stop))

    def _put_bundle(self, number: int, start: int, whole: Part) -> None:
        first = number * MAX_ENTRIES + start
        self._execute("INSERT OR REPLACE INTO feed_bundle VALUES (?, ?, ?)", (first, *whole))
        self._execute(_UNROW, (first, first + BUNDLE))

    def put(self, number: int, found: Verified) -> None:
        """A batch that was verified against what is held of this feed."""
        batch, first = found.batch, number * MAX_ENTRIES
        if batch.count == BUNDLE:
            self._put_bundle(number, batch.start, Part(batch.bundle, batch.sealed))
        else:
            pairs = zip(found.entries, found.sealed, strict=True)
            rows = [(first + batch.start + at, *pair) for at, pair in enumerate(pairs)]
            self._store.db.executemany(_ENTRY, rows)
            if batch.end % BUNDLE == 0:
                self.bind(number, batch.end)
        self.put_head(number, Head(batch.end, batch.note, found.frontier.peaks))

    def check_sealed(self, number: int, start: int, stop: int) -> None:
        """Forgets remainders beside the bundles that end in this span, where they are not those
        of their entries."""
        first = number * MAX_ENTRIES
        begin = first + start // BUNDLE * BUNDLE
        for at, body, sealed in list(self._store.rows(_BUNDLES, begin, first + stop - BUNDLE + 1)):
            if sealed and not has_its_sealed(entries_of(bytes(body), BUNDLE), bytes(sealed)):
                self._execute("UPDATE feed_bundle SET sealed = x'' WHERE id = ?", (at,))

    def unsettled(self) -> list[int]:
        """The feeds with entries that were not looked at yet."""
        return [number for (number,) in self._store.rows("SELECT id FROM feed WHERE taken < size")]

    def put_taken(self, number: int, size: int) -> None:
        """That the first `size` entries were looked at for codes used twice."""
        self._execute("UPDATE feed SET taken = ? WHERE id = ?", (size, number))

    def put_acknowledged(self, number: int, peer: str, size: int, text: str) -> None:
        """That a peer vouches, with its signature, to hold so much of a feed durably."""
        self._execute(
            "INSERT INTO acknowledged VALUES (?, ?, ?, ?) ON CONFLICT (feed, peer) DO UPDATE"
            " SET size = excluded.size, note = excluded.note WHERE excluded.size > size",
            (number, peer, size, text),
        )

    def acknowledged(self, number: int) -> list[tuple[str, int]]:
        """(peer, size) of every terminal that vouched for this feed."""
        rows = self._store.rows(
            "SELECT peer, size FROM acknowledged WHERE feed = ? ORDER BY peer", number
        )
        return [(peer, size) for peer, size in rows]

    def forget_sealed(self, before: int) -> int:
        """Forgets what is sealed beside checks before `before` (Unix seconds); how many entries
        and bundles that were. A bundle goes when its last check may."""
        found = [
            (table, at)
            for table, query in _FORGETTABLE.items()
            for at, body in self._store.rows(query)
            if _last_at(table, bytes(body), before + LATEST_SECONDS) < before
        ]
        for table, at in found:
            self._execute(f"UPDATE {table} SET sealed = x'' WHERE id = ?", (at,))  # noqa: S608 - our own names
        return len(found)

    def owners(self) -> dict[bytes, Owner]:
        """kid -> whose it is: of every key that the ledger ever gave a terminal, for a feed
        outlives its terminal."""
        rows = self._store.rows(
            "SELECT k.key, k.name, t.name IS NOT NULL FROM feed_key k"
            " LEFT JOIN terminal t ON t.key = k.key WHERE length(k.key) = 32"
        )
        found = [Owner(name, bytes(raw), bool(is_here)) for raw, name, is_here in rows]
        return {PublicKey(ED25519, owner.key).kid: owner for owner in found}
