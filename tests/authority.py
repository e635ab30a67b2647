"""An authority with root keys, rotations and cosigners, larger than that of yard.py.

In memory (`Book`) it signs whatever a test asks for, in whatever roles: the honest one and every
rogue are made of the same parts. On disk (`office`) it is the real sequencer and its cosigners.
"""

import hashlib
import resource
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from yard import NOW, ORIGIN, Signer, key_of

from ledger_sync import archive, entries, note, sources, tiles, trust
from ledger_sync.accept import Position
from ledger_sync.authority.cosigner import Cosigner
from ledger_sync.authority.publisher import ReplicaSource, publish
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.authority.sequencer import Signer as LogSigner
from ledger_sync.merkle import frontier_of, leaf_hash
from ledger_sync.mirror import Mirror
from ledger_sync.replica import Replica
from ledger_sync.sources import Absence, Found
from ledger_sync.state_digest import state_digest
from ledger_sync.store import Store

# Policies.


@dataclass(frozen=True)
class Council:
    """Whom one policy names. Every key is made from the word that stands here."""

    log: str = "log-1"
    cosigners: tuple[str, ...] = ("anna", "bela", "cora")
    needed: int = 2
    roots: tuple[str, ...] = ("root-1",)
    threshold: int = 1
    announced: tuple[str, ...] = ("root-2", "log-2")

    @property
    def text(self) -> bytes:
        witnesses = [f"witness {name} {Signer(name).vkey}\n" for name in self.cosigners]
        group = f"group few {self.needed} {' '.join(self.cosigners)}\nquorum few\n"
        lines = [f"log {log_signer(self.log).verifier.to_vkey()}\n", *witnesses, group]
        return "".join(lines).encode()

    def policy(
        self,
        version: int = 1,
        previous: bytes | None = None,
        *,
        by: Iterable[str] | None = None,
        origin: str = ORIGIN,
    ) -> entries.Policy:
        """The policy entry, signed by the root keys made from the words `by`, or by its own."""
        bare = entries.Policy(
            version=version,
            text=self.text,
            roots=tuple(key_of(word).public.raw for word in self.roots),
            threshold=self.threshold,
            announced=tuple(hash_of(word) for word in self.announced),
            previous=previous,
            signatures=(),
        )
        signers = self.roots if by is None else by
        return trust.signed(bare, origin, [key_of(word) for word in signers])


FIRST = Council()
SECOND = Council(
    log="log-2",
    cosigners=("bela", "cora", "dora"),
    roots=("root-2",),
    announced=("root-3", "log-3"),
)
THIRD = Council(
    log="log-3",
    cosigners=("dora", "emil", "fina"),
    roots=("root-3",),
    announced=("root-4", "log-4"),
)


def hash_of(word: str) -> bytes:
    """How a policy announces the key made from this word."""
    return hashlib.sha256(key_of(word).public.raw).digest()


def log_signer(word: str, origin: str = ORIGIN) -> LogSigner:
    key = key_of(word)
    return LogSigner(note.Verifier(origin, note.NOTE_KEY, key.public.raw), key)


def signed(
    text: str,
    logs: Iterable[str] = ("log-1",),
    cosigners: Iterable[str] = ("anna", "bela"),
    *,
    at: int = NOW,
    origin: str = ORIGIN,
) -> bytes:
    """A note over any text, signed by log keys made from these words, and these cosigners."""
    signers = [log_signer(word, origin) for word in logs]
    lines = [note.sign_note(text, one.verifier, one.key) for one in signers]
    lines += [Signer(name).line(text, at) for name in cosigners]
    return f"{text}\n{''.join(lines)}".encode()


def unpass(number: int) -> entries.Unpass:
    """A small entry that any ledger may hold."""
    return entries.Unpass(number.to_bytes(8, "big"))


# In memory.


@dataclass
class Book:
    """A log in memory, under the policies of `councils` in turn; it signs anything."""

    origin: str = ORIGIN
    councils: list[Council] = field(default_factory=list)
    policies: list[entries.Policy] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    bridges: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def opened(cls, first: Council = FIRST) -> "Book":
        """A log whose first entry is its first policy."""
        book = cls(councils=[first], policies=[first.policy()])
        return book.add(book.policies[0])

    def copy(self) -> "Book":
        """One that goes its own way from here on."""
        lists = {name: list(getattr(self, name)) for name in ("councils", "policies", "bodies")}
        return replace(self, bridges=dict(self.bridges), **lists)

    def add(self, *new: entries.Entry, critical: int = 0) -> "Book":
        self.bodies += [entries.to_bytes(one, critical=critical) for one in new]
        return self

    def grow(self, count: int) -> "Book":
        """Adds small entries until there are `count` in all."""
        return self.add(*(unpass(number) for number in range(len(self.bodies), count)))

    def next_policy(
        self, council: Council, *, by: Iterable[str] | None = None, **changes: object
    ) -> entries.Policy:
        """The policy of `council` behind the newest, signed as it must be, or by `by`.

        `changes` are of its fields, before it is signed.
        """
        last, old = self.policies[-1], self.councils[-1]
        signers = list(dict.fromkeys((*old.roots, *council.roots)) if by is None else by)
        made = council.policy(last.version + 1, trust.digest_of(last), by=())
        return trust.signed(
            replace(made, **changes), self.origin, [key_of(word) for word in signers]
        )

    def rotate(self, council: Council) -> "Book":
        """Adds the next policy, and keeps the checkpoint that ends in it as the bridge."""
        self.policies.append(self.next_policy(council))
        self.councils.append(council)
        self.add(self.policies[-1])
        self.bridges[len(self.councils) - 1] = self.note(by=self.councils[-2:])
        return self

    @property
    def position(self) -> Position:
        held = frontier_of(self.bodies)
        return Position(held.size, held.root())

    @property
    def genesis(self) -> bytes:
        return entries.to_bytes(self.policies[0])

    @property
    def pinned(self) -> trust.Trust:
        return trust.pinned(self.genesis, self.origin)

    def text(self, size: int | None = None) -> str:
        held = frontier_of(self.bodies[:size])
        return note.Checkpoint(self.origin, held.size, held.root()).to_text()

    def note(
        self,
        size: int | None = None,
        *,
        by: Iterable[Council] = (),
        logs: Iterable[str] | None = None,
        cosigners: Iterable[str] | None = None,
        at: int = NOW,
    ) -> bytes:
        """A checkpoint at `size` (all entries), signed by everybody in `by`, the newest council
        if it is empty; `logs` and `cosigners` say who signs instead."""
        councils = list(by) or [self.councils[-1]]
        if logs is None:
            logs = dict.fromkeys(one.log for one in councils)
        if cosigners is None:
            cosigners = dict.fromkeys(name for one in councils for name in one.cosigners)
        return signed(self.text(size), logs, cosigners, at=at, origin=self.origin)

    def files(self, size: int | None = None, checkpoint: bytes | None = None) -> dict[str, bytes]:
        """What a publisher that never takes anything away shows, up to `size`."""
        size = len(self.bodies) if size is None else size
        notes = [bridge for bridge in self.bridges.values() if size_of(bridge) <= size]
        found: dict[str, bytes] = {}
        for end in (*map(size_of, notes), size):
            found |= tiles.hash_tiles(map(leaf_hash, self.bodies[:end]))
            for number, width, _ in tiles.spans(0, end):
                bundle = self.bodies[number * tiles.WIDTH :][:width]
                found[tiles.bundle_path(number, width)] = tiles.bundle_of(bundle)
        found |= {f"bridge/{version}": one for version, one in self.bridges.items()}
        return found | {"checkpoint": checkpoint or self.note(size)}

    def source(self, size: int | None = None, checkpoint: bytes | None = None) -> "Shelf":
        return Shelf(self.files(size, checkpoint))

    def write(self, folder: Path, checkpoint: bytes | None = None) -> Path:
        """The same as files in a folder."""
        for path, data in self.files(checkpoint=checkpoint).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return folder

    def archive(self, path: Path, checkpoint: bytes | None = None) -> Path:
        """The same as one file."""
        starts = range(0, len(self.bodies), tiles.WIDTH)
        bundles = [self.bodies[at : at + tiles.WIDTH] for at in starts]
        archive.write(path, checkpoint or self.note(), self.bridges.items(), bundles)
        return path


def size_of(signed: bytes) -> int:
    return int(signed.split(b"\n")[1])


class Shelf:
    """Published files in memory, as a source. `asked` is what was got from it, in order."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.where = "shelf"
        self.received = 0
        self.files = files
        self.asked: list[str] = []

    def get(self, path: str, *, most: int, tag: str = "") -> Found | Absence:
        self.asked.append(path)
        if path not in self.files:
            return Absence.MISSING
        data = self.files[path]
        if len(data) > most:
            raise sources.Refused(f"{path} is longer than {most} bytes", reason="R-LEDGER")
        now = hashlib.sha256(data).hexdigest()
        self.received += len(data)
        return Absence.UNCHANGED if tag == now else Found(data, now)


# A terminal.


@cache
def _empty_store(origin: str) -> bytes:
    """The bytes of a new store: making one anew takes fifty times as long."""
    with TemporaryDirectory() as name:
        path = Path(name, "new.db")
        Store.create(path, origin=origin, floor=0).close()
        return path.read_bytes()


class Terminal:
    """A terminal's store and all that updates it. Close it, or use it in a `with`."""

    def __init__(self, folder: Path, pinned: trust.Trust, *, name: str = "terminal.db") -> None:
        self.path = folder / name
        if not self.path.exists():
            self.path.write_bytes(_empty_store(pinned.origin))
        self.pinned = pinned
        self.store = Store(self.path)
        self.replica = Replica(self.store)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def update(self, source: sources.Source, *, at: int = NOW, path: str = "checkpoint"):
        return Mirror(self.replica, pinned=self.pinned, now=lambda: at).update(source, path=path)

    def state(self) -> tuple[object, ...]:
        """All that an update may change but evidence: the state, the ledger row, the history."""
        rows = [tuple(self.store.rows(query)) for query in _HELD]
        return (state_digest(self.store.db), *rows)

    def outcome(self) -> tuple[object, ...]:
        """What a terminal decides by: two that are equal answer every check alike."""
        held = self.replica.ledger()
        version = self.replica.history.trust(self.pinned).version
        return state_digest(self.store.db), held.size, held.root, version

    @property
    def evidence(self) -> list[tuple[bytes, bytes]]:
        return [(first, second) for _, first, second in self.replica.history.evidence()]


_HELD = (
    "SELECT * FROM ledger",
    "SELECT * FROM bundle ORDER BY number",
    "SELECT * FROM policy ORDER BY version",
    "SELECT * FROM bridge ORDER BY version",
)


# On disk.


class Office:
    """A real log with its cosigners, in one folder, as `yardpass office` has them."""

    def __init__(self, folder: Path, council: Council = FIRST) -> None:
        self.folder = folder
        self.councils = [council]
        self.policies = [council.policy()]
        self.genesis = entries.to_bytes(self.policies[0])
        self.pinned = trust.pinned(self.genesis, ORIGIN)
        path = folder / "book.db"
        self.book = Sequencer.create(path, pinned=self.pinned, log=log_signer(council.log))
        self.cosigners: dict[str, Cosigner] = {}

    def __enter__(self) -> "Office":
        return self

    def __exit__(self, *_: object) -> None:
        self.book.close()

    def cosigner(self, name: str) -> Cosigner:
        """The cosigner of this name, made when it is first asked for."""
        if name not in self.cosigners:
            self.cosigners[name] = make_cosigner(self.folder / name, name, self.genesis)
        return self.cosigners[name]

    def add(self, *new: entries.Entry) -> int:
        if not self.book.replica.ledger().size:
            new = (self.policies[0], *new)
        return self.book.add(new)

    def rotate(self, council: Council) -> None:
        old = self.councils[-1]
        previous = trust.digest_of(self.policies[-1])
        policy = council.policy(len(self.councils) + 1, previous, by=(*old.roots, *council.roots))
        self.add(policy)
        self.councils.append(council)
        self.policies.append(policy)

    def draft(self) -> bytes:
        number = len(self.book.believed())
        words = dict.fromkeys(one.log for one in self.councils[-number:])
        return self.book.draft([log_signer(word) for word in words])

    def lines(self, draft: bytes, *names: str, at: int = NOW) -> list[str]:
        """The signature lines of these cosigners, or of all that are believed now."""
        number = len(self.book.believed())
        believed = [name for one in self.councils[-number:] for name in one.cosigners]
        source = ReplicaSource(self.book.replica, draft)
        return [
            self.cosigner(name).cosign(source, now=lambda: at)
            for name in names or dict.fromkeys(believed)
        ]

    def checkpoint(self, *, at: int = NOW) -> bytes:
        draft = self.draft()
        return self.book.finish(draft, self.lines(draft, at=at))

    def publish(self, folder: Path, *, at: int = NOW) -> bytes:
        made = self.checkpoint(at=at)
        publish(self.book.replica, made, folder)
        return made


def make_cosigner(folder: Path, name: str, genesis: bytes) -> Cosigner:
    return Cosigner.create(folder, name=name, origin=ORIGIN, key=key_of(name), genesis=genesis)


@contextmanager
def full_disk(most: int) -> Iterator[None]:
    """No file can grow past `most` bytes inside: writing more fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
