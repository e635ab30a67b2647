"""All that a verdict may depend on, as one flat record without a name in it.

Facts are gathered before the decision and logged with it: replaying them gives the same verdict.
FORMAT.md section 8.2 lists the fields in this order.
"""

import enum
from typing import NamedTuple

from appliance.policy.site_rule import DEFAULT, SiteRule
from ledger_sync.errors import Refused

Recorded = tuple[int | str | bytes, ...]


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
    last_at: int = 0
    status: int = 0  # 0 valid, 1 revoked, 2 suspended, 3 condition, -1 unknown
    quorum_time: int = 0
    floor: int = 0
    critical: int = 0
    grade: int = 0  # ledger_sync.clock.Grade
    rule: SiteRule = DEFAULT

    def recorded(self) -> Recorded:
        """The facts as they are logged: the rule by its digest."""
        return (*self[:-1], self.rule.digest)


_TYPES = (int, str, *(int,) * 20, bytes)


def facts_of(recorded: Recorded | tuple[object, ...], rules: dict[bytes, SiteRule]) -> Facts:
    """The facts in a log entry. `rules` maps digests to the rules that were in force.

    Raises `Refused` (R-LEDGER) for another shape or a rule that is not at hand.
    """
    if tuple(map(type, recorded)) != _TYPES:
        raise Refused("these are not the facts of a check", reason="R-LEDGER")
    *plain, digest = recorded
    if digest not in rules:
        raise Refused("the rule these facts were judged by is not at hand", reason="R-LEDGER")
    return Facts(*plain, rules[digest])  # type: ignore[call-arg]  # shape and types compared above
