"""When the status of a pass changed last: what a guard is asked, looked up in the log itself.

Not on the way of a decision: the newest entries are gone through, back to front.
"""

from ledger_sync import entries
from ledger_sync.entries import Status
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.replica import Replica
from ledger_sync.state import LIST_SIZE
from ledger_sync.state import number_of as handle_number
from ledger_sync.tiles import WIDTH

MAX_BUNDLES = 128  # looked through: 32,768 entries
_PLACE = """
SELECT uri, slot % ? FROM pass JOIN status_list ON id = slot / ? WHERE handle = ?"""


def changed_at(replica: Replica, handle: bytes) -> int | None:
    """When the pass of this handle got the status it has, Unix seconds of who changed it; None if
    that is not in the newest entries. Raises nothing: it is only told."""
    try:
        row = replica.store.row(_PLACE, LIST_SIZE, LIST_SIZE, handle_number(handle))
        return _found(replica, str(row[0]), int(row[1])) if row else None
    except (Refused, Unavailable):
        return None


def _found(replica: Replica, uri: str, idx: int) -> int | None:
    last = (replica.ledger().size - 1) // WIDTH
    needle = uri.encode()
    for number in range(last, max(-1, last - MAX_BUNDLES), -1):
        for body in reversed(replica.bundle(number)):
            if needle in body and body[2:9] == b"\x66status":
                entry = entries.parse(body)
                if not isinstance(entry, Status) or entry.uri != uri:
                    continue
                if idx in dict(entry.changes):
                    return entry.issued_at
    return None
