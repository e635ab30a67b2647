"""Orders: one authorised key shuts gates, frees them or sets a curfew, until a release is signed.

Takes effect at once and does not lapse: what ends it is a newer order, signed by a key with the
right (FORMAT.md 5.2). Pure: a C2SP signed note to a value. FORMAT.md section 7.9.

    yardpass/hz07/order
    1767225600
    lockdown
    zones 0 3 7

    — 54e72f907f834a9d 8e1x...
"""

import enum
import hashlib
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from ledger_sync import urgent
from ledger_sync.entries import MAY_ORDER, Issuer
from ledger_sync.keys import SigningKey

ZONE_COUNT = 53  # zones 0 to 52, as in a pass
ALL_ZONES = (1 << ZONE_COUNT) - 1
_PURPOSE = "/order"
_LINES = 4
_SPELLED = {str(zone): zone for zone in range(ZONE_COUNT)}
Rank: TypeAlias = tuple[int, int, bytes]


class Kind(enum.StrEnum):
    """What an order does, the weakest of one second first."""

    RELEASE = "release"  # ends whichever of the others stands
    FREE = "free"  # gates stand open
    CURFEW = "curfew"  # a fact that rules of the site read
    LOCKDOWN = "lockdown"  # entries are shut


_WEIGHTS = {kind: weight for weight, kind in enumerate(Kind)}
_KINDS = {kind.value: kind for kind in Kind}


class Order(NamedTuple):
    """What an order says of these `zones` (bit mask), from `issued_at` on; `signer` is its kid,
    `digest` SHA-256 of its text."""

    signer: str
    issued_at: int
    kind: Kind
    zones: int
    digest: bytes

    @property
    def rank(self) -> Rank:
        """The greater one stands, in each zone, whichever came first."""
        return rank_of(self.kind, self.issued_at, self.digest)


def rank_of(kind: str, issued_at: int, digest: bytes) -> Rank:
    """By time, in one second by kind: whoever wants gates shut is heard."""
    return issued_at, _WEIGHTS[_KINDS[kind]], digest


def text_of(origin: str, kind: Kind, zones: int, issued_at: int) -> str:
    """What is signed, in its one spelling."""
    named = "*" if zones == ALL_ZONES else " ".join(map(str, zones_of(zones)))
    return f"{origin}{_PURPOSE}\n{issued_at}\n{kind}\nzones {named}\n"


def zones_of(mask: int) -> list[int]:
    """The zones of a mask, ascending."""
    return [zone for zone in range(ZONE_COUNT) if mask >> zone & 1]


def sign(origin: str, kind: Kind, zones: int, *, issued_at: int, key: SigningKey) -> bytes:
    """An order for these zones (bit mask). `key` is one of an issuer who may."""
    if not 0 < zones <= ALL_ZONES:
        raise urgent.refused(f"an order is for some of the zones 0 to {ZONE_COUNT - 1}")
    return urgent.sign(text_of(origin, kind, zones, issued_at), key)


def is_order(data: bytes) -> bool:
    """Whether a note means to be an order: its first line says so."""
    return data.partition(b"\n")[0].endswith(_PURPOSE.encode())


def digest_in(data: bytes) -> bytes:
    """SHA-256 of the text of a note, whoever signed it: the name of an order."""
    return hashlib.sha256(data.rpartition(b"\n\n")[0] + b"\n").digest()


def opened(data: bytes, *, origin: str, issuers: Iterable[Issuer], now: int) -> Order:
    """The order in a note, if a key with that right signed it and it has begun.

    Raises `Refused` (R-LEDGER) otherwise. Whether a newer one stands is for whoever asks.
    """
    text, signers = urgent.opened(data, right=MAY_ORDER, issuers=issuers)
    lines = text[:-1].split("\n")
    if lines[0] != f"{origin}{_PURPOSE}" or len(lines) != _LINES:
        raise urgent.refused(f"not an order of {origin}: time, kind, zones")
    if lines[2] not in _KINDS:
        raise urgent.refused(f"{lines[2][:40]!r} is no kind of order")
    zones = _mask_of(lines[3])
    issued_at, signer = urgent.timed(lines[1], signers, now=now, what="an order")
    kind = _KINDS[lines[2]]
    return Order(signer, issued_at, kind, zones, hashlib.sha256(text.encode()).digest())


def _mask_of(line: str) -> int:
    """The zones of a line. They are spelled again: a parser of one spelling."""
    word, _, named = line.partition(" ")
    found = [_SPELLED.get(one, 0) for one in named.split(" ")]
    mask = ALL_ZONES if named == "*" else sum(1 << zone for zone in set(found))
    again = "*" if mask == ALL_ZONES else " ".join(map(str, zones_of(mask)))
    if word != "zones" or named != again:
        what = f"ascending numbers from 0 to {ZONE_COUNT - 1}, or * for all"
        raise urgent.refused(f"{line[:80]!r} names no zones: {what}")
    return mask
