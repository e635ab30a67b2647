"""Making snapshots: the state as one file beside the log, and the entry that names it.

New terminals begin with it instead of with the first entry. Once a year, or every 100,000 entries.
FORMAT.md section 7.7.
"""

import hashlib
from pathlib import Path

from ledger_sync import entries, files, snapshot
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.errors import Refused
from ledger_sync.state_digest import rows_of, state_digest


def make(book: Sequencer, folder: Path) -> entries.Snapshot:
    """Writes the file into `folder`, under its hash, and adds its entry to the log.

    Raises `Refused` if the state is too large for one file, or if the log grew meanwhile.
    """
    replica = book.replica
    with book.store.transaction():  # one look: nobody adds between the rows and the frontier
        frontier = replica.frontier()
        data = snapshot.packed(frontier, rows_of(book.store.db))
        digest = state_digest(book.store.db)
    if len(data) > snapshot.MAX_FILE:
        what = f"a snapshot of {len(data)} bytes, at most {snapshot.MAX_FILE}"
        raise Refused(f"{what}; terminals replay the log instead", reason="R-LEDGER")
    sha256 = hashlib.sha256(data).digest()
    made = entries.Snapshot(frontier.size, sha256, len(data), digest)
    files.make_folder(folder, mode=0o755)
    files.replace(folder / sha256.hex(), data)
    book.add([made])
    return made
