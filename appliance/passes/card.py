"""What a card proves: a key at the tap, or nothing but its number. FORMAT.md section 4.5.

The steps of section 4.5 for cards, in their order, beside those for codes in verify.py:

    9   TAP: the card signed what this gate asked of it     check_asked
    10  TAP: a card with this key is enrolled here          check_card
    11  TAP: the card's key signed                          check_signed
    12  CERTIFIED_TAP: a key that may certify cards signed   check_certified
        the certificate, which names the card's key
    13  CERTIFIED_TAP: the certificate is in force today     check_in_force
    14  NUMBER: a card with this number is enrolled here    check_number
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from appliance.passes.verify import Mark
from ledger_sync.entries import HANDLE_BYTES
from ledger_sync.errors import Refused
from ledger_sync.keys import ES256, PublicKey
from ledger_sync.replica import Enrolled

NUMBER_PURPOSE = b"yardpass/number/v1"
MAX_NUMBER = 64  # bytes of a card's number
Date: TypeAlias = tuple[int, int, int]
"""Year, month, day."""


class Certificate(NamedTuple):
    """What a maker says of a card's key: PKOC Core Specification 2.0.1, section 5. `signed` is
    what its signature is over."""

    point: bytes
    signed: bytes
    signature: bytes
    since: Date
    until: Date


class Tap(NamedTuple):
    """What a card answered: its key (65 bytes), what it signed, the signature, its certificate."""

    point: bytes
    transaction: bytes
    signature: bytes
    certificate: Certificate | None = None


class Days(NamedTuple):
    """`sure` is a day that is certainly not before today's begin; `now` is today, None where the
    clock is not believed."""

    sure: Date
    now: Date | None


def number_bytes(number: bytes, bits: int) -> bytes:
    """A card's number as it is named and hashed: its length in bits (2 bytes), then the number.
    Raises `Refused` for one that is no number of that length."""
    if not 0 < bits <= 8 * MAX_NUMBER or len(number) != (bits + 7) // 8:
        raise Refused(f"a number of {bits} bits in {len(number)} bytes")
    return bits.to_bytes(2, "big") + number


def carrier_of(number: bytes, bits: int) -> bytes:
    """The name of a card in a pass that only this card may show: who has the pass has the card's
    number before him anyway. SHA-256("yardpass/number/v1" | number)[:8]."""
    return hashlib.sha256(NUMBER_PURPOSE + number_bytes(number, bits)).digest()[:HANDLE_BYTES]


def handle_of_number(site_secret: bytes, number: bytes, bits: int) -> bytes:
    """The handle a bare number is enrolled by: HMAC-SHA256(site secret, the same)[:8], so that
    the ledger tells no numbers."""
    told = NUMBER_PURPOSE + number_bytes(number, bits)
    return hmac.digest(site_secret, told, "sha256")[:HANDLE_BYTES]


def prove_tap(
    tap: Tap,
    enrolled: Enrolled | None,
    certifiers: Sequence[PublicKey],
    *,
    is_asked: bool,
    days: Days,
) -> int:
    """The marks of steps 9 to 13. Raises `Refused`: R-NONCE, R-UNKNOWN, R-SIG, R-ISSUER, R-EXP,
    R-BEGIN."""
    marks = check_asked(is_asked) | check_card(enrolled) | check_signed(tap)
    if tap.certificate is not None:
        marks |= check_certified(tap, tap.certificate, certifiers)
        marks |= check_in_force(tap.certificate, days)
    return marks


# The steps. Each returns its mark, so a step that was not taken leaves a gap no verdict forgives.


def check_asked(is_asked: bool) -> int:
    """9. This gate asked just this, a moment ago, and was not answered before."""
    if not is_asked:
        raise Refused("a card that signed something else than it was asked", reason="R-NONCE")
    return int(Mark.ASKED)


def check_card(enrolled: Enrolled | None) -> int:
    """10. The ledger names a card with this key."""
    if enrolled is None:
        raise Refused("no card with this key is enrolled here", reason="R-UNKNOWN")
    return int(Mark.ENROLLED)


def check_signed(tap: Tap) -> int:
    """11. The key that is enrolled signed it."""
    if not PublicKey(ES256, tap.point).holds(-7, tap.signature, tap.transaction):
        raise Refused("the card's key did not sign", reason="R-SIG")
    return int(Mark.HOLDER_SIGNED)


def check_certified(tap: Tap, certificate: Certificate, certifiers: Sequence[PublicKey]) -> int:
    """12. A key that may certify cards signed the certificate, and it is for this card's key."""
    if not any(
        one.alg == ES256 and one.holds(-7, certificate.signature, certificate.signed)
        for one in certifiers
    ):
        raise Refused("a card certified by nobody this compound knows", reason="R-ISSUER")
    if certificate.point != tap.point:
        raise Refused("a card with another card's certificate", reason="R-SIG")
    return int(Mark.ISSUER_KNOWN | Mark.PASS_SIGNED)


def check_in_force(certificate: Certificate, days: Days) -> int:
    """13. The certificate is in force; before the floor it certainly ended."""
    if certificate.until < max(days.sure, days.now or days.sure):
        raise Refused("a card whose certificate has expired", reason="R-EXP")
    if days.now is not None and certificate.since > days.now:
        raise Refused("a card whose certificate is not valid yet", reason="R-BEGIN")
    return int(Mark.PASS_CLAIMS)


def check_number(enrolled: Enrolled | None) -> int:
    """14. The ledger names a card with this number."""
    if enrolled is None:
        raise Refused("no card with this number is enrolled here", reason="R-UNKNOWN")
    return int(Mark.ENROLLED)
