"""Looks how a compound stands, in a terminal's store and beside it. Reads only."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from appliance.console.standing import Standing
from appliance.gate import doorbell
from appliance.gate.site_clock import site_zone
from ledger_sync import peers_file
from ledger_sync.duress import duresses, kid_of
from ledger_sync.orders import Orders
from ledger_sync.replica import Replica
from ledger_sync.watchlist import standing_alarms


class Post(NamedTuple):
    """Where the console stands: its terminal, the folder of its store, the site's secret (empty if
    it cannot be read: then duress is not told)."""

    terminal: str
    folder: Path
    secret: bytes


def standing_of(replica: Replica, post: Post, now: Callable[[], int]) -> Standing:
    """Looks. Raises `Unavailable`, `Refused` (R-LEDGER) for a damaged bundle."""
    held, store = replica.ledger(), replica.store
    names = tuple(name for (name,) in store.rows("SELECT name FROM terminal ORDER BY name"))
    own = kid_of(store, post.terminal)
    return Standing(
        held.origin,
        held.size,
        held.quorum_time,
        site_zone(replica),
        names,
        _links(post.folder),
        tuple((name, one.kind, one.at) for name, one in standing_alarms(store)),
        Orders(store).in_force().orders,
        tuple(duresses(store, post.secret, own, now=now())) if post.secret else (),
    )


def _links(folder: Path) -> dict[str, str] | None:
    if not doorbell.is_answered(folder / doorbell.NAME):
        return None
    return {peer["name"]: peer["state"] for peer in peers_file.read(folder)}
