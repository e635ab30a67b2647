"""A small authority in memory: change a field, and its checkpoint, note and entries follow.

Keys come from fixed words, so that every run has the same bytes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ledger_sync import accept, archive, note, status_list, tiles, trust
from ledger_sync.entries import (
    ALL_RIGHTS,
    HANDLE_BYTES,
    MAY_DENY,
    MAY_ORDER,
    Blob,
    Entry,
    Issuer,
    Pass,
    Recognise,
    Rule,
    Shard,
    Snapshot,
    Status,
    Terminal,
    Unknown,
    Unpass,
    to_bytes,
)
from ledger_sync.entries import Policy as Charter
from ledger_sync.keys import ED25519, ES256, SigningKey
from ledger_sync.merkle import Frontier, frontier_of
from ledger_sync.quorum import Policy, parse_policy
from ledger_sync.replica import Replica
from ledger_sync.state import LIST_SIZE
from ledger_sync.state_digest import state_digest
from ledger_sync.store import Store
from ledger_sync.trust import Trust, pinned

ORIGIN = "yardpass/hz07"
NOW = 1_760_000_000
LIST = "https://hz07.example/status/1"
QUORUM = "group both 2 committee property integrator\nquorum both\n"


def key_of(word: str, alg: int = ED25519) -> SigningKey:
    """The private key made from this word."""
    return SigningKey(alg, hashlib.sha256(word.encode()).digest())


@dataclass(frozen=True)
class Signer:
    """A log (type 1) or a witness (type 4) that can sign; its key is made from its name."""

    name: str
    kind: int = note.COSIGNER_KEY
    word: str = ""  # what the key is made from instead of the name

    @property
    def key(self) -> SigningKey:
        return key_of(self.word or self.name)

    @property
    def verifier(self) -> note.Verifier:
        return note.Verifier(self.name, self.kind, self.key.public.raw)

    @property
    def vkey(self) -> str:
        return self.verifier.to_vkey()

    def line(self, text: str, at: int = NOW) -> str:
        return note.sign_note(text, self.verifier, self.key, time=at)


def log_of(name: str, word: str = "") -> Signer:
    return Signer(name, note.NOTE_KEY, word)


def note_of(text: str, *lines: str) -> str:
    return text + "\n" + "".join(lines)


def policy_text(log: Signer, witnesses: Iterable[str], quorum: str = QUORUM) -> str:
    lines = [f"witness {name} {Signer(name).vkey}\n" for name in witnesses]
    return f"log {log.vkey}\n{''.join(lines)}{quorum}"


@dataclass
class Yard:
    """One authority: its log, its witnesses, its entries, and who signs its checkpoint when."""

    origin: str = ORIGIN
    log: Signer = field(default_factory=lambda: log_of(ORIGIN))
    witnesses: tuple[str, ...] = ("committee", "property", "integrator")
    quorum: str = QUORUM
    entries: list[bytes] = field(default_factory=list)
    cosigned: dict[str, int] = field(default_factory=lambda: {"committee": NOW, "property": NOW})
    genesis: Charter | None = None  # the first policy entry, if that is what terminals have

    def add(self, *new: Entry, critical: int = 0) -> "Yard":
        self.entries += [to_bytes(entry, critical=critical) for entry in new]
        return self

    @property
    def policy(self) -> Policy:
        return parse_policy(policy_text(self.log, self.witnesses, self.quorum))

    @property
    def frontier(self) -> Frontier:
        return frontier_of(self.entries)

    @property
    def position(self) -> accept.Position:
        return accept.Position(self.frontier.size, self.frontier.root())

    @property
    def text(self) -> str:
        return note.Checkpoint(self.origin, *self.position).to_text()

    @property
    def lines(self) -> list[str]:
        """The signature lines of the checkpoint: the log's, then the cosigners'."""
        cosigned = [Signer(name).line(self.text, at) for name, at in self.cosigned.items()]
        return [self.log.line(self.text), *cosigned]

    @property
    def note(self) -> bytes:
        return note_of(self.text, *self.lines).encode()

    @property
    def trust(self) -> Trust:
        """What a terminal is provisioned with: the first policy entry, or a policy's bare text."""
        if self.genesis is not None:
            return pinned(to_bytes(self.genesis), self.origin)
        text = policy_text(self.log, self.witnesses, self.quorum)
        return pinned(text.encode(), self.origin)

    def chunks(self, start: int = 0) -> list[list[bytes]]:
        """The entries from `start` on, in lists of one bundle."""
        return [self.entries[n * 256 + skip : n * 256 + w] for n, w, skip in self._spans(start)]

    def _spans(self, start: int) -> Iterable[tiles.Span]:
        return tiles.spans(start, len(self.entries))

    def candidate(self, known: accept.Position = accept.NOWHERE) -> accept.Candidate:
        return accept.checked(self.note, trust=self.trust, known=known)

    def accepted(self, held: Frontier | None = None) -> accept.Accepted:
        """What a terminal that holds the log up to `held` gets from this authority."""
        held = held or Frontier()
        known = accept.Position(held.size, held.root())
        chunks = self.chunks(held.size)
        return accept.accept(self.candidate(known), chunks, trust=self.trust, frontier=held)

    def fill(self, replica: Replica) -> None:
        """Brings a replica in step, through acceptance."""
        replica.apply(self.accepted(replica.frontier()), trust=self.trust)

    def archive(self, path: Path) -> Path:
        """The ledger as one file."""
        archive.write(path, self.note, [], self.chunks())
        return path


def issuer(word: str = "issuer", *, classes: int = 1) -> Issuer:
    return Issuer("Hofzeile 7", key_of(word).public, NOW - 1_000, NOW + 1_000, classes)


def handle_of(word: str) -> bytes:
    return hashlib.sha256(b"handle" + word.encode()).digest()[:HANDLE_BYTES]


def pass_of(
    word: str = "anna", *, uri: str = LIST, index: int = 7, alg: int | None = ED25519
) -> Pass:
    """The pass of the holder of this name; a bearer pass for `alg=None`."""
    holder = None if alg is None else key_of(word, alg).public
    kid = key_of("issuer").public.kid
    return Pass(handle_of(word), kid, word, uri, index, 2, 5, 1, NOW - 100, NOW + 100, holder)


def status(*changes: tuple[int, int], uri: str = LIST, at: int = NOW) -> Status:
    return Status(uri, at, changes)


def small_yard() -> Yard:
    """One entry of every kind, an unknown one among them."""
    return Yard().add(
        issuer(),
        pass_of("anna"),
        pass_of("bela", index=8),
        status((7, 1)),
        Unpass(handle_of("bela")),
        Rule("gate", b"{}"),
        Unknown("lockdown", 4),
    )


WITNESSES = ("committee", "property", "integrator")


def charter(
    version: int = 1,
    *,
    text: str = "",
    roots: Iterable[str] = ("root 1",),
    announced: Iterable[str] = ("root 2",),
    after: Charter | None = None,
    by: Iterable[str] = ("root 1",),
    origin: str = ORIGIN,
) -> Charter:
    """A policy entry; its root keys, the announced ones and those that sign are made of words."""
    bare = Charter(
        version=version,
        text=(text or policy_text(log_of(origin), WITNESSES)).encode(),
        roots=tuple(key_of(word).public.raw for word in roots),
        threshold=1,
        announced=tuple(hashlib.sha256(key_of(word).public.raw).digest() for word in announced),
        previous=None if after is None else trust.digest_of(after),
        signatures=(),
    )
    return trust.signed(bare, origin, [key_of(word) for word in by])


def shard(
    *changes: tuple[int, int], uri: str = LIST, at: int = NOW, word: str = "issuer"
) -> Shard:
    """A whole status list, all 0 but for the changes, signed by the key of this word."""
    raw = status_list.packed(dict(changes), size=LIST_SIZE)
    return Shard(status_list.sign(raw, uri=uri, issued_at=at, key=key_of(word)))


def snapshot_after(yard: Yard, folder: Path) -> Snapshot:
    """The snapshot entry that may follow the entries of this yard, replayed in `folder`."""
    path = folder / f"replayed-{len(yard.entries)}.db"
    with Store.create(path, origin=yard.origin, floor=0) as store:
        size = Replica(store).append(yard.entries, trust=yard.trust)
        return Snapshot(size, bytes(32), 4_096, state_digest(store.db))


def full_yard(folder: Path) -> Yard:
    """Every kind of entry, each optional field there and not, under its first two policies."""
    first = charter()
    second = charter(
        2, roots=("root 2",), announced=("root 3",), after=first, by=("root 1", "root 2")
    )
    certificate, hints = b"\x30\x82certificate", ("10.0.0.7:4711", "gate-n.local")
    phone = key_of("second issuer", ES256).public
    yard = Yard(genesis=first).add(
        *(first, issuer(), Issuer("Hofzeile 9", phone, 0, NOW, 6, ALL_RIGHTS)),
        Issuer("guard", key_of("guard").public, 1, NOW, 0, MAY_DENY | MAY_ORDER),
        Terminal("n", key_of("n").public, "north", "gate", certificate, hints),
        *(Terminal("s", key_of("s", ES256).public), Terminal("w", key_of("w").public)),
        Terminal("w"),
        Recognise("yardpass/bj01", bytes(range(32)), 6, (0, 1, 1, 3), 3_600, NOW + 1),
        *(Recognise("yardpass/bj02", bytes(32)), Recognise("yardpass/bj03", bytes(32))),
        Recognise("yardpass/bj03"),
        *(pass_of("anna"), pass_of("bela", index=8), pass_of("carl", index=9, alg=ES256)),
        *(pass_of("dora", index=10, alg=None), Unpass(handle_of("bela"))),
        *(status((7, 1), (9, 3), (8, 0)), shard((3, 2), (131_071, 1), uri=LIST + "2")),
        *(Rule("gate", b"{}"), Blob("update", bytes(range(32, 64)), 1 << 20, hints)),
        *(Blob("help", bytes(32), 0), second),
    )
    # What this version cannot read comes last: behind it no snapshot can be judged.
    return yard.add(snapshot_after(yard, folder), Unknown("lockdown", 4))
