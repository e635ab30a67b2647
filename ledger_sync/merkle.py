"""The Merkle tree of RFC 6962 section 2.1: hashes, a growing frontier, inclusion, consistency.

Knows only hashes: no entry, no file, no signature. FORMAT.md section 6.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from ledger_sync.errors import Refused

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 | data), the hash of one entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 | left | right), the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the perfect subtrees of a growing log, largest first: log2(size) hashes.

    It is all that is needed to append and to name the root; it cannot prove old entries.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if size < 0 or len(peaks) != size.bit_count() or not _are_hashes(peaks):
            raise Refused(f"a frontier of size {size} has {size.bit_count()} hashes of 32 bytes")
        self.size = size
        self._peaks = list(peaks)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        return tuple(self._peaks)

    def copy(self) -> "Frontier":
        return Frontier(self.size, self._peaks)

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash: as many node hashes as `size` has trailing one bits."""
        size, peaks = self.size, self._peaks
        while size & 1:
            leaf = hashlib.sha256(b"\x01" + peaks.pop() + leaf).digest()
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    def append_tree(self, root: bytes, height: int) -> None:
        """Adds 2**height leaves at once, by the root over them. Raises `Refused` unless `size` is
        a multiple of that: else they are not one subtree."""
        size, rest = divmod(self.size, 1 << height)
        if rest:
            raise Refused(f"no subtree of {1 << height} leaves begins at {self.size}")
        peaks = self._peaks
        while size & 1:
            root = hashlib.sha256(b"\x01" + peaks.pop() + root).digest()
            size >>= 1
        peaks.append(root)
        self.size += 1 << height

    def root(self) -> bytes:
        """The tree head over all appended leaves; SHA-256 of nothing for an empty log."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def frontier_of(entries: Iterable[bytes]) -> Frontier:
    """The frontier of a log that holds just these entries."""
    frontier = Frontier()
    for entry in entries:
        frontier.append(leaf_hash(entry))
    return frontier


def hashed(chunks: Iterable[list[bytes]], frontier: Frontier) -> Iterator[list[bytes]]:
    """The same lists of entries, each appended to `frontier` on its way."""
    for chunk in chunks:
        for entry in chunk:
            frontier.append(leaf_hash(entry))
        yield chunk


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `leaf` (a leaf hash) stands at `index` in the log of `size` with this root.

    RFC 9162 section 2.1.3.2. `proof` lists sibling hashes from the leaf upwards.
    """
    if not 0 <= index < size or not _are_hashes([leaf, root, *proof]):
        return False
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> bool:
    """Whether the log of `size2` and `root2` only appended to the log of `size1` and `root1`.

    RFC 9162 section 2.1.4.2. Logs of one size need equal roots and no proof; an empty old log is
    consistent with anything and has no proof either.
    """
    if size1 == size2:
        return size1 >= 0 and not proof and root1 == root2
    if not 0 <= size1 < size2 or not _are_hashes([root1, root2, *proof]):
        return False
    if size1 == 0:
        return not proof and root1 == EMPTY_ROOT
    path = list(proof)
    if size1 & (size1 - 1) == 0:
        path.insert(0, root1)
    return bool(path) and _walk_consistency(size1, size2, path, (root1, root2))


def _walk_consistency(
    size1: int, size2: int, path: Sequence[bytes], roots: tuple[bytes, bytes]
) -> bool:
    """Steps 3 to 6 of RFC 9162 section 2.1.4.2: rebuild both roots along one path."""
    place, last = size1 - 1, size2 - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and (old, new) == roots


def rows_of(row: bytes) -> list[bytes]:
    """A row of hashes, end to end, and the rows above it: over each pair one node hash.

    An odd last hash has no node above it. Over 2**n hashes the last row is their root.
    """
    sha256, rows = hashlib.sha256, [row]
    while len(row) >= 2 * HASH_BYTES:
        pairs = range(0, len(row) - HASH_BYTES, 2 * HASH_BYTES)
        row = b"".join([sha256(b"\x01" + row[at : at + 64]).digest() for at in pairs])
        rows.append(row)
    return rows


def root_over(leaves: Sequence[bytes]) -> bytes:
    """The root over 2**n leaf hashes, n >= 0."""
    sha256, row = hashlib.sha256, leaves
    while len(row) > 1:
        each = iter(row)
        row = [sha256(b"\x01" + one + other).digest() for one, other in zip(each, each)]  # noqa: B905 - two of one
    return row[0]


def subtrees_of(start: int, stop: int) -> list[tuple[int, int]]:
    """(height, number) of the perfect subtrees that make up leaves start..stop-1, largest first.

    As Frontier.peaks lists them. `start` is a multiple of the largest, as in every range below.
    """
    subtrees = []
    while start < stop:
        height = (stop - start).bit_length() - 1
        subtrees.append((height, start >> height))
        start += 1 << height
    return subtrees


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaves [start, stop) below each hash of an inclusion proof, from the leaf upwards.

    RFC 9162 section 2.1.3.1. Raises `Refused` (R-LEDGER) for an index outside the log.
    """
    if not 0 <= index < size:
        raise Refused(f"no entry {index} in a log of {size}", reason="R-LEDGER")
    start, stop, ranges = 0, size, []
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(size1: int, size2: int) -> list[tuple[int, int]]:
    """The leaves [start, stop) below each hash of a consistency proof, in its order.

    RFC 9162 section 2.1.4.1; empty for an empty old log and for equal sizes, as
    `verify_consistency` expects. Raises `Refused` (R-LEDGER) unless 0 <= size1 <= size2.
    """
    if not 0 <= size1 <= size2:
        raise Refused(f"no log of {size1} inside one of {size2}", reason="R-LEDGER")
    start, stop, ranges = 0, size2, []
    while size1 not in (0, stop):
        middle = start + _split(stop - start)
        if size1 <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, stop))
    return ranges[::-1]


def _split(count: int) -> int:
    """The largest power of two smaller than `count` (RFC 9162 section 2.1.1)."""
    return 1 << (count - 1).bit_length() - 1


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
