"""The clocks on the wall of a site, by its signed rule."""

from contextlib import suppress

from appliance.policy import site_rule
from appliance.policy.schedule import Zone
from appliance.zones import zone_of
from ledger_sync.errors import Refused
from ledger_sync.replica import Replica


def site_zone(replica: Replica) -> Zone:
    """The site's time zone; UTC where no rule names one, or none that can be read: the gates say
    so at each check. Raises `Unavailable`."""
    with suppress(Refused):
        return site_rule.read(replica.rule(site_rule.RULE_NAME) or b"{}", zone_of).zone
    return site_rule.DEFAULT.zone
