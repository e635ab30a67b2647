"""The values that ledger entries stand for, one class a kind, and their bounds.

A closed set. entries.py turns them into bytes and back, state.py says what they do, trust.py who
must sign a policy. FORMAT.md section 5.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ledger_sync.keys import PublicKey

HANDLE_BYTES = 8
MAX_CLASSES = 32  # classes fit a bit mask
MAX_STATUS_INDEX = 131_071  # subjects of one status list shard, less one
MAX_RULE = 60_000  # bytes of one rule text
MAX_SHARD = 60_000  # bytes of one status list token
MAX_POLICY = 16_384  # bytes of a policy text in an entry
MAX_ROOTS = 16  # root keys of one policy
MAX_ANNOUNCED = 64  # keys a policy announces
MAX_CERTIFICATE = 4_096  # bytes of DER
MAX_HINTS = 8  # addresses of a terminal, places of a blob
MAY_ISSUE, MAY_DENY, MAY_CERTIFY, MAY_ORDER = 1, 2, 4, 8  # rights of an issuer's key
MAY_ACT, CALLS_HELP = 16, 32  # of a guard's key; of the one used when forced to
USUAL_RIGHTS = MAY_ISSUE | MAY_DENY  # of one whose rights are not stated
ALL_RIGHTS = USUAL_RIGHTS | MAY_CERTIFY | MAY_ORDER | MAY_ACT | CALLS_HELP
CARD, CERTIFIED_CARD = 4, 5  # assurance of a key in a card; one whose maker certifies it, too
DURESS = 6  # of a key that opens as a software key does and tells the other terminals: duress.py
MAX_ASSURANCE = DURESS


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom the gates believe from here on: see trust.py, which also says who must sign it.

    `text` is a C2SP tlog-policy. `roots` are Ed25519 keys, `threshold` of which sign the next
    policy; `announced` are SHA-256 of the keys that may enter with it. `previous` is the digest
    of the policy before, None for the first. `signatures` are (first 8 bytes of SHA-256 of a root
    key, signature).
    """

    version: int
    text: bytes
    roots: tuple[bytes, ...]
    threshold: int
    announced: tuple[bytes, ...]
    previous: bytes | None
    signatures: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Issuer:
    """A key that may sign passes of `classes` (bit mask) with `iat` in `since`..`until`.

    `rights`: 1 may issue passes and status lists, 2 may sign deny notes, 4 may certify the keys of
    cards, 8 may sign orders to gates, 16 may sign acts of a guard; 32 an act by it is shown at
    the other terminals as a call for help.
    """

    name: str
    key: PublicKey
    since: int
    until: int
    classes: int
    rights: int | None = None  # None is written as nothing and means 1 and 2


@dataclass(frozen=True, slots=True)
class Recognise:
    """Another authority whose passes count here, under its policy of this digest.

    `colours[n]` is the status that its status n is taken for, `max_age` seconds how old its ledger
    may be. Without `policy` the recognition is withdrawn.
    """

    authority: str
    policy: bytes | None = None
    classes: int | None = None
    colours: tuple[int, ...] | None = None
    max_age: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal of the site: its feed key, TLS certificate (DER), gate, role and addresses.

    Without `key` it is gone.
    """

    name: str
    key: PublicKey | None = None
    gate: str | None = None
    role: str | None = None
    certificate: bytes | None = None
    addresses: tuple[str, ...] | None = None


class Pass(NamedTuple):
    """A pass the gates of this authority know by its handle: all a code by reference needs.

    `key` is None for a bare card number. `idx` is its place in the status list `uri`.
    `assurance` is that of the pass, or CARD, CERTIFIED_CARD for the key in a card, and for the
    number of such a card, which must never be shown alone; or DURESS.
    """

    handle: bytes
    kid: bytes
    subject: str
    uri: str
    idx: int
    klass: int
    zones: int
    assurance: int
    issued_at: int
    expires_at: int
    key: PublicKey | None


@dataclass(frozen=True, slots=True)
class Unpass:
    """Takes a pass off the list of those known by handle. Status revokes; this forgets."""

    handle: bytes


@dataclass(frozen=True, slots=True)
class Status:
    """Changes to one status list: (index, value) pairs, applied in order."""

    uri: str
    issued_at: int
    changes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Shard:
    """A whole status list of 131,072 subjects at 2 bits, as an issuer's Token Status List CWT."""

    token: bytes


@dataclass(frozen=True, slots=True)
class Rule:
    """The text the gates decide by; only the appliance reads it."""

    name: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state before this entry as one file: its hash and size, and the digest of the state."""

    size: int
    sha256: bytes
    length: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Blob:
    """A file the authority stands for, such as an update: its name, hash, size, where to look."""

    name: str
    sha256: bytes
    length: int
    hints: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """An entry of a kind this version cannot apply. `critical` classes turn grey (a bit mask)."""

    kind: str
    critical: int


Entry: TypeAlias = (
    Policy
    | Issuer
    | Recognise
    | Terminal
    | Pass
    | Unpass
    | Status
    | Shard
    | Rule
    | Snapshot
    | Blob
    | Unknown
)
