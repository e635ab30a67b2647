"""The published files of a replica, read out of its store: what a peer is given that asks.

    checkpoint    bridge/1    tile/entries/x001/x234/067    tile/entries/000.p/17

Hash tiles and snapshots are not kept by a terminal: who asks is told so and takes the entries.
FORMAT.md sections 7.6 and 8.6.
"""

import re

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.replica import Replica
from ledger_sync.tiles import WIDTH, bundle_of, parse_path

_BRIDGE = re.compile(r"bridge/(0|[1-9][0-9]{0,8})", re.ASCII)


def file_of(replica: Replica, path: str) -> bytes:
    """The file at this path, empty if it is not here. Raises `Unavailable` for a damaged store."""
    if path == "checkpoint":
        return replica.note()
    if bridge := _BRIDGE.fullmatch(path):
        return replica.history.bridge(int(bridge[1])) or b""
    try:
        level, number, width = parse_path(path)
    except Refused:
        return b""
    if level is not None or number * WIDTH + width > replica.ledger().size:
        return b""
    try:
        return bundle_of(replica.bundle(number)[:width])
    except Unavailable:
        return b""  # older than the snapshot this replica began with
