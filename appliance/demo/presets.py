"""Between scenes and outage: one Thursday under each of the three rules that ship.

The office sets the rule, publishes, and the terminal at the north gate judges real codes by it.
"""

from collections.abc import Callable
from importlib import resources
from typing import NamedTuple

from appliance.demo.compound import Compound, Phone
from appliance.demo.outage import Act
from appliance.gate import telling
from appliance.gate.assembly import open_replica
from appliance.passes import invite
from appliance.passes.token import HolderClass
from appliance.policy.schedule import UTC, moment
from appliance.policy.site_rule import RULE_NAME
from ledger_sync import entries

THURSDAY, DAY, HOUR, MINUTE = 4, 86_400, 3_600, 60
RESIDENT, STAFF = HolderClass.RESIDENT, HolderClass.STAFF
NOON, NIGHT = 720, 1_410
GATE = "north"


class Visit(NamedTuple):
    """Who comes at which minute under which preset, and how it must end."""

    preset: str
    minute: int
    who: str
    ends: str


VISITS = (
    Visit("residential", NOON, "a resident", "GREEN OPEN"),
    Visit("residential", NOON, "her visitor", "GREEN OPEN"),
    Visit("residential", NIGHT, "a resident", "GREEN OPEN"),
    Visit("residential", NIGHT, "a gardener", "RED DENY R-TIME"),
    Visit("residential", NIGHT, "her visitor", "RED DENY R-CURFEW"),
    Visit("staff-entrance", NOON, "a gardener", "GREEN OPEN"),
    Visit("staff-entrance", NOON, "a resident", "RED DENY R-RULE"),
    Visit("staff-entrance", NIGHT, "a gardener", "RED DENY R-TIME"),
    Visit("epidemic", NOON, "a resident", "GREEN OPEN"),
    Visit("epidemic", NOON, "a resident with a condition", "RED DENY R-RULE Y-CONDITION"),
    Visit("epidemic", NIGHT, "a resident", "RED DENY R-CURFEW"),
    Visit("epidemic", NIGHT, "a gardener", "GREEN OPEN"),
)


def play(yard: Compound, told: Callable[[Act], None]) -> list[Act]:
    """Plays all visits, then gives the gates their usual rule back."""
    acts = []
    for number, one in enumerate(sorted(VISITS, key=lambda one: one.minute)):
        act = _visit(yard, one, number)
        acts.append(act)
        told(act)
    yard.office.add(entries.Rule(RULE_NAME, b"{}"))
    yard.publish()
    return acts


def _visit(yard: Compound, one: Visit, number: int) -> Act:
    yard.clock.now = _next(yard.clock.now, one.minute)
    yard.office.add(entries.Rule(RULE_NAME, preset(one.preset)))
    name = f"{one.who} ({number + 1})"
    phone = yard.phone(name, klass=STAFF if "gardener" in one.who else RESIDENT)
    if "condition" in one.who:
        yard.office.set_status(name, 3, now=yard.clock.now)
    yard.publish()
    code = _guest(yard, phone) if "visitor" in one.who else phone.reference(yard.clock.now)
    station = yard.stations[GATE]
    outcome = station.terminal.present(code)
    assessed = outcome.assessed
    assert assessed is not None
    with open_replica(station.settings) as replica:
        said = telling.sentence(replica, assessed.facts.rule.zone, assessed, outcome.at)
    verdict = outcome.verdict
    ends = " ".join((verdict.colour.name, verdict.action.name, *verdict.reasons))
    clock = f"{one.minute // MINUTE:02}:{one.minute % MINUTE:02}"
    title = f"Under the rule {one.preset!r}, Thursday {clock}: {one.who}"
    return Act(title, GATE, f"{ends}  {said}", ends == one.ends)


def _guest(yard: Compound, host: Phone) -> bytes:
    """A printed invite by this host, for one entry within the hour."""
    now = yard.clock.now
    claims = invite.Invite(now - MINUTE, now + 60 * MINUTE, b"the-demo", None, None, 1, 1)
    named = invite.by_handle(host.held.handle)
    return invite.bearer(invite.invite(claims, host=named, key=host.key))


def _next(now: int, minute: int) -> int:
    """The next moment after `now` within the hour from this minute of a Thursday on."""
    today = now - now % DAY + minute * MINUTE
    days = (today + ahead * DAY for ahead in range(8))
    at = next(at for at in days if at > now - HOUR and moment(UTC, at).weekday == THURSDAY)
    return max(at, now + 5)


def preset(name: str) -> bytes:
    """The text of a preset."""
    return resources.files("appliance.policy").joinpath("presets", f"{name}.json").read_bytes()
