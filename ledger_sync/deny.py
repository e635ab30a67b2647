"""Deny notes: one authorised key says no, at once, until the ledger says it or a day is over.

A grant needs a quorum, a denial one right (rights of an issuer, FORMAT.md 5.2): it fails in the
safe direction, and lapses by itself. Pure: a C2SP signed note to a value. FORMAT.md section 7.8.

    yardpass/hz07/deny
    1767225600
    7 yp:hz07/s/1
    visitor 87a414cf0c834483

    — 54e72f907f834a9d 8e1x...
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ledger_sync import urgent
from ledger_sync.entries import MAX_NAME, MAX_STATUS_INDEX, MAY_DENY, Issuer
from ledger_sync.keys import SigningKey
from ledger_sync.urgent import EARLY_SECONDS

__all__ = ["EARLY_SECONDS", "LASTS_SECONDS", "MAX_PLACES", "Denial", "opened", "sign"]

LASTS_SECONDS = 86_400
MAX_PLACES = 64  # passes and visitors one note denies
_VISITOR = re.compile(r"visitor ([0-9a-f]{16})", re.ASCII)


class Denial(NamedTuple):
    """What a note denies: places in status lists and visitors (the name of an invite as
    `state.number_of` gives it), from `issued_at` on; `signer` is its kid."""

    signer: str
    issued_at: int
    places: tuple[tuple[str, int], ...]
    visitors: tuple[int, ...] = ()

    @property
    def until(self) -> int:
        return self.issued_at + LASTS_SECONDS


def sign(
    origin: str,
    places: Sequence[tuple[str, int]],
    *,
    issued_at: int,
    key: SigningKey,
    visitors: Sequence[int] = (),
) -> bytes:
    """A note that denies these (list, index) places and visitors. `key` is one of an issuer who
    may."""
    denied = [*(f"{idx} {uri}" for uri, idx in places), *map(_line_of, visitors)]
    return urgent.sign("\n".join([f"{origin}/deny", str(issued_at), *denied]) + "\n", key)


def _line_of(visitor: int) -> str:
    return f"visitor {visitor.to_bytes(8, 'big', signed=True).hex()}"


def opened(data: bytes, *, origin: str, issuers: Iterable[Issuer], now: int) -> Denial:
    """The denial in a note, if a key with that right signed it and it has begun.

    Raises `Refused` (R-LEDGER) otherwise. Whether it has lapsed is for whoever asks.
    """
    text, signers = urgent.opened(data, right=MAY_DENY, issuers=issuers)
    lines = text[:-1].split("\n")
    if lines[0] != f"{origin}/deny" or not 3 <= len(lines) <= 2 + MAX_PLACES:
        raise urgent.refused(f"not a deny note of {origin} for 1 to {MAX_PLACES} passes")
    visitors = [found for line in lines[2:] if (found := _VISITOR.fullmatch(line))]
    named = lines[2 : len(lines) - len(visitors)]  # a visitor among them is no place, and refused
    places = tuple(map(_place, named))
    issued_at, signer = urgent.timed(lines[1], signers, now=now, what="a deny note")
    return Denial(signer, issued_at, places, tuple(map(_visitor, visitors)))


def _visitor(found: re.Match[str]) -> int:
    return int.from_bytes(bytes.fromhex(found[1]), "big", signed=True)


def _place(line: str) -> tuple[str, int]:
    idx, _, uri = line.partition(" ")
    if not 0 < len(uri) <= MAX_NAME or urgent.number_of(idx) > MAX_STATUS_INDEX:
        raise urgent.refused(f"{line[:80]!r} is no place in a status list")
    return uri, int(idx)
