"""The facts by the names that rules call them: `payload` is the pass, `external` all else. Pure.

Ages and counts are null where there is none; README.md of this folder lists them.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from appliance.passes.code import Form
from appliance.passes.token import HolderClass
from ledger_sync.clock import Grade

if TYPE_CHECKING:
    from appliance.policy.facts import Facts

ESCORT_SECONDS = 60  # a host who was here within them is here
_UNKNOWN = 0xFFFF
_WAYS = {0: "in", 1: "out"}
_CLASSES = {int(klass): klass.name.lower() for klass in HolderClass}
_STATUSES = {0: "valid", 1: "revoked", 2: "suspended", 3: "condition", 4: "denied"}
_FORMS = {int(form): form.name.lower() for form in Form}
_CARDS: dict[int, str] = {
    Form.CERTIFIED_TAP: "A",
    Form.TAP: "B",
    Form.STATIC: "C",
    Form.NUMBER: "D",
}
_GRADES = {int(grade): grade.name for grade in Grade}
LOCKDOWN, CURFEW = 1, 2  # facts.Order
MAX_ZONES = 64

Look = Callable[["Facts", int], Any]


def _count(value: int) -> int | None:
    return None if value == _UNKNOWN else value


def _zones(mask: int) -> list[int]:
    return [zone for zone in range(MAX_ZONES) if mask >> zone & 1]


def _since(at: int, now: int) -> int | None:
    return max(0, now - at) if at else None


FACTS: Mapping[str, Look] = {
    "payload.class": lambda facts, now: _CLASSES.get(facts.klass),
    "payload.form": lambda facts, now: _FORMS.get(facts.form),
    "payload.card": lambda facts, now: _CARDS.get(facts.form),
    "payload.assurance": lambda facts, now: facts.assurance,
    "payload.zones": lambda facts, now: _zones(facts.zones),
    "payload.issued_at": lambda facts, now: facts.issued_at,
    "payload.expires_at": lambda facts, now: facts.expires_at,
    "external.status": lambda facts, now: _STATUSES.get(facts.status),
    "external.list_age": lambda facts, now: max(0, now - facts.quorum_time),
    "external.clock": lambda facts, now: _GRADES.get(facts.grade),
    "external.nonce": lambda facts, now: facts.nonce == 1,
    "external.direction": lambda facts, now: _WAYS.get(facts.direction),
    "external.gate_zones": lambda facts, now: _zones(facts.gate_zones),
    "external.minute_of_day": lambda facts, now: facts.around.minute,
    "external.weekday": lambda facts, now: facts.around.weekday,
    "external.holiday": lambda facts, now: bool(facts.around.holiday),
    "external.lockdown": lambda facts, now: bool(facts.around.orders & LOCKDOWN),
    "external.curfew": lambda facts, now: bool(facts.around.orders & CURFEW),
    "external.last_direction": lambda facts, now: _WAYS.get(facts.around.zone_way),
    "external.last_direction_age": lambda facts, now: _since(facts.around.zone_at, now),
    "external.last_seen_age": lambda facts, now: _since(facts.seen_at, now),
    "external.zone_heard": lambda facts, now: bool(facts.around.heard),
    "external.occupancy": lambda facts, now: _count(facts.around.inside),
    "external.occupancy_unsure": lambda facts, now: facts.around.unsure,
    "external.escort_age": lambda facts, now: _count(facts.around.escort_age),
    "external.escort_present": lambda facts, now: facts.around.escort_age <= ESCORT_SECONDS,
    "external.second_person_age": lambda facts, now: _count(facts.around.second_age),
    "external.second_person_class": lambda facts, now: _CLASSES.get(facts.around.second_class),
    "external.use_count": lambda facts, now: facts.uses,
}
"""Name -> how it is looked up in the facts at `now`."""

TIMES = frozenset(
    f"external.{name}"
    for name in (
        *("minute_of_day", "weekday", "holiday", "curfew", "list_age"),
        *("last_direction_age", "last_seen_age"),
    )
)
"""Those that mean nothing while the gate does not know the time."""
PRESENCE = frozenset(
    f"external.{name}"
    for name in ("last_direction", "last_direction_age", "zone_heard", "occupancy")
) | {"external.occupancy_unsure"}
COMPANY = frozenset(
    f"external.{name}"
    for name in ("escort_age", "escort_present", "second_person_age", "second_person_class")
)
"""Those that somebody must look up before: a gate does so only if a rule asks."""
