"""Section 5: a ledger with every kind of entry under two policies, and what it is made of.

`first` says how many entries of the ledger `under` stand before the one shown (all, if absent).
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from golden import ledgers
from golden.case import Case
from golden.ledgers import COMMITTEE, COMMITTEE_VERIFIER, LOG, LOG_VERIFIER, ORIGIN, QUORUM_AT
from makers import AT, DAY, LIST, OFFICE, SITE, signer

from ledger_sync import archive, cbor, entries, merkle, note, snapshot, state_digest, trust
from ledger_sync.entries import (
    Blob,
    Issuer,
    Policy,
    Recognise,
    Shard,
    Snapshot,
    Terminal,
    to_bytes,
)
from ledger_sync.keys import SigningKey
from ledger_sync.kinds import DURESS
from ledger_sync.note import COSIGNER_KEY, NOTE_KEY, Verifier
from ledger_sync.replica import Replica
from ledger_sync.store import Store

PROPERTY, GUARD, NORTH = signer("property"), signer("guard"), signer("north")
PROPERTY_VERIFIER = Verifier("hz07-property", COSIGNER_KEY, PROPERTY.public.raw)
LOG_2 = Verifier(ORIGIN, NOTE_KEY, signer("ledger-2").public.raw)
YEAR = 365 * DAY
WINDOW = (AT - YEAR, AT + YEAR)
STATUSES = {7: 1, 8: 2, 9: 3, 131_071: 1}
LST = bytes.fromhex(
    "78daedc10101000008022017b4c9ffab1c12905e0000000000000000000000000000000000000000000000000000"
    "0000000000e0b90e822d008f"
)
"""A zlib stream of STATUSES. Fixed here: other versions of zlib make other bytes of the same."""
TEXT = "\n".join(ledgers.POLICY).encode()
TEXT_2 = "\n".join(
    (
        f"log {LOG_VERIFIER.to_vkey()}",
        f"witness committee {COMMITTEE_VERIFIER.to_vkey()}",
        f"witness property {PROPERTY_VERIFIER.to_vkey()}",
        "group both all committee property",
        "quorum both",
    )
).encode()


class Log(NamedTuple):
    """A golden ledger: how its file is named, what is pinned for it, its entries."""

    name: str
    pinned: bytes
    bodies: tuple[bytes, ...]

    def text(self, size: int | None = None) -> str:
        held = merkle.frontier_of(self.bodies[:size])
        return note.Checkpoint(ORIGIN, held.size, held.root()).to_text()


# Policies.


def hash_of(name: str) -> bytes:
    return hashlib.sha256(signer(name).public.raw).digest()


def policy(
    version: int = 1,
    text: bytes = TEXT,
    *,
    roots: Iterable[str] = ("root-1",),
    announced: Iterable[str] = ("root-2",),
    previous: Policy | None = None,
    by: Iterable[str] = ("root-1",),
    **changes: object,
) -> Policy:
    """A policy entry of root keys made from names, signed by those in `by`."""
    raw = tuple(signer(name).public.raw for name in roots)
    next_keys = tuple(map(hash_of, announced))
    behind = None if previous is None else trust.digest_of(previous)
    made = replace(Policy(version, text, raw, 1, next_keys, behind, ()), **changes)
    return trust.signed(made, ORIGIN, map(signer, by))


FIRST = policy()
NEXT = {"announced": ("root-3", "ledger-2"), "roots": ("root-2",), "previous": FIRST}
SECOND = policy(2, TEXT_2, by=("root-1", "root-2"), **NEXT)


def third(text: bytes = TEXT_2, *, number: int = 3, **changes: object) -> Policy:
    usual = {"roots": ("root-3",), "announced": ("root-4",), "by": ("root-2", "root-3")}
    return policy(number, text, **{**usual, "previous": SECOND, **changes})


# Status lists.


def list_token(
    key: SigningKey = OFFICE,
    *,
    claims: dict[cbor.Key, cbor.Value] | None = None,
    header: dict[cbor.Key, cbor.Value] | None = None,
    end: bytes = b"",
    **changes: cbor.Value,
) -> bytes:
    """A status list token. `changes` are of the list itself, None takes a claim away."""
    held: dict[cbor.Key, cbor.Value] = {"bits": 2, "lst": LST, **changes}
    stated: dict[cbor.Key, cbor.Value] = {2: LIST, 6: AT - DAY, 65533: held, **(claims or {})}
    protected: dict[cbor.Key, cbor.Value] = {
        **{1: key.alg, 4: key.public.kid, 16: "application/statuslist+cwt"},
        **(header or {}),
    }
    left = {name: value for name, value in protected.items() if value is not None}
    kept = {name: value for name, value in stated.items() if value is not None}
    raw, payload = cbor.encode(left), cbor.encode(kept)
    signature = key.sign(cbor.encode(["Signature1", raw, b"", payload]))
    return cbor.encode(cbor.Tag18([raw, {}, payload, signature])) + end


def stored(raw: bytes) -> bytes:
    """A zlib stream that holds `raw` as it is, the same under every version of zlib."""
    size = len(raw).to_bytes(2, "little")
    turned = bytes(byte ^ 255 for byte in size)
    return b"\x78\x01\x01" + size + turned + raw + zlib.adler32(raw).to_bytes(4, "big")


# The ledgers.

RECOGNISED = Recognise("yardpass/hz08", bytes(range(32)), 0b110, (0, 1, 2, 3), 2 * DAY, AT + DAY)
CERTIFICATE = bytes.fromhex("3082010a") + bytes(range(12))  # as long as an example needs
TERMINAL = Terminal(
    *("north", NORTH.public, "north", "gate", CERTIFICATE),
    ("10.0.7.11:4711", "north.hz07.example"),
)
UPDATE = Blob("update", hashlib.sha256(b"update").digest(), 1_048_576, ("https://hz07.example/u",))
FORGOTTEN = to_bytes(entries.Unpass(bytes.fromhex("83" * 8)))


def named() -> dict[str, tuple[str, str, entries.Entry]]:
    """The entries of the ledger of all kinds before its snapshot: name -> what, rule, value."""
    enrolled = entries.parse(ledgers.entry_list()[2])
    return {
        "policy-1": ("the first policy, pinned in the terminals", "5.8.5", FIRST),
        "issuer-only": (
            "a key that may issue and may not deny",
            "5.2.1",
            Issuer(SITE, OFFICE.public, *WINDOW, 0b1_1111_1110, entries.MAY_ISSUE),
        ),
        "issuer-guard": (
            "a key that may only deny",
            "5.2.1",
            Issuer("guard", GUARD.public, *WINDOW, 0, entries.MAY_DENY),
        ),
        "recognise": ("another authority is recognised", "5.9.1", RECOGNISED),
        "terminal": ("a terminal with all it may state", "5.10.1", TERMINAL),
        "terminal-gone": ("a terminal is gone", "5.10.1", Terminal("south")),
        "enrol": ("a pass is enrolled", "5.3.2", enrolled),
        "shard": ("a whole status list", "5.7.7", Shard(list_token())),
        "blob": ("a file the authority stands for", "5.12.1", UPDATE),
        "policy-2": ("a second policy: new roots, one more cosigner", "5.8.9", SECOND),
    }


def snapshot_of(bodies: Iterable[bytes], pinned: bytes) -> tuple[Snapshot, bytes, bytes]:
    """The snapshot entry behind these entries, its file, and the rows in that, inflated."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "replayed.db"
        with Store.create(path, origin=ORIGIN, floor=0) as store:
            replica = Replica(store)
            replica.append(bodies, trust=trust.pinned(pinned, ORIGIN))
            held, digest = replica.frontier(), state_digest.state_digest(store.db)
            rows = [cbor.encode([held.size, b"".join(held.peaks)])]
            rows += state_digest.rows_of(store.db)
    raw = b"".join(len(row).to_bytes(4, "big") + row for row in rows)
    file = snapshot.MAGIC + stored(raw)
    return Snapshot(held.size, hashlib.sha256(file).digest(), len(file), digest), file, raw


@cache
def one() -> tuple[Log, Snapshot, bytes, bytes]:
    """A ledger of one entry and its snapshot: small enough to be read as bytes."""
    made, file, raw = snapshot_of([FORGOTTEN], TEXT)
    return Log("ledger-one", TEXT, (FORGOTTEN, to_bytes(made))), made, file, raw


@cache
def kinds() -> tuple[Log, Snapshot, bytes]:
    """A ledger of all kinds of entries, its policies too."""
    bodies = [to_bytes(value) for _, _, value in named().values()]
    made, file, _ = snapshot_of(bodies, bodies[0])
    return Log("ledger-kinds", bodies[0], (*bodies, to_bytes(made))), made, file


def signed(text: str, *, by: Iterable[str] = ("log", "committee"), at: int = QUORUM_AT) -> bytes:
    """A note over `text` by the log, a cosigner, or both."""
    known = {
        "log": (LOG_VERIFIER, LOG),
        "committee": (COMMITTEE_VERIFIER, COMMITTEE),
        "property": (PROPERTY_VERIFIER, PROPERTY),
    }
    lines = [note.sign_note(text, *known[name], time=at) for name in by]
    return f"{text}\n{''.join(lines)}".encode()


def archived(last: bytes, bodies: Iterable[bytes], bridges: Iterable[tuple[int, bytes]]) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        archive.write(path, last, bridges, [list(bodies)])
        return path.read_bytes()


EVERYBODY = ("log", "committee", "property")


def bridge() -> tuple[int, bytes]:
    """The checkpoint at the second policy, which both quorums signed."""
    return 1, signed(kinds()[0].text(-1), by=EVERYBODY)


# The files.

UNDER = ("under", "ledger-kinds")
PINNED = (("origin", ORIGIN), ("pinned", "policy-1"))


def cases() -> Iterator[Case]:
    yield from _ledgers()
    yield from _whole()


def _ledgers() -> Iterator[Case]:
    log, _, _ = kinds()
    last = signed(log.text(), by=EVERYBODY)
    body = archived(last, log.bodies, [bridge()])
    what = "every kind of entry, with the checkpoint that led to its second policy"
    yield Case("ledger-kinds", what, body, "7.4.2", "accepted", kind="archive", more=PINNED)
    small = one()[0]
    body = archived(signed(small.text()), small.bodies, [])
    what = "a ledger of an entry and a snapshot, under a bare policy text"
    more = (("origin", ORIGIN), ("pinned", "quorum"))
    yield Case("ledger-one", what, body, "7.4.1", "accepted", kind="archive", more=more)


def entry(
    name: str, what: str, body: entries.Entry | bytes, rule: str, expect: str, first: int = -1
) -> Case:
    raw = body if isinstance(body, bytes) else to_bytes(body)
    more = (UNDER,) if first < 0 else (UNDER, ("first", str(first)))
    return Case(name, what, raw, rule, expect, kind="entry", more=more)


def _whole() -> Iterator[Case]:
    """Each entry of the ledger, shown behind those before it."""
    for first, (name, (what, rule, value)) in enumerate(named().items()):
        yield entry(name, what, value, rule, "accepted", first)
    made = kinds()[1]
    yield entry("snapshot", "the state before it, by hash", made, "5.11.2", "accepted", made.size)
    yield entry("recognise-end", "recognised no more", Recognise("yardpass/hz08"), "5.9.1",
                 "accepted")  # fmt: skip
    duress = named()["enrol"][2]._replace(assurance=DURESS)
    yield entry("enrol-duress", "a key that opens and asks for help", duress, "5.3.1", "accepted")
    yield entry("issuer-end", "a key that may do nothing from here on",
                 Issuer(SITE, OFFICE.public, *WINDOW, 0, 0), "5.2.1", "accepted")  # fmt: skip
    yield entry("policy-again", "the policy in force once more", SECOND, "5.8.5", "accepted")
    made_3 = third(TEXT_2.replace(LOG_VERIFIER.to_vkey().encode(), LOG_2.to_vkey().encode()))
    yield entry("policy-3", "a third policy with another log key", made_3, "5.8.7", "accepted")
