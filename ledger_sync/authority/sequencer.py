"""The sequencer: the only writer of one authority's log. Durable on add.

Its store is a replica like any other, filled by itself, and beside it lie the last note it signed
and a lock. It refuses to start without them, beside another process, or if they contradict each
other: a second history under the same key would be a fork that no gate forgets. FORMAT.md sections
5 to 7.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ledger_sync import files, note
from ledger_sync.accept import NOWHERE, checked
from ledger_sync.authority import lock
from ledger_sync.authority.lock import LOCK, RESTORE, Lock
from ledger_sync.entries import Entry, Policy, to_bytes
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import SigningKey
from ledger_sync.merkle import Frontier, leaf_hash
from ledger_sync.note import MAX_NOTE, Checkpoint
from ledger_sync.replica import Replica
from ledger_sync.store import Store
from ledger_sync.trust import Trust

SIGNED = "signed.note"


class Signer(NamedTuple):
    """A key that signs checkpoints, under the name and type that policies know it by."""

    verifier: note.Verifier
    key: SigningKey


class Sequencer:
    """One log: adds entries in order, signs its size and root, takes in what cosigners add."""

    def __init__(self, path: Path, *, pinned: Trust) -> None:
        """Opens the log in the store `path`, for this process alone, until `close`.

        Raises `Unavailable` if it, or the note or the lock beside it, is missing or damaged, or
        another process has it open; `Refused` if the store is older than what was signed.
        """
        self.pinned = pinned
        self._signed_path = path.parent / SIGNED
        with ExitStack() as stack:
            stack.callback(Lock(path.parent / LOCK).close)
            signed = files.read_bounded(self._signed_path, MAX_NOTE, hint=RESTORE)
            self.store = stack.enter_context(_open(path))
            self.replica = Replica(self.store)
            self._check_signed(signed)
            self._open = stack.pop_all()

    @classmethod
    def create(cls, path: Path, *, pinned: Trust, log: Signer) -> "Sequencer":
        """Makes an empty log. Raises `Refused` if there is one already."""
        Store.create(path, origin=pinned.origin, floor=0, mode=0o600).close()
        try:
            empty = _signed(Checkpoint(pinned.origin, *NOWHERE), [log])
            beside: dict[str, Callable[[Path], object]] = {
                LOCK: lock.make,
                SIGNED: partial(files.write_once, data=empty),
            }
            files.make_all(path.parent, beside)
        except BaseException:
            path.unlink()
            raise
        return cls(path, pinned=pinned)

    def close(self) -> None:
        self._open.close()

    def __enter__(self) -> "Sequencer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def trust(self) -> Trust:
        """The policy in force after the last entry."""
        return self.replica.history.trust(self.pinned)

    def add(
        self,
        new: Iterable[Entry],
        *,
        within: Callable[[sqlite3.Connection], object] | None = None,
    ) -> int:
        """Appends entries, all or none, durably; the size of the log after them.

        `new` is walked once, inside the transaction; `within` may write into the same store what
        must stand or fall with the entries.

        Raises `Refused` for an entry that a gate or a cosigner would refuse, and for a policy
        while the one before it is in no finished checkpoint: nobody could follow two at once.
        """
        pending = self._unbridged() is not None

        def bodies() -> Iterator[bytes]:
            nonlocal pending
            for entry in new:
                if isinstance(entry, Policy):
                    if pending:
                        step = "publish the last policy before the next"
                        raise Refused(step, reason="R-LEDGER")
                    pending = entry.version > self.pinned.version
                yield to_bytes(entry)

        return self.replica.append(bodies(), trust=self.trust, within=within)

    def draft(self, logs: Iterable[Signer]) -> bytes:
        """The log as it is now, signed by its own key, for cosigners to look at.

        The root is computed anew from the stored bytes: a flipped bit must never be signed.
        """
        with self.store.transaction():
            held = self.replica.ledger()
            if root_of(self.replica) != held.root:
                what = f"{self.store.path}: the entries do not hash to the root kept beside them"
                raise Unavailable(f"{what}; {RESTORE}")
            made = _signed(Checkpoint(held.origin, held.size, held.root), logs)
            files.replace(self._signed_path, made)  # before anybody else can see it
            self.store.db.execute("UPDATE ledger SET note = ?", (made,))
        return made

    def finish(self, draft: bytes, lines: Iterable[str]) -> bytes:
        """The checkpoint with the cosignatures `lines`, once they are enough.

        Lines of unknown or repeated signers are left out. Raises `Refused` while the quorum is
        not reached, by the policy before a pending change as well as by the one after.
        """
        both, before = self.believed(), self._unbridged()
        known = [verifier for trust in both for verifier in trust.quorum.verifiers]
        made = draft
        for line in lines:
            made = _with(made, line, known)
        sizes = [checked(made, trust=one, known=NOWHERE).checkpoint.size for one in both]
        if before is not None and self._policy_seq() < min(sizes):
            self.replica.history.keep_bridge(before.version, made)
        return made

    def believed(self) -> list[Trust]:
        """The policies a checkpoint must satisfy now: the newest, and the one before while no
        finished checkpoint carries the change."""
        before = self._unbridged()
        return [self.trust] if before is None else [self.trust, before]

    def _policy_seq(self) -> int:
        """The number of the entry that the newest policy stands in."""
        row = self.store.row("SELECT max(seq) FROM policy")
        return int(row[0]) if row and row[0] is not None else -1

    def _unbridged(self) -> Trust | None:
        """The policy before a change that no finished checkpoint carries yet."""
        version = self.trust.version - 1
        if version < self.pinned.version or self.replica.history.bridge(version) is not None:
            return None
        return self.replica.history.trust(self.pinned, at=version)

    def _check_signed(self, signed: bytes) -> None:
        if signed and signed == self.replica.note():
            return
        known = [one for trust in self.believed() for one in trust.quorum.logs]
        log = [one for one in known if one.name == self.pinned.origin]
        try:
            point = note.checkpoint_of(note.open_note(signed, log))
        except Refused as refused:
            what = f"{self._signed_path} does not fit the log beside it ({refused})"
            raise Refused(f"{what}; {RESTORE}", reason="R-LEDGER") from None
        held = self.replica.ledger()
        is_known = point.size <= held.size and root_of(self.replica, point.size) == point.root
        if point.origin != held.origin or not is_known:
            what = f"{self.store.path} is older than what was signed: {point.size} entries"
            raise Refused(f"{what}, {held.size} are here; {RESTORE}", reason="R-LEDGER")


def root_of(replica: Replica, size: int | None = None) -> bytes:
    """The root over the first `size` entries (all), from the stored bytes."""
    frontier = Frontier()
    for bundle in replica.bundles(0, size):
        for entry in bundle:
            frontier.append(leaf_hash(entry))
    return frontier.root()


def _with(made: bytes, line: str, known: list[note.Verifier]) -> bytes:
    """The note with this signature line, if a known key made it that had not signed yet."""
    before = len(note.open_note(made, known).signatures)
    try:
        more = made + line.encode()
        return more if len(note.open_note(more, known).signatures) > before else made
    except Refused:
        return made


def _signed(point: Checkpoint, signers: Iterable[Signer]) -> bytes:
    text = point.to_text()
    lines = [note.sign_note(text, one.verifier, one.key) for one in signers]
    return f"{text}\n{''.join(lines)}".encode()


def _open(path: Path) -> Store:
    try:
        return Store(path)
    except Unavailable as error:
        raise Unavailable(f"{error}; or {RESTORE}") from error
