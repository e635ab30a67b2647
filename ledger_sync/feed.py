"""A terminal's own log of checks: entries, their Merkle frontier, its signed heads.

One feed is one (terminal key, incarnation): a process start draws a new incarnation, so an SD card
restored from an image can never write a second history under an old name. Pure: storing is the
caller's. FORMAT.md section 8. Checks are fixed records, not CBOR: one spelling by construction,
at a tenth of the price, on the way of every person through a gate.
"""

import struct
from typing import Any, NamedTuple

from ledger_sync import cbor, masks, note
from ledger_sync.act_record import ACT, HASH_AT
from ledger_sync.act_record import HEAD_BYTES as ACT_HEAD
from ledger_sync.errors import Refused
from ledger_sync.gate_alarm import ALARM
from ledger_sync.gate_alarm import HEAD_BYTES as ALARM_HEAD
from ledger_sync.keys import SigningKey
from ledger_sync.merkle import Frontier, leaf_hash

OPEN, CHECK, PRUNED = 0, 1, 2
MAX_TEXT = 255  # bytes of a gate name, of the reasons, of the facts
INCARNATION_BYTES = 8
BUNDLE = 256  # entries between two signed heads, and of one tlog-tiles bundle
MAX_SEALED = 255  # bytes of one sealed remainder
NOTHING_SEALED = bytes(32)  # where a check states the hash of its sealed remainder, and has none
_CHECK = struct.Struct(">BBBBBBQQIQ16s16sQQH32sBBB")
ZONES, NO_ZONE = 53, 255  # zones of a site, by number; where a gate counts for none


class Check(NamedTuple):
    """One presentation and its verdict, as it is logged.

    `way` is 0 in, 1 out. `hlc` orders checks of several terminals for readers (clock.Hybrid).
    `pseudonym` links the checks of one credential for a day. `digest` is the first 16 bytes of
    SHA-256 of what was presented. `carrier` is who showed it, masked (see `masked`), and `code_at`
    the time of the code, if the check counts as a use; both 0 if not. `zone` is where it counts,
    `quota` how many entries the credential is good for, 0 for any number. `sealed` is the SHA-256
    of what only the auditor can read, which travels beside the record and is forgotten first.
    `facts` holds all that the verdict was computed from, so that replaying it gives the same
    bytes; nothing in it names a person.
    """

    colour: int
    action: int
    way: int
    is_counted: int
    zone: int
    at: int
    hlc: int
    error_seconds: int
    ledger_size: int
    pseudonym: bytes
    digest: bytes
    carrier: int
    code_at: int
    quota: int
    sealed: bytes
    gate: str
    reasons: tuple[str, ...]
    facts: bytes

    def to_bytes(self) -> bytes:
        """The record of FORMAT.md 8.2: a head of fixed width, then gate, reasons and facts."""
        return record_of(*self)


def record_of(*fields: Any) -> bytes:
    """The record of a `Check` of these fields. Raises `Refused`."""
    *plain, gate, reasons, facts = fields
    name, why = gate.encode(), " ".join(reasons).encode()
    try:
        head = _CHECK.pack(CHECK, *plain, len(name), len(why), len(facts))
    except struct.error:
        raise Refused(f"a number or a text of over {MAX_TEXT} bytes in a check") from None
    return b"".join((head, name, why, facts))


def check_of(data: bytes) -> Check:
    """The check in a feed entry. Raises `Refused` (R-LEDGER) for anything else."""
    if len(data) < _CHECK.size or data[0] != CHECK:
        raise Refused("not a check", reason="R-LEDGER")
    _, *plain, gate_size, reasons_size, facts_size = _CHECK.unpack_from(data)
    rest = data[_CHECK.size :]
    if len(rest) != gate_size + reasons_size + facts_size:
        raise Refused("a check of another length than it says", reason="R-LEDGER")
    try:
        gate = rest[:gate_size].decode()
        reasons = tuple(rest[gate_size : gate_size + reasons_size].decode().split())
    except UnicodeDecodeError:
        raise Refused("a check with text that is not UTF-8", reason="R-LEDGER") from None
    check = Check._make((*plain, gate, reasons, rest[gate_size + reasons_size :]))
    if check.to_bytes() != data:
        raise Refused("a check in another spelling", reason="R-LEDGER")
    is_free = check.carrier == check.code_at == check.quota == 0
    if check.is_counted > 1 or check.way > 1 or not (check.is_counted or is_free):
        raise Refused("a check whose use is neither counted nor not", reason="R-LEDGER")
    if not _is_zone(check.zone):
        raise Refused(f"a check in zone {check.zone}, which no site has", reason="R-LEDGER")
    return check


def _is_zone(zone: int) -> bool:
    return zone < ZONES or zone == NO_ZONE


class Use(NamedTuple):
    """What peers take from a check that counts: who (`holder`, unmasked), by which code, when,
    in which zone, and how many entries are allowed (0: any number)."""

    digest: bytes
    holder: int
    code_at: int
    way: int
    at: int
    hlc: int
    zone: int = NO_ZONE
    quota: int = 0


def use_of(data: bytes, site_secret: bytes) -> Use | None:
    """The use in a feed entry, None if it is none that counts.

    Looks at no text: what is malformed behind the head is kept all the same.
    """
    if len(data) < _CHECK.size or data[0] != CHECK or data[3] > 1 or data[4] != 1:
        return None
    _, _, _, way, _, zone, at, hlc, _, _, _, digest, carrier, code_at, quota, *_ = (
        _CHECK.unpack_from(data)
    )
    if max(at, code_at) > note.MAX_NUMBER or not _is_zone(zone):
        return None  # no gate wrote that, and no store would take it
    key = masks.day_key(site_secret, at)
    return Use(digest, masks.unmasked(carrier, key, digest), code_at, way, at, hlc, zone, quota)


def hlc_of(data: bytes) -> int:
    """The hybrid time of a check, an alarm or an act, 0 for any other entry."""
    at = _time_place(data)
    return int.from_bytes(data[at + 8 : at + 16], "big") if at else 0


def at_of(data: bytes) -> int:
    """When a check was made, an alarm or an act; 0 for any other entry."""
    at = _time_place(data)
    return int.from_bytes(data[at : at + 8], "big") if at else 0


def _time_place(data: bytes) -> int:
    """Where the time of an entry stands, with the hybrid time behind it; 0 for none."""
    size, at = _TIMES.get(data[:1], (0, 0))
    return at if len(data) >= size else 0


def sealed_hash_of(data: bytes) -> bytes:
    """The hash of its sealed remainder that a feed entry states; 32 zeros for none."""
    size, at = _SEALED.get(data[:1], (0, 0))
    return data[at : at + 32] if at and len(data) >= size else NOTHING_SEALED


_IS_CHECK, _IS_ALARM, _IS_ACT = (bytes((kind,)) for kind in (CHECK, ALARM, ACT))
_TIMES = {_IS_CHECK: (_CHECK.size, 6), _IS_ALARM: (ALARM_HEAD, 2), _IS_ACT: (ACT_HEAD, 1)}
_SEALED = {_IS_CHECK: (_CHECK.size, _CHECK.size - 3 - 32), _IS_ACT: (ACT_HEAD, HASH_AT)}
"""Kind of an entry -> (its least size, where its time or its hash stands)."""


class Opening(NamedTuple):
    """Entry 0 of every incarnation: whose feed this is and where the terminal stood."""

    terminal: bytes  # raw public key
    boot_count: int
    previous: bytes  # incarnation before this one, empty for the first
    previous_size: int
    software: str
    time_floor: int

    def to_bytes(self) -> bytes:
        return cbor.encode((OPEN, *self))


def opening_of(data: bytes) -> Opening:
    """The opening in entry 0 of a feed. Raises `Refused` (R-LEDGER) for anything else."""
    match _item_of(data, "an opening"):
        case [0, bytes(key), int(boots), bytes(previous), int(size), str(software), int(at)]:
            opening = Opening(key, boots, previous, size, software, at)
        case _:
            raise Refused("not an opening", reason="R-LEDGER")
    if not _are_numbers(boots, size, at) or opening.to_bytes() != data:
        raise Refused("an opening in another spelling", reason="R-LEDGER")
    if len(key) != 32 or len(previous) not in (0, INCARNATION_BYTES):
        raise Refused("an opening without a key, or after no incarnation", reason="R-LEDGER")
    return opening


class Pruned(NamedTuple):
    """That `forgotten` rows of sealed remainders of checks before `before` are here no more."""

    at: int
    before: int
    forgotten: int

    def to_bytes(self) -> bytes:
        return cbor.encode((PRUNED, *self))


def pruned_of(data: bytes) -> Pruned:
    """What a feed entry says was forgotten. Raises `Refused` (R-LEDGER) for anything else."""
    match _item_of(data, "what was forgotten"):
        case [2, int(at), int(before), int(forgotten)] if _are_numbers(at, before, forgotten):
            return Pruned(at, before, forgotten)
        case _:
            raise Refused("not what was forgotten", reason="R-LEDGER")


def _item_of(data: bytes, what: str) -> cbor.Value:
    try:
        return cbor.decode(data)
    except Refused as refused:
        raise Refused(f"not {what}: {refused}", reason="R-LEDGER") from None


def _are_numbers(*values: int) -> bool:
    """Whether all are whole numbers of 63 bits; to Python true is one as well."""
    return all(type(value) is int and 0 <= value <= note.MAX_NUMBER for value in values)


class Feed:
    """The feed of this process: appends to the frontier and signs heads. Owned by one thread.

    `origin` is `yardpass/<site>/<terminal>/<incarnation in hex>`. A feed may go on from a stored
    frontier, to sign what an earlier process had no time for.
    """

    def __init__(self, *, origin: str, key: SigningKey, frontier: Frontier | None = None) -> None:
        if not note.is_key_name(origin):
            raise Refused(f"{origin!r} cannot sign heads: no spaces, no plus signs")
        self.origin = origin
        self._key = key
        self._frontier = frontier.copy() if frontier else Frontier()
        self.size = self._frontier.size
        self._unhashed: list[bytes] = []
        self._verifier = verifier_of(origin, key.public.raw)

    def append(self, entry: bytes) -> None:
        """Takes an entry that is already durable. Hashing waits for the next head."""
        self._unhashed.append(entry)
        self.size += 1

    @property
    def has_full_bundle(self) -> bool:
        """Whether a bundle is full and no head ends with it yet."""
        return self._frontier.size // BUNDLE < self.size // BUNDLE

    def stand(self) -> tuple[int, bytes]:
        """How many entries the newest head is over, and its root."""
        return self._frontier.size, self._frontier.root()

    def full_heads(self) -> list["Head"]:
        """A signed head at the end of each bundle that filled since the last one."""
        heads = []
        while self.has_full_bundle:
            heads.append(self._head_at(BUNDLE - self._frontier.size % BUNDLE))
        return heads

    def head(self) -> "Head":
        """The signed head over everything appended so far."""
        return self._head_at(len(self._unhashed))

    def _head_at(self, count: int) -> "Head":
        for entry in self._unhashed[:count]:
            self._frontier.append(leaf_hash(entry))
        del self._unhashed[:count]
        size, root = self._frontier.size, self._frontier.root()
        text = note.Checkpoint(self.origin, size, root).to_text()
        signed = text + "\n" + note.sign_note(text, self._verifier, self._key)
        return Head(size, signed, self._frontier.peaks)


class Head(NamedTuple):
    """A signed head: over how many entries, the note, and the frontier there."""

    size: int
    note: str
    peaks: tuple[bytes, ...]


def origin_of(site: str, terminal: str, incarnation: bytes) -> str:
    return f"yardpass/{site}/{terminal}/{incarnation.hex()}"


def verifier_of(origin: str, raw_key: bytes) -> note.Verifier:
    """The key that heads of this origin are checked with."""
    return note.Verifier(origin, note.NOTE_KEY, raw_key)
