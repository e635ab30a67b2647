"""The ground a simulated world stands on: an authority, its ledger as it grows, its terminals.

Made once a process, for all seeds: keys come from words, and a real ledger with a change of its
cosigners in the middle is signed as an office signs it.
"""

import hashlib
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ledger_sync import certificate, deny, entries, note, order, trust
from ledger_sync.accept import accept, checked
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.merkle import frontier_of
from ledger_sync.replica import Replica
from ledger_sync.state_digest import state_digest
from ledger_sync.store import Store
from ledger_sync.trust import Trust

SITE, ORIGIN = "hz07", "yardpass/hz07"
LIST = "yp:hz07/s/1"
START = 1_800_000_000  # Unix seconds of a world's first moment
SECRET = hashlib.sha256(b"site secret of the simulated world").digest()
PERIOD = 600  # seconds between two checkpoints of the authority
CHANGES = 10  # checkpoints behind the first
ROTATION = 4  # which of them changes the cosigners
SLOW = 97  # seconds that the second cosigner is behind the first


def key_of(word: str) -> SigningKey:
    """The key made from this word; it guards nothing."""
    return SigningKey(ED25519, hashlib.sha256(f"simulated {word}".encode()).digest())


class Box(NamedTuple):
    """A terminal as the ledger names it, with its keys."""

    name: str
    feed: SigningKey
    link: SigningKey


@dataclass(frozen=True, slots=True)
class Ground:
    """What every node of a world is made of. `ledgers[n]` is the nth checkpoint and all entries
    under it; `disk` the bytes of a new terminal's store that has taken in the first; `digests`
    those of the state after so many entries (invariant I2); `floors` the times a quorum vouched
    for."""

    pinned: Trust
    boxes: tuple[Box, ...]
    ledgers: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    rogue: bytes
    positions: frozenset[tuple[int, bytes]]
    floors: frozenset[int]
    disk: bytes
    digests: dict[int, bytes]
    kids: dict[str, bytes]
    links: dict[str, bytes]

    def denial(self, index: int, at: int) -> bytes:
        """A guard's deny note."""
        return deny.sign(ORIGIN, [(LIST, index)], issued_at=at, key=key_of("guard"))

    def order(self, kind: order.Kind, zones: int, at: int, *, signer: str = "guard") -> bytes:
        """An order by the key of this name: the guard may, others may not."""
        return order.sign(ORIGIN, kind, zones, issued_at=at, key=key_of(signer))


@lru_cache(maxsize=4)
def ground(count: int) -> Ground:
    """The ground for a world of `count` terminals."""
    boxes = tuple(
        Box(f"t{number}", key_of(f"feed {number}"), key_of(f"link {number}"))
        for number in range(count)
    )
    first = _policy(None, ("a", "b"), ("root 1",), ("root 2",), ("root 1",))
    second = _policy(first, ("c", "d"), ("root 2",), ("root 3",), ("root 1", "root 2"))
    pinned = trust.pinned(entries.to_bytes(first), ORIGIN)
    log = [first, *_issuers(), *map(_terminal, boxes)]
    ledgers = []
    for number in range(CHANGES + 1):
        cosigners: tuple[str, ...] = ("c", "d") if number > ROTATION else ("a", "b")
        if number == ROTATION:
            log.append(second)
            cosigners = ("a", "b", "c", "d")
        elif number:
            log.append(entries.Status(LIST, START + number, ((number, 1),)))
        bodies = tuple(map(entries.to_bytes, log))
        ledgers.append((_note(bodies, cosigners, START + number * PERIOD), bodies))
    disk = _disk(pinned, ledgers[0])
    positions = {(len(bodies), frontier_of(bodies).root()) for _, bodies in ledgers}
    return Ground(
        pinned,
        boxes,
        tuple(ledgers),
        _note(bodies, (), START),
        frozenset(positions),
        frozenset({0, *(START + number * PERIOD - SLOW for number in range(CHANGES + 1))}),
        disk,
        _digests(pinned, disk, tuple(ledgers)),
        {box.name: box.feed.public.kid for box in boxes},
        {box.name: box.link.public.raw for box in boxes},
    )


def _policy(
    before: entries.Policy | None,
    cosigners: tuple[str, ...],
    roots: tuple[str, ...],
    announced: tuple[str, ...],
    by: tuple[str, ...],
) -> entries.Policy:
    lines = [
        f"log {_log().to_vkey()}",
        *(f"witness {w} {_witness(w).to_vkey()}" for w in cosigners),
    ]
    lines += [f"group both all {' '.join(cosigners)}", "quorum both"]
    policy = entries.Policy(
        version=before.version + 1 if before else 1,
        text=("\n".join(lines) + "\n").encode(),
        roots=tuple(key_of(word).public.raw for word in roots),
        threshold=1,
        announced=tuple(hashlib.sha256(key_of(word).public.raw).digest() for word in announced),
        previous=trust.digest_of(before) if before else None,
        signatures=(),
    )
    return trust.signed(policy, ORIGIN, [key_of(word) for word in by])


def _log() -> note.Verifier:
    return note.Verifier(ORIGIN, note.NOTE_KEY, key_of("log").public.raw)


def _witness(word: str) -> note.Verifier:
    return note.Verifier(f"witness-{word}", note.COSIGNER_KEY, key_of(word).public.raw)


def _issuers() -> list[entries.Entry]:
    until = START + 10**8
    office = entries.Issuer("yp:hz07", key_of("office").public, START - 10, until, 255)
    rights = entries.MAY_DENY | entries.MAY_ORDER
    guard = entries.Issuer("guard", key_of("guard").public, 0, until, 0, rights)
    return [office, guard, entries.Status(LIST, START, ((0, 0),))]


def _terminal(box: Box) -> entries.Entry:
    der = certificate.make(box.name, box.link.seed)
    return entries.Terminal(box.name, box.feed.public, "gate", "gate", der)


def _note(bodies: tuple[bytes, ...], cosigners: tuple[str, ...], at: int) -> bytes:
    text = note.Checkpoint(ORIGIN, len(bodies), frontier_of(bodies).root()).to_text()
    lines = note.sign_note(text, _log(), key_of("log"))
    for number, word in enumerate(cosigners):
        late = SLOW * (number % 2)
        lines += note.sign_note(text, _witness(word), key_of(word), time=at - late)
    return f"{text}\n{lines}".encode()


def _disk(pinned: Trust, ledger: tuple[bytes, tuple[bytes, ...]]) -> bytes:
    """The bytes of a store that has taken in this ledger."""
    signed, bodies = ledger
    with tempfile.TemporaryDirectory(prefix="yardpass-sim-") as name:
        path = Path(name) / "store.db"
        with Store.create(path, origin=ORIGIN, floor=0) as store:
            replica = Replica(store)
            candidate = checked(signed, trust=pinned, known=replica.position())
            frontier = replica.frontier()
            found = accept(candidate, [list(bodies)], trust=pinned, frontier=frontier)
            replica.apply(found, trust=pinned)
            store.db.execute("PRAGMA journal_mode = DELETE")
            return store.db.serialize()


def _digests(
    pinned: Trust, disk: bytes, ledgers: tuple[tuple[bytes, tuple[bytes, ...]], ...]
) -> dict[int, bytes]:
    store = Store.in_memory(disk)
    replica = Replica(store)
    found = {}
    for _, bodies in ledgers:
        held = replica.ledger().size
        replica.append(bodies[held:], trust=replica.history.trust(pinned))
        found[len(bodies)] = state_digest(store.db)
    store.close()
    return found
