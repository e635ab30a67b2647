"""Updates that a ledger names: a blob entry for each kind of box, the newest of which stands.

    name   update yardpass-pi5-arm64          for boxes of this kind
    hints  version:0.1.1-1796000000           which version it is
           https://hz07.example/ledger        below it the file is at blob/<SHA-256 in hex>

What the ledger says of a file is its hash and its length; who may make one is for the box to
verify. FORMAT.md section 5.12. Pure but for the one row that is read.
"""

from typing import NamedTuple

from ledger_sync.errors import Refused
from ledger_sync.kinds import MAX_HINTS, Blob
from ledger_sync.store import Store

PREFIX, VERSION = "update ", "version:"
MAX_KIND = 56  # characters, as a name may have 64
MAX_LENGTH = 1 << 30  # bytes
MAX_PLACES = MAX_HINTS - 1
_ROW = "SELECT sha256, length, hints FROM blob WHERE name = ?"


class Update(NamedTuple):
    """A bundle for boxes of a kind; `places` are addresses of folders of published files."""

    kind: str
    version: str
    sha256: bytes
    length: int
    places: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it lies among published files."""
        return f"blob/{self.sha256.hex()}"

    def to_blob(self) -> Blob:
        """Its entry. Raises `Refused` (R-SETTINGS) for what an entry cannot say."""
        if not 0 < len(self.kind) <= MAX_KIND or not 0 < self.length <= MAX_LENGTH:
            what = f"an update is for a kind of up to {MAX_KIND} letters, and has up to 1 GiB"
            raise Refused(what, reason="R-SETTINGS")
        if len(self.places) > MAX_PLACES:
            raise Refused(f"at most {MAX_PLACES} addresses are named", reason="R-SETTINGS")
        hints = (VERSION + self.version, *self.places)
        return Blob(PREFIX + self.kind, self.sha256, self.length, hints)


def update_of(kind: str, sha256: bytes, length: int, hints: tuple[str, ...]) -> Update | None:
    """The update in a blob of this kind; None for one of no version, or of a length that no box
    takes."""
    versions = [hint.removeprefix(VERSION) for hint in hints if hint.startswith(VERSION)]
    places = tuple(hint for hint in hints if not hint.startswith(VERSION))
    if len(versions) != 1 or not 0 < length <= MAX_LENGTH:
        return None
    return Update(kind, versions[0], sha256, length, places)


def named(store: Store, kind: str) -> Update | None:
    """The update that the ledger in this store names for boxes of this kind. Raises
    `Unavailable`."""
    row = store.row(_ROW, PREFIX + kind)
    if row is None:
        return None
    sha256, length, hints = row
    return update_of(kind, bytes(sha256), int(length), tuple(str(hints).split("\n")))
