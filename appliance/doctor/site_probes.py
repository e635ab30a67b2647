"""Looks at the terminal: its store, its key, its peers. Judges nothing, writes nothing."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from appliance.doctor.lines import NotHad, fault_of
from appliance.doctor.site_lines import Identity, LedgerAge, Peers
from appliance.gate import doorbell
from appliance.gate.assembly import open_replica
from appliance.gate.identity import fingerprint, key_of, trust_of
from appliance.policy import site_rule
from appliance.policy.site_rule import SiteRule
from appliance.settings import Settings
from appliance.version import BUILD_TIME
from appliance.zones import zone_of
from ledger_sync import peers_file
from ledger_sync.clock import Grade, Reading, floor_of, grade_of
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.replica import Replica

FSCK = "keep the store for evidence, and run: yardpass ledger fsck"


@contextmanager
def opened(settings: Settings) -> Iterator[Replica | NotHad]:
    """The replica, or why it cannot be had."""
    with ExitStack() as stack:
        try:
            found: Replica | NotHad = stack.enter_context(open_replica(settings))
        except (Refused, Unavailable) as error:
            found = fault_of(error, FSCK)
        yield found


def _rule(replica: Replica) -> SiteRule:
    return site_rule.read(replica.rule(site_rule.RULE_NAME) or b"{}", zone_of)


def floor(replica: Replica | NotHad) -> int:
    """The latest moment that is certainly past."""
    if not isinstance(replica, Replica):
        return BUILD_TIME
    held = replica.ledger()
    return floor_of(stored=held.floor, quorum_time=held.quorum_time, build_time=BUILD_TIME)


def ledger(replica: Replica | NotHad, reading: Reading) -> LedgerAge | NotHad:
    if not isinstance(replica, Replica):
        return replica
    try:
        held, rule = replica.ledger(), _rule(replica)
    except (Refused, Unavailable) as error:
        return fault_of(error, FSCK)
    knows = grade_of(reading, floor(replica)) is not Grade.POOR
    ages = (rule.fresh_seconds, rule.stale_seconds, rule.old_seconds)
    return LedgerAge(held.size, held.quorum_time, reading.now if knows else 0, *ages)


def identity(replica: Replica | NotHad, settings: Settings) -> Identity | NotHad:
    """Read with the terminal's own key where that may be read: as its user, or as root."""
    if not isinstance(replica, Replica):
        return replica
    try:
        genesis = fingerprint(trust_of(settings).digest)
        key = key_of(settings.key).public.raw
    except (Refused, Unavailable) as error:
        return fault_of(error, "make the terminal with: yardpass office terminal")
    try:  # not what sync says of itself, which begins before any ledger names it
        row = replica.store.row("SELECT key FROM terminal WHERE name = ?", settings.terminal)
    except (Refused, Unavailable) as error:
        return fault_of(error, FSCK)
    return Identity(settings.terminal, genesis, row is not None and bytes(row[0]) == key)


def peers(settings: Settings) -> Peers:
    folder = settings.store.parent
    states = [(one["name"], one["state"]) for one in peers_file.read(folder)]
    return Peers(doorbell.is_answered(folder / doorbell.NAME), states)
