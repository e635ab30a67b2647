"""What is said of a box's two slots and of its last update. Pure."""

from typing import NamedTuple

from appliance.doctor.lines import Line, NotHad, fail, not_had, ok, warn
from appliance.update.outcome import Outcome, State

MANY_STARTS = 2  # of a kept slot without being found well; after three the other one is taken
SUPPORT = "bring a newer one; for its maker: yardpass doctor --bundle FILE"
_STEPS = {
    State.COPYING: "leave the stick and the power alone, ask again in five minutes",
    State.WAITING: "close the gate; it is looked at every five minutes",
    State.WRITING: "leave the power alone, ask again in ten minutes",
    State.WRITTEN: "close the gate, or restart into it: yardpass update try",
    State.TRYING: "wait for its health check, five minutes at most",
    State.REFUSED: "bring one for this box, signed by its maker, newer and whole",
    State.FAILED: SUPPORT,
    State.GIVEN_UP: f"install an update, so that there are two again; {SUPPORT}",
}


class Slots(NamedTuple):
    """Which slot runs which version, whether it is kept; whether the other one may be gone back
    to, and what it holds, empty if not known; starts of the kept slot since it was last well."""

    running: str
    version: str
    is_kept: bool
    other: str
    is_other_whole: bool
    other_version: str
    starts: int


def slots(found: Slots | NotHad) -> Line:
    part = "slots"
    if not isinstance(found, Slots):
        return not_had(part, found)
    said = f"slot {found.running} runs {found.version}"
    holds = f"slot {found.other} holds {found.other_version or 'what ran before'}"
    if not found.is_kept:
        step = "wait five minutes for its health check, then ask again"
        return warn(part, f"{said} on trial; {holds}", step)
    if found.starts >= MANY_STARTS:
        step = "look why with: journalctl -u yardpass-health -n 50"
        return warn(part, f"{said}, started {found.starts} times and not found well yet", step)
    if not found.is_other_whole:
        step = "install an update, so that there is something to go back to"
        return warn(part, f"{said}, kept; slot {found.other} holds nothing whole", step)
    return ok(part, f"{said}, kept; {holds}")


def update(found: Outcome | NotHad | None) -> Line:
    """What became of the last update."""
    part = "update"
    if found is None:
        return ok(part, "none was brought yet")
    if not isinstance(found, Outcome):
        return not_had(part, found)
    said = f"{found.sentence} (by {found.source})"
    if found.state is State.KEPT:
        return ok(part, said)
    level = fail if found.state is State.FAILED else warn
    return level(part, said, _STEPS[found.state])


def automatic(is_on: bool, minutes: int, named: str | NotHad) -> Line:
    """Whether updates that the ledger names are installed; `named` is the version that it names
    for this box, empty for none."""
    part = "automatic updates"
    if not isinstance(named, str):
        return not_had(part, named)
    told = f"the ledger names {named}" if named else "the ledger names none"
    if is_on:
        return ok(part, f"{told}; fetched, and installed after {minutes} min with nobody")
    return ok(part, f"{told}; off, to change it: [update] automatic = true")
