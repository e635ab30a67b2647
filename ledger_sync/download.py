"""A file by its hash, from web servers, in pieces, going on where it stopped. Trusts no server.

What has come lies in one hidden file beside where it shall be; only when all of it hashes to what
was asked for does it get its name.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import IO, NamedTuple

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.files import sync_folder
from ledger_sync.sources import PIECE
from ledger_sync.web import Address, Web, address_of

RANGE = 4 << 20  # bytes asked for at once
SPARE = 256 << 20  # bytes of the disk that stay free: the log of checks comes first
WAIT_SECONDS, ANSWER_SECONDS = 20.0, 1_800.0  # for each wait, for a whole answer
_CONTENT = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)")

Progress = Callable[[int, int], None]


class Wanted(NamedTuple):
    """Which file: its hash and length, and its path below an address."""

    sha256: bytes
    length: int
    path: str


class Download:
    """To `target`, whose name is of that hash: what has come lies beside it. Owned by one
    thread."""

    def __init__(self, target: Path, wanted: Wanted, *, web: Web | None = None) -> None:
        self._target = target
        self._wanted = wanted
        self._web = web or Web(timeout_seconds=WAIT_SECONDS, total_seconds=ANSWER_SECONDS)
        self._part = target.parent / f".{target.name}.part"  # the name is that of its hash

    @property
    def held(self) -> int:
        """How many bytes have come."""
        return self._part.stat().st_size if self._part.exists() else 0

    def run(self, places: Sequence[str], progress: Progress = lambda done, total: None) -> Path:
        """Gets the file from the first of these addresses that gives it.

        Raises `Refused` if what came is not the file, which is thrown away then, `Unavailable` if
        no server gives it now or the disk has no room; what came stays for the next time.
        """
        with _written(self._target):
            self._check_room()
            self._gather(places, progress)
            self._check_hash()
            self._part.chmod(0o640)  # the group of the folder reads it
            self._part.rename(self._target)
            sync_folder(self._target.parent)
        return self._target

    def _gather(self, places: Sequence[str], progress: Progress) -> None:
        wrong = ["the ledger names no address for it"] if not places else []
        for place in places:
            try:
                while self.held < self._wanted.length:
                    self._piece(place)
                    progress(self.held, self._wanted.length)
            except (Refused, Unavailable) as error:
                wrong.append(str(error))
            else:
                return
        raise Unavailable("; ".join(wrong))

    def _piece(self, place: str) -> None:
        """Asks for the next piece; a server that gives whole files alone is read to its end."""
        address, start = _below(place, self._wanted.path), self.held
        stop = min(start + RANGE, self._wanted.length)
        head = {"Accept-Encoding": "identity", "Range": f"bytes={start}-{stop - 1}"}
        with (
            self._part.open("ab", buffering=0) as file,
            self._web.answer(address, head) as (found, response),
        ):
            match response.status:
                case 206:
                    self._check_range(found, response, start)
                case 200:
                    start, stop = self._from_the_beginning(response, start)
                case status:
                    step = "is it published there?" if status == 404 else "try again later"
                    raise Unavailable(f"{found} answers with status {status}; {step}")
            self._append(response, file, found, stop - start)

    def _check_range(self, address: Address, response: HTTPResponse, start: int) -> None:
        found = _CONTENT.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != start:
            raise Refused(f"{address} gives another part than was asked for", reason="R-LEDGER")
        if found[3] not in ("*", str(self._wanted.length)):
            what = f"{address} has {found[3]} bytes, the ledger names {self._wanted.length}"
            raise Refused(what, reason="R-LEDGER")

    def _from_the_beginning(self, response: HTTPResponse, held: int) -> tuple[int, int]:
        """Passes over what is held already."""
        left = held
        while left and (data := response.read(min(PIECE, left))):
            left -= len(data)
        return held, self._wanted.length

    def _append(
        self, response: HTTPResponse, file: IO[bytes], address: Address, count: int
    ) -> None:
        """So many bytes and no more, whatever the server sends; what came stays if it ends."""
        left = count
        while left and (data := response.read(min(PIECE, left))):
            with _written(self._target):  # what the disk says is not the server's
                file.write(data)
            left -= len(data)
        if left:
            what = f"{address} ended {left} bytes early"
            raise Unavailable(f"{what}; trying again goes on from there")

    def _check_room(self) -> None:
        found = os.statvfs(self._target.parent)
        free, need = found.f_bavail * found.f_frsize, self._wanted.length - self.held
        if free < need + SPARE:
            what = f"an update of {self._wanted.length >> 20} MiB has no room"
            raise Unavailable(f"{what}: {free >> 20} MiB are free; free disk space")

    def _check_hash(self) -> None:
        digest = hashlib.sha256()
        with self._part.open("rb") as file:
            while data := file.read(PIECE):
                digest.update(data)
            os.fsync(file.fileno())
        if digest.digest() != self._wanted.sha256:
            self._part.unlink()
            raise Refused("what came is not the file that the ledger names", reason="R-LEDGER")


def _below(place: str, path: str) -> Address:
    try:
        return address_of(place).below(path)
    except ValueError:
        raise Refused(f"{place[:80]!r} is no web address", reason="R-LEDGER") from None


@contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        yield
    except (Refused, Unavailable):
        raise
    except OSError as error:
        what = f"{target} cannot be written ({error.strerror})"
        raise Unavailable(f"{what}; free disk space, check the card") from error
