"""The static files of a log, as C2SP tlog-tiles lays them out: hash tiles and entry bundles.

Knows only paths, hashes and bytes: who reads or writes them is an argument. FORMAT.md section 6.

    tile/0/x001/x234/067        256 leaf hashes, of entries 1234067 * 256 and on
    tile/1/000.p/17             17 hashes, each over a full tile of level 0
    tile/entries/273.p/112      112 entries, each behind its length in two bytes
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import NamedTuple

from ledger_sync import merkle
from ledger_sync.errors import Refused
from ledger_sync.merkle import HASH_BYTES, Frontier

HEIGHT = 8
WIDTH = 256
MAX_TILE = 8_192  # bytes of a full hash tile
MAX_ENTRY = 65_535  # bytes of one entry: its length stands in 16 bits
MAX_BUNDLE = 256 * (2 + 65_535)  # bytes
MAX_LEVEL = 63
MAX_INDEX = 10**18 - 1  # six groups of three digits; the largest tree size needs fewer
MAX_SIZE = 2**63 - 1  # entries of a tree, as in a checkpoint
MAX_HELD = 64  # tiles that a TileTree keeps, 16 KiB each; one proof needs at most 16

_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


class TilePath(NamedTuple):
    """One file of a log: a hash tile, or a bundle of entries where `level` is None."""

    level: int | None
    number: int
    width: int

    def to_path(self) -> str:
        if self.level is None:
            return bundle_path(self.number, self.width)
        return tile_path(self.level, self.number, self.width)


class Span(NamedTuple):
    """A bundle to read: its number, its width in the tree, entries in it that lie before."""

    number: int
    width: int
    skip: int


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Where a hash tile of `width` hashes is (tlog-tiles, "Merkle Tree").

    Raises `Refused` for a level above 63, a number of 19 digits, a width outside 1..256.
    """
    if not 0 <= level <= MAX_LEVEL:
        raise Refused(f"no tiles of level {level}, only 0 to {MAX_LEVEL}", reason="R-LEDGER")
    return f"tile/{level}/{_spelling(number, width)}"


def bundle_path(number: int, width: int = WIDTH) -> str:
    """Where a bundle of `width` entries is (tlog-tiles, "Log entries"). Raises as `tile_path`."""
    return f"tile/entries/{_spelling(number, width)}"


def _spelling(number: int, width: int) -> str:
    if not 0 <= number <= MAX_INDEX or not 1 <= width <= WIDTH:
        raise Refused(f"no tile {number} of width {width}", reason="R-LEDGER")
    text = f"{number % 1000:03}"
    while number := number // 1000:
        text = f"x{number % 1000:03}/{text}"
    return text if width == WIDTH else f"{text}.p/{width}"


def parse_path(path: str) -> TilePath:
    """What a path names. Raises `Refused` for any spelling but that of the two writers above."""
    match = _PATH.fullmatch(path)
    if not match:
        raise Refused(f"{path[:80]!r} is not the path of a tile", reason="R-LEDGER")
    kind, index, width = match.groups()
    tile = TilePath(
        None if kind == "entries" else int(kind),
        int(index.replace("/", "").replace("x", "")),
        WIDTH if width is None else int(width),
    )
    if tile.to_path() != path:
        raise Refused(f"{path!r} is spelled {tile.to_path()!r}", reason="R-LEDGER")
    return tile


def bundle_of(entries: Sequence[bytes]) -> bytes:
    """1 to 256 entries, each behind its length: two bytes, big-endian.

    Raises `Refused` (R-LEDGER) for another count or an entry above 65,535 bytes.
    """
    _check_count(len(entries))
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise Refused(f"entry of {len(entry)} bytes, at most {MAX_ENTRY}", reason="R-LEDGER")
    return b"".join([part for one in entries for part in (len(one).to_bytes(2, "big"), one)])


def entries_of(bundle: bytes, count: int) -> list[bytes]:
    """The `count` entries of a bundle, which holds just these: `bundle_of` gives it back.

    Raises `Refused` (R-LEDGER), naming the first entry that is cut, or the bytes behind.
    """
    _check_count(count)
    entries: list[bytes] = []
    end = 0
    with suppress(IndexError):
        for _ in range(count):
            start = end + 2
            end = start + (bundle[end] << 8 | bundle[end + 1])
            entries.append(bundle[start:end])
    check_bundle(bundle, count, len(entries), end)
    return entries


def check_bundle(bundle: bytes, count: int, found: int, end: int) -> None:
    """Raises `Refused` (R-LEDGER) unless the bundle ends with the last of `count` entries, where
    `found` were found and the last of them ends at `end`."""
    _check_count(count)
    if found < count or end > len(bundle):
        cut = found + (end <= len(bundle))
        raise Refused(f"the bundle ends before entry {cut} of {count} does", reason="R-LEDGER")
    if end < len(bundle):
        raise Refused(f"{len(bundle) - end} bytes behind the {count} entries", reason="R-LEDGER")


def _check_count(count: int) -> None:
    if not 1 <= count <= WIDTH:
        raise Refused(f"a bundle of {count} entries, not 1 to {WIDTH}", reason="R-LEDGER")


def spans(start: int, size: int) -> Iterator[Span]:
    """The bundles that hold entries start..size-1 in the tree of `size`; none if they are equal.

    Raises `Refused` (R-LEDGER) unless 0 <= start <= size <= 2**63 - 1.
    """
    if not 0 <= start <= size <= MAX_SIZE:
        raise Refused(f"no entries from {start} in a tree of {size}", reason="R-LEDGER")
    return (
        Span(number, min(WIDTH, size - number * WIDTH), max(0, start - number * WIDTH))
        for number in range(start // WIDTH, -(-size // WIDTH) if start < size else 0)
    )


def tiles_of(size: int) -> Iterator[TilePath]:
    """Every file of a tree of `size`: hash tiles from level 0 up, then the bundles.

    Raises `Refused` (R-LEDGER) unless 0 <= size <= 2**63 - 1.
    """
    levels = range(-(-size.bit_length() // HEIGHT))
    bundles = (TilePath(None, number, width) for number, width, _ in spans(0, size))
    tiles = (
        TilePath(level, number, width)
        for level in levels
        for number, width, _ in spans(0, size >> HEIGHT * level)
    )
    return chain(tiles, bundles)


class TileTree:
    """Roots and proofs of one tree, from its hash tiles; nothing in it is checked or trusted.

    A root counts once it equals a signed one, a proof once `merkle.verify_inclusion` or
    `verify_consistency` holds it against signed roots: tiles that lie give proofs that fail.
    `read` gives the bytes of a path that `tiles_of(size)` names; what it raises passes through.
    If a log kept only the full tile, `read` cuts it to `width` hashes (tlog-tiles, "Partial
    Tiles"). Every method raises `Refused` (R-LEDGER) for a tile of the wrong length and for an
    argument outside the tree. The last MAX_HELD tiles are kept, so one call reads none twice.
    """

    def __init__(self, size: int, read: Callable[[str], bytes]) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise Refused(f"no tree of {size} entries", reason="R-LEDGER")
        self._size = size
        self._read = read
        self._held: dict[tuple[int, int], list[bytes]] = {}

    def root(self) -> bytes:
        return self.root_at(self._size)

    def root_at(self, size1: int) -> bytes:
        """The root when the tree had `size1` entries."""
        if not 0 <= size1 <= self._size:
            raise Refused(f"no tree of {size1} in one of {self._size}", reason="R-LEDGER")
        return self._hash(0, size1)

    def inclusion_proof(self, index: int) -> list[bytes]:
        """The sibling hashes of entry `index`, from the leaf upwards (RFC 9162 2.1.3.1)."""
        return [self._hash(*leaves) for leaves in merkle.inclusion_ranges(index, self._size)]

    def consistency_proof(self, size1: int) -> list[bytes]:
        """That this tree only appended to that of `size1` entries (RFC 9162 2.1.4.1)."""
        return [self._hash(*leaves) for leaves in merkle.consistency_ranges(size1, self._size)]

    def _hash(self, start: int, stop: int) -> bytes:
        peaks = [self._subtree(*one) for one in merkle.subtrees_of(start, stop)]
        return Frontier(stop - start, peaks).root()

    def _subtree(self, height: int, number: int) -> bytes:
        """The root of the perfect subtree `number` of 2**height leaves."""
        level, row = divmod(height, HEIGHT)
        tile, place = divmod(number << row, WIDTH)
        at = (place >> row) * HASH_BYTES
        return self._rows(level, tile)[row][at : at + HASH_BYTES]

    def _rows(self, level: int, number: int) -> list[bytes]:
        """The hashes of a tile and the rows above them, held or read."""
        rows = self._held.pop((level, number), None)
        if rows is None:
            width = min(WIDTH, (self._size >> HEIGHT * level) - number * WIDTH)
            path = tile_path(level, number, width)
            tile = self._read(path)
            if len(tile) != width * HASH_BYTES:
                raise Refused(f"{path}: {len(tile)} bytes, not {width} hashes", reason="R-LEDGER")
            rows = merkle.rows_of(tile)
        self._held[level, number] = rows
        if len(self._held) > MAX_HELD:
            del self._held[next(iter(self._held))]
        return rows


def hash_tiles(leaf_hashes: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every hash tile of the tree over these leaf hashes.

    Full tiles come as they fill, each before the one above it; partial ones at the end, from
    level 0 up. Holds one tile a level. Raises `Refused` (R-LEDGER) at a hash that is not 32
    bytes: the tiles before it were given.
    """
    leaves, size = iter(leaf_hashes), 0
    rows: defaultdict[int, bytes] = defaultdict(bytes)
    while chunk := list(islice(leaves, WIDTH)):
        if any(len(leaf) != HASH_BYTES for leaf in chunk):
            raise Refused("a leaf hash that is not 32 bytes", reason="R-LEDGER")
        size, level = size + len(chunk), 0
        rows[0] = b"".join(chunk)
        while len(rows[level]) == MAX_TILE:
            yield tile_path(level, (size >> HEIGHT * (level + 1)) - 1), rows[level]
            rows[level + 1] += merkle.rows_of(rows[level])[-1]
            rows[level] = b""
            level += 1
    for level, row in rows.items():
        if row:
            yield tile_path(level, size >> HEIGHT * (level + 1), len(row) // HASH_BYTES), row
