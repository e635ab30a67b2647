"""What an authority writes into its ledger: a closed set of entry kinds, in strict CBOR.

    [1, "unpass", 0, {1: h'1e7d...'}]        version, kind, critical classes, body

Pure: bytes to values and back; state.py says what an entry does. FORMAT.md section 5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from ledger_sync import cbor
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey, public_key

VERSION = 1
HANDLE_BYTES = 8
MAX_NAME = 64  # characters of a name, subject or list address
MAX_CLASSES = 32  # classes fit a bit mask
MAX_STATUS_INDEX = 131_071  # subjects of one status list shard
MAX_RULE = 60_000  # bytes of one rule text


@dataclass(frozen=True, slots=True)
class Issuer:
    """A key that may sign passes of `classes` (bit mask) with `iat` in `since`..`until`."""

    name: str
    key: PublicKey
    since: int
    until: int
    classes: int


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass the gates of this authority know by its handle: all a code by reference needs.

    `key` is None for a bearer pass. `index` is its place in the status list `uri`.
    """

    handle: bytes
    kid: bytes
    subject: str
    uri: str
    index: int
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
class Rule:
    """The text the gates decide by; only the appliance reads it."""

    name: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Unknown:
    """An entry of a kind this version cannot apply. `critical` classes turn grey (a bit mask)."""

    kind: str
    critical: int


Entry: TypeAlias = Issuer | Pass | Unpass | Status | Rule | Unknown
Body: TypeAlias = dict[cbor.Key, cbor.Value]
Reader: TypeAlias = Callable[[Body], Entry]


def parse(data: bytes) -> Entry:
    """The entry in `data` (at most 65,535 bytes). Raises `Refused` (R-LEDGER) if malformed."""
    try:
        return _parse(data)
    except Refused as refused:
        raise Refused(f"ledger entry: {refused}", reason="R-LEDGER") from None


def _parse(data: bytes) -> Entry:
    match cbor.decode(data, max_size=cbor.MAX_ENTRY):
        case [int(version), str(kind), int(critical), dict(body)]:
            pass
        case _:
            raise Refused("not [version, kind, critical, body]")
    if type(version) is bool or type(critical) is bool or not 0 <= critical < 1 << MAX_CLASSES:
        raise Refused("version or critical classes out of range")
    reader: Reader | None = _READERS.get(kind) if version == VERSION else None
    return reader(body) if reader else Unknown(kind[:MAX_NAME], critical)


def _issuer(body: Body) -> Issuer:
    _only(body, {1, 2, 3, 4, 5})
    return Issuer(
        text_of(body, 1),
        public_key(body.get(2)),
        number_of(body, 3),
        number_of(body, 4),
        number_of(body, 5, (1 << MAX_CLASSES) - 1),
    )


def _pass(body: Body) -> Pass:
    _only(body, set(range(1, 12)))
    return Pass(
        bytes_of(body, 1, HANDLE_BYTES),
        bytes_of(body, 2, HANDLE_BYTES),
        text_of(body, 3),
        text_of(body, 4),
        number_of(body, 5, MAX_STATUS_INDEX),
        number_of(body, 6, MAX_CLASSES - 1),
        number_of(body, 7),
        number_of(body, 8, 3),
        number_of(body, 9),
        number_of(body, 10),
        public_key(body[11]) if 11 in body else None,
    )


def _unpass(body: Body) -> Unpass:
    _only(body, {1})
    return Unpass(bytes_of(body, 1, HANDLE_BYTES))


def _status(body: Body) -> Status:
    _only(body, {1, 2, 3})
    pairs = body.get(3)
    if not isinstance(pairs, list) or not pairs or len(pairs) % 2:
        raise Refused("status changes are not index, value, index, value")
    flat = [number_of({at: item}, at) for at, item in enumerate(pairs)]
    changes = tuple(zip(flat[0::2], flat[1::2], strict=True))
    if any(index > MAX_STATUS_INDEX or value > 3 for index, value in changes):
        raise Refused("a status index or value is out of range")
    return Status(text_of(body, 1), number_of(body, 2), changes)


def _rule(body: Body) -> Rule:
    _only(body, {1, 2})
    text = body.get(2)
    if not isinstance(text, bytes) or len(text) > MAX_RULE:
        raise Refused(f"rule text is no byte string of at most {MAX_RULE}")
    return Rule(text_of(body, 1), text)


_READERS: dict[str, Reader] = {
    "issuer": _issuer,
    "pass": _pass,
    "unpass": _unpass,
    "status": _status,
    "rule": _rule,
}


def _only(body: Body, keys: set[int]) -> None:
    if not keys.issuperset(body):
        raise Refused(f"unknown field {sorted(map(str, set(body) - keys))[0]}")


def text_of(body: Body, key: cbor.Key) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        raise Refused(f"field {key} is no text of 1 to {MAX_NAME} characters")
    return value


def number_of(body: Body, key: cbor.Key, most: int = 2**53 - 1) -> int:
    value = body.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise Refused(f"field {key} is no number from 0 to {most}")
    return value


def bytes_of(body: Body, key: cbor.Key, size: int) -> bytes:
    value = body.get(key)
    if not isinstance(value, bytes) or len(value) != size:
        raise Refused(f"field {key} is not {size} bytes")
    return value


def to_bytes(entry: Entry, *, critical: int = 0) -> bytes:
    """The bytes of an entry: what `parse` reads back to an equal value.

    `critical` marks classes for readers that do not know the kind; an `Unknown` brings its own.
    """
    kind, body = _kind_and_body(entry)
    mask = entry.critical if isinstance(entry, Unknown) else critical
    return cbor.encode([VERSION, kind, mask, body])


def _kind_and_body(entry: Entry) -> tuple[str, Body]:
    match entry:
        case Issuer(name, key, since, until, classes):
            return "issuer", {1: name, 2: key.to_cose(), 3: since, 4: until, 5: classes}
        case Pass():
            return "pass", _pass_body(entry)
        case Unpass(handle):
            return "unpass", {1: handle}
        case Status(uri, issued_at, changes):
            return "status", {1: uri, 2: issued_at, 3: [n for pair in changes for n in pair]}
        case Rule(name, text):
            return "rule", {1: name, 2: text}
        case Unknown(kind, _):
            return kind, {}
        case _:
            assert_never(entry)


def _pass_body(entry: Pass) -> Body:
    body: Body = {
        1: entry.handle,
        2: entry.kid,
        3: entry.subject,
        4: entry.uri,
        5: entry.index,
        6: entry.klass,
        7: entry.zones,
        8: entry.assurance,
        9: entry.issued_at,
        10: entry.expires_at,
    }
    if entry.key is not None:
        body[11] = entry.key.to_cose()
    return body
