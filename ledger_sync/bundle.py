"""The entries of one bundle, as they are hashed and looked at: what a batch is verified by. Pure.

A long log is taken in a bundle at a time, and of most of its entries only the hash is needed: so
none is cut out before somebody asks for it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from operator import sub
from typing import overload

from ledger_sync.errors import Refused
from ledger_sync.tiles import check_bundle


class Entries(Sequence[bytes]):
    """1 to 256 entries. `leaves` are their leaf hashes (RFC 6962, section 2.1)."""

    __slots__ = ("_bundle", "_ends", "leaves")

    def __init__(self, bundle: bytes, count: int, *, most: int) -> None:
        """Raises `Refused` (R-LEDGER) as `tiles.entries_of` does, and for an entry of over `most`
        bytes."""
        self._bundle = bundle
        self._ends, self.leaves = _passed(bundle, count)
        check_bundle(bundle, count, len(self.leaves), self._ends[-1])
        if max(map(sub, self._ends[1:], self._ends)) - 2 > most:
            raise Refused(f"an entry of more than {most} bytes", reason="R-LEDGER")

    def __len__(self) -> int:
        return len(self.leaves)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        place = range(len(self))[at]
        return self._bundle[self._ends[place] + 2 : self._ends[place + 1]]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self[:])


def _passed(bundle: bytes, count: int) -> tuple[list[int], list[bytes]]:
    """Where each entry ends, from 0 on, and its leaf hash; up to the first that is not there.

    The last byte of an entry's length becomes the prefix of its leaf, which spares a copy.
    """
    data, sha256 = bytearray(bundle), hashlib.sha256
    view, end = memoryview(data), 0
    ends, leaves = [0], []
    with suppress(IndexError):
        for _ in range(min(count, 256)):
            start = end + 2
            end = start + (data[end] << 8 | data[end + 1])
            data[start - 1] = 0
            leaves.append(sha256(view[start - 1 : end]).digest())
            ends.append(end)
    return ends, leaves
