"""Orders in the words that commands say."""

import time

from ledger_sync.order import ALL_ZONES, Kind, zones_of
from ledger_sync.orders import Stands

KINDS = [kind.value for kind in Kind]


def in_zones(kind: Kind, mask: int) -> str:
    """`lockdown in zones 0, 3 and 7`."""
    if mask == ALL_ZONES:
        return f"{kind} in all zones"
    *others, last = map(str, zones_of(mask))
    if not others:
        return f"{kind} in zone {last}"
    return f"{kind} in zones {', '.join(others)} and {last}"


def sentence(one: Stands) -> str:
    """Of an order in force: what, where, since when, by whom."""
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(one.issued_at))
    return f"ORDER: {in_zones(one.kind, one.zones)}, since {when} UTC, by {one.name}"


def document(one: Stands) -> dict[str, object]:
    """The same for programs."""
    return {
        "kind": one.kind.value,
        "zones": zones_of(one.zones),
        "at": one.issued_at,
        "signer": one.signer,
        "name": one.name,
    }
