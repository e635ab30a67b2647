"""When the console rings: somebody waits for the guard, or an alarm begins. Pure."""

from collections.abc import Iterable

from appliance.console.seen import Seen
from appliance.console.standing import Standing
from appliance.policy.verdict import Action
from ledger_sync.gate_alarm import ENDS


def is_calling(before: Standing, after: Standing) -> bool:
    """Whether somebody calls for help who did not before."""
    return bool(set(after.duress) - set(before.duress))


def is_asking(seen: Iterable[Seen], terminal: str) -> bool:
    """Whether something new needs the guard of this terminal: a check that asks, here; an alarm,
    wherever."""
    return any(
        (one.alarm and one.alarm not in ENDS)
        or (one.is_check and one.terminal == terminal and one.action is Action.ASK)
        for one in seen
    )
