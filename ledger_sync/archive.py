"""A ledger in one file, for mail and small sticks: its checkpoints, then every entry.

    yardpass-ledger-2\\n | count | (version, length, note) ... | (length, entry) ...

Read as a source like a folder or a server; everything in it is verified elsewhere. FORMAT.md
section 7.4.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from ledger_sync import files
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.note import MAX_NOTE
from ledger_sync.sources import Absence, Found
from ledger_sync.tiles import WIDTH, bundle_of, parse_path

MAGIC = b"yardpass-ledger-2\n"
MAX_FILE = 512 << 20  # bytes
MAX_NOTES = 255
_NOTE = struct.Struct(">II")


class TooLarge(Refused):
    """The ledger does not go into so many bytes."""


def write(
    path: Path,
    note: bytes,
    bridges: Iterable[tuple[int, bytes]],
    bundles: Iterable[list[bytes]],
    *,
    most: int | None = None,
) -> None:
    """Writes the file, whole or not at all. `bridges` are (policy version, note that leads on).

    Raises `Refused` for more than 254 of them, `TooLarge` for more than `most` bytes, and without
    it for a ledger that no file may hold (7.4.1).
    """
    notes = [*bridges, (0, note)]
    if len(notes) > MAX_NOTES:
        raise Refused(f"{len(notes)} checkpoints, a file holds {MAX_NOTES}", reason="R-LEDGER")

    def parts() -> Iterator[bytes]:
        yield MAGIC + bytes((len(notes),))
        for version, text in notes:
            yield _NOTE.pack(version, len(text)) + text
        for bundle in bundles:
            yield bundle_of(bundle)

    files.replace(path, _bounded(parts(), MAX_FILE if most is None else most))


def _bounded(parts: Iterable[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > most:
            what = f"a ledger of more than {most} bytes does not go into one file"
            step = "write it to a folder, a name without a suffix"
            raise TooLarge(f"{what}; {step}", reason="R-LEDGER")
        yield part


def is_archive(path: Path) -> bool:
    """Whether `path` is a file that begins like an archive."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


class ArchiveSource:
    """The files of a published ledger, out of one archive. Raises `Refused`, `Unavailable`."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self.received = 0
        try:
            self._file = path.open("rb")
            self._size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            if self._size > MAX_FILE or self._read(len(MAGIC)) != MAGIC:
                raise Refused(f"{path} is no ledger file", reason="R-LEDGER")
            self._notes = self._read_notes()
            self._offsets = [self._file.tell()]  # of bundle 0, 1, ... as far as was looked
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        self._file.close()

    def get(self, path: str, *, most: int, tag: str = "") -> Found | Absence:
        """As `Source.get`; an archive states no tags."""
        if path in self._notes:
            found = self._notes[path]
        elif path.startswith("tile/entries/"):
            number, width = parse_path(path)[1:]
            found = self._bundle(number, width)
        else:
            found = b""
        if len(found) > most:
            raise Refused(f"{path} of {self.where} has over {most} bytes", reason="R-LEDGER")
        self.received += len(found)
        return Found(found, "") if found else Absence.MISSING

    def _read_notes(self) -> dict[str, bytes]:
        notes: dict[str, bytes] = {}
        for _ in range(self._read(1)[0]):
            version, size = _NOTE.unpack(self._read(_NOTE.size))
            if size > MAX_NOTE:
                raise Refused(f"a note of {size} bytes in {self.where}", reason="R-LEDGER")
            path = f"bridge/{version}" if version else "checkpoint"
            if path in notes:
                raise Refused(f"{self.where} holds two notes for {path}", reason="R-LEDGER")
            notes[path] = self._read(size)
        return notes

    def _bundle(self, number: int, width: int) -> bytes:
        """The first `width` entries of a bundle; nothing if the file ends before it."""
        while len(self._offsets) <= number:
            start = self._offsets[-1]
            end = start + len(self._entries(start, WIDTH))
            if end == start:
                return b""
            self._offsets.append(end)
        return self._entries(self._offsets[number], width)

    def _entries(self, start: int, count: int) -> bytes:
        """As many as there are of `count` entries at `start`, each behind its length."""
        parts: list[bytes] = []
        try:
            self._file.seek(start)
        except OSError as error:
            raise self._unavailable(error) from error
        for _ in range(count):
            if start >= self._size:
                break
            head = self._read(2)
            parts += (head, self._read(int.from_bytes(head, "big")))
            start += 2 + len(parts[-1])
        return b"".join(parts)

    def _read(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            raise self._unavailable(error) from error
        if len(data) < size:
            raise Refused(f"{self.where} ends early", reason="R-LEDGER")
        return data

    def _unavailable(self, error: OSError) -> Unavailable:
        what = f"{self.where} cannot be read ({error.strerror})"
        return Unavailable(f"{what}; check the path and the stick, then try again")
