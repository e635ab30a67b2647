"""Whether a terminal's store still is what was accepted and recorded: every byte that can be told.

Reads only. The ledger is hashed and replayed beside the store, feeds are hashed against their
signed heads. Findings are sentences; none means sound. FORMAT.md sections 5 to 8.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ledger_sync import feed as feeds
from ledger_sync import note
from ledger_sync.accept import NOWHERE, accept, join
from ledger_sync.checklog import CheckLog
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.merkle import Frontier, leaf_hash
from ledger_sync.quorum import Policy
from ledger_sync.replica import Replica
from ledger_sync.store import Store

STATE_TABLES = ("issuer", "status_list", "status", "pass", "rule")
MAX_FINDINGS = 100  # sentences of one run; more only says that it is bad


def findings(store: Store, policy: Policy) -> list[str]:
    """What is wrong with the store, at most `MAX_FINDINGS` sentences.

    Raises `Unavailable` only if the store cannot be read at all.
    """
    found: list[str] = []
    for part in (_pages(store), _ledger(store, policy), _feeds(store)):
        try:
            for sentence in part:
                found.append(sentence)
                if len(found) == MAX_FINDINGS:
                    return found
        except (Refused, Unavailable, sqlite3.Error) as error:
            found.append(str(error))
    return found


def _pages(store: Store) -> Iterator[str]:
    for (answer,) in store.rows("PRAGMA integrity_check(20)"):
        if answer != "ok":
            yield f"database: {answer}"


def _ledger(store: Store, policy: Policy) -> Iterator[str]:
    """The stored entries must be acceptable from nothing, and give the stored state again."""
    replica = Replica(store)
    held = replica.ledger()
    if held.size == 0 and not replica.note():
        return
    stored = [body for (body,) in store.rows("SELECT body FROM ledger_entry ORDER BY seq")]
    numbers = store.row("SELECT count(*), min(seq), max(seq) FROM ledger_entry")
    if numbers != (held.size, 0, held.size - 1):
        yield f"ledger: {len(stored)} entries stored, the checkpoint counts {held.size}"
    try:
        export = join(replica.note(), [bytes(body) for body in stored])
        accepted = accept(export, policy=policy, origin=held.origin, known=NOWHERE)
    except Refused as refused:
        yield f"ledger: {refused}"
        return
    if (accepted.checkpoint.size, accepted.checkpoint.root) != (held.size, held.root):
        yield "ledger: the signed checkpoint is not the one that was accepted"
    if accepted.frontier.peaks != replica.frontier().peaks:
        yield "ledger: the stored frontier is not that of the entries"
    with tempfile.TemporaryDirectory(prefix="yardpass-fsck-") as name:
        path = Path(name) / "replayed.db"
        with Store.create(path, origin=held.origin, floor=0) as beside:
            Replica(beside).apply(accepted)
        yield from _differences(store, path)


def _differences(store: Store, replayed: Path) -> Iterator[str]:
    """Rows of the state that replaying the ledger does not give, and the other way round."""
    with Store(replayed) as beside:
        for table in STATE_TABLES:
            ours = set(store.rows(f"SELECT * FROM {table}"))  # noqa: S608 - our own table names
            theirs = set(beside.rows(f"SELECT * FROM {table}"))  # noqa: S608 - our own table names
            for row in ours - theirs:
                yield f"state: {table} {row[0]!r} does not follow from the ledger"
            for row in theirs - ours:
                yield f"state: {table} {row[0]!r} is missing or altered"


def _feeds(store: Store) -> Iterator[str]:
    log = CheckLog(store)
    for origin in log.feeds():
        entries = log.entries(origin)
        numbers = _numbers(store, origin)
        if numbers != list(range(len(entries))):
            yield f"feed {origin}: entry {_first_gap(numbers)} is missing"
            continue
        yield from _records(origin, entries)
        yield from _heads(origin, entries, log.heads(origin))


def _numbers(store: Store, origin: str) -> list[int]:
    rows = store.rows(
        "SELECT e.id % 4294967296 FROM feed f JOIN feed_entry e"
        " ON e.id >= f.id * 4294967296 AND e.id < (f.id + 1) * 4294967296"
        " WHERE f.origin = ? ORDER BY e.id",
        origin,
    )
    return [number for (number,) in rows]


def _first_gap(numbers: list[int]) -> int:
    return next((at for at, number in enumerate(numbers) if at != number), len(numbers))


def _records(origin: str, entries: list[bytes]) -> Iterator[str]:
    for seq, entry in enumerate(entries[1:], start=1):
        try:
            feeds.check_of(entry)
        except Refused as refused:
            yield f"feed {origin}: entry {seq}: {refused}"


def _heads(origin: str, entries: list[bytes], heads: list[tuple[int, str]]) -> Iterator[str]:
    """Every kept head must be signed by the key the feed opens with, over these entries."""
    try:
        key = feeds.opening_of(entries[0]).terminal if entries else b""
    except Refused as refused:
        yield f"feed {origin}: entry 0: {refused}"
        return
    verifier = note.Verifier(origin, note.NOTE_KEY, key)
    frontier, covered = Frontier(), 0
    for size, text in heads:
        for entry in entries[covered:size]:
            frontier.append(leaf_hash(entry))
        try:
            head = note.checkpoint_of(note.open_note(text, [verifier]))
        except Refused as refused:
            yield f"feed {origin}: head at {size}: {refused}"
            continue
        if (head.origin, head.size, head.root) != (origin, frontier.size, frontier.root()):
            yield f"feed {origin}: entries {covered} to {size - 1} are not those of its head"
        covered = size
