"""A small authority in memory: change a field, and its checkpoint, note and export file follow.

Keys come from fixed words, so that every run has the same bytes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger_sync import accept, note
from ledger_sync.entries import (
    HANDLE_BYTES,
    Entry,
    Issuer,
    Pass,
    Rule,
    Status,
    Unknown,
    Unpass,
    to_bytes,
)
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.merkle import Frontier, frontier_of
from ledger_sync.quorum import Policy, parse_policy

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

    @property
    def key(self) -> SigningKey:
        return key_of(self.name)

    @property
    def verifier(self) -> note.Verifier:
        return note.Verifier(self.name, self.kind, self.key.public.raw)

    @property
    def vkey(self) -> str:
        return self.verifier.to_vkey()

    def line(self, text: str, at: int = NOW) -> str:
        return note.sign_note(text, self.verifier, self.key, time=at)


def log_of(name: str) -> Signer:
    return Signer(name, note.NOTE_KEY)


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
    def export(self) -> bytes:
        return accept.join(self.note, self.entries)

    def accepted(self, known: accept.Position = accept.NOWHERE) -> accept.Accepted:
        """What a terminal at `known` gets from this authority's export."""
        return accept.accept(self.export, policy=self.policy, origin=self.origin, known=known)


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
