"""A terminal's own log of checks: entries, their Merkle frontier, its signed heads.

One feed is one (terminal key, incarnation): a process start draws a new incarnation, so an SD card
restored from an image can never write a second history under an old name. Pure: storing is the
caller's. FORMAT.md section 8. Entries are fixed records, not CBOR: one spelling by construction,
at a tenth of the price, on the way of every person through a gate.
"""

import hashlib
import hmac
import struct
from typing import NamedTuple

from ledger_sync import cbor, note
from ledger_sync.errors import Refused
from ledger_sync.keys import SigningKey
from ledger_sync.merkle import Frontier, leaf_hash

OPEN, CHECK = 0, 1
MAX_TEXT = 255  # bytes of a gate name, of the reasons, of the facts
INCARNATION_BYTES = 8
PSEUDONYM_BYTES = 16
DAY_SECONDS = 86_400
BUNDLE = 256  # entries between two signed heads, and of one tlog-tiles bundle
_CHECK = struct.Struct(">BBBQIQ16s16sBBB")


class Check(NamedTuple):
    """One presentation and its verdict, as it is logged.

    `facts` holds all that the verdict was computed from, so that replaying it gives the same
    bytes; nothing in it names a person. `pseudonym` links the checks of one credential for a day.
    `digest` is the first 16 bytes of SHA-256 of what was presented.
    """

    colour: int
    action: int
    at: int
    error_seconds: int
    ledger_size: int
    pseudonym: bytes
    digest: bytes
    gate: str
    reasons: tuple[str, ...]
    facts: bytes

    def to_bytes(self) -> bytes:
        """The record of FORMAT.md 8.2: a head of fixed width, then gate, reasons and facts."""
        *plain, gate, reasons, facts = self
        name, why = gate.encode(), " ".join(reasons).encode()
        try:
            head = _CHECK.pack(CHECK, *plain, len(name), len(why), len(facts))
        except struct.error:
            raise Refused(f"a number or a text of over {MAX_TEXT} bytes in a check") from None
        return head + name + why + facts


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
    return check


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
    try:
        item = cbor.decode(data)
    except Refused as refused:
        raise Refused(f"not an opening: {refused}", reason="R-LEDGER") from None
    match item:
        case [0, bytes(terminal), int(boots), bytes(previous), int(size), str(software), int(at)]:
            opening = Opening(terminal, boots, previous, size, software, at)
        case _:
            raise Refused("not an opening", reason="R-LEDGER")
    if len(terminal) != 32 or opening.to_bytes() != data:
        raise Refused("an opening in another spelling, or without a key", reason="R-LEDGER")
    return opening


def day_key(site_secret: bytes, at: int) -> bytes:
    """The key pseudonyms of the day of `at` are made with; deleting the secret unlinks them."""
    day = at // DAY_SECONDS
    return hmac.digest(site_secret, b"yardpass/day/v1" + day.to_bytes(8, "big"), "sha256")


def pseudonym(key: bytes, credential: bytes) -> bytes:
    """Keyed BLAKE2b (RFC 7693) of a credential under the key of the day, 16 bytes."""
    return hashlib.blake2b(credential, key=key, digest_size=PSEUDONYM_BYTES).digest()


class Feed:
    """The feed of this process: appends to the frontier and signs heads. Owned by one thread.

    `origin` is `yardpass/<site>/<terminal>/<incarnation in hex>`.
    """

    def __init__(self, *, origin: str, key: SigningKey) -> None:
        if not note.is_key_name(origin):
            raise Refused(f"{origin!r} cannot sign heads: no spaces, no plus signs")
        self.origin = origin
        self.size = 0
        self._key = key
        self._frontier = Frontier()
        self._unhashed: list[bytes] = []
        self._verifier = note.Verifier(origin, note.NOTE_KEY, key.public.raw)

    def append(self, entry: bytes) -> None:
        """Takes an entry that is already durable. Hashing waits for the next head."""
        self._unhashed.append(entry)
        self.size += 1

    @property
    def needs_head(self) -> bool:
        """Whether a bundle is full and no head covers it yet."""
        return len(self._unhashed) >= BUNDLE

    def head(self) -> str:
        """The signed head: a checkpoint note over everything appended so far."""
        for entry in self._unhashed:
            self._frontier.append(leaf_hash(entry))
        self._unhashed.clear()
        text = note.Checkpoint(self.origin, self.size, self._frontier.root()).to_text()
        return text + "\n" + note.sign_note(text, self._verifier, self._key)


def origin_of(site: str, terminal: str, incarnation: bytes) -> str:
    return f"yardpass/{site}/{terminal}/{incarnation.hex()}"
