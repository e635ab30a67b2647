"""Ledger entries in bytes and back: strict CBOR, one spelling each.

    [1, "unpass", 0, {1: h'1e7d...'}]        version, kind, critical classes, body

Pure; the values are in kinds.py, what they do in state.py. FORMAT.md section 5.
"""

import re
from typing import Any, NamedTuple

from ledger_sync import cbor
from ledger_sync import fields as _f
from ledger_sync.errors import Refused
from ledger_sync.fields import MAX_NAME
from ledger_sync.keys import ED25519, PublicKey
from ledger_sync.kinds import (
    ALL_RIGHTS,
    CALLS_HELP,
    CARD,
    CERTIFIED_CARD,
    DURESS,
    HANDLE_BYTES,
    MAX_ANNOUNCED,
    MAX_ASSURANCE,
    MAX_CERTIFICATE,
    MAX_CLASSES,
    MAX_HINTS,
    MAX_POLICY,
    MAX_ROOTS,
    MAX_RULE,
    MAX_SHARD,
    MAX_STATUS_INDEX,
    MAY_ACT,
    MAY_CERTIFY,
    MAY_DENY,
    MAY_ISSUE,
    MAY_ORDER,
    Blob,
    Entry,
    Issuer,
    Pass,
    Policy,
    Recognise,
    Rule,
    Shard,
    Snapshot,
    Status,
    Terminal,
    Unknown,
    Unpass,
)

__all__ = [
    "ALL_RIGHTS",
    "CALLS_HELP",
    "CARD",
    "CERTIFIED_CARD",
    "DURESS",
    "HANDLE_BYTES",
    "KINDS",
    "MAX_ANNOUNCED",
    "MAX_ASSURANCE",
    "MAX_CERTIFICATE",
    "MAX_CLASSES",
    "MAX_HINTS",
    "MAX_NAME",
    "MAX_POLICY",
    "MAX_ROOTS",
    "MAX_RULE",
    "MAX_SHARD",
    "MAX_STATUS_INDEX",
    "MAY_ACT",
    "MAY_CERTIFY",
    "MAY_DENY",
    "MAY_ISSUE",
    "MAY_ORDER",
    "POLICY_HEAD",
    "VERSION",
    "Blob",
    "Entry",
    "Issuer",
    "Pass",
    "Policy",
    "Recognise",
    "Rule",
    "Shard",
    "Snapshot",
    "Status",
    "Terminal",
    "Unknown",
    "Unpass",
    "body_of",
    "parse",
    "to_bytes",
]
VERSION = 1
POLICY_HEAD = b"\x84\x01\x66policy"  # how every policy entry begins, and no other


class Kind(NamedTuple):
    """How one kind stands in bytes: the value it becomes, and its fields in that order."""

    value: Any
    fields: tuple[_f.Field, ...]


_HASH = _f.octets(0, _f.HASH_BYTES)
_CLASSES = (1 << MAX_CLASSES) - 1
KINDS: dict[str, Kind] = {
    "policy": Kind(
        Policy,
        (
            _f.count(1),
            _f.blob(2, MAX_POLICY),
            _f.array(3, _HASH, MAX_ROOTS, 1),
            _f.count(4, MAX_ROOTS),
            _f.array(5, _HASH, MAX_ANNOUNCED),
            _f.optional(_f.octets(6, _f.HASH_BYTES)),
            _f.pairs(7, _f.octets(0, HANDLE_BYTES), _f.octets(0, 64), 2 * MAX_ROOTS),
        ),
    ),
    "issuer": Kind(
        Issuer,
        (
            *(_f.text(1), _f.key(2), _f.count(3), _f.count(4), _f.count(5, _CLASSES)),
            _f.optional(_f.count(6, ALL_RIGHTS)),
        ),
    ),
    "recognise": Kind(
        Recognise,
        (
            _f.text(1),
            *map(_f.optional, (_f.octets(2, _f.HASH_BYTES), _f.count(3, _CLASSES))),
            _f.optional(_f.array(4, _f.count(0, 3), 4, 4)),
            *map(_f.optional, (_f.count(5), _f.count(6))),
        ),
    ),
    "terminal": Kind(
        Terminal,
        (
            _f.text(1),
            *map(_f.optional, (_f.key(2), _f.text(3), _f.text(4), _f.blob(5, MAX_CERTIFICATE))),
            _f.optional(_f.array(6, _f.line(0, 255), MAX_HINTS)),
        ),
    ),
    "pass": Kind(
        Pass,
        (
            *(_f.octets(1, HANDLE_BYTES), _f.octets(2, HANDLE_BYTES), _f.text(3), _f.text(4)),
            *(_f.count(5, MAX_STATUS_INDEX), _f.count(6, MAX_CLASSES - 1), _f.count(7)),
            *(_f.count(8, MAX_ASSURANCE), _f.count(9), _f.count(10), _f.optional(_f.key(11))),
        ),
    ),
    "unpass": Kind(Unpass, (_f.octets(1, HANDLE_BYTES),)),
    "status": Kind(
        Status,
        (
            *(_f.text(1), _f.count(2)),
            _f.pairs(3, _f.count(0, MAX_STATUS_INDEX), _f.count(0, 3), 128),
        ),
    ),
    "shard": Kind(Shard, (_f.blob(1, MAX_SHARD),)),
    "rule": Kind(Rule, (_f.text(1), _f.blob(2, MAX_RULE))),
    "snapshot": Kind(
        Snapshot,
        (_f.count(1), _f.octets(2, _f.HASH_BYTES), _f.count(3), _f.octets(4, _f.HASH_BYTES)),
    ),
    "blob": Kind(
        Blob,
        (
            *(_f.text(1), _f.octets(2, _f.HASH_BYTES), _f.count(3)),
            _f.optional(_f.array(4, _f.line(0, 255), MAX_HINTS)),
        ),
    ),
}
_NAMES = {kind.value: name for name, kind in KINDS.items()}


def parse(data: bytes) -> Entry:
    """The entry in `data` (at most 65,535 bytes). Raises `Refused` (R-LEDGER) if malformed."""
    found = _common_pass(data)
    if found is not None:
        return found
    try:
        return _parse(data)
    except Refused as refused:
        raise Refused(f"ledger entry: {refused}", reason="R-LEDGER") from None


def _parse(data: bytes) -> Entry:
    match cbor.decode(data, max_size=cbor.MAX_ENTRY):
        case [int(version), str(name), int(critical), dict(body)]:
            pass
        case _:
            raise Refused("not [version, kind, critical, body]")
    if type(version) is bool or type(critical) is bool or not 0 <= critical < 1 << MAX_CLASSES:
        raise Refused("version or critical classes out of range")
    kind = KINDS.get(name) if version == VERSION else None
    if kind is None:
        return Unknown(name[:MAX_NAME], critical)
    entry: Entry = kind.value(*_f.read(body, kind.fields))
    return entry


_PASS = re.compile(
    rb"\x84\x01\x64pass\x00\xab\x01\x48(.{8})\x02\x48(.{8})"
    rb"\x03([\x61-\x77])([ -~]{1,23})\x04([\x61-\x77])([ -~]{1,23})"
    rb"\x05(?:([\x00-\x17])|\x18([\x18-\xff])|\x19(?!\x00)(..)|\x1a(\x00\x01..))"
    rb"\x06([\x00-\x17])\x07([\x00-\x17])\x08([\x00-\x03])"
    rb"\x09\x1a(?!\x00\x00)(.{4})\x0a\x1a(?!\x00\x00)(.{4})"
    rb"\x0b\xa3\x01\x01\x20\x06\x21\x58\x20(.{32})",
    re.DOTALL,
)


def _common_pass(data: bytes) -> Pass | None:
    """The pass in `data` if it is spelled as nearly all are; None leaves it to the codec.

    Ten times as fast, on entries that stand by the hundred thousand in a ledger. What it takes
    the codec takes too, to the same value: tests/test_entries.py.
    """
    found = _PASS.fullmatch(data)
    if found is None:
        return None
    handle, kid, n1, subject, n2, uri, *idx, klass, zones, assurance, since, until, raw = (
        found.groups()
    )
    if len(subject) != n1[0] - 0x60 or len(uri) != n2[0] - 0x60:
        return None
    number = int.from_bytes
    index = number(idx[0] or idx[1] or idx[2] or idx[3], "big")  # 131,071 is the most it spells
    return Pass(
        *(handle, kid, subject.decode(), uri.decode(), index, klass[0], zones[0], assurance[0]),
        *(number(since, "big"), number(until, "big"), PublicKey(ED25519, raw)),
    )


def to_bytes(entry: Entry, *, critical: int = 0) -> bytes:
    """The bytes of an entry: what `parse` reads back to an equal value.

    `critical` marks classes for readers that do not know the kind; an `Unknown` brings its own.
    """
    if isinstance(entry, Unknown):
        return cbor.encode([VERSION, entry.kind, entry.critical, {}])
    return cbor.encode([VERSION, _NAMES[type(entry)], critical, body_of(entry)])


def body_of(entry: Entry) -> _f.Body:
    """The body of an entry of a known kind, as CBOR values."""
    values = entry if isinstance(entry, Pass) else [getattr(entry, at) for at in entry.__slots__]
    return _f.write(values, KINDS[_NAMES[type(entry)]].fields)
