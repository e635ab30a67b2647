"""Publishing a ledger as static files: C2SP tlog-tiles, for any web server, folder or stick.

    checkpoint  draft  bridge/<version>  tile/<level>/<n>  tile/entries/<n>[.p/<width>]
    snapshot  blob/<sha256>

The checkpoint comes last, so a reader never sees one whose entries are not there. FORMAT.md
section 7.6.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ledger_sync import files, note
from ledger_sync.authority.cosigner import DRAFT
from ledger_sync.authority.sequencer import root_of
from ledger_sync.bootstrap import POINTER
from ledger_sync.errors import Refused
from ledger_sync.merkle import leaf_hash
from ledger_sync.note import MAX_NOTE
from ledger_sync.replica import Replica
from ledger_sync.snapshot import MAX_FILE
from ledger_sync.sources import Absence, FolderSource, Found
from ledger_sync.tiles import WIDTH, bundle_of, bundle_path, hash_tiles, parse_path

Progress = Callable[[int, int], None]


class ReplicaSource:
    """A replica as a source, for cosigners in the same process: bundles, bridges and a draft."""

    def __init__(self, replica: Replica, draft: bytes) -> None:
        self.where = str(replica.folder)
        self.received = 0
        self._replica = replica
        bridges = replica.history.bridges()
        self._notes = {f"bridge/{version}": bridge for version, bridge in bridges}
        self._notes[DRAFT] = draft

    def get(self, path: str, *, most: int, tag: str = "") -> Found | Absence:
        if path in self._notes:
            return Found(self._notes[path], "")
        if not path.startswith("tile/entries/"):
            return Absence.MISSING
        _, number, width = parse_path(path)
        first = number * WIDTH
        if first + width > self._replica.ledger().size:
            return Absence.MISSING
        (bundle,) = self._replica.bundles(first, first + width)
        return Found(bundle_of(bundle), "")


def publish(
    replica: Replica,
    checkpoint: bytes,
    folder: Path,
    *,
    blobs: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Writes what is new of the ledger into `folder`, and last its checkpoint.

    `blobs` is where files lie under their hash that entries name, such as the newest snapshot.

    Files that are there and right are left alone, damaged ones mended. Raises `Refused` before
    anything is written if the folder shows a longer ledger, or another one, or if the entries
    are not the checkpoint's.
    """
    point = _point_of(checkpoint)
    _check(replica, point, folder)
    leaves = _written(replica, point.size, folder, progress or (lambda done, total: None))
    for path, data in hash_tiles(leaves):
        _put(folder, path, data)
    _put_bridges(replica, point.size, folder)
    if blobs is not None:
        _put_snapshot(replica, point.size, folder, blobs)
    _put(folder, "checkpoint", checkpoint)


def _put_snapshot(replica: Replica, size: int, folder: Path, blobs: Path) -> None:
    """The newest snapshot below `size`, and where its entry stands."""
    found = replica.history.newest_snapshot(size)
    if found is not None and (blobs / found.sha256.hex()).is_file():
        data = files.read_bounded(blobs / found.sha256.hex(), MAX_FILE, hint="make another")
        _put(folder, f"blob/{found.sha256.hex()}", data)
        _put(folder, POINTER, b"%d\n" % found.size)


def publish_draft(replica: Replica, draft: bytes, folder: Path) -> None:
    """Writes the entries of a draft, and the draft, for cosigners elsewhere. Raises as above."""
    point = _point_of(draft)
    _check(replica, point, folder)
    for _ in _written(replica, point.size, folder, lambda done, total: None):
        pass
    _put_bridges(replica, point.size, folder)
    _put(folder, DRAFT, draft)


def _point_of(signed: bytes) -> note.Checkpoint:
    text = signed.decode(errors="replace").partition("\n\n")[0]
    return note.checkpoint_of(note.Note(f"{text}\n", ()))


def _check(replica: Replica, point: note.Checkpoint, folder: Path) -> None:
    """What was published is never taken back: readers would call it a fork, and be right."""
    if point.size > replica.ledger().size or root_of(replica, point.size) != point.root:
        raise Refused("the stored entries are not those of the checkpoint", reason="R-LEDGER")
    files.make_folder(folder)
    shown = _shown(folder)
    if shown is None:
        return
    if shown.origin != point.origin:
        raise Refused(f"{folder} holds the ledger of {shown.origin}", reason="R-LEDGER")
    if shown.size > point.size or root_of(replica, shown.size) != shown.root:
        what = f"{folder} shows {shown.size} entries that are not in the {point.size} of this"
        step = "restore the newest copy of the office, or take a damaged checkpoint away"
        raise Refused(f"{what} ledger: published before a restore? {step}", reason="R-LEDGER")


def _shown(folder: Path) -> note.Checkpoint | None:
    """The checkpoint in the folder; None if there is none, or one cut off by a pulled stick."""
    try:
        found = FolderSource(folder).get("checkpoint", most=MAX_NOTE)
        return None if isinstance(found, Absence) else _point_of(found.data)
    except Refused:
        return None


def _written(
    replica: Replica, size: int, folder: Path, progress: Progress
) -> Iterator[bytes]:  # leaf hashes
    for number, bundle in enumerate(replica.bundles(0, size)):
        _put(folder, bundle_path(number, len(bundle)), bundle_of(bundle))
        yield from map(leaf_hash, bundle)
        progress(number * WIDTH + len(bundle), size)


def _put_bridges(replica: Replica, size: int, folder: Path) -> None:
    """The notes that lead from policy to policy, each with the last bundle of its own size,
    which no checkpoint shown here may ever have had."""
    for version, bridge in replica.history.bridges():
        number, width = divmod(_point_of(bridge).size, WIDTH)
        if width and number == size // WIDTH:
            (bundle,) = replica.bundles(number * WIDTH, number * WIDTH + width)
            _put(folder, bundle_path(number, width), bundle_of(bundle))
        _put(folder, f"bridge/{version}", bridge)


def _put(folder: Path, path: str, data: bytes) -> None:
    """Writes one file unless it is there and right; a full tile takes its partial ones away."""
    target = folder / path
    if not _is_there(target, data):
        files.make_folder(target.parent)
        files.replace(target, data)
    partials = folder / f"{path}.p"
    for partial in partials.glob("*"):
        with suppress(OSError):  # one that stays only takes up space
            partial.unlink()


def _is_there(target: Path, data: bytes) -> bool:
    try:
        return target.stat().st_size == len(data) and target.read_bytes() == data
    except OSError:  # writing it finds out what is wrong, and says so
        return False
