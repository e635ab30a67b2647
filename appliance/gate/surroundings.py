"""What a gate knows beside the pass: the local time, orders, who is where. Facts for its rules.

Looks up only what the site's rule asks for, so that a site without rules pays nothing.
"""

from appliance.policy.fact_names import COMPANY, PRESENCE, TIMES
from appliance.policy.facts import NOWHERE, Around, Gate, Order
from appliance.policy.schedule import is_within, moment
from appliance.policy.site_rule import SiteRule
from ledger_sync.clock import Grade


class Surroundings:
    """Of one gate. `follow` is called whenever the ledger has changed, `at` at each check."""

    def __init__(self, gate: Gate) -> None:
        self._zone = counted_zone(gate.zones)
        self._base = NOWHERE._replace(zone=self._zone)
        self._rule = SiteRule()
        self.is_asked = False

    def follow(self, rule: SiteRule, orders: int = 0) -> None:
        """Takes over the rule and the orders in force here (`Order` mask)."""
        reads = rule.rules.reads
        self._rule = rule
        self._base = NOWHERE._replace(zone=self._zone, orders=orders)
        self.is_asked = not reads.isdisjoint(TIMES | PRESENCE | COMPANY)

    @property
    def still(self) -> Around:
        """What holds without a look at anything."""
        return self._base

    def at(self, now: int, grade: int) -> Around:
        """What is known at `now`, by a clock of this grade: a POOR one tells no time of day."""
        if grade == Grade.POOR:
            return self._base
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


def counted_zone(zones: int) -> int:
    """The zone that a gate counts for: the first of those it leads to, 255 for none."""
    return (zones & -zones).bit_length() - 1 if zones else NOWHERE.zone
