"""What a gate shows that does not know the time: `YPN1:` and Base45 of its number.

    YPN1:OL4UEPMG7...         {3: "yp:hz07/north", 39: h'0102030405060708'}

FORMAT.md section 4.12. Makes the text and takes it apart; knows no gate and no time.
"""

from typing import NamedTuple

from appliance.passes.code import AUD, NONCE, NONCE_BYTES
from ledger_sync import base45, cbor
from ledger_sync.errors import Refused
from ledger_sync.fields import bytes_of, text_of

PREFIX = b"YPN1:"
MAX_TEXT = 512  # bytes; a number of the longest audience has 413


class Asked(NamedTuple):
    """Whom a code that answers is for, `<site>/<gate>`, and the 8 bytes that it must carry."""

    audience: str
    nonce: bytes


def to_text(audience: str, nonce: bytes) -> bytes:
    """The text that a phone scans, all in QR's alphanumeric alphabet. Raises `Refused`."""
    asked = _checked({AUD: audience, NONCE: nonce})
    token = cbor.encode({AUD: asked.audience, NONCE: asked.nonce})
    return PREFIX + base45.encode(token).encode()


def parse(text: bytes) -> Asked:
    """What a scanned text asks for. Raises `Refused`: R-FOREIGN if it is none, else R-FORM."""
    if not text.startswith(PREFIX):
        raise Refused("not the number of a gate", reason="R-FOREIGN")
    if len(text) > MAX_TEXT:
        raise Refused(f"a number of {len(text)} characters, at most {MAX_TEXT}")
    return _checked(cbor.decode(base45.decode_ascii(text[len(PREFIX) :])))


def _checked(stated: cbor.Value) -> Asked:
    if not isinstance(stated, dict) or set(stated) != {AUD, NONCE}:
        raise Refused("a number states its gate and 8 bytes, nothing else")
    audience = text_of(stated, AUD)
    site, slash, gate = audience.rpartition("/")
    if not (site and slash and gate):
        raise Refused(f"{audience!r} is not a site, a slash and a gate")
    return Asked(audience, bytes_of(stated, NONCE, NONCE_BYTES))
