"""What ledger entries do to the replica: each becomes effects, in order, nothing else.

Pure: an effect is a name and a row; materialise.py holds the statement of that name. Replaying the
same entries gives the same rows (invariant I2). An entry that the authority had no right to add is
refused here, alike by the sequencer before it is added, by a cosigner before it signs, and by a
terminal before it is applied. FORMAT.md section 5.
"""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from ledger_sync import entries
from ledger_sync.cbor import Value
from ledger_sync.cbor_foreign import Foreign, Key
from ledger_sync.entries import MAX_STATUS_INDEX, MAY_ISSUE, Entry, Issuer
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey
from ledger_sync.kinds import USUAL_RIGHTS
from ledger_sync.status_list import KID, StatusList
from ledger_sync.trust import Trust, succeed

_signed = struct.Struct(">q").unpack
LIST_SIZE = MAX_STATUS_INDEX + 1  # subjects of one status list
Row: TypeAlias = tuple[Value, ...]
Effect: TypeAlias = tuple[str, Row]
"""One row to write: a key of the table of statements in materialise.py, and the row."""


class ListHead(NamedTuple):
    """A status list: its local number, from 1 in the order of the log, and its newest time."""

    number: int
    issued_at: int


@dataclass(slots=True)
class Known:
    """What the rules must know of the state before an entry; `effects_of` keeps it up to date."""

    trust: Trust
    issuers: dict[bytes, list[Issuer]] = field(default_factory=dict)
    lists: dict[str, ListHead] = field(default_factory=dict)

    def keys_for(self, header: dict[Key, Foreign]) -> list[PublicKey]:
        """The keys that may have signed a status list with this header."""
        kid = header.get(KID)
        found = self.issuers.get(kid, []) if isinstance(kid, bytes) else []
        return [one.key for one in found if may(one, MAY_ISSUE)]


def may(issuer: Issuer, right: int) -> bool:
    """Whether the key of this issuer has the right; without a mask it has the usual ones."""
    return bool((USUAL_RIGHTS if issuer.rights is None else issuer.rights) & right)


def number_of(handle: bytes) -> int:
    """The 8 bytes of a handle as the signed integer the tables are keyed by."""
    return int.from_bytes(handle, "big", signed=True)


def holder_of(raw_key: bytes) -> int:
    """The short name of a holder key, for its high-water mark: SHA-256(key)[:8]."""
    return number_of(hashlib.sha256(raw_key).digest()[:8])


def effects_of(entry: Entry, seq: int, known: Known) -> list[Effect]:
    """The effects of the entry at `seq`; an unknown kind only marks its critical classes.

    Raises `Refused` (R-LEDGER) for an entry that may not stand there.
    """
    return _EFFECTS[type(entry)](entry, seq, known)


def _list(uri: str, known: Known) -> tuple[int, list[Effect]]:
    """The number of the status list `uri`, and what makes it if it is new."""
    head = known.lists.get(uri)
    if head is not None:
        return head.number, []
    head = known.lists[uri] = ListHead(len(known.lists) + 1, 0)
    return head.number, [("list", (head.number, uri, 0))]


def _list_at(uri: str, issued_at: int, known: Known) -> tuple[int, list[Effect]]:
    """As `_list`, its time moved on. Raises `Refused` if a newer one was there already."""
    number, effects = _list(uri, known)
    before = known.lists[uri].issued_at
    if issued_at < before:
        raise _refused(f"status of {uri} at {issued_at}, {before} was applied before")
    known.lists[uri] = ListHead(number, issued_at)
    return number, [*effects, ("list_time", (issued_at, number))]


def _pass(entry: entries.Pass, seq: int, known: Known) -> list[Effect]:
    if not any(may(one, MAY_ISSUE) for one in known.issuers.get(entry.kid, ())):
        raise _refused(f"pass {entry.handle.hex()} is of no issuer in this ledger")
    head = known.lists.get(entry.uri)
    if head is not None:
        return [("pass", _pass_row(entry, head.number * LIST_SIZE + entry.idx))]
    number, effects = _list(entry.uri, known)
    return [*effects, ("pass", _pass_row(entry, number * LIST_SIZE + entry.idx))]


def _pass_row(entry: entries.Pass, slot: int) -> Row:
    handle, kid, subject, _, _, klass, zones, assurance, issued_at, expires_at, key = entry
    alg, raw = key or (None, None)
    return (
        *(_signed(handle)[0], kid, subject, slot, klass, zones, assurance, issued_at, expires_at),
        *(alg, raw, raw and _signed(hashlib.sha256(raw).digest()[:8])[0]),
    )


def _status(entry: entries.Status, seq: int, known: Known) -> list[Effect]:
    number, effects = _list_at(entry.uri, entry.issued_at, known)
    first = number * LIST_SIZE
    return effects + [("status", (first + idx, value)) for idx, value in entry.changes]


def _shard(entry: entries.Shard, seq: int, known: Known) -> list[Effect]:
    try:
        found = StatusList.from_cwt(entry.token, known.keys_for)
    except Refused as refused:
        raise _refused(f"shard: {refused}") from None
    if (found.bits, len(found)) != (2, LIST_SIZE) or len(found.uri) > entries.MAX_NAME:
        raise _refused(f"shard {found.uri[:64]!r} has not {LIST_SIZE} subjects of 2 bits")
    number, effects = _list_at(found.uri, found.issued_at, known)
    first = number * LIST_SIZE
    effects.append(("clear", (first, first + MAX_STATUS_INDEX)))
    return effects + [("status", (first + at, value)) for at, value in found.exceptions()]


def _policy(entry: entries.Policy, seq: int, known: Known) -> list[Effect]:
    known.trust = succeed(known.trust, entry)
    return [("policy", (entry.version, seq, entries.to_bytes(entry)))]


def _snapshot(entry: entries.Snapshot, seq: int, known: Known) -> list[Effect]:
    if entry.size != seq:
        raise _refused(f"a snapshot of {entry.size} entries stands at {seq}")
    return [("snapshot", (entry.size, entry.sha256, entry.length, entry.digest))]


def _blob(entry: entries.Blob, seq: int, known: Known) -> list[Effect]:
    hints = "\n".join(entry.hints or ())
    return [("blob", (entry.name, entry.sha256, entry.length, hints))]


def _issuer(entry: Issuer, seq: int, known: Known) -> list[Effect]:
    kid = entry.key.kid
    others = [one for one in known.issuers.get(kid, []) if one.key != entry.key]
    known.issuers[kid] = [*others, entry]
    terms = (entry.since, entry.until, entry.classes, entry.rights)
    return [("issuer", (kid, entry.name, entry.key.alg, entry.key.raw, *terms))]


def _terminal(entry: entries.Terminal, seq: int, known: Known) -> list[Effect]:
    if entry.key is None:
        return [("gone", (entry.name,))]
    gate, role = entry.gate or "", entry.role or ""
    addresses = "\n".join(entry.addresses or ())
    row = (entry.name, entry.key.alg, entry.key.raw, gate, role, entry.certificate, addresses)
    return [("terminal", row)]


def _recognise(entry: entries.Recognise, seq: int, known: Known) -> list[Effect]:
    if entry.policy is None:
        return [("unrecognise", (entry.authority,))]
    colours = bytes(entry.colours or (0, 1, 2, 3))
    scope = (entry.classes or 0, colours, entry.max_age or 0, entry.until or 0)
    return [("recognise", (entry.authority, entry.policy, *scope))]


_EFFECTS: dict[type[Any], Callable[[Any, int, Known], list[Effect]]] = {
    entries.Pass: _pass,
    entries.Unpass: lambda entry, seq, known: [("unpass", (number_of(entry.handle),))],
    entries.Status: _status,
    entries.Shard: _shard,
    entries.Policy: _policy,
    entries.Issuer: _issuer,
    entries.Terminal: _terminal,
    entries.Recognise: _recognise,
    entries.Rule: lambda entry, seq, known: [("rule", (entry.name, seq, entry.text))],
    entries.Snapshot: _snapshot,
    entries.Blob: _blob,
    entries.Unknown: lambda entry, seq, known: [("critical", (entry.critical, seq))],
}


def _refused(why: str) -> Refused:
    return Refused(why, reason="R-LEDGER")
