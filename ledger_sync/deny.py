"""Deny notes: one authorised key says no, at once, until the ledger says it or a day is over.

A grant needs a quorum, a denial one right (rights of an issuer, FORMAT.md 5.2): it fails in the
safe direction, and lapses by itself. Pure: a C2SP signed note to a value. FORMAT.md section 7.8.

    yardpass/hz07/deny
    1767225600
    7 yp:hz07/s/1

    — 54e72f907f834a9d 8e1x...
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ledger_sync import note
from ledger_sync.entries import MAX_NAME, MAX_STATUS_INDEX, MAY_DENY, Issuer
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.state import may

LASTS_SECONDS = 86_400
EARLY_SECONDS = 300  # how far ahead of the receiver's clock a note may be
MAX_PLACES = 64  # passes one note denies
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


class Denial(NamedTuple):
    """What a note denies: places in status lists, from `issued_at` on; `signer` is its kid."""

    signer: str
    issued_at: int
    places: tuple[tuple[str, int], ...]

    @property
    def until(self) -> int:
        return self.issued_at + LASTS_SECONDS


def sign(
    origin: str, places: Sequence[tuple[str, int]], *, issued_at: int, key: SigningKey
) -> bytes:
    """A note that denies these (list, index) places. `key` is one of an issuer who may."""
    lines = [f"{origin}/deny", str(issued_at), *(f"{idx} {uri}" for uri, idx in places)]
    text = "\n".join(lines) + "\n"
    verifier = note.Verifier(key.public.kid.hex(), note.NOTE_KEY, key.public.raw)
    return f"{text}\n{note.sign_note(text, verifier, key)}".encode()


def opened(data: bytes, *, origin: str, issuers: Iterable[Issuer], now: int) -> Denial:
    """The denial in a note, if a key with that right signed it and it has begun.

    Raises `Refused` (R-LEDGER) otherwise. Whether it has lapsed is for whoever asks.
    """
    known = {
        note.Verifier(one.key.kid.hex(), note.NOTE_KEY, one.key.raw): one
        for one in issuers
        if may(one, MAY_DENY) and one.key.alg == ED25519
    }
    found = note.open_note(data, known)
    lines = found.text[:-1].split("\n")
    if lines[0] != f"{origin}/deny" or not 3 <= len(lines) <= 2 + MAX_PLACES:
        raise _refused(f"not a deny note of {origin} for 1 to {MAX_PLACES} passes")
    issued_at = _number(lines[1])
    if issued_at > now + EARLY_SECONDS:
        raise _refused(f"a deny note from {issued_at}, it is {now} here")
    signers = [known[one.verifier] for one in found.signatures]
    signers = [one for one in signers if one.since <= issued_at <= one.until]
    if not signers:
        raise _refused("a deny note from outside the time its signer was given")
    places = tuple(map(_place, lines[2:]))
    return Denial(signers[0].key.kid.hex(), issued_at, places)


def _place(line: str) -> tuple[str, int]:
    idx, _, uri = line.partition(" ")
    if not 0 < len(uri) <= MAX_NAME or _number(idx) > MAX_STATUS_INDEX:
        raise _refused(f"{line[:80]!r} is no place in a status list")
    return uri, int(idx)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise _refused(f"{text[:40]!r} is no number")
    return int(text)


def _refused(why: str) -> Refused:
    return Refused(why, reason="R-LEDGER")
