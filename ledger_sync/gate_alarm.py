"""An alarm of a gate in its terminal's feed: what every peer must hear. Pure. FORMAT.md section 8.

    03 01 000000006955b900 019b76daa8000000 6e6f727468      forced, at 1767225600, gate "north"

A fixed record like a check, one spelling by construction.
"""

import struct
from typing import NamedTuple

from ledger_sync import note
from ledger_sync.errors import Refused

ALARM = 3
KINDS = (
    *("held", "forced", "stuck", "open at start", "cleared", "tamper", "tamper over"),
    *("fire", "fire over", "lockdown", "lockdown over", "relay failed", "relay works"),
    *("exit jammed", "exit jammed over", "disk low", "disk well"),
)
"""Number -> what happened. New ones are added at the end; a reader shows those it does not know by
their number."""
ENDS = {
    "cleared": ("held", "forced", "stuck", "open at start"),
    "tamper over": ("tamper",),
    "fire over": ("fire",),
    "lockdown over": ("lockdown",),
    "relay works": ("relay failed",),
    "exit jammed over": ("exit jammed",),
    "disk well": ("disk low",),
}
"""What ends which alarms."""
MAX_GATE = 255  # bytes
_HEAD = struct.Struct(">BBQQ")
HEAD_BYTES = _HEAD.size


class GateAlarm(NamedTuple):
    """What happened (of `KINDS`, or `kind N`), when (Unix seconds, hybrid time), at which gate."""

    kind: str
    at: int
    hlc: int
    gate: str

    def to_bytes(self) -> bytes:
        """Raises `Refused` for a number or a name that no record holds."""
        name = self.gate.encode()
        if self.kind not in KINDS or len(name) > MAX_GATE:
            raise Refused(f"no alarm {self.kind!r} of a gate of {len(name)} bytes")
        try:
            return _HEAD.pack(ALARM, KINDS.index(self.kind), self.at, self.hlc) + name
        except struct.error:
            raise Refused("an alarm at no time") from None


def alarm_of(data: bytes) -> GateAlarm:
    """The alarm in a feed entry. Raises `Refused` (R-LEDGER) for anything else."""
    if not _HEAD.size <= len(data) <= _HEAD.size + MAX_GATE or data[0] != ALARM:
        raise Refused("not an alarm of a gate", reason="R-LEDGER")
    _, number, at, hlc = _HEAD.unpack_from(data)
    try:
        gate = data[_HEAD.size :].decode()
    except UnicodeDecodeError:
        raise Refused("an alarm of a gate that is not UTF-8", reason="R-LEDGER") from None
    if at > note.MAX_NUMBER:
        raise Refused("an alarm at no time", reason="R-LEDGER")
    kind = KINDS[number] if number < len(KINDS) else f"kind {number}"
    return GateAlarm(kind, at, hlc, gate)


def standing(alarms: list[GateAlarm]) -> list[GateAlarm]:
    """Those that nothing ended, oldest first; of a door's the newest, of others one each."""
    held: dict[str, GateAlarm] = {}
    for one in alarms:
        for ended in ENDS.get(one.kind, ()):
            held.pop(ended, None)
        if one.kind in ENDS:
            continue
        if one.kind in ENDS["cleared"]:  # a door has one alarm, a graver one takes its place
            for other in ENDS["cleared"]:
                held.pop(other, None)
        held[one.kind] = one
    return list(held.values())
