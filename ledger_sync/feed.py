"""A terminal's own log of checks: entries, their Merkle frontier, its signed heads.

One feed is one (terminal key, incarnation): a process start draws a new incarnation, so an SD card
restored from an image can never write a second history under an old name. Pure: storing is the
caller's. FORMAT.md section 8.

    [1, 1701237408, 2, 0, 0, [], "north", h'9c..', h'41..', 1204, [...]]
"""

import hmac
from typing import NamedTuple

from ledger_sync import cbor, note
from ledger_sync.errors import Refused
from ledger_sync.keys import SigningKey
from ledger_sync.merkle import Frontier, leaf_hash

OPEN, CHECK = 0, 1
MAX_CHECK = 4_096  # bytes of one feed entry
INCARNATION_BYTES = 8
PSEUDONYM_BYTES = 16
DAY_SECONDS = 86_400
BUNDLE = 256  # entries between two signed heads, and of one tlog-tiles bundle


class Check(NamedTuple):
    """One presentation and its verdict, as it is logged.

    `facts` holds all that the verdict was computed from, so that replaying it gives the same
    bytes; nothing in it names a person. `pseudonym` links the checks of one credential for a day.
    `digest` is the first 16 bytes of SHA-256 of what was presented.
    """

    at: int
    error_seconds: int
    colour: int
    action: int
    reasons: tuple[str, ...]
    gate: str
    pseudonym: bytes
    digest: bytes
    ledger_size: int
    facts: tuple[cbor.Value, ...]

    def to_bytes(self) -> bytes:
        return cbor.encode((CHECK, *self))


def check_of(data: bytes) -> Check:
    """The check in a feed entry. Raises `Refused` (R-LEDGER) for any other shape."""
    match cbor.decode(data, max_size=MAX_CHECK):
        case [1, int(at), int(error), int(colour), int(action), list(reasons), str(gate),
              bytes(pseudonym), bytes(digest), int(size), list(facts)]:  # fmt: skip
            pass
        case _:
            raise Refused("not a check", reason="R-LEDGER")
    if not all(isinstance(reason, str) for reason in reasons):
        raise Refused("a reason of a check is not text", reason="R-LEDGER")
    codes = tuple(map(str, reasons))
    return Check(at, error, colour, action, codes, gate, pseudonym, digest, size, tuple(facts))


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


def day_key(site_secret: bytes, at: int) -> bytes:
    """The key pseudonyms of the day of `at` are made with; deleting the secret unlinks them."""
    day = at // DAY_SECONDS
    return hmac.digest(site_secret, b"yardpass/day/v1" + day.to_bytes(8, "big"), "sha256")


def pseudonym(key: bytes, credential: bytes) -> bytes:
    """HMAC(day key, credential), 16 bytes."""
    return hmac.digest(key, credential, "sha256")[:PSEUDONYM_BYTES]


class Feed:
    """The feed of this process: appends to the frontier and signs heads. Owned by one thread.

    `origin` is `yardpass/<site>/<terminal>/<incarnation in hex>`.
    """

    def __init__(self, *, origin: str, key: SigningKey) -> None:
        self.origin = origin
        self._key = key
        self._frontier = Frontier()
        self._verifier = note.Verifier(origin, note.NOTE_KEY, key.public.raw)

    @property
    def size(self) -> int:
        return self._frontier.size

    def append(self, entry: bytes) -> int:
        """Takes an entry that is already durable into the frontier; its sequence number."""
        self._frontier.append(leaf_hash(entry))
        return self._frontier.size - 1

    @property
    def has_full_bundle(self) -> bool:
        return self.size % BUNDLE == 0

    def head(self) -> str:
        """The signed head: a checkpoint note over everything appended so far."""
        text = note.Checkpoint(self.origin, self.size, self._frontier.root()).to_text()
        return text + "\n" + note.sign_note(text, self._verifier, self._key)


def origin_of(site: str, terminal: str, incarnation: bytes) -> str:
    return f"yardpass/{site}/{terminal}/{incarnation.hex()}"
