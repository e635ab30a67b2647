"""A verdict in one sentence that a guard can read out, with what the ledger knows beside it."""

from appliance.gate import words
from appliance.gate.checker import Assessed
from appliance.policy.schedule import Zone
from ledger_sync.changes import changed_at
from ledger_sync.replica import Replica


def sentence(replica: Replica, zone: Zone, assessed: Assessed, at: int) -> str:
    """`The office revoked this pass, 14:02; ledger 41 s old.` Looks back in the ledger for when,
    so it is for people, not for the way of a decision. `zone` is the site's."""
    reasons = assessed.verdict.reasons
    is_asked = bool(reasons) and reasons[0] in words.OF_STATUS and bool(assessed.credential)
    since = changed_at(replica, assessed.credential) if is_asked else None
    heard_at = replica.ledger().quorum_time
    told = words.Told(at, heard_at, zone, since)
    return words.sentence(assessed.verdict, assessed.facts, told)
