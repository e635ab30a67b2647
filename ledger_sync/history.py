"""How the trust of a store came about: policies, the checkpoints that led from one to the next,
evidence of forks, and what conditional requests to a source state.

FORMAT.md sections 5.8, 7.3 and 7.6.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from ledger_sync.accept import NOWHERE, checked
from ledger_sync.entries import Snapshot
from ledger_sync.errors import Refused
from ledger_sync.store import Store
from ledger_sync.tiles import bundle_of
from ledger_sync.trust import Trust, descends, in_force

MAX_EVIDENCE = 64  # pairs of notes that are kept


class Base(NamedTuple):
    """A snapshot a store began with: of so many entries, its file, the digest that was claimed."""

    size: int
    file: bytes
    digest: bytes


class History:
    """The part of a store that tells whom it believes, and whom no more."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def trust(self, pinned: Trust, *, at: int | None = None) -> Trust:
        """The policy in force: the newest of the ledger, or the pinned one before there is any;
        with `at` that of this version.

        Raises `Refused` if the ledger does not descend from the pinned policy.
        """
        rows = self._store.rows("SELECT version, entry FROM policy ORDER BY version")
        found = {version: bytes(entry) for version, entry in rows}
        first = next(iter(found.values()), None)
        is_ours = self._store.row("SELECT origin FROM ledger") == (pinned.origin,)
        if not is_ours or not (first is None or descends(first, pinned)):
            why = f"{self._store.path} does not descend from the pinned policy of {pinned.origin}"
            raise Refused(f"{why}; make the terminal anew", reason="R-LEDGER")
        version = max(found, default=pinned.version) if at is None else at
        if version == pinned.version:
            return pinned
        return replace(in_force(found[version], pinned.origin), cosigning=pinned.cosigning)

    def is_newest(self, trust: Trust) -> bool:
        """Whether no newer policy than this came in meanwhile."""
        row = self._store.row("SELECT max(version) FROM policy")
        return row is None or row[0] in (None, trust.version)

    def bridge(self, version: int) -> bytes | None:
        """The note that led from the policy of this version on, for those who are behind."""
        row = self._store.row("SELECT note FROM bridge WHERE version = ?", version)
        return bytes(row[0]) if row else None

    def bridges(self) -> list[tuple[int, bytes]]:
        """(policy version, note that led on from it), oldest first."""
        rows = self._store.rows("SELECT version, note FROM bridge ORDER BY version")
        return [(version, bytes(note)) for version, note in rows]

    def keep_bridge(self, version: int, note: bytes) -> None:
        self._store.write("INSERT OR REPLACE INTO bridge VALUES (?, ?)", version, note)

    def base(self) -> Base | None:
        """The snapshot this store began with, until the entries before it were replayed."""
        row = self._store.row(
            "SELECT b.size, b.file, s.digest FROM base b LEFT JOIN snapshot s ON s.size = b.size"
        )
        return Base(row[0], bytes(row[1]), bytes(row[2] or b"")) if row else None

    def newest_snapshot(self, below: int) -> Snapshot | None:
        """The snapshot entry that stands last before the entry `below`."""
        row = self._store.row(
            "SELECT size, sha256, length, digest FROM snapshot WHERE size < ?"
            " ORDER BY size DESC LIMIT 1",
            below,
        )
        return Snapshot(row[0], bytes(row[1]), row[2], bytes(row[3])) if row else None

    def complete(
        self,
        chunks: Iterable[list[bytes]],
        skipped: Iterable[int],
        keys: Iterable[tuple[bytes, str]] = (),
    ) -> None:
        """Keeps the entries before the snapshot, replayed and found to be true, the numbers of
        those that this version cannot read, and the keys that terminals had (key, name)."""
        with self._store.transaction():
            for number, entries in enumerate(chunks):
                row = (number, bundle_of(entries))
                self._store.db.execute("INSERT OR IGNORE INTO bundle VALUES (?, ?)", row)
            rows = [(seq,) for seq in skipped]
            self._store.db.executemany("INSERT OR IGNORE INTO skipped VALUES (?)", rows)
            self._store.db.executemany("INSERT OR IGNORE INTO feed_key VALUES (?, ?)", keys)
            self._store.db.execute("DELETE FROM base")

    def evidence(self) -> list[tuple[int, bytes, bytes]]:
        """(found at, one checkpoint, the other) for every fork that was seen."""
        rows = self._store.rows("SELECT found_at, first, second FROM evidence ORDER BY id")
        return [(at, bytes(first), bytes(second)) for at, first, second in rows]

    def keep_evidence(self, first: bytes, second: bytes, *, at: int) -> None:
        """Keeps two checkpoints of one log that contradict each other, for people to look at.

        Once each: who adds signature lines to a note makes no new evidence, nor fills the disk.
        """
        texts = {_text_of(first), _text_of(second)}
        kept = [{_text_of(one), _text_of(other)} for _, one, other in self.evidence()]
        if texts in kept or len(kept) >= MAX_EVIDENCE:
            return
        statement = "INSERT OR IGNORE INTO evidence (found_at, first, second) VALUES (?, ?, ?)"
        self._store.write(statement, at, first, second)

    def take_evidence(self, first: bytes, second: bytes, *, pinned: Trust, at: int) -> None:
        """Keeps two checkpoints that somebody else found, if they prove themselves: one size,
        two roots, both accepted by the policy in force. Raises `Refused` for others."""
        trust = self.trust(pinned)
        one, other = (checked(text, trust=trust, known=NOWHERE) for text in (first, second))
        if one.checkpoint.size == other.checkpoint.size and one.checkpoint != other.checkpoint:
            self.keep_evidence(first, second, at=at)

    def tag(self, place: str) -> str:
        """What a conditional request to this place states, empty before the first."""
        row = self._store.row("SELECT tag FROM source WHERE place = ?", place)
        return str(row[0]) if row else ""

    def keep_tag(self, place: str, tag: str) -> None:
        self._store.write("INSERT OR REPLACE INTO source VALUES (?, ?)", place, tag)


def _text_of(note: bytes) -> bytes:
    return note.partition(b"\n\n")[0]
