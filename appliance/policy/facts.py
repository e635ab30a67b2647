"""All that a verdict may depend on, as one flat record without a name in it.

Facts are gathered before the decision and logged with it: replaying them gives the same verdict.
FORMAT.md section 8.2 lists the fields in this order.
"""

import enum
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from appliance.passes.code import Form
from appliance.passes.receipt import RECEIPT_BYTES, Receipt, receipt_of
from appliance.passes.token import MAX_ZONES, HolderClass
from appliance.policy.reasons import Reason
from appliance.policy.schedule import MINUTES
from appliance.policy.site_rule import DEFAULT, SiteRule
from ledger_sync.clock import Grade
from ledger_sync.errors import Refused


class Direction(enum.IntEnum):
    """Which way a gate moves people. The way out is never blocked by a colour."""

    IN = 0
    OUT = 1


class Audience(enum.IntEnum):
    """Whom the holder made the code for."""

    OTHER = 0
    SITE = 1
    GATE = 2


class Nonce(enum.IntEnum):
    """Whether the code answers the number this gate shows."""

    ABSENT = 0
    RIGHT = 1
    WRONG = 2


class Order(enum.IntFlag):
    """Orders that are in force at a gate (FORMAT.md 7.9)."""

    LOCKDOWN = 1
    CURFEW = 2


UNKNOWN = 0xFFFF  # of a count or an age that fits 16 bits: there is none


class Gate(NamedTuple):
    """What a gate is: whose site, its own name, which way it leads, to which zones (mask)."""

    site: str
    name: str
    direction: Direction
    zones: int


class Around(NamedTuple):
    """What a gate knew beside the pass, as far as the site's rule asks for it: the local time,
    orders in force, who is where. `NOWHERE` where it asks for nothing."""

    minute: int = -1  # of the local day, -1 while the time is not known
    weekday: int = 0  # 1 Monday to 7, 0 unknown
    holiday: int = 0  # 1 on one of the rule's holidays
    orders: int = 0  # Order mask
    zone: int = 255  # the zone this gate counts for, 255 for none
    zone_way: int = -1  # the holder's last way there (Direction), -1 for none
    zone_at: int = 0  # when that was, Unix seconds
    heard: int = 0  # 1 if every terminal of the zone was heard lately
    inside: int = UNKNOWN  # people counted in the zone
    unsure: int = 0  # of them, who may have left unseen
    escort_age: int = UNKNOWN  # seconds since the host was here
    second_age: int = UNKNOWN  # seconds since somebody else was here
    second_class: int = 0  # of that person


NOWHERE = Around()


class Invitation(NamedTuple):
    """What a visitor's host gave away, as he signed it, and how he stands. `UNINVITED` for
    whoever comes by a pass of their own."""

    begins_at: int = 0
    ends_at: int = 0
    zones: int = 0
    quota: int = 0  # entries it is good for
    flags: int = 0  # passes.invite flags
    host_class: int = 0
    host_status: int = 0  # as `Facts.status`
    place: int = 1  # 1 if it names no other place than this
    ended: int = 0  # 1 its host took it back, 2 a guard blocked the visitor


UNINVITED = Invitation()


class Facts(NamedTuple):
    """Times are Unix seconds, masks have bit n for class or zone n. See FORMAT.md 8.2."""

    form: int  # passes.code.Form
    refused: str  # reason why it could not be proven, "" if it was
    marks: int  # passes.verify.Mark mask
    direction: int = Direction.IN
    gate_zones: int = 0  # zones this gate leads to; one of them must be in the pass
    klass: int = 0
    zones: int = 0
    assurance: int = 0
    issued_at: int = 0
    expires_at: int = 0
    issuer_since: int = 0
    issuer_until: int = 0
    issuer_classes: int = 0
    audience: int = Audience.OTHER
    nonce: int = Nonce.ABSENT
    code_at: int = 0
    last_at: int = 0  # newest code of this holder accepted before, at any gate that was heard
    last_way: int = -1  # way of the holder's last use (Direction), -1 for none
    seen_at: int = 0  # when that was
    uses: int = 0  # how often this holder's codes or pass counted before
    status: int = 0  # 0 valid, 1 revoked, 2 suspended, 3 condition, 4 denied, -1 unknown
    quorum_time: int = 0
    floor: int = 0
    critical: int = 0
    grade: int = 0  # ledger_sync.clock.Grade
    around: Around = NOWHERE
    invite: Invitation = UNINVITED
    rule: SiteRule = DEFAULT

    def to_bytes(self) -> bytes:
        """The facts as they are logged, in the order above; the rule by its digest."""
        form, refused, *plain, around, invite, rule = self
        data = _RECORD.pack(form, bool(refused), *plain, *around, rule.digest)
        return data + _INVITE.pack(*invite) if form in GUESTS else data


_RECORD = struct.Struct(">B?HBQBQBQQQQIBBQQbQIbQQIBhBBBBbQBHHHHB8s")
_INVITE = struct.Struct(">QQQBBBbBB")
GUESTS = (Form.VISITOR, Form.BEARER_INVITE)
_AROUND = len(NOWHERE)
_KLASS, _GRADE = Facts._fields.index("klass"), Facts._fields.index("grade")
_QUORUM_TIME = Facts._fields.index("quorum_time")
_REFUSED, _MARKS = Facts._fields.index("refused"), Facts._fields.index("marks")
_TAPS = (Form.TAP, Form.CERTIFIED_TAP)
_REFUSALS = frozenset(str(reason) for reason in Reason if reason.startswith("R-"))
Domains = Iterable[tuple[str, frozenset[int]]]
_DOMAINS: Domains = (
    ("form", frozenset(Form)),
    ("direction", frozenset(Direction)),
    ("audience", frozenset(Audience)),
    ("nonce", frozenset(Nonce)),
    ("last_way", frozenset({-1, *Direction})),
    ("status", frozenset(range(-1, 5))),
    ("grade", frozenset(Grade)),
)
_AROUND_DOMAINS: Domains = (
    ("minute", frozenset(range(-1, MINUTES))),
    ("weekday", frozenset(range(8))),
    ("holiday", frozenset({0, 1})),
    ("orders", frozenset(range(4))),
    ("zone", frozenset({255, *range(MAX_ZONES)})),
    ("zone_way", frozenset({-1, *Direction})),
    ("heard", frozenset({0, 1})),
    ("second_class", frozenset({0, *HolderClass})),
)
_INVITE_DOMAINS: Domains = (
    ("host_status", frozenset(range(-1, 5))),
    ("place", frozenset({0, 1})),
    ("ended", frozenset({0, 1, 2})),
)


def facts_of(data: bytes, reasons: Sequence[str], rules: Mapping[bytes, SiteRule]) -> Facts:
    """The facts in a check, beside which there may be a receipt. What refused a code is the first
    reason of its verdict.

    `rules` maps digests to the rules that were in force. Raises `Refused` (R-LEDGER) for another
    shape, a number no gate writes, or a rule that is not at hand: `decide` takes all others.
    """
    if len(data) < _RECORD.size or len(data) - _RECORD.size not in _beside(data[0]):
        raise Refused(f"{len(data)} bytes are not the facts of a check", reason="R-LEDGER")
    if data[0] in _TAPS:
        data = data[: _RECORD.size]
    form, is_refused, *plain, digest = _RECORD.unpack_from(data)
    plain, around = plain[:-_AROUND], Around._make(plain[-_AROUND:])
    invite = UNINVITED
    if form in GUESTS:
        invite = Invitation._make(_INVITE.unpack_from(data, _RECORD.size))
    if is_refused and (not reasons or reasons[0] not in _REFUSALS):
        raise Refused("a refused check without a red reason", reason="R-LEDGER")
    if digest not in rules:
        raise Refused("the rule these facts were judged by is not at hand", reason="R-LEDGER")
    refused = reasons[0] if is_refused else ""
    facts = Facts._make((form, refused, *plain, around, invite, rules[digest]))
    if facts.to_bytes() != data:
        raise Refused("facts in another spelling", reason="R-LEDGER")
    _check_domains(facts, _DOMAINS)
    _check_domains(facts.around, _AROUND_DOMAINS)
    _check_domains(facts.invite, _INVITE_DOMAINS)
    return facts


def _beside(form: int) -> tuple[int, ...]:
    """How many bytes may stand beside the fields that the facts of every form have."""
    if form in GUESTS:
        return (_INVITE.size,)
    return (0, RECEIPT_BYTES) if form in _TAPS else (0,)


def _check_domains(values: Facts | Around | Invitation, domains: Domains) -> None:
    for name, known in domains:
        if getattr(values, name) not in known:
            raise Refused(f"{name} {getattr(values, name)} is in no check", reason="R-LEDGER")


def invitation_in(data: bytes) -> Invitation | None:
    """The invitation in the facts of a check, None for whoever has a pass of their own; for who
    asks nothing else. Raises `Refused` (R-LEDGER) for facts of another length."""
    if not data or data[0] not in GUESTS:
        return None
    if len(data) != _RECORD.size + _INVITE.size:
        raise Refused(f"{len(data)} bytes are not the facts of a visitor", reason="R-LEDGER")
    return Invitation._make(_INVITE.unpack_from(data, _RECORD.size))


def sources_in(data: bytes) -> tuple[int, int, bool]:
    """(grade of the clock, the ledger's quorum time, whether anything was proven) in the facts of
    a check. Raises `Refused` (R-LEDGER) for facts that are too short."""
    if len(data) < _RECORD.size:
        raise Refused(f"{len(data)} bytes are no facts", reason="R-LEDGER")
    found = _RECORD.unpack_from(data)
    is_proven = not found[_REFUSED] and found[_MARKS] != 0
    return found[_GRADE], found[_QUORUM_TIME], is_proven


class Glance(NamedTuple):
    """What a report asks of facts, as in `Facts`: how it came, of which class it is, when the
    office had been heard last. The class is 0 where the code was refused."""

    form: int
    klass: int
    quorum_time: int


def glance_in(data: bytes) -> Glance:
    """For who asks nothing else, and has no rules at hand. Raises `Refused` (R-LEDGER) for facts
    of another length."""
    if not data or len(data) - _RECORD.size not in _beside(data[0]):
        raise Refused(f"{len(data)} bytes are not the facts of a check", reason="R-LEDGER")
    fields = _RECORD.unpack_from(data)
    return Glance(fields[0], fields[_KLASS], fields[_QUORUM_TIME])


def receipt_in(data: bytes) -> Receipt | None:
    """The receipt beside the facts of a check, None where no card signed. Raises `Refused`
    (R-LEDGER) for what is neither."""
    rest = data[_RECORD.size :] if data[:1] and data[0] in _TAPS else b""
    return receipt_of(rest) if rest else None
