"""Where a holder was seen last in each zone, and which moves cannot all be true.

Pure: rows in, values out. FORMAT.md section 8.7.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from ledger_sync.feed import NO_ZONE

IN, OUT = 0, 1
NOWHERE = "{}"  # the places of a holder that no zone has seen
PASSBACK, QUOTA = "passback", "quota"


def key_of(zone: int) -> str:
    """How a zone is spelt in the places of a holder, empty for none."""
    return "" if zone == NO_ZONE else f'"z{zone}":'


def last_in(places: str, zone: int) -> tuple[int, int]:
    """(way, at) of the last move in a zone, (-1, 0) for none, from the text of a holder's mark:
    `{"z3":3528451201}` is the way out of zone 3 at 1764225600. What is no number there is none:
    it is for fsck to tell."""
    if places == NOWHERE:
        return -1, 0
    _, _, behind = places.partition(f'"z{zone}":')
    digits = behind.partition(",")[0].rstrip("}")
    if not (len(digits) < 20 and digits.isascii() and digits.isdecimal()):
        return -1, 0
    move = int(digits)
    return move & 1, move >> 1


class Move(NamedTuple):
    """One use as it may contradict others of its holder. `place` is its number in this store,
    `feed` and `seq` say the same everywhere."""

    at: int
    digest: bytes
    feed: str
    seq: int
    place: int
    holder: int
    zone: int
    way: int
    code_at: int
    quota: int


class Pair(NamedTuple):
    """Two moves that cannot both be right."""

    first: Move
    second: Move


def contradictions(moves: Iterable[Move]) -> dict[tuple[str, int], Pair]:
    """(kind, place of the second) -> what contradicts what, among moves of any holders.

    A pair that showed one and the same code is left out: it is a conflict of that code already.
    """
    found: dict[tuple[str, int], Pair] = {}
    for _, group in groupby(sorted(moves, key=_by_holder), key=attrgetter("holder")):
        ordered = list(group)
        for pair in (*_passbacks(ordered), *_over_quota(ordered)):
            kind, (first, second) = pair
            if first.digest != second.digest or not first.code_at:
                found[kind, second.place] = Pair(first, second)
    return found


def _by_holder(move: Move) -> tuple[int, Move]:
    return move.holder, move


def _passbacks(ordered: Sequence[Move]) -> Iterable[tuple[str, Pair]]:
    """Two entries into one zone, one behind the other, and no way out between."""
    last: dict[int, Move] = {}
    for move in ordered:
        if move.zone == NO_ZONE:
            continue
        before = last.get(move.zone)
        if before is not None and before.way == move.way == IN:
            yield PASSBACK, Pair(before, move)
        last[move.zone] = move


def _over_quota(ordered: Sequence[Move]) -> Iterable[tuple[str, Pair]]:
    """Entries beyond the number that each says is allowed; the first is the last within it."""
    entries = [move for move in ordered if move.way == IN and move.quota]
    for count, move in enumerate(entries):
        if count >= move.quota:
            yield QUOTA, Pair(entries[move.quota - 1], move)
