"""A snapshot file: the state after so many entries, and the frontier of the log there.

    yardpass-snapshot-1\\n | zlib stream of (length, CBOR row) ...

The first row is [size, peaks], the others are those of state_digest.py. An entry of the log names
the file by its hash, so a quorum claims it, and whoever replays the log can tell if it is true.
Pure. FORMAT.md section 7.7.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from ledger_sync import cbor
from ledger_sync.errors import Refused
from ledger_sync.merkle import HASH_BYTES, Frontier, leaf_hash
from ledger_sync.state_digest import TABLES
from ledger_sync.tiles import WIDTH

MAGIC = b"yardpass-snapshot-1\n"
MAX_FILE = 64 << 20  # bytes
MAX_INFLATED = 1 << 30  # bytes
MAX_ROW = 1 << 17  # bytes
_STEP = 1 << 20


class Image(NamedTuple):
    """A snapshot that was looked at: where the log stood, and the file its rows are in.

    `partial` are the entries before it in the bundle that it ends in, `bridges` the notes that
    led on from policies in it, each with the version of that; both are for who begins with it.
    """

    frontier: Frontier
    file: bytes
    partial: tuple[bytes, ...] = ()
    bridges: tuple[tuple[int, bytes], ...] = ()

    def rows(self) -> Iterator[tuple[str, list[cbor.Value]]]:
        """(table, columns) of every row. Raises `Refused` (R-LEDGER) at a malformed one."""
        rows = _rows(self.file)
        next(rows)
        for row in rows:
            match row:
                case [str(table), *columns] if table in TABLES:
                    yield table, columns
                case _:
                    raise _refused("a row of no table")

    def digest(self) -> bytes:
        """The digest of the state that these rows are, if they are spelled and sorted as
        state_digest.py has them."""
        found, skipped = hashlib.sha256(), len(_behind_length(_first_row(self.frontier)))
        for part in _inflated(self.file[len(MAGIC) :]):
            found.update(part[skipped:])
            skipped = max(0, skipped - len(part))
        return found.digest()


def packed(frontier: Frontier, rows: Iterable[bytes]) -> bytes:
    """The file of a snapshot at `frontier` with these rows of the state."""
    deflate = zlib.compressobj(9)
    parts = [MAGIC]
    for row in chain([_first_row(frontier)], rows):
        parts.append(deflate.compress(_behind_length(row)))
    parts.append(deflate.flush())
    return b"".join(parts)


def opened(file: bytes) -> Image:
    """The snapshot in `file`, its rows not looked at yet. Raises `Refused` (R-LEDGER)."""
    if not file.startswith(MAGIC) or len(file) > MAX_FILE:
        raise _refused("not a snapshot file")
    match next(_rows(file), None):
        case [int(size), bytes(peaks)] if type(size) is int and not len(peaks) % HASH_BYTES:
            hashes = [peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)]
        case _:
            raise _refused("a snapshot without a frontier")
    try:
        return Image(Frontier(size, hashes), file)
    except Refused as refused:
        raise _refused(str(refused)) from None


def with_partial(image: Image, partial: list[bytes]) -> Image:
    """The snapshot with the entries before it in its own bundle, if they are those of the log."""
    size = image.frontier.size
    whole = size // WIDTH * WIDTH
    frontier = Frontier(whole, image.frontier.peaks[: whole.bit_count()])
    for entry in partial:
        frontier.append(leaf_hash(entry))
    if frontier.peaks != image.frontier.peaks or frontier.size != size:
        raise _refused("the entries before the snapshot are not those of its frontier")
    return image._replace(partial=tuple(partial))


def _first_row(frontier: Frontier) -> bytes:
    return cbor.encode([frontier.size, b"".join(frontier.peaks)])


def _behind_length(row: bytes) -> bytes:
    return len(row).to_bytes(4, "big") + row


def _rows(file: bytes) -> Iterator[cbor.Value]:
    """The rows of the file, inflating a step at a time, within bounds."""
    held = b""
    for part in _inflated(file[len(MAGIC) :]):
        held += part
        at = 0
        while len(held) >= at + 4:
            size = int.from_bytes(held[at : at + 4], "big")
            if size > MAX_ROW:
                raise _refused(f"a row of {size} bytes")
            if len(held) < at + 4 + size:
                break
            yield _row(held[at + 4 : at + 4 + size])
            at += 4 + size
        held = held[at:]
    if held:
        raise _refused("a snapshot that ends early")


def _row(data: bytes) -> cbor.Value:
    try:
        return cbor.decode(data, max_size=MAX_ROW)
    except Refused as refused:
        raise _refused(f"a row: {refused}") from None


def _inflated(stream: bytes) -> Iterator[bytes]:
    inflater, total = zlib.decompressobj(), 0
    try:
        while not inflater.eof:
            part = inflater.decompress(stream, _STEP)
            stream, total = inflater.unconsumed_tail, total + len(part)
            if total > MAX_INFLATED or (not part and not stream and not inflater.eof):
                raise _refused("a snapshot that ends early, or is too large")
            yield part
    except zlib.error:
        raise _refused("a snapshot that does not inflate") from None
    if inflater.unused_data:
        raise _refused("bytes behind the snapshot")


def _refused(why: str) -> Refused:
    return Refused(f"snapshot: {why}", reason="R-LEDGER")
