"""`decide`: facts in, verdict out, by the numbered checks of FORMAT.md section 4.6.

A check is a function of the facts and the time; it returns the reason it found, or None. The list
runs in order and ends at the first red. Pure and total: the same facts and `now` give the same
verdict, on any machine, for ever.
"""

from collections.abc import Callable, Sequence

from appliance.passes.code import Form
from appliance.passes.verify import REQUIRED
from appliance.policy.facts import GUESTS, Audience, Direction, Facts, Nonce, Order
from appliance.policy.invited import invited
from appliance.policy.reasons import Reason
from appliance.policy.verdict import Action, Check, Verdict, conclude
from ledger_sync.clock import Grade
from ledger_sync.entries import CERTIFIED_CARD

WINDOWS: dict[int, tuple[int, int]] = {Grade.GOOD: (20, 5), Grade.FAIR: (30, 10)}
"""How old and how far ahead a code may be, in seconds, by the grade of the gate's clock."""

PASS_AHEAD_SECONDS = 300  # a pass may be this much newer than the gate's clock says

# Plain numbers: reading a member off an enum class costs as much as the comparison itself.
_POOR, _STATIC_FORM, _TAP = int(Grade.POOR), int(Form.STATIC), int(Form.TAP)
_UNDATED = frozenset(
    map(int, (Form.STATIC, Form.TAP, Form.CERTIFIED_TAP, Form.NUMBER, Form.BEARER_INVITE))
)
"""Forms that state neither a time nor whom they are for."""
_NUMBER_FORM, _LOCKDOWN = int(Form.NUMBER), int(Order.LOCKDOWN)
_WRONG, _RIGHT, _OTHER, _OUT = map(int, (Nonce.WRONG, Nonce.RIGHT, Audience.OTHER, Direction.OUT))

Test = Callable[[Facts, int], Reason | None]


def read(facts: Facts, now: int) -> Reason | None:
    """1. The text was one of ours, parsed, and every signature held."""
    return Reason(facts.refused) if facts.refused else None


def proven(facts: Facts, now: int) -> Reason | None:
    """2. Every step of the verification list left its mark."""
    complete = facts.form and facts.marks == REQUIRED.get(facts.form)
    return None if complete else Reason.INCOMPLETE


def issuer(facts: Facts, now: int) -> Reason | None:
    """3. The issuer's key may issue this class, and might when the pass was issued."""
    in_time = facts.issuer_since <= facts.issued_at <= facts.issuer_until
    klass = facts.invite.host_class or facts.klass
    return None if in_time and facts.issuer_classes >> klass & 1 else Reason.CLASS


def audience(facts: Facts, now: int) -> Reason | None:
    """4. The code was made for this site or this gate."""
    is_here = facts.audience != _OTHER or facts.form in _UNDATED
    return None if is_here else Reason.AUD


def nonce(facts: Facts, now: int) -> Reason | None:
    """5. A nonce, if the code carries one, is the one this gate shows."""
    return Reason.NONCE if facts.nonce == _WRONG else None


def begun(facts: Facts, now: int) -> Reason | None:
    """6. The pass has begun."""
    if facts.grade == _POOR or facts.issued_at <= now + PASS_AHEAD_SECONDS:
        return None
    return Reason.BEGIN


def alive(facts: Facts, now: int) -> Reason | None:
    """7. The pass has not expired; before the floor it certainly has, whatever the clock says."""
    surely = facts.floor if facts.grade == _POOR else max(now, facts.floor)
    return None if facts.expires_at > surely else Reason.EXP


def fresh(facts: Facts, now: int) -> Reason | None:
    """8. The code is not older than the window of this clock's grade."""
    window = _window(facts)
    return Reason.STALE if window and facts.code_at < now - window[0] else None


def not_future(facts: Facts, now: int) -> Reason | None:
    """9. The code is not further ahead than the window: nobody collects codes in advance."""
    window = _window(facts)
    return Reason.FUTURE if window and facts.code_at > now + window[1] else None


def growing(facts: Facts, now: int) -> Reason | None:
    """10. Codes of one holder only grow: an equal or older one was used or overtaken."""
    is_used = facts.code_at <= facts.last_at and facts.form not in _UNDATED
    return Reason.REPLAY if is_used else None


def zone(facts: Facts, now: int) -> Reason | None:
    """11. The pass covers a zone this gate leads to."""
    return None if facts.zones & facts.gate_zones else Reason.ZONE


def status(facts: Facts, now: int) -> Reason | None:
    """12. The status list says valid; another value is its own reason."""
    return _STATUS.get(facts.status, Reason.NO_STATUS) if facts.status else None


def static(facts: Facts, now: int) -> Reason | None:
    """13. A printed pass gets no better colour than the site allows."""
    if facts.form != _STATIC_FORM or facts.rule.static == "green":
        return None
    return Reason.IDCHECK if facts.rule.static == "yellow" else Reason.STATIC


def update(facts: Facts, now: int) -> Reason | None:
    """14. The ledger holds no entry about this class that this version cannot read, nor about
    that of a visitor's host."""
    host = facts.invite.host_class
    if facts.critical >> facts.klass & 1 or (host and facts.critical >> host & 1):
        return Reason.UPDATE
    return None


def clock(facts: Facts, now: int) -> Reason | None:
    """15. The gate knows the time."""
    return Reason.CLOCK if facts.grade == _POOR else None


def list_age(facts: Facts, now: int) -> Reason | None:
    """16. The ledger is fresh enough for this class to call a green a green."""
    age, limit = now - facts.quorum_time, facts.rule.ages[facts.klass]
    if age <= limit.fresh:
        return None
    return Reason.STALE_STATUS if age <= limit.stale or facts.grade == _POOR else Reason.OLD_STATUS


def carrier(facts: Facts, now: int) -> Reason | None:
    """17. A card that must prove its key does; a bare number gets the colour the site allows."""
    if facts.form == _NUMBER_FORM:
        if facts.assurance:
            return Reason.DOWNGRADE
        return _NUMBERS[facts.rule.number]
    is_less = facts.form == _TAP and facts.assurance == CERTIFIED_CARD
    return Reason.DOWNGRADE if is_less else None


def lockdown(facts: Facts, now: int) -> Reason | None:
    """18. No lockdown is in force here, or this class may come in all the same."""
    if not facts.around.orders & _LOCKDOWN or facts.rule.lockdown_passes >> facts.klass & 1:
        return None
    return Reason.LOCKDOWN


def site_rules(facts: Facts, now: int) -> Reason | None:
    """20. Every rule of the site holds; the first that does not says why."""
    return facts.rule.rules.finding(facts, now)


CHECKS: tuple[tuple[Check, Test], ...] = (
    (Check.READ, read),
    (Check.PROVEN, proven),
    (Check.ISSUER, issuer),
    (Check.AUDIENCE, audience),
    (Check.NONCE, nonce),
    (Check.BEGUN, begun),
    (Check.ALIVE, alive),
    (Check.FRESH, fresh),
    (Check.NOT_FUTURE, not_future),
    (Check.GROWING, growing),
    (Check.ZONE, zone),
    (Check.STATUS, status),
    (Check.STATIC, static),
    (Check.UPDATE, update),
    (Check.CLOCK, clock),
    (Check.LIST_AGE, list_age),
    (Check.CARRIER, carrier),
    (Check.LOCKDOWN, lockdown),
    (Check.INVITED, invited),
    (Check.RULES, site_rules),
)
_NUMBERS = {"green": None, "yellow": Reason.BARE, "red": Reason.NUMBER}
_STATUS = {1: Reason.REVOKED, 2: Reason.SUSPENDED, 3: Reason.CONDITION, 4: Reason.DENIED}


class CheckList:
    """The checks in order, and the mask of what has been made when all of them ran."""

    def __init__(self, checks: Sequence[tuple[Check, Test]]) -> None:
        self._tests = tuple(test for _, test in checks)
        self._made = 0
        for check, _ in checks:
            self._made |= 1 << check  # a check listed twice must not stand for a missing one

    def decide(self, facts: Facts, now: int) -> Verdict:
        """The verdict over `facts` at `now`, ending at the first red."""
        findings: list[Reason] = []
        for test in self._tests:
            reason = test(facts, now)
            if reason is not None:
                findings.append(reason)
                if reason[0] == "R":
                    break
        way_out = facts.direction == _OUT
        unsure = _when_unsure(facts, now, findings) if findings else Action.ASK
        return conclude(self._made, findings, unsure=unsure, way_out=way_out)


decide = CheckList(CHECKS).decide
"""The verdict over `facts` at `now` (Unix seconds UTC), by the whole list."""


def _window(facts: Facts) -> tuple[int, int] | None:
    """The window, or None where time says nothing: a printed pass, a card, a clock that is not
    known."""
    if facts.grade == _POOR or facts.form in _UNDATED:
        return None
    return WINDOWS[facts.grade]


def _when_unsure(facts: Facts, now: int, findings: list[Reason]) -> Action:
    """What the site lets a gate do over findings that are yellow or grey: the most careful of
    what each of them asks for."""
    return max(_bearing(reason, facts, now) for reason in findings)


def _bearing(reason: Reason, facts: Facts, now: int) -> Action:
    """What a gate may do over one finding: open, ask the guard, or let nobody in."""
    age = facts.rule.ages[facts.klass]
    if reason is Reason.STALE_STATUS:
        return age.when_stale
    if reason is Reason.OLD_STATUS:
        return age.when_old if now - facts.quorum_time <= age.old else Action.DENY
    if reason is Reason.CLOCK:  # without time no entry of an invite can be counted
        is_answer = facts.nonce == _RIGHT and facts.form not in GUESTS
        return age.when_stale if is_answer else Action.ASK
    return Action.OPEN if reason in facts.rule.soft else Action.ASK
