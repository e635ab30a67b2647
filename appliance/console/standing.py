"""How a compound stands beside its checks: ledger, peers, alarms, orders, duress. Pure."""

from typing import NamedTuple

from appliance.gate.remote import State
from appliance.policy.schedule import UTC, Zone
from appliance.update.outcome import Outcome
from ledger_sync.duress import Duress
from ledger_sync.orders import Stands


class Standing(NamedTuple):
    """As of one look. `heard_at` is the ledger's quorum time, 0 for never; `links` the state of
    each peer by name (peers_file.py), None while nobody gossips here; `names` all terminals of the
    ledger; `alarms` are (terminal, kind, since); `zone` has the clocks of the site. `gate` is how
    this terminal's gate is, None while it does not answer; `free_bytes` of its disk, -1 unknown;
    `head` is the newest head of this terminal's log: size, first 16 digits of the root; `update`
    is what became of the last update of a box."""

    origin: str = ""
    size: int = 0
    heard_at: int = 0
    zone: Zone = UTC
    names: tuple[str, ...] = ()
    links: dict[str, str] | None = None
    alarms: tuple[tuple[str, str, int], ...] = ()
    orders: tuple[Stands, ...] = ()
    duress: tuple[Duress, ...] = ()
    gate: State | None = State()
    free_bytes: int = -1
    head: str = ""
    update: Outcome | None = None
