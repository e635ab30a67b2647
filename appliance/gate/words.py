"""A verdict in words: the line a guard reads, the document a program reads. Pure."""

from typing import Any, NamedTuple

from appliance.gate.terminal import Outcome
from appliance.passes.code import Form
from appliance.passes.token import Assurance, HolderClass
from appliance.policy.facts import Facts
from appliance.policy.reasons import GUARD, PERSON, Reason
from appliance.policy.schedule import UTC, Zone, moment
from appliance.policy.verdict import SHAPES, Action, Colour, Verdict
from ledger_sync.clock import Grade
from ledger_sync.entries import CARD, CERTIFIED_CARD

ANSI = {
    Colour.GREEN: "38;2;0;158;115",
    Colour.YELLOW: "38;2;240;228;66",
    Colour.RED: "38;2;213;94;0",
    Colour.GREY: "90",
}
"""Terminal colours that colour-blind eyes can tell apart; the shape says the same."""

_ACTIONS = {Action.OPEN: "opens", Action.ASK: "guard decides", Action.DENY: "stays shut"}
_FORMS = {
    Form.UNREADABLE: "unreadable",
    Form.REFERENCE: "code by reference",
    Form.SELF_CONTAINED: "self-contained code",
    Form.STATIC: "printed pass",
    Form.TAP: "card with a key",
    Form.CERTIFIED_TAP: "card with a certified key",
    Form.NUMBER: "bare card number",
    Form.VISITOR: "visitor's code",
    Form.BEARER_INVITE: "printed invite",
    Form.UNINVITE: "revocation of an invite",
}
_ASSURANCES = {int(level): level.name.lower() for level in Assurance}
_ASSURANCES |= {CARD: "card_key", CERTIFIED_CARD: "certified_card_key"}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def headline(verdict: Verdict, *, colour: bool = False, did: Action | None = None) -> str:
    """`● GREEN   opens`: shape, word, action; `did` if the gate did something else."""
    text = f"{SHAPES[verdict.colour]} {verdict.colour.name:<6}"
    if colour:
        text = f"\x1b[1;{ANSI[verdict.colour]}m{text}\x1b[0m"
    return f"{text} {_ACTIONS[verdict.action if did is None else did]:<13}"


def explanation(verdict: Verdict) -> str:
    """Every reason code with its sentence for the guard; empty for a plain green."""
    return "  ".join(f"{reason} {GUARD[reason]}" for reason in verdict.reasons)


class Told(NamedTuple):
    """What a sentence adds: when it is, when the office was heard last (0 for never), the clocks
    of the site, since when the status is that decides, if that is known. Unix seconds."""

    at: int
    heard_at: int
    zone: Zone = UTC
    since: int | None = None


def sentence(verdict: Verdict, facts: Facts, told: Told) -> str:
    """What a guard can read out: `The office revoked this pass, 14:02; ledger 41 s old.`"""
    said = GUARD[verdict.reasons[0]].rstrip(".") if verdict.reasons else _welcome(facts)
    if told.since is not None and verdict.reasons and verdict.reasons[0] in OF_STATUS:
        said += f", {clock_of(told.since, told.at, told.zone)}"
    heard = f"ledger {age(told.at - told.heard_at)} old" if told.heard_at else "no ledger"
    return f"{said}; {heard}."


OF_STATUS = frozenset({Reason.REVOKED, Reason.SUSPENDED, Reason.CONDITION})
"""Reasons that somebody gave at a time that the ledger knows."""


def _welcome(facts: Facts) -> str:
    klass = HolderClass(facts.klass).name.capitalize()
    where = "may leave" if facts.direction else "may come in"
    return f"{klass} {where}: all checks hold"


def plain(text: str) -> str:
    """A text that another terminal chose, without what a screen would obey."""
    return "".join(one if one.isprintable() else "?" for one in text)


def clock_of(since: int, at: int, zone: Zone) -> str:
    """`14:02` today, `14:02 two days ago`, in the clocks of the site."""
    then, now = moment(zone, since), moment(zone, at)
    clock, days = f"{then.minute // 60:02}:{then.minute % 60:02}", now.day - then.day
    return clock if days == 0 else f"{clock} {days} day{'s' if days > 1 else ''} ago"


def age(seconds: int) -> str:
    """`41 s`, `3 min`, `2 d`: how old something is; a future time counts as no age."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def document(
    verdict: Verdict, facts: Facts, at: int, *, heard_at: int, software: str
) -> dict[str, Any]:
    """The verdict and what it rests on, for `--json`. `heard_at`: the ledger's quorum time;
    `software`: what judged."""
    found: dict[str, Any] = {
        "verdict": verdict.colour.name,
        "action": verdict.action.name,
        "reasons": [str(reason) for reason in verdict.reasons],
        "guard": [GUARD[reason] for reason in verdict.reasons],
        "person": [PERSON[reason] for reason in verdict.reasons],
        "at": at,
    }
    found["verified"] = verified(facts)
    found["ledger_age_seconds"] = max(0, at - heard_at) if heard_at else None
    found["clock"] = Grade(facts.grade).name
    found["software"] = software
    return found


def verified(facts: Facts) -> dict[str, Any]:
    """What was proven of the code; only its form where a proof failed."""
    found: dict[str, Any] = {"form": _FORMS[Form(facts.form)]}
    if facts.marks:
        found |= {
            "class": HolderClass(facts.klass).name.lower(),
            "assurance": _ASSURANCES[facts.assurance],
            "zones": [zone for zone in range(64) if facts.zones >> zone & 1],
            "issued_at": facts.issued_at,
            "expires_at": facts.expires_at,
            "code_at": facts.code_at or None,
        }
    return found


def line(outcome: Outcome, *, colour: bool = False, said: str = "", software: str = "") -> str:
    """One check in one line, for a log or a terminal; it says what the gate did. `said` is one
    sentence that takes the place of the reasons' own; `software` is what judged."""
    did = outcome.verdict.action
    if outcome.is_opened:
        did = Action.OPEN
    elif did is Action.OPEN:
        did = Action.DENY
    why = f"{' '.join(outcome.verdict.reasons)} {said}".strip() if said else ""
    parts = [headline(outcome.verdict, colour=colour, did=did)]
    parts.append(why or explanation(outcome.verdict))
    if not outcome.is_recorded:
        parts.append("NOT RECORDED")
    parts.append(outcome.fault)
    parts.append(f"by {software}" if software else "")
    return "  ".join(filter(None, parts)).rstrip()
