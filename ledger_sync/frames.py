"""Frames: what terminals say to each other, as bytes and back. FORMAT.md section 8.6.

    00000012  06  82 47...            length of the rest but the type, type, one strict CBOR item

Pure. Every list in a frame is a byte string of fixed rows, so its length bounds the work before
anything is made of it. They are read by frame_reader.py.
"""

import enum
import struct
from typing import NamedTuple, TypeAlias

from ledger_sync import cbor
from ledger_sync.batch import MAX_FEED_ENTRY, Batch
from ledger_sync.feed import BUNDLE

VERSION = 1
MAX_FRAME = 1 << 20  # bytes of one frame's item
MAX_ROWS = 24_000  # feeds of one HELLO
MAX_CLOSED = 4_096  # terminals whose other feeds it sums up
MAX_ACK = 2_048  # bytes of a cosigned head
MAX_MARKS = 1_024  # urgent notes, and pairs of evidence, that one HELLO names
MAX_PATH = 128  # characters of the path of a ledger file
MAX_FILE = 1 << 26  # bytes of such a file
MAX_PIECE = 1 << 19  # bytes of it in one frame
KID_BYTES = 8
MARK_BYTES = 8  # of SHA-256, where a HELLO names what is held
MAX_PARTS = BUNDLE * (2 + MAX_FEED_ENTRY)  # bytes of one bundle of feed entries
HEAD = struct.Struct(">IB")
ROW = struct.Struct(">8s8sQ8s")
CLOSED = struct.Struct(">8sI16s")


class Kind(enum.IntEnum):
    """The seven frame types."""

    HELLO = 1
    BUNDLE = 2
    DONE = 3
    ACK = 4
    DENY = 5
    EVIDENCE = 6
    WANT = 7


class Row(NamedTuple):
    """One feed of a vector: its size and the first 8 bytes of its root there."""

    kid: bytes
    incarnation: bytes
    size: int
    root: bytes


class Closed(NamedTuple):
    """The feeds of one terminal that a vector does not list: how many, and the sum over them."""

    kid: bytes
    count: int  # type: ignore[assignment]  # tuple.count is not asked for
    digest: bytes


class Hello(NamedTuple):
    """Who speaks, its newest checkpoint (a note, or nothing), its vector, the deny
    notes and orders, and the pairs of evidence it holds, by the first 8 bytes of their hashes."""

    kid: bytes
    checkpoint: bytes
    rows: tuple[Row, ...]
    closed: tuple[Closed, ...]
    denials: tuple[bytes, ...]
    evidence: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        rows = b"".join([ROW.pack(*row) for row in self.rows])
        closed = b"".join([CLOSED.pack(*one) for one in self.closed])
        marks = b"".join(self.denials), b"".join(self.evidence)
        return _framed(Kind.HELLO, [VERSION, self.kid, self.checkpoint, rows, closed, *marks])


class Parts(NamedTuple):
    """A batch of a feed."""

    batch: Batch

    def to_bytes(self) -> bytes:
        kid, incarnation, start, count, note, bundle, sealed = self.batch
        text = note.encode()
        return _framed(Kind.BUNDLE, [kid, incarnation, start, count, text, bundle, sealed])


class File(NamedTuple):
    """A piece of a file of the published ledger: where it begins, how long the whole file is.
    A file that is not held is 0 bytes long."""

    path: str
    start: int
    total: int
    data: bytes

    def to_bytes(self) -> bytes:
        return _framed(Kind.BUNDLE, [*self])


class Done(NamedTuple):
    """All that the other's vector lacked was sent."""

    def to_bytes(self) -> bytes:
        return _framed(Kind.DONE, [])


class Ack(NamedTuple):
    """That a feed is durable up to a head: the head's text, cosigned by who holds it."""

    kid: bytes
    incarnation: bytes
    note: bytes

    def to_bytes(self) -> bytes:
        return _framed(Kind.ACK, [*self])


class Deny(NamedTuple):
    """A note that takes effect at once, a deny note or an order: its first line says which."""

    note: bytes

    def to_bytes(self) -> bytes:
        return _framed(Kind.DENY, [*self])


class Evidence(NamedTuple):
    """Two notes that contradict each other: of the ledger where `kid` is empty, else of a feed."""

    kid: bytes
    first: bytes
    second: bytes

    def to_bytes(self) -> bytes:
        return _framed(Kind.EVIDENCE, [*self])


class WantFile(NamedTuple):
    """Asks for a file of the published ledger, from this byte on."""

    path: str
    start: int

    def to_bytes(self) -> bytes:
        return _framed(Kind.WANT, [*self])


class WantRows(NamedTuple):
    """Asks for a HELLO that lists every feed of this terminal."""

    kid: bytes

    def to_bytes(self) -> bytes:
        return _framed(Kind.WANT, [self.kid])


class WantFeed(NamedTuple):
    """Asks for all of a feed, from its first entry: another history of it is held here."""

    row: Row

    def to_bytes(self) -> bytes:
        return _framed(Kind.WANT, [*self.row])


Message: TypeAlias = (
    Hello | Parts | File | Done | Ack | Deny | Evidence | WantFile | WantRows | WantFeed
)


def _framed(kind: Kind, item: list[cbor.Value]) -> bytes:
    body = cbor.encode(item)
    return HEAD.pack(len(body), kind) + body
