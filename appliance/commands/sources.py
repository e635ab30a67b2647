"""Where a ledger comes from and goes to, as people name it: a folder, a web address, a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_sync.archive import ArchiveSource, is_archive
from ledger_sync.errors import Refused
from ledger_sync.sources import Source, source_of


def is_folder(target: Path) -> bool:
    """Whether a ledger written to `target` is a folder of files, not one file."""
    return target.is_dir() or (not target.suffix and not target.is_file())


@contextmanager
def opened(place: str) -> Iterator[Source]:
    """The source of this name. Raises `Refused` for a file that is no ledger."""
    path = Path(place)
    if is_archive(path):
        source = ArchiveSource(path)
        try:
            yield source
        finally:
            source.close()
    elif path.is_file():
        raise Refused(f"{path} is no ledger file", reason="R-LEDGER")
    else:
        yield source_of(place)
