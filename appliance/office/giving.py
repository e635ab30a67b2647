"""What invites a pass may give, by the rule of the site: the phone is told, so that its form asks
for nothing that gates refuse. The rule may change afterwards; gates go by the newest."""

from appliance.office.office import Office
from appliance.passes import token
from appliance.passes.phone_text import Limits
from appliance.policy import site_rule
from appliance.policy.site_rule import ZoneOf
from ledger_sync.cose import open1

NONE = Limits(0, 0, 0)


def limits(office: Office, issued: bytes, zone_of: ZoneOf) -> Limits:
    """Those of this pass. Raises `Refused` if the rule in force cannot be read."""
    with office.book() as (book, _):
        row = book.store.row("SELECT text FROM rule WHERE name = ?", site_rule.RULE_NAME)
    rule = site_rule.read(bytes(row[0]), zone_of) if row else site_rule.DEFAULT
    allowed = rule.invites
    if not allowed.classes >> token.claims_of(open1(issued).payload).klass & 1:
        return NONE
    return Limits(allowed.keyed_seconds, allowed.bearer_seconds, allowed.uses)
