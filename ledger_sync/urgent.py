"""Urgent notes: C2SP signed notes that one authorised key makes and that take effect at once.

What deny notes and orders have in common: signers under their kids, a right, a time. Pure.
FORMAT.md sections 7.8 and 7.9.
"""

import re
from collections.abc import Iterable

from ledger_sync import note
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.kinds import Issuer
from ledger_sync.state import may

EARLY_SECONDS = 300  # how far ahead of the receiver's clock a note may be
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


def sign(text: str, key: SigningKey) -> bytes:
    """The note of this text, signed under the kid of the key."""
    verifier = note.Verifier(key.public.kid.hex(), note.NOTE_KEY, key.public.raw)
    return f"{text}\n{note.sign_note(text, verifier, key)}".encode()


def opened(data: bytes, *, right: int, issuers: Iterable[Issuer]) -> tuple[str, list[Issuer]]:
    """The text of a note, and who of those with this right signed it. Raises `Refused`."""
    known = {
        note.Verifier(one.key.kid.hex(), note.NOTE_KEY, one.key.raw): one
        for one in issuers
        if may(one, right) and one.key.alg == ED25519
    }
    found = note.open_note(data, known)
    return found.text, [known[one.verifier] for one in found.signatures]


def timed(line: str, signers: Iterable[Issuer], *, now: int, what: str) -> tuple[int, str]:
    """When the note was signed, and the kid of who was given that time. Raises `Refused` for a
    time that has not come, or that is none of the signers'."""
    issued_at = number_of(line)
    if issued_at > now + EARLY_SECONDS:
        raise refused(f"{what} from {issued_at}, it is {now} here")
    for one in signers:
        if one.since <= issued_at <= one.until:
            return issued_at, one.key.kid.hex()
    raise refused(f"{what} from outside the time its signer was given")


def number_of(text: str) -> int:
    """A decimal number in its one spelling, at most 16 digits."""
    if not _NUMBER.fullmatch(text):
        raise refused(f"{text[:40]!r} is no number")
    return int(text)


def refused(why: str) -> Refused:
    return Refused(why, reason="R-LEDGER")
