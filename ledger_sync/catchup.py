"""Catching up with a ledger that a peer holds more of, one file at a time over frames.

A peer is one more source of published files: the mirror takes them by the same steps as those of
a server or a stick. What it needs next is asked for, and it begins anew when that has come.
FORMAT.md section 8.6.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.frames import MAX_PIECE, File, WantFile
from ledger_sync.mirror import Mirror
from ledger_sync.replica import Replica
from ledger_sync.sources import Absence, Found
from ledger_sync.tiles import WIDTH, bundle_path, parse_path
from ledger_sync.trust import Trust

AHEAD = 16  # bundles asked for at once
MAX_STAGE = 1 << 30  # bytes of files on their way
IN_MEMORY = 1 << 23  # bytes of them that need no disk
_EMPTY = "snapshot"  # what no peer has


class Unfetched(Unavailable):
    """A file that has not come yet; nothing is wrong."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} has not come yet")
        self.path = path


class Stage:
    """Files that came from a peer, as a source of a ledger (sources.Source)."""

    def __init__(self, where: str, folder: Path | None) -> None:
        self.where = where
        self.received = 0
        place = None if folder is None else str(folder)
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=place)  # noqa: SIM115 - closed by `close`
        self._pieces: dict[str, list[tuple[int, int]]] = {}  # (place, length) of what came
        self._whole: set[str] = set()

    def close(self) -> None:
        self._file.close()

    def put(self, path: str, data: bytes) -> None:
        """A whole file."""
        self.add(File(path, 0, len(data), data))

    def add(self, piece: File) -> int | None:
        """A piece of a file; where the next one begins, None when the file is whole.

        Raises `Refused` for one that does not go on where the last ended, and when more came than
        a ledger may have.
        """
        path, start, total, data = piece
        held = self._pieces.setdefault(path, [])
        end = start + len(data)
        if start != sum(size for _, size in held) or (not data and total) or path in self._whole:
            raise Refused(f"a piece of {path} from another place", reason="R-LEDGER")
        if len(data) < MAX_PIECE and end < total:
            raise Refused(f"a piece of {path} of {len(data)} bytes", reason="R-LEDGER")
        self.received += len(data)
        if self.received > MAX_STAGE:
            raise Refused(f"more than {MAX_STAGE} bytes of a ledger at once", reason="R-LEDGER")
        with _kept():
            held.append((self._file.seek(0, 2), len(data)))
            self._file.write(data)
        if end < total:
            return end
        self._whole.add(path)
        return None

    def has(self, path: str) -> bool:
        return path in self._pieces

    def get(self, path: str, *, most: int, tag: str = "") -> Found | Absence:
        """See `Source`. Raises `Unfetched` for what was not asked for yet."""
        if path == _EMPTY:
            return Absence.MISSING
        if path not in self._whole:
            raise Unfetched(path)
        size = sum(size for _, size in self._pieces[path])
        if size > most:
            raise Refused(f"{path} of {self.where} has over {most} bytes", reason="R-LEDGER")
        return Found(self._read(path), "") if size else Absence.MISSING

    def _read(self, path: str) -> bytes:
        parts = []
        with _kept():
            for place, size in self._pieces[path]:
                self._file.seek(place)
                parts.append(self._file.read(size))
        return b"".join(parts)


@contextmanager
def _kept() -> Iterator[None]:
    """Turns what a disk says into `Unavailable`."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"a ledger on its way cannot be kept ({error.strerror})") from error


class Catchup:
    """One attempt to take over the ledger of one peer. Owned by one thread."""

    def __init__(
        self,
        replica: Replica,
        peer: str,
        note: bytes,
        *,
        pinned: Trust,
        now: Callable[[], int],
        in_memory: bool = False,
    ) -> None:
        self.note = note
        self._replica = replica
        self._mirror = Mirror(replica, pinned=pinned, now=now)
        self._stage = Stage(f"terminal {peer}", None if in_memory else replica.folder)
        self._stage.put("checkpoint", note)
        self._waiting: set[str] = set()
        self._count = 0  # files asked for
        self._ahead: Iterator[str] = iter(())

    def close(self) -> None:
        self._stage.close()

    def step(self) -> list[WantFile]:
        """What to ask the peer for; nothing when its ledger is taken over.

        Raises `Refused` or `Forked` if it cannot be: the old ledger stands. `Unavailable` for the
        store.
        """
        try:
            self._mirror.update(self._stage)
        except Unfetched as unfetched:
            self._ahead = iter(self._needed(unfetched.path))
            return self._ask()
        return []

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    @property
    def has_asked(self) -> bool:
        """Whether the peer was asked for anything."""
        return self._count > 0

    def take(self, piece: File) -> list[WantFile]:
        """A piece that came; what to ask for next. Raises as `step`."""
        if piece.path not in self._waiting:
            return []
        start = self._stage.add(piece)
        if start is not None:
            return [WantFile(piece.path, start)]
        self._waiting.discard(piece.path)
        return self._ask() or ([] if self._waiting else self.step())

    def _ask(self) -> list[WantFile]:
        """Asks for the next of the files that are needed."""
        paths = islice(self._ahead, max(0, AHEAD - len(self._waiting)))
        wants = [WantFile(path, 0) for path in paths]
        self._waiting.update(want.path for want in wants)
        self._count += len(wants)
        return wants

    def _needed(self, path: str) -> Iterator[str]:
        """This file and, for a full bundle, all others up to the size of the checkpoint: the
        mirror begins anew only when they are there."""
        yield path
        try:
            level, number, width = parse_path(path)
        except Refused:
            return
        if level is not None or width < WIDTH:
            return
        for one in range(number + 1, size_of(self.note) // WIDTH):
            name = bundle_path(one)
            if not self._stage.has(name):
                yield name


def size_of(note: bytes) -> int:
    """The size a checkpoint states, unverified: only to tell what to ask for."""
    line = note.split(b"\n", 2)[1:2]
    return int(line[0]) if line and line[0].isdigit() and len(line[0]) < 18 else 0
