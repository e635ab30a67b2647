"""Sections 8.5 and 8.6: what terminals say to each other, a stream of frames a file."""

import hashlib
import struct
from collections.abc import Iterator

from golden.case import Case
from makers import AT

from ledger_sync import cbor, feed, frames, tiles, vector
from ledger_sync.batch import Batch
from ledger_sync.feed import Feed, Opening
from ledger_sync.frames import Kind, Parts, Row
from ledger_sync.keys import ED25519, SigningKey

TERMINAL = SigningKey(ED25519, hashlib.sha256(b"feed of north-1").digest())
KID, INCARNATION = TERMINAL.public.kid, bytes.fromhex("00112233445566ff")
OLD = [
    Row(KID, number.to_bytes(8, "big"), 2, hashlib.sha256(bytes((number,))).digest()[:8])
    for number in range(1, 5)
]


def cases() -> Iterator[Case]:
    parts = _parts()
    row = Row(KID, INCARNATION, 1, _root(parts))
    rows, closed = vector.vector_of({KID: [*OLD, row]})
    hello = frames.Hello(KID, b"", rows, closed, (b"denial 1",), ())
    item: list[cbor.Value] = [1, KID, b"", b"", b"", b"", b""]
    yield from _good(parts, row, hello)
    many = [*parts.batch[:3], 257, b"", b"", b""]
    for name, what, rule, data in (
        ("frame-4-gib", "a length of 4 GiB", "8.6.1", struct.pack(">IB", 2**32 - 1, 2)),
        ("frame-type-8", "a type that is none", "8.6.2", _framed(8, cbor.encode([]))),
        ("frame-two-items", "a byte behind the item", "8.6.3", _framed(3, b"\x80\x80")),
        ("frame-long-head", "a length in a longer form", "8.6.3", _framed(3, b"\x98\x00")),
        ("frame-done-more", "a DONE that says something", "8.6.4", _framed(3, b"\x81\x00")),
        ("frame-257", "257 entries", "8.6.4", _framed(Kind.BUNDLE, cbor.encode(many))),
        ("frame-path-129", "a path of 129 characters", "8.6.4",
         _framed(Kind.WANT, cbor.encode(["x" * 129, 0]))),
        ("frame-version-2", "a HELLO of version 2", "8.6.5",
         _framed(Kind.HELLO, cbor.encode([2, *item[1:]]))),
        ("frame-kid-7", "a kid of 7 bytes", "8.6.4",
         _framed(Kind.HELLO, cbor.encode([1, KID[1:], *item[2:]]))),
        ("vector-31", "a row of 31 bytes", "8.5.1",
         _framed(Kind.HELLO, cbor.encode([*item[:3], bytes(31), *item[4:]]))),
        ("vector-29", "a sum of 29 bytes", "8.5.2",
         _framed(Kind.HELLO, cbor.encode([*item[:4], bytes(29), *item[5:]]))),
        ("vector-1025-marks", "1,025 marks", "8.5.3",
         _framed(Kind.HELLO, cbor.encode([*item[:5], bytes(8 * 1_025), b""]))),
    ):  # fmt: skip
        yield Case(name, what, data, rule, "R-LEDGER", kind="frame")


def _good(parts: Parts, row: Row, hello: frames.Hello) -> Iterator[Case]:
    ack = frames.Ack(KID, INCARNATION, parts.batch.note.encode())
    for name, what, message in (
        ("frame-hello", "a HELLO with four feeds and the sum of a fifth", hello),
        ("frame-bundle", "a BUNDLE with the first entry of a feed", parts),
        ("frame-file", "a BUNDLE with a piece of a file", frames.File("bridge/1", 0, 4, b"note")),
        ("frame-done", "a DONE", frames.Done()),
        ("frame-ack", "an ACK; its note is bound by no rule of this section", ack),
        ("frame-deny", "a DENY", frames.Deny(b"a deny note")),
        ("frame-evidence", "an EVIDENCE", frames.Evidence(KID, b"a head", b"another")),
        ("frame-want-file", "a WANT of a file", frames.WantFile("bridge/1", 0)),
        ("frame-want-rows", "a WANT of all feeds of a terminal", frames.WantRows(KID)),
        ("frame-want-feed", "a WANT of all of a feed", frames.WantFeed(row)),
    ):
        yield Case(name, what, message.to_bytes(), "8.6.4", "accepted", kind="frame")


def _parts() -> Parts:
    opening = Opening(TERMINAL.public.raw, 3, bytes(8), 1_204, "0.1.0", AT - 600).to_bytes()
    live = Feed(origin=feed.origin_of("hz07", "north-1", INCARNATION), key=TERMINAL)
    live.append(opening)
    text = live.head().note
    return Parts(Batch(KID, INCARNATION, 0, 1, text, tiles.bundle_of([opening]), b""))


def _root(parts: Parts) -> bytes:
    (opening,) = tiles.entries_of(parts.batch.bundle, 1)
    return hashlib.sha256(b"\x00" + opening).digest()[:8]


def _framed(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body), kind) + body
