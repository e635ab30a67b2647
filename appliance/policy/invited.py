"""May this visitor come: the numbered list over what a host gave away. FORMAT.md section 4.6.19.

All must hold; what a visitor may is an intersection of what the host may and what he gave. Pure,
as rules.py, which asks this as one check. The first that fails says why.
"""

from collections.abc import Callable

from appliance.passes.code import Form
from appliance.passes.invite import ESCORTED
from appliance.policy.fact_names import ESCORT_SECONDS
from appliance.policy.facts import Direction, Facts
from appliance.policy.reasons import Reason
from ledger_sync.clock import Grade

Test = Callable[[Facts, int], Reason | None]
EARLY_SECONDS = 300  # a host's phone may be this much ahead of the gate's clock


def host(facts: Facts, now: int) -> Reason | None:
    """1. The host's own pass holds now, without condition."""
    if facts.invite.host_status < 0:
        return Reason.NO_STATUS
    return Reason.HOST if facts.invite.host_status else None


def terms(facts: Facts, now: int) -> Reason | None:
    """2. The host's class may invite, for so long and so often."""
    invite, allowed = facts.invite, facts.rule.invites
    longest = allowed.keyed_seconds if facts.assurance else allowed.bearer_seconds
    is_allowed = (
        allowed.classes >> invite.host_class & 1
        and invite.ends_at - invite.begins_at <= longest
        and invite.quota <= allowed.uses
    )
    return None if is_allowed else Reason.INVITE


def begun(facts: Facts, now: int) -> Reason | None:
    """3. The invite has begun; without a clock nobody can tell, and rules.clock says so."""
    if facts.grade == Grade.POOR or facts.invite.begins_at <= now + EARLY_SECONDS:
        return None
    return Reason.BEGIN


def alive(facts: Facts, now: int) -> Reason | None:
    """4. The invite has not ended."""
    surely = facts.floor if facts.grade == Grade.POOR else max(now, facts.floor)
    return None if facts.invite.ends_at > surely else Reason.EXP


def place(facts: Facts, now: int) -> Reason | None:
    """5. The invite is for this site or gate, if it names one."""
    return None if facts.invite.place else Reason.AUD


def zone(facts: Facts, now: int) -> Reason | None:
    """6. Host and invite both cover a zone that this gate leads to."""
    return None if facts.zones & facts.invite.zones & facts.gate_zones else Reason.ZONE


def standing(facts: Facts, now: int) -> Reason | None:
    """7. Neither did the host take it back, nor did a guard block the visitor."""
    return _ENDED.get(facts.invite.ended)


def quota(facts: Facts, now: int) -> Reason | None:
    """8. It was not used up: entries count, leaving does not."""
    is_used_up = facts.direction == Direction.IN and facts.uses >= facts.invite.quota
    return Reason.QUOTA if is_used_up else None


def escort(facts: Facts, now: int) -> Reason | None:
    """9. A visitor who must be escorted comes with the host."""
    is_alone = facts.invite.flags & ESCORTED and facts.around.escort_age > ESCORT_SECONDS
    return Reason.ESCORT if is_alone else None


TESTS: tuple[Test, ...] = (host, terms, begun, alive, place, zone, standing, quota, escort)
_FORMS = frozenset(map(int, (Form.VISITOR, Form.BEARER_INVITE)))
_ENDED = {1: Reason.WITHDRAWN, 2: Reason.BLOCKED}


def invited(facts: Facts, now: int) -> Reason | None:
    """19. Whoever comes by an invite may: the list above. Others have a pass of their own."""
    if facts.form not in _FORMS:
        return None
    found = [reason for test in TESTS if (reason := test(facts, now)) is not None]
    red = [reason for reason in found if reason.startswith("R")]
    return next(iter(red or found), None)
