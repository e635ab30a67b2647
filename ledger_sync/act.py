"""Acts: what a guard did by hand, signed by the guard's key and kept in the feed of a terminal.

An opening, a visitor in or out, an order or a denial, a note, a shift that begins, ends or is
handed over. What the guard wrote stands beside it, sealed (remark.py). Pure: a C2SP signed note to
a value. FORMAT.md section 7.11.

    yardpass/hz07/act
    1767225600
    open north
    at north-1
    remark 8a1f...64 hex digits, or - for none

    — 54e72f907f834a9d 8e1x...
"""

import enum
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ledger_sync import note, urgent
from ledger_sync.entries import CALLS_HELP, MAY_ACT, Issuer
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.state import may

PURPOSE = "/act"
MAX_NOTE = 2_048  # bytes: 256 of them fit a frame with what is sealed
MAX_LINES = 24  # of a handover
MAX_LINE = 100  # characters
NO_REMARK = b""
WINDOW_SECONDS = 60  # between the time of an act and that of the terminal that does and logs it
_HEAD_LINES = 5
_NAME = r"[a-z0-9][a-z0-9.-]{0,31}"
_AT = re.compile(rf"at ({_NAME})", re.ASCII)
_REMARK = re.compile(r"remark (?:([0-9a-f]{64})|-)", re.ASCII)


class Kind(enum.StrEnum):
    """What was done, and what its object is."""

    BEGIN = "begin"  # a guard unlocked the console
    END = "end"  # and locked it
    OPEN = "open"  # a gate, by its name
    IN = "in"  # a visitor, by 16 hex digits: of the invite, or drawn for who has none
    OUT = "out"
    ORDER = "order"  # to gates, by the first 8 bytes of SHA-256 of the text of its note
    DENY = "deny"  # likewise
    NOTE = "note"  # something for the next guard to read
    HANDOVER = "handover"  # to whom, by the kid of the key, which signs as well


_OBJECTS = {
    **dict.fromkeys((Kind.BEGIN, Kind.END, Kind.NOTE), re.compile("-")),
    Kind.OPEN: re.compile(_NAME, re.ASCII),
    **dict.fromkeys(
        (Kind.IN, Kind.OUT, Kind.ORDER, Kind.DENY, Kind.HANDOVER),
        re.compile("[0-9a-f]{16}", re.ASCII),
    ),
}
_KINDS = {kind.value: kind for kind in Kind}
_SIGNERS = {Kind.HANDOVER: 2}
NEEDS_REMARK = frozenset({Kind.OPEN, Kind.NOTE})


class Unread(Refused):
    """An act of somebody whom the ledger here does not name, or of a kind of a later version: it
    may be well, and cannot be told here."""


class Deed(NamedTuple):
    """What is signed: when, what, to what, at which terminal, the SHA-256 of a remark
    (`NO_REMARK` for none) and the lines of a handover."""

    issued_at: int
    kind: Kind
    object: str
    terminal: str
    remark: bytes = NO_REMARK
    lines: tuple[str, ...] = ()


class Act(NamedTuple):
    """A deed and who signed it: `guards` by the names in the ledger, in the order of signing.

    `is_forced`: a key was used that calls for help. `digest` is SHA-256 of the text.
    """

    deed: Deed
    guards: tuple[str, ...]
    is_forced: bool
    digest: bytes


def text_of(origin: str, deed: Deed) -> str:
    """What is signed, in its one spelling. Raises `Refused` for what no note may say."""
    head = (
        f"{origin}{PURPOSE}",
        str(deed.issued_at),
        f"{deed.kind} {deed.object}",
        f"at {deed.terminal}",
        f"remark {deed.remark.hex() or '-'}",
    )
    text = "".join(f"{line}\n" for line in (*head, *deed.lines))
    if _deed_in(text, origin) != deed:
        raise urgent.refused("a deed that its note would not say")
    return text


def sign(origin: str, deed: Deed, keys: Sequence[SigningKey]) -> bytes:
    """The act of these guards; two for a handover, who hands over first."""
    text = text_of(origin, deed)
    lines = [urgent.sign(text, key).decode().rpartition("\n\n")[2] for key in keys]
    return f"{text}\n{''.join(lines)}".encode()


def name_of(data: bytes) -> str:
    """How an act names the note of an order or a denial."""
    return hashlib.sha256(data.rpartition(b"\n\n")[0] + b"\n").hexdigest()[:16]


def is_act(data: bytes) -> bool:
    """Whether a note means to be an act: its first line says so."""
    return data.partition(b"\n")[0].endswith(PURPOSE.encode())


def opened(data: bytes, *, origin: str, issuers: Iterable[Issuer]) -> Act:
    """The act in a note, if keys with the right to act signed it within the time they were given.

    Raises `Refused` (R-LEDGER) otherwise. Whether it is of now is for whoever asks.
    """
    if len(data) > MAX_NOTE:
        raise urgent.refused(f"an act of {len(data)} bytes, at most {MAX_NOTE}")
    known = {
        note.Verifier(one.key.kid.hex(), note.NOTE_KEY, one.key.raw): one
        for one in issuers
        if may(one, MAY_ACT) and one.key.alg == ED25519
    }
    if not any(one.name.encode() in data for one in known):
        raise Unread("an act of nobody whom the ledger here names", reason="R-LEDGER")
    found = note.open_note(data, known)
    deed = _deed_in(found.text, origin)
    signers = [known[one.verifier] for one in found.signatures]
    in_time = [one for one in signers if one.since <= deed.issued_at <= one.until]
    _check_signers(deed, in_time)
    names = tuple(one.name for one in in_time)
    is_forced = any(may(one, CALLS_HELP) for one in in_time)
    return Act(deed, names, is_forced, hashlib.sha256(found.text.encode()).digest())


def _check_signers(deed: Deed, signers: list[Issuer]) -> None:
    wanted = _SIGNERS.get(deed.kind, 1)
    if len({one.name for one in signers}) != wanted or len(signers) != wanted:
        what = "two guards" if wanted > 1 else "one guard"
        raise urgent.refused(f"a {deed.kind} is signed by {what}, in the time of their keys")
    if deed.kind is Kind.HANDOVER and signers[-1].key.kid.hex() != deed.object:
        raise urgent.refused("a handover is signed last by who takes over")


def _deed_in(text: str, origin: str) -> Deed:
    """The deed that a text says, which has one spelling."""
    lines = text[:-1].split("\n")
    if lines[0] != f"{origin}{PURPOSE}" or len(lines) < _HEAD_LINES:
        raise urgent.refused(f"not an act of {origin}: time, deed, place, remark")
    word, _, thing = lines[2].partition(" ")
    kind = _KINDS.get(word)
    if kind is None:
        raise Unread(f"{word[:20]!r} is nothing that a guard did so far", reason="R-LEDGER")
    if not _OBJECTS[kind].fullmatch(thing):
        raise urgent.refused(f"{lines[2][:60]!r} is nothing that a guard does")
    at, remark = _AT.fullmatch(lines[3]), _REMARK.fullmatch(lines[4])
    if at is None or remark is None:
        raise urgent.refused("an act without its terminal or its remark")
    if kind in NEEDS_REMARK and not remark[1]:
        raise urgent.refused(f"a guard says why: {kind} without a remark")
    said = tuple(lines[_HEAD_LINES:])
    _check_lines(kind, said)
    issued_at = urgent.number_of(lines[1])
    return Deed(issued_at, kind, thing, at[1], bytes.fromhex(remark[1] or ""), said)


def _check_lines(kind: Kind, lines: tuple[str, ...]) -> None:
    if bool(lines) is not (kind is Kind.HANDOVER) or len(lines) > MAX_LINES:
        raise urgent.refused(f"a handover has 1 to {MAX_LINES} lines, another act none")
    for line in lines:
        if not (0 < len(line) <= MAX_LINE and line.isprintable()):
            raise urgent.refused(f"a line of a handover has 1 to {MAX_LINE} printable characters")
