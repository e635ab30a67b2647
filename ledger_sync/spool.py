"""Entries on their way from a source to the replica: written once, walked as often as needed.

A nameless file beside the store, so that a ledger larger than memory can be verified before any of
it is parsed, and nothing is left of it when the process ends.
"""

import hashlib
import struct
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.tiles import bundle_of, entries_of

MAX_BYTES = 1 << 30  # of one acceptance
_HEAD = struct.Struct(">HI")


class Spool:
    """Lists of entries, as they were put in. Iterating begins anew each time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder
        try:
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".spool-")  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise self._unavailable(error) from error
        self._size = 0
        self._written = hashlib.sha256()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # closing writes what a full disk would not take before
            self._file.close()

    def add(self, entries: list[bytes]) -> None:
        """Puts 1 to 256 entries behind the others. Raises `Refused` above `MAX_BYTES` in all."""
        body = bundle_of(entries)
        self._size += len(body)
        if self._size > MAX_BYTES:
            raise Refused(f"more than {MAX_BYTES} bytes of entries at once", reason="R-LEDGER")
        record = _HEAD.pack(len(entries), len(body)) + body
        self._written.update(record)
        try:
            self._file.write(record)
        except OSError as error:
            raise self._unavailable(error) from error

    def __iter__(self) -> Iterator[list[bytes]]:
        """Raises `Refused` at the end if the disk gave back other bytes than it was given."""
        read = hashlib.sha256()
        for head, body in self._records():
            read.update(head + body)
            yield entries_of(body, _HEAD.unpack(head)[0])
        if read.digest() != self._written.digest():
            raise Refused(f"{self._path}: the disk lost entries on their way", reason="R-LEDGER")

    def _records(self) -> Iterator[tuple[bytes, bytes]]:
        try:
            self._file.flush()
            self._file.seek(0)
            while head := self._file.read(_HEAD.size):
                yield head, self._file.read(_HEAD.unpack(head)[1])
        except OSError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: OSError) -> Unavailable:
        what = f"the ledger on its way cannot be kept in {self._path} ({error.strerror})"
        return Unavailable(f"{what}; free disk space, then try again")
