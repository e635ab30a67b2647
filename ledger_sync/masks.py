"""What hides people in feeds: the key of a day, pseudonyms under it, masked holders. Pure.

Whoever has the site's secret can link the checks of a holder; without it, not even those of one
day. FORMAT.md section 8.2.
"""

import hashlib
import hmac
from functools import lru_cache

PSEUDONYM_BYTES = 16
DAY_SECONDS = 86_400
_U64 = 2**64 - 1
_blake2b, _number = hashlib.blake2b, int.from_bytes


def day_key(site_secret: bytes, at: int) -> bytes:
    """The key pseudonyms of the day of `at` are made with; deleting the secret unlinks them."""
    return _day_key(site_secret, at // DAY_SECONDS)


@lru_cache(maxsize=64)
def _day_key(site_secret: bytes, day: int) -> bytes:
    return hmac.digest(site_secret, b"yardpass/day/v1" + day.to_bytes(8, "big"), "sha256")


def pseudonym(key: bytes, credential: bytes) -> bytes:
    """Keyed BLAKE2b (RFC 7693) of a credential under the key of the day, 16 bytes."""
    return hashlib.blake2b(credential, key=key, digest_size=PSEUDONYM_BYTES).digest()


def masked(holder: int, key: bytes, digest: bytes) -> int:
    """The holder (64 bits, signed) as a check states it: only who has the key of the day can read
    it, and each code has a mask of its own. FORMAT.md 8.2."""
    mask = _blake2b(digest, key=key, digest_size=8).digest()
    return (holder & _U64) ^ _number(mask, "big")


def unmasked(carrier: int, key: bytes, digest: bytes) -> int:
    """The holder that `masked` made this of."""
    holder = masked(carrier, key, digest)
    return holder - (1 << 64) if holder >> 63 else holder
