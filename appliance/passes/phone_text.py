"""What a phone and the office hand to each other, as text. FORMAT.md sections 4.13 and 4.14.

    YPK1:.0RCZZ0$M5...        a phone's public key, COSE_Key, on its way to the office or a host
    YPP1:6BFO+ADYB...         the pass for that key, on its way back

Makes the texts and takes the key's apart; that of a pass is taken apart by the phone. Knows no
office and no time.
"""

from typing import NamedTuple

from ledger_sync import base45, cbor
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey, public_key

KEY_PREFIX = b"YPK1:"
PASS_PREFIX = b"YPP1:"
MAX_KEY_TEXT = 256  # bytes; a P-256 key has 121


class Limits(NamedTuple):
    """What invites the site lets a pass give: how long one for a phone and one for whoever has it
    may last (seconds), for how many entries; all 0 if it may give none."""

    keyed_seconds: int
    bearer_seconds: int
    uses: int


def of_key(key: PublicKey) -> bytes:
    """The text that a phone shows to be enrolled."""
    return KEY_PREFIX + base45.encode(cbor.encode(key.to_cose())).encode()


def key_in(text: bytes) -> PublicKey:
    """The key in such a text. Raises `Refused`: R-FOREIGN if it is none, R-FORM, R-SIG."""
    if not text.startswith(KEY_PREFIX):
        raise Refused("not the enrolment code of a phone", reason="R-FOREIGN")
    if len(text) > MAX_KEY_TEXT:
        raise Refused(f"an enrolment code of {len(text)} characters, at most {MAX_KEY_TEXT}")
    return public_key(cbor.decode(base45.decode_ascii(text[len(KEY_PREFIX) :])))


def of_pass(token: bytes, limits: Limits | None = None) -> bytes:
    """The text that brings a pass to the phone whose key is in it, with what it may give away."""
    held = token if limits is None else cbor.encode([cbor.decode(token), *limits])
    return PASS_PREFIX + base45.encode(held).encode()
