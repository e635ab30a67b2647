"""Visitors who are inside though their invite has ended, by the logs of all terminals.

For people, not for a decision: goes through the checks of the last two days.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from appliance.policy.facts import Direction, Invitation, invitation_in
from ledger_sync import feed as feeds
from ledger_sync.errors import Refused
from ledger_sync.feed import Check
from ledger_sync.recent import recent
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.uses import EARLY_SECONDS

LOOKED_BACK_SECONDS = 2 * 86_400


class Overstay(NamedTuple):
    """A visitor by the name of the invite (hex), the gate and zone they came in by, when, and
    when the invite ended. Unix seconds."""

    visitor: str
    gate: str
    zone: int
    since: int
    ended_at: int


def overstays(store: Store, site_secret: bytes, now: int) -> list[Overstay]:
    """Who is overdue at `now`, longest first. Raises `Unavailable`."""
    last: dict[tuple[int, int], tuple[int, int, Overstay]] = {}
    for check, holder in visits(store, site_secret, now):
        invite = invitation_of(check)
        if invite is None:
            continue
        name = holder.to_bytes(8, "big", signed=True).hex()
        stay = Overstay(name, check.gate, check.zone, check.at, invite.ends_at)
        move = (check.at, check.way, stay)
        last[holder, check.zone] = max(move, last.get((holder, check.zone), move))
    late = [stay for _, way, stay in last.values() if way == Direction.IN and stay.ended_at <= now]
    return sorted(late, key=lambda stay: (stay.ended_at, stay.visitor))


def visits(store: Store, secret: bytes, now: int) -> Iterator[tuple[Check, int]]:
    """The counted checks of all feeds that are not too old, and whose they are."""
    shelf = Shelf(store)
    for held in shelf.feeds():
        for entry, _ in recent(shelf, held, now - LOOKED_BACK_SECONDS):
            use = feeds.use_of(entry, secret)
            if use is not None and -EARLY_SECONDS <= now - use.at <= LOOKED_BACK_SECONDS:
                with suppress(Refused):  # of a later version, or of a broken terminal
                    yield feeds.check_of(entry), use.holder


def invitation_of(check: Check) -> Invitation | None:
    """What the host of the visitor gave away, None for who comes by a pass of their own."""
    with suppress(Refused):
        return invitation_in(check.facts)
    return None
