"""Whose a pass is: one person is one subject, whatever they carry. A read of its own."""

from ledger_sync.state import number_of
from ledger_sync.store import Store


class Subjects:
    """The people of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, handle: bytes) -> str | None:
        """The subject of the pass with this handle, None for one that the ledger does not name.
        Raises `Unavailable`."""
        row = self._store.row("SELECT subject FROM pass WHERE handle = ?", number_of(handle))
        return None if row is None else str(row[0])
