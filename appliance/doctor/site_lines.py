"""What is said of the terminal: its settings, its ledger, its peers. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from appliance.doctor.lines import Line, NotHad, fail, not_had, ok, warn

HOUR, DAY = 3_600, 86_400


class LedgerAge(NamedTuple):
    """The ledger of the terminal: entries, when its quorum signed (0: never), what time it is
    (0: nobody knows), and the site's ages in seconds."""

    size: int
    quorum_time: int
    now: int
    fresh: int
    stale: int
    old: int


class Peers(NamedTuple):
    """Whether `yardpass sync` is at work, and each peer's name and state."""

    is_at_work: bool
    states: Sequence[tuple[str, str]]


class Identity(NamedTuple):
    """The terminal's name, the genesis policy's fingerprint, whether the ledger names its key."""

    name: str
    genesis: str
    is_named: bool


def settings(found: str | NotHad) -> Line:
    """`found` is the file."""
    return ok("settings", found) if isinstance(found, str) else not_had("settings", found)


def first_boot(refused: str) -> Line:
    """Of a box that is no terminal yet; `refused` is why not, empty where nothing was brought."""
    part = "first boot"
    if not refused:
        step = "put in a stick named YARDPASS that yardpass provision wrote"
        return warn(part, "nothing was brought to this box yet", step)
    what, _, step = refused.rpartition("; ")
    again = f"{step}; then put the stick in again" if what else "write it again at the office"
    return fail(part, f"refused: {what or step}", again)


def identity(found: Identity | NotHad) -> Line:
    part = "terminal"
    if not isinstance(found, Identity):
        return not_had(part, found)
    said = f"{found.name}, genesis policy {found.genesis}"
    if found.is_named:
        return ok(part, said)
    step = f"at the office: yardpass office terminal {found.name} --enrol CODE, and publish; "
    step += "here: wait for a peer that has it, or yardpass ledger import SOURCE"
    what = "the ledger here does not name its key: peers believe nothing it says"
    return fail(part, f"{said}; {what}", step)


def ledger(found: LedgerAge | NotHad) -> Line:
    part = "ledger"
    if not isinstance(found, LedgerAge):
        return not_had(part, found)
    step = "look whether sync reaches a peer, or bring it by stick: yardpass ledger import SOURCE"
    if not found.quorum_time:
        return fail(part, "none yet: nobody gets in", step)
    if not found.now:
        return warn(part, f"{found.size} entries, age not known without the time", step)
    age = max(0, found.now - found.quorum_time)
    said = f"{found.size} entries, {spoken(age)} old"
    if age > found.old:
        return fail(part, said, step)
    return warn(part, said, step) if age > found.fresh else ok(part, said)


def peers(found: Peers | NotHad) -> Line:
    part = "peers"
    if not isinstance(found, Peers):
        return not_had(part, found)
    if not found.is_at_work:
        step = "start it: systemctl start yardpass-sync, or yardpass sync"
        return warn(part, "yardpass sync is not at work: this gate hears of nothing new", step)
    bad = [name for name, state in found.states if state == "misbehaved"]
    if bad:
        step = "look why with: yardpass ledger status; has somebody copied a terminal?"
        return fail(part, f"cut off: {', '.join(bad)}", step)
    silent = [name for name, state in found.states if state != "here"]
    if silent:
        step = "look whether they have power, network and a ledger that names this terminal; "
        step += "this gate decides without them"
        return warn(
            part, f"{len(silent)} of {len(found.states)} silent: {', '.join(silent)}", step
        )
    return ok(part, f"{len(found.states)} here" if found.states else "the only terminal")


def spoken(seconds: int) -> str:
    """`3 h`, `2 days`."""
    if seconds < HOUR:
        return f"{seconds // 60} min"
    return f"{seconds // HOUR} h" if seconds < 2 * DAY else f"{seconds // DAY} days"
