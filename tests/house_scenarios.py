"""People before a gate of the compound "house", whose own rules ask for hours and presence."""

from typing import NamedTuple

from compound import (
    GOOD,
    IN,
    NOW,
    OUT,
    PARCEL,
    POOR,
    B,
    C,
    Compound,
    person,
    show,
)
from guest_scenarios import STAFF

from appliance.gate.neighbours import Here
from appliance.policy.facts import Direction
from ledger_sync.feed import Use
from ledger_sync.presence import Inside
from ledger_sync.state import holder_of

HOUSEHOLD, STRAY = person("hal", klass=2), person("hil", klass=2)
GONE_OUT = person("hot", klass=2)
COURIER, DRIVER, DOCTOR = person("cou", klass=5), person("van", klass=7), person("doc", klass=6)
CALLER = person("caller", klass=4)
PEOPLE = (HOUSEHOLD, STRAY, GONE_OUT, COURIER, DRIVER, DOCTOR, CALLER)


class Zone(NamedTuple):
    """Neighbours as of their last look."""

    heard_for: int
    inside: int

    def here(self):
        return Here(self.heard_for, Inside(self.inside, 0))

    def look(self, now):
        """It was looked at."""


QUIET, SILENT, CROWDED = Zone(0, 1), Zone(301, 1), Zone(0, 2)


def furnish_house(compound: Compound) -> Compound:
    """Its people, some of whom are inside."""
    compound.publish(*(who.enrolment() for who in PEOPLE))
    for who, way, zone in ((HOUSEHOLD, 0, 0), (STRAY, 0, 5), (GONE_OUT, 0, 0), (GONE_OUT, 1, 0)):
        compound._log_size += 1
        at = NOW - 600 + compound._log_size
        used = Use(bytes(16), holder_of(who.key.public.raw), at, way, at, 0, zone, 0)
        compound.log.append(compound.feed, compound._log_size, b"check", use=used)
    return compound


class HouseScenario(NamedTuple):
    """One presentation; `others` of these came a moment before, as (who, seconds ago)."""

    text: bytes
    ends: str
    neighbours: Zone | None = QUIET
    others: tuple[tuple[object, int], ...] = ()
    now: int = NOW
    grade: int = GOOD
    way: Direction = IN
    rule: str = "house"
    forgotten: str = ""

    def assess(self, checker):
        for who, age in self.others:
            found = checker.assess(show(B, who, self.now - age), self.now - age, grade=GOOD)
            checker.remember(found, self.now - age)
        return checker.assess(self.text, self.now, grade=self.grade)


def _house():
    hal, hil = show(C, HOUSEHOLD), show(C, STRAY)
    doc = show(C, DOCTOR)
    return {
        "staff at night": HouseScenario(show(C, STAFF), "RED DENY R-TIME"),
        "staff, no clock": HouseScenario(
            show(C, STAFF), "GREY ASK G-CLOCK G-TIME", grade=POOR
        ),
        "staff at night, out": HouseScenario(show(C, STAFF), "GREEN OPEN", way=OUT),
        "courier in curfew": HouseScenario(show(C, COURIER), "RED DENY R-CURFEW"),
        "courier in curfew, carried": HouseScenario(show(B, COURIER), "RED DENY R-CURFEW"),
        "inside already": HouseScenario(hal, "RED DENY R-APB"),
        "inside already, carried": HouseScenario(show(B, HOUSEHOLD), "RED DENY R-APB"),
        "inside already, a gate is silent": HouseScenario(
            hal, "YELLOW ASK Y-APB", neighbours=SILENT
        ),
        "inside already, nobody tells": HouseScenario(hal, "YELLOW ASK Y-APB", neighbours=None),
        "inside already, out": HouseScenario(hal, "GREEN OPEN", way=OUT),
        "inside another zone": HouseScenario(hil, "GREEN OPEN"),
        "gone out since": HouseScenario(show(C, GONE_OUT), "GREEN OPEN"),
        "not full": HouseScenario(show(C, CALLER), "GREEN OPEN"),
        "full": HouseScenario(show(C, CALLER), "RED DENY R-FULL", neighbours=CROWDED),
        "full, out": HouseScenario(
            show(C, CALLER), "GREEN OPEN", neighbours=CROWDED, way=OUT
        ),
        "nobody counts": HouseScenario(show(C, CALLER), "GREY ASK G-RULE", neighbours=None),
        "a rule says no": HouseScenario(show(C, DRIVER), "RED DENY R-RULE"),
        "a rule leaves it to the guard": HouseScenario(
            show(C, PARCEL), "YELLOW ASK Y-RULE G-UPDATE"
        ),
        "alone": HouseScenario(doc, "YELLOW ASK Y-SECOND"),
        "alone, seen twice": HouseScenario(doc, "YELLOW ASK Y-SECOND", others=((DOCTOR, 9),)),
        "with somebody": HouseScenario(doc, "GREEN OPEN", others=((STRAY, 20),)),
        "with somebody of before": HouseScenario(
            doc, "YELLOW ASK Y-SECOND", others=((STRAY, 21),)
        ),
        "with somebody who was refused": HouseScenario(
            doc, "YELLOW ASK Y-SECOND", others=((DRIVER, 9),)
        ),
    }  # fmt: skip


HOUSE_SCENARIOS = _house()
