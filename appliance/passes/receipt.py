"""The receipt of a tap: what a card signed, so that anybody can tell later that it was there.

    transaction = SHA-256("yardpass/tap/v1" | gate key | size | root | counter | random)

The gate asks a card to sign a number that names the gate's key and the newest head of its feed:
the signature proves that this card was at this gate at this point of its log. FORMAT.md 8.2.
"""

import hashlib
import struct
from typing import NamedTuple

from ledger_sync.errors import Refused

PURPOSE = b"yardpass/tap/v1"
RANDOM_BYTES = 16
SHORT_BYTES = 16  # what a card without a certificate signs of it (PKOC SE V1)
RECEIPT_BYTES = 96
_ASKED = struct.Struct(">32sQ32sQ16s")
_RECEIPT = struct.Struct(">QQ16s64s")


class Asked(NamedTuple):
    """What a gate asked of a card: `size` and `root` of its feed then, how often it had asked
    before in this feed, and 16 random bytes."""

    size: int
    root: bytes
    counter: int
    random: bytes

    def transaction(self, gate_key: bytes) -> bytes:
        """The 32 bytes that the card signs."""
        told = _ASKED.pack(gate_key, self.size, self.root, self.counter, self.random)
        return hashlib.sha256(PURPOSE + told).digest()


class Receipt(NamedTuple):
    """What is kept of it beside the facts of the check: size, counter, random, signature."""

    size: int
    counter: int
    random: bytes
    signature: bytes

    def to_bytes(self) -> bytes:
        return _RECEIPT.pack(*self)

    def transaction(self, gate_key: bytes, root: bytes) -> bytes:
        """What the card signed, if the feed of `gate_key` had this root at `size`."""
        return Asked(self.size, root, self.counter, self.random).transaction(gate_key)


def receipt_of(data: bytes) -> Receipt:
    """The receipt in these bytes. Raises `Refused` (R-LEDGER) for another length."""
    if len(data) != RECEIPT_BYTES:
        raise Refused(f"{len(data)} bytes are no receipt of a tap", reason="R-LEDGER")
    return Receipt._make(_RECEIPT.unpack(data))
