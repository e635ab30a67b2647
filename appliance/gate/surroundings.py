"""What a gate knows beside the pass: the local time, orders, who is where. Facts for its rules.

Looks up only what the site's rule asks for, so that a site without rules pays nothing.
"""

from typing import NamedTuple

from appliance.gate.company import Company
from appliance.gate.neighbours import Neighbours
from appliance.policy.fact_names import COMPANY, PRESENCE, TIMES
from appliance.policy.facts import NOWHERE, UNKNOWN, Around, Gate, Order
from appliance.policy.schedule import is_within, moment
from appliance.policy.site_rule import SiteRule
from ledger_sync.clock import Grade
from ledger_sync.orders import InForce
from ledger_sync.places import last_in

MOST = UNKNOWN - 1  # people that the record of a check can count


class Standing(NamedTuple):
    """What a gate does until told otherwise: lets nobody in, stands open."""

    locked: bool
    held_open: bool


class Who(NamedTuple):
    """Who comes: the handle of the pass, where its holder was last (ledger_sync.places), and of a
    visitor the handle of the host's pass."""

    handle: bytes
    places: str
    host: bytes = b""


class Surroundings:
    """Of one gate. `follow` is called whenever the ledger has changed, `at` at each check."""

    def __init__(self, gate: Gate, company: Company, neighbours: Neighbours | None = None) -> None:
        """`neighbours` is None where nobody tells of other gates: then no zone is heard."""
        self._gate = gate
        self._company = company
        self._neighbours = neighbours
        self._reads: frozenset[str] = frozenset()
        self._is_free = False
        self._zone = counted_zone(gate.zones)
        self._base = NOWHERE._replace(zone=self._zone)
        self._rule = SiteRule()
        self.is_asked = False

    def follow(self, rule: SiteRule, orders: InForce) -> None:
        """Takes over the rule and the orders in force. Those for any zone this gate leads to are
        for this gate: who locks a zone locks every way into it."""
        reads, zones = rule.rules.reads, self._gate.zones
        self._rule, self._reads = rule, reads
        locked = Order.LOCKDOWN if orders.lockdown & zones else 0
        curfew = Order.CURFEW if orders.curfew & zones else 0
        self._is_free = bool(orders.free & zones)
        self._base = NOWHERE._replace(zone=self._zone, orders=int(locked | curfew))
        self.is_asked = not reads.isdisjoint(TIMES | PRESENCE | COMPANY)

    @property
    def still(self) -> Around:
        """What holds without a look at anything."""
        return self._base

    def at(self, now: int, grade: int, who: Who) -> Around:
        """What is known at `now` beside `who` comes, by a clock of this grade."""
        found = self._base if grade == Grade.POOR else self._timed(now)
        if not self._reads.isdisjoint(PRESENCE):
            found = self._placed(found, who)
        if not self._reads.isdisjoint(COMPANY):
            age, klass = self._company.second(who.handle, now)
            found = found._replace(second_age=age, second_class=klass)
        if who.host:
            found = found._replace(escort_age=self._company.escort_age(who.host, now))
        return found

    def _timed(self, now: int) -> Around:
        """With the local time; a POOR clock tells none."""
        local = moment(self._rule.zone, now)
        orders = self._base.orders
        if is_within(self._rule.curfew, local):
            orders |= Order.CURFEW
        return self._base._replace(
            minute=local.minute,
            weekday=local.weekday,
            holiday=int(local.day in self._rule.holidays),
            orders=int(orders),
        )

    def _placed(self, found: Around, who: Who) -> Around:
        """With where the holder was last, and how the zone stands."""
        way, at = last_in(who.places, self._zone)
        found = found._replace(zone_way=way, zone_at=at)
        if self._neighbours is None:
            return found
        here = self._neighbours.here()
        return found._replace(
            heard=int(here.heard_for <= self._rule.heard_seconds),
            inside=min(here.inside.count, MOST),
            unsure=min(here.inside.unsure, MOST),
        )

    def note(self, handle: bytes, klass: int, now: int) -> None:
        """Somebody with a pass of their own came through."""
        self._company.note(handle, klass, now)

    def look(self, now: int) -> None:
        """For quiet moments. Raises `Unavailable`."""
        if self._neighbours is not None and not self._reads.isdisjoint(PRESENCE):
            self._neighbours.look(now)

    def standing(self, now: int, grade: int) -> Standing:
        """What orders and hours ask of the gate itself. Without a clock no hours hold."""
        is_locked = bool(self._base.orders & Order.LOCKDOWN)
        is_open = self._is_free or (grade != Grade.POOR and self._is_open_hour(now))
        return Standing(is_locked, is_open and not is_locked)

    def _is_open_hour(self, now: int) -> bool:
        hours = [one.window for one in self._rule.hold_open if one.gate in ("", self._gate.name)]
        return is_within(hours, moment(self._rule.zone, now)) if hours else False


def counted_zone(zones: int) -> int:
    """The zone that a gate counts for: the first of those it leads to, 255 for none."""
    return (zones & -zones).bit_length() - 1 if zones else NOWHERE.zone
