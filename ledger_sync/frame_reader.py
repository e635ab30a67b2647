"""Reading frames: bytes as they come, to messages, each in the one spelling frames.py writes.

Pure. Holds at most one frame. FORMAT.md section 8.6.
"""

import struct
from collections.abc import Iterator

from ledger_sync import cbor, frames
from ledger_sync.batch import MAX_SEALED_BUNDLE, Batch
from ledger_sync.errors import Refused
from ledger_sync.feed import BUNDLE, INCARNATION_BYTES
from ledger_sync.frames import (
    KID_BYTES,
    MARK_BYTES,
    MAX_ACK,
    MAX_CLOSED,
    MAX_FILE,
    MAX_FRAME,
    MAX_MARKS,
    MAX_PARTS,
    MAX_PATH,
    MAX_PIECE,
    MAX_ROWS,
    Ack,
    Closed,
    Deny,
    Done,
    Evidence,
    File,
    Hello,
    Kind,
    Message,
    Parts,
    Row,
    WantFeed,
    WantFile,
    WantRows,
)
from ledger_sync.note import MAX_NOTE


class FrameReader:
    """Takes bytes as they come and gives whole messages. Raises `Refused` at the first fault:
    what follows it on the stream cannot be understood any more."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that `data` completes, in order."""
        self._held += data
        at = 0
        try:
            while len(self._held) - at >= frames.HEAD.size:
                size, kind = frames.HEAD.unpack_from(self._held, at)
                if size > MAX_FRAME:
                    raise _refused(f"a frame of {size} bytes, at most {MAX_FRAME}")
                end = at + frames.HEAD.size + size
                if len(self._held) < end:
                    break
                with memoryview(self._held) as held:
                    body = bytes(held[at + frames.HEAD.size : end])
                at = end
                yield message_of(kind, body)
        finally:
            del self._held[:at]

    @property
    def held(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._held)


def message_of(kind: int, body: bytes) -> Message:
    """The message in a frame. Raises `Refused` (R-LEDGER) for anything that `to_bytes` does not
    write."""
    if len(body) > MAX_FRAME or kind not in _READERS:
        raise _refused(f"a frame of type {kind} and {len(body)} bytes")
    try:
        item = cbor.decode(body, max_size=MAX_FRAME)
    except Refused as refused:
        raise _refused(f"a frame of type {kind}: {refused}") from None
    found = _READERS[Kind(kind)](item)
    if found is None:
        raise _refused(f"a frame of type {kind} with another content")
    return found


def _hello(item: cbor.Value) -> Hello | None:
    match item:
        case [int(version), *_] if version != frames.VERSION:
            raise _refused(f"frames of version {version}, this terminal speaks {frames.VERSION}")
        case [
            int(),
            bytes(kid),
            bytes(note),
            bytes(rows),
            bytes(closed),
            bytes(deny),
            bytes(marks),
        ]:
            if len(kid) != KID_BYTES or len(note) > MAX_NOTE:
                return None
            return Hello(
                kid,
                note,
                tuple(Row._make(one) for one in _rows(frames.ROW, rows, MAX_ROWS)),
                tuple(Closed._make(one) for one in _rows(frames.CLOSED, closed, MAX_CLOSED)),
                _marks(deny),
                _marks(marks),
            )
        case _:
            return None


def _rows(shape: struct.Struct, data: bytes, most: int) -> Iterator[tuple[object, ...]]:
    if len(data) % shape.size or len(data) // shape.size > most:
        raise _refused(f"{len(data)} bytes of rows of {shape.size}, at most {most} rows")
    return shape.iter_unpack(data)


def _marks(data: bytes) -> tuple[bytes, ...]:
    if len(data) % MARK_BYTES or len(data) // MARK_BYTES > MAX_MARKS:
        raise _refused(f"{len(data)} bytes of marks of {MARK_BYTES}, at most {MAX_MARKS} marks")
    return tuple(data[at : at + MARK_BYTES] for at in range(0, len(data), MARK_BYTES))


def _bundle(item: cbor.Value) -> Parts | File | None:
    match item:
        case [str(path), int(start), int(total), bytes(data)] if len(path) <= MAX_PATH:
            fits = 0 <= start <= start + len(data) <= total <= MAX_FILE
            return File(path, start, total, data) if fits and len(data) <= MAX_PIECE else None
        case [
            bytes(kid), bytes(incarnation), int(start), int(count), bytes(text),
            bytes(bundle), bytes(sealed),
        ] if _are_ids(kid, incarnation) and len(text) <= MAX_NOTE:  # fmt: skip
            note = _text(text)
            fits = 0 <= start < 2**32 and 1 <= count <= BUNDLE
            fits = fits and len(bundle) <= MAX_PARTS and len(sealed) <= MAX_SEALED_BUNDLE
            if fits and note is not None:
                return Parts(Batch(kid, incarnation, start, count, note, bundle, sealed))
    return None


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _are_ids(kid: bytes, incarnation: bytes) -> bool:
    return len(kid) == KID_BYTES and len(incarnation) == INCARNATION_BYTES


def _done(item: cbor.Value) -> Done | None:
    return Done() if item == [] else None


def _ack(item: cbor.Value) -> Ack | None:
    match item:
        case [bytes(kid), bytes(incarnation), bytes(text)] if _are_ids(kid, incarnation):
            return Ack(kid, incarnation, text) if len(text) <= MAX_ACK else None
    return None


def _deny(item: cbor.Value) -> Deny | None:
    match item:
        case [bytes(text)] if len(text) <= MAX_NOTE:
            return Deny(text)
    return None


def _evidence(item: cbor.Value) -> Evidence | None:
    match item:
        case [bytes(kid), bytes(first), bytes(second)] if len(kid) in (0, KID_BYTES):
            fits = len(first) <= MAX_NOTE and len(second) <= MAX_NOTE
            return Evidence(kid, first, second) if fits else None
    return None


def _want(item: cbor.Value) -> WantFile | WantRows | WantFeed | None:
    match item:
        case [str(path), int(start)] if len(path) <= MAX_PATH and 0 <= start <= MAX_FILE:
            return WantFile(path, start)
        case [bytes(kid)] if len(kid) == KID_BYTES:
            return WantRows(kid)
        case [bytes(kid), bytes(incarnation), int(size), bytes(root)]:
            if _are_ids(kid, incarnation) and 0 <= size < 2**32 and len(root) == MARK_BYTES:
                return WantFeed(Row(kid, incarnation, size, root))
        case _:
            pass
    return None


_READERS = {
    Kind.HELLO: _hello,
    Kind.BUNDLE: _bundle,
    Kind.DONE: _done,
    Kind.ACK: _ack,
    Kind.DENY: _deny,
    Kind.EVIDENCE: _evidence,
    Kind.WANT: _want,
}


def _refused(why: str) -> Refused:
    return Refused(why, reason="R-LEDGER")
