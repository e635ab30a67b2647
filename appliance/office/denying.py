"""Visitors are blocked by what stands for their invite, whoever the host is."""

import re
from collections.abc import Sequence

from appliance.office.office import Office
from ledger_sync import deny
from ledger_sync.deny import MAX_PLACES
from ledger_sync.errors import Refused
from ledger_sync.state import number_of

_NAME = re.compile(r"[0-9a-f]{16}", re.ASCII)


def block(office: Office, visitors: Sequence[str], *, now: int) -> bytes:
    """A deny note for these visitors, each named by 16 hex digits (`yardpass check --json`): it
    works at a gate at once, for a day, without a quorum. Raises `Refused` for another name."""
    for one in visitors:
        if not _NAME.fullmatch(one):
            what = "is no visitor: 16 hex digits, lower case"
            raise Refused(f"{one[:40]!r} {what}; see: yardpass check --json")
    if not 0 < len(visitors) <= MAX_PLACES:
        raise Refused(f"{len(visitors)} visitors, one note blocks 1 to {MAX_PLACES}")
    blocked = [number_of(bytes.fromhex(one)) for one in visitors]
    return deny.sign(office.origin, [], issued_at=now, key=office.issuer(), visitors=blocked)
