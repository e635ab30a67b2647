"""After an update: entries that the version before had to skip are applied at last.

They are hashed and stored all along, so the state is made anew from them. FORMAT.md rule 5.1.3.
"""

from ledger_sync import entries, snapshot
from ledger_sync.accept import Chunks
from ledger_sync.entries import Unknown
from ledger_sync.errors import Refused
from ledger_sync.materialise import Writer, known_of
from ledger_sync.replica import Replica
from ledger_sync.restore import restore
from ledger_sync.state_digest import TABLES
from ledger_sync.tiles import WIDTH
from ledger_sync.trust import Trust


def relearn(replica: Replica, pinned: Trust) -> bool:
    """Makes the state anew if this version can read an entry that was skipped; whether it did.

    Raises `Refused` naming an entry that may not stand where it does, `Unavailable` when the disk
    refuses; the old state stands then, and what was skipped stays skipped.
    """
    store = replica.store
    skipped = [seq for (seq,) in store.rows("SELECT seq FROM skipped")]
    if all(_is_unknown(replica, seq) for seq in skipped):
        return False
    base = replica.history.base()
    with store.transaction():
        for table in TABLES:
            if table not in ("ledger", "status"):
                store.db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        store.db.execute("DELETE FROM status WHERE value < 4")
        store.db.execute("UPDATE status SET value = 4")  # denials stay
        store.db.execute("UPDATE ledger SET critical = 0, version = version + 1")
        store.db.execute("DELETE FROM skipped")
        start = 0
        if base is not None:
            store.db.execute("DELETE FROM base")
            restore(store.db, snapshot.opened(base.file))
            start = base.size
        writer = Writer(
            store.db, known_of(store.db, replica.history.trust(pinned)), start, has_bundles=True
        )
        _write(writer, replica.bundles(start))
    return True


def _write(writer: Writer, chunks: Chunks) -> None:
    try:
        writer.write(
            [entry] for chunk in chunks for entry in chunk
        )  # so that `size` is its number
    except Refused as refused:
        what = f"this version cannot apply entry {writer.size} of the ledger held here"
        raise Refused(f"{what}: {refused}", reason=refused.reason) from None


def _is_unknown(replica: Replica, seq: int) -> bool:
    number, held = divmod(seq, WIDTH)
    try:
        return isinstance(entries.parse(replica.bundle(number)[held]), Unknown)
    except Refused:  # of a kind that is known now: replaying names it
        return False
