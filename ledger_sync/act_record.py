"""An act of a guard, as an entry in the feed of the terminal where it was done. FORMAT.md 8.2.

    04 000000006955b900 019b76daa8000000 5f2c...32 bytes 7961726470617373...
    kind, when, hybrid time, SHA-256 of what is sealed (32 zeros for nothing), the note (7.11)

Like a check: a head of fixed width, so that readers need not parse the note to pass it on.
"""

import struct
from typing import NamedTuple

from ledger_sync import note
from ledger_sync.act import MAX_NOTE, is_act
from ledger_sync.errors import Refused

ACT = 4
HASH_AT = 17  # bytes before the hash of what is sealed
_HEAD = struct.Struct(">BQQ32s")
HEAD_BYTES = _HEAD.size


class ActRecord(NamedTuple):
    """When the terminal took it (Unix seconds, hybrid time), the hash of its sealed remark, and
    the note that proves it."""

    at: int
    hlc: int
    sealed: bytes
    note: bytes

    def to_bytes(self) -> bytes:
        """Raises `Refused` for a number or a note that no record holds."""
        if len(self.note) > MAX_NOTE:
            raise Refused(f"an act of {len(self.note)} bytes, at most {MAX_NOTE}")
        try:
            return _HEAD.pack(ACT, self.at, self.hlc, self.sealed) + self.note
        except struct.error:
            raise Refused("an act at no time") from None


def act_record_of(data: bytes) -> ActRecord:
    """The record in a feed entry. Raises `Refused` (R-LEDGER) for anything else; whether the note
    holds is for `act.opened`."""
    if not HEAD_BYTES < len(data) <= HEAD_BYTES + MAX_NOTE or data[0] != ACT:
        raise Refused("not an act", reason="R-LEDGER")
    _, at, hlc, sealed = _HEAD.unpack_from(data)
    text = data[HEAD_BYTES:]
    if at > note.MAX_NUMBER or not is_act(text):
        raise Refused("an act at no time, or without a note", reason="R-LEDGER")
    return ActRecord(at, hlc, sealed, text)
