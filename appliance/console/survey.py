"""Looks how a compound stands, in a terminal's store and beside it. Reads only."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from appliance.console.standing import Standing
from appliance.gate import doorbell
from appliance.gate.disk_watch import free_bytes
from appliance.gate.site_clock import site_zone
from appliance.update import outcome_file
from appliance.update.box import Box
from ledger_sync import peers_file
from ledger_sync.batch import head_in
from ledger_sync.duress import SHOWN_SECONDS, Duress, duresses, kid_of
from ledger_sync.errors import Refused
from ledger_sync.orders import Orders
from ledger_sync.replica import Replica
from ledger_sync.shelf import Shelf
from ledger_sync.watchlist import standing_alarms

AGAIN_SECONDS = 60  # what stands is looked at anew, though nothing is new


class Post(NamedTuple):
    """Where the console stands: its terminal, the folder of its store, the site's secret (empty if
    it cannot be read: then duress is not told)."""

    terminal: str
    folder: Path
    secret: bytes


class Survey:
    """Of one terminal; what follows from the store alone is looked up when that has changed.
    Owned by one thread.

    Calls for help are looked for once in all that is held; then they come from whoever reads what
    is new (`calls`), for going through everything again and again would hold up the screen.
    """

    def __init__(
        self,
        replica: Replica,
        post: Post,
        now: Callable[[], int],
        calls: Callable[[], list[Duress]] = list,
        box: Box | None = None,
    ) -> None:
        self._box = box or Box()
        self._calls = calls
        self._duress: set[Duress] | None = None
        self._replica = replica
        self._post = post
        self._now = now
        self._seen = (-1, 0)
        self._standing = Standing()

    def look(self) -> Standing:
        """How it stands. Raises `Unavailable`, `Refused` (R-LEDGER) for a damaged bundle."""
        row = self._replica.store.row("PRAGMA data_version")  # moves when another process commits
        now = self._now()
        version, at = self._seen
        if not row or row[0] != version or not 0 <= now - at < AGAIN_SECONDS:
            self._standing = self._stored(now)
            self._seen = (row[0] if row else -1, now)
        folder = self._post.folder
        self._standing = self._standing._replace(duress=self._called(now))
        update = outcome_file.read(self._box.data)
        return self._standing._replace(
            links=_links(folder), free_bytes=free_bytes(folder), update=update
        )

    def _stored(self, now: int) -> Standing:
        held, store = self._replica.ledger(), self._replica.store
        names = tuple(name for (name,) in store.rows("SELECT name FROM terminal ORDER BY name"))
        return Standing(
            *(held.origin, held.size, held.quorum_time, site_zone(self._replica), names, None),
            tuple((name, one.kind, one.at) for name, one in standing_alarms(store)),
            Orders(store).in_force().orders,
            head=_head(Shelf(store)),
        )

    def _called(self, now: int) -> tuple[Duress, ...]:
        """Who calls for help, of the last day, oldest first."""
        if self._duress is None:
            post, store = self._post, self._replica.store
            own = kid_of(store, post.terminal)
            found = duresses(store, post.secret, own, now=now) if post.secret else []
            self._duress = set(found)
        self._duress |= set(self._calls())
        self._duress = {one for one in self._duress if now - one.at < SHOWN_SECONDS}
        return tuple(sorted(self._duress, key=lambda one: (one.at, one)))


def _head(shelf: Shelf) -> str:
    """The newest signed head of this terminal's log, short."""
    held = shelf.newest_own()
    if held is None or not held.note:
        return ""
    try:
        found = head_in(held.note)
    except Refused:
        return ""
    return f"{found.size} {found.root.hex()[:16]}"


def _links(folder: Path) -> dict[str, str] | None:
    if not doorbell.is_answered(folder / doorbell.NAME):
        return None
    return {peer["name"]: peer["state"] for peer in peers_file.read(folder)}
