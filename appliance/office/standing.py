"""How the enrolled stand: changes to status lists, and whole lists as one entry."""

import secrets
from collections.abc import Iterator

from appliance.office.residents import REVOKED, Place, Residents
from ledger_sync import entries, status_list
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.errors import Refused
from ledger_sync.keys import SigningKey
from ledger_sync.state import LIST_SIZE

_DRAW = secrets.SystemRandom()


def change(
    book: Sequencer, residents: Residents, places: list[Place], status: int, *, now: int
) -> int:
    """Gives these passes of one resident this status, in book and log together; how many."""
    live = [place for place in places if status == REVOKED or place[3] != REVOKED]
    if not live:
        raise Refused("all these passes are revoked for good; enrol again")
    rows = [row for row, *_ in live]
    new = [
        entries.Status(uri, max(now, _time_of(book, uri)), ((idx, status),))
        for _, uri, idx, _ in live
    ]
    book.add(new, within=lambda db: residents.set_status(rows, status))
    return len(live)


def baselines(
    book: Sequencer, residents: Residents, issuer: SigningKey, *, now: int
) -> Iterator[entries.Shard]:
    """Every status list as one entry, decoys among them."""
    for uri, held in sorted(residents.standing().items()):
        whole = held | _decoys(held, residents.decoys(uri))
        raw = status_list.packed(whole, size=LIST_SIZE)
        at = max(now, _time_of(book, uri))
        yield entries.Shard(status_list.sign(raw, uri=uri, issued_at=at, key=issuer))


def _decoys(held: dict[int, int], there: dict[int, int]) -> dict[int, int]:
    """Statuses for free places, in the proportion of the taken ones: nobody can count who was
    revoked. Those that are there stay: a revoked place that came back would be told apart.

    Never more than half a list: the other half is for residents to come."""
    changed = [status for status in held.values() if status]
    wanted = len(changed) * (LIST_SIZE - len(held)) // max(1, len(held))
    wanted = min(wanted, LIST_SIZE // 2)
    free = [idx for idx in range(LIST_SIZE) if idx not in held and idx not in there]
    new = _DRAW.sample(free, max(0, min(len(free), wanted - len(there))))
    return there | {idx: _DRAW.choice(changed) for idx in new}


def _time_of(book: Sequencer, uri: str) -> int:
    """The newest time of this status list: no later change may state an older one."""
    row = book.store.row("SELECT issued_at FROM status_list WHERE uri = ?", uri)
    return int(row[0]) if row else 0
