"""What two terminals hold of all feeds, in few bytes, and what one of them lacks.

A vector lists the newest feeds of each terminal and sums up the rest: 20,000 old incarnations cost
28 bytes while both sides hold the same of them. Pure. FORMAT.md section 8.5.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from ledger_sync.batch import MAX_BRANCHES
from ledger_sync.errors import Refused
from ledger_sync.frames import MAX_CLOSED, MAX_ROWS, Closed, Row

LISTED = 4  # newest feeds of a terminal that a vector lists singly
_MODULUS = 1 << 128
Feeds: TypeAlias = Mapping[bytes, Sequence[Row]]
"""kid -> its feeds, oldest first; a feed of several histories has several rows, side by side."""
RootAt: TypeAlias = Callable[[Row, int], bytes]
"""The first 8 bytes of the root that a feed held here had at an earlier size."""


class Send(NamedTuple):
    """Something the other lacks: a feed held here, from this entry on."""

    row: Row
    start: int


class Plan(NamedTuple):
    """What follows from another's vector.

    `sends`: what it lacks. `wants`: feeds it has another history of. `unknown`: terminals whose
    old feeds differ, so that all must be listed. `is_behind`: it holds more of something.
    """

    sends: list[Send]
    wants: list[Row]
    unknown: list[bytes]
    is_behind: bool


def sum_of(rows: Iterable[Row]) -> int:
    """The sum of the hashes of rows, whatever their order, modulo 2^128."""
    return sum(map(_hash_of, rows)) % _MODULUS


@lru_cache(maxsize=1 << 16)
def _hash_of(row: Row) -> int:
    _, incarnation, size, root = row
    body = incarnation + size.to_bytes(8, "big") + root
    return int.from_bytes(hashlib.blake2b(body, digest_size=16).digest(), "big")


def vector_of(
    feeds: Feeds, full: Collection[bytes] = ()
) -> tuple[tuple[Row, ...], tuple[Closed, ...]]:
    """The rows and sums to say what is held; terminals in `full` are listed as far as there is
    room."""
    rows: list[Row] = []
    closed: list[Closed] = []
    room = MAX_ROWS - sum(min(len(held), LISTED + MAX_BRANCHES) for held in feeds.values())
    for kid, held in feeds.items():
        count = LISTED if kid not in full else max(LISTED, room - MAX_BRANCHES)
        listed = _listed(held, count)
        if kid in full:
            room -= len(listed)
        if len(rows) + len(listed) > MAX_ROWS:  # more terminals than any compound has
            listed = ()
        rows += listed
        rest = held[: len(held) - len(listed)]
        if rest:
            closed.append(Closed(kid, len(rest), sum_of(rest).to_bytes(16, "big")))
    return tuple(rows), tuple(closed[:MAX_CLOSED])


def _listed(held: Sequence[Row], count: int) -> Sequence[Row]:
    """The newest rows, and no feed of several histories cut in two."""
    start = max(0, len(held) - count)
    while start > 0 and held[start - 1].incarnation == held[start].incarnation:
        start -= 1
    return held[start:]


def plan(mine: Feeds, rows: Iterable[Row], closed: Iterable[Closed], root_at: RootAt) -> Plan:
    """What follows from the vector of another. Raises `Refused` for one that nobody states."""
    theirs = _by_feed(rows)
    sums = {one.kid: one for one in closed}
    found = Plan([], [], [], False)
    is_behind = False
    for kid in {**mine, **theirs, **sums}:
        held, listed = mine.get(kid, ()), theirs.get(kid, {})
        rest = [row for row in held if row.incarnation not in listed]
        lacked = _lacked(rest, sums[kid]) if kid in sums else rest
        if lacked is None:
            found.unknown.append(kid)
            is_behind = True
        found.sends.extend(Send(row, 0) for row in lacked or ())
        ours = _by_feed(row for row in held if row.incarnation in listed).get(kid, {})
        for incarnation, others in listed.items():
            is_behind |= _compare(ours.get(incarnation, []), others, root_at, found)
    return found._replace(is_behind=is_behind)


def _by_feed(rows: Iterable[Row]) -> dict[bytes, dict[bytes, list[Row]]]:
    """kid -> incarnation -> its histories."""
    found: dict[bytes, dict[bytes, list[Row]]] = {}
    for row in rows:
        histories = found.setdefault(row.kid, {}).setdefault(row.incarnation, [])
        histories.append(row)
        if len(histories) > MAX_BRANCHES:
            why = f"a vector with more than {MAX_BRANCHES} histories of a feed"
            raise Refused(why, reason="R-LEDGER")
    return found


def _lacked(rest: list[Row], closed: Closed) -> list[Row] | None:
    """Which of `rest`, not listed by the other, it lacks: some of the newest, if all others give
    the sum it stated. None if that cannot be told."""
    digest = int.from_bytes(closed.digest, "big")
    cut = len(rest) - closed.count
    if 0 <= cut <= 2 * LISTED and sum_of(rest[: closed.count]) == digest:
        return rest[closed.count :]
    return None


def _compare(ours: list[Row], others: list[Row], root_at: RootAt, found: Plan) -> bool:
    """One feed, all histories of it on both sides; whether the other holds more."""
    if not ours:
        return True
    if len(ours) == len(others) == 1 and ours[0].size != others[0].size:
        (our,), (other,) = ours, others  # one history, as long as nobody shows another
        if our.size > other.size:
            found.sends.append(Send(our, other.size))
        return our.size < other.size
    found.sends.extend(_histories_to_send(ours, others, root_at))
    unknown = _unknown(ours, others, root_at) if len(ours) < MAX_BRANCHES else []
    largest = max(our.size for our in ours)
    found.wants.extend(other for other in unknown if other.size <= largest)
    return bool(unknown)


def _histories_to_send(ours: list[Row], others: list[Row], root_at: RootAt) -> Iterator[Send]:
    largest = max(other.size for other in others)
    for our in ours:
        if our in others:
            continue
        prefixes = [other.size for other in others if _is_prefix(other, our, root_at)]
        if prefixes:
            yield Send(our, max(prefixes))
        elif our.size > largest and len(others) < MAX_BRANCHES:
            yield Send(our, 0)


def _unknown(known: list[Row], asked: list[Row], root_at: RootAt) -> list[Row]:
    """Those of `asked` that no history in `known` is equal to, or leads through."""
    return [
        row
        for row in asked
        if row not in known and not any(_is_prefix(row, longer, root_at) for longer in known)
    ]


def _is_prefix(shorter: Row, longer: Row, root_at: RootAt) -> bool:
    return shorter.size <= longer.size and root_at(longer, shorter.size) == shorter.root
