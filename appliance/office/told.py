"""What an entry of the ledger says, in one line, for whoever looks before it is signed. Pure."""

from collections.abc import Iterable, Mapping

from appliance.office.reports.table import day_name
from appliance.passes.token import HolderClass
from ledger_sync.entries import (
    MAY_ACT,
    MAY_CERTIFY,
    MAY_DENY,
    MAY_ISSUE,
    MAY_ORDER,
    Blob,
    Entry,
    Issuer,
    Pass,
    Policy,
    Recognise,
    Rule,
    Shard,
    Snapshot,
    Status,
    Terminal,
    Unpass,
)
from ledger_sync.kinds import USUAL_RIGHTS

DAY = 86_400
STATUSES = ("in force", "revoked", "suspended", "sent to the guard (condition)")
RIGHTS = {
    MAY_ISSUE: "issue passes",
    MAY_DENY: "sign deny notes",
    MAY_CERTIFY: "certify cards",
    MAY_ORDER: "sign orders",
    MAY_ACT: "open gates by hand",
}
Places = Mapping[tuple[str, int], str]


def told(entry: Entry, by_handle: Mapping[bytes, str], by_place: Places) -> str:  # noqa: C901 - one line a kind
    """`pass of Chen: resident, zones 0, until 2026-12-22`."""
    match entry:
        case Pass():
            return _pass(entry, by_handle)
        case Unpass():
            return f"{by_handle.get(entry.handle, 'a pass')}: forgotten by gates"
        case Status():
            return _status(entry, by_place)
        case Shard():
            return f"a whole status list, {len(entry.token)} bytes"
        case Policy():
            cosigners = entry.text.count(b"\nwitness ")
            return f"policy {entry.version}: whom gates believe, {cosigners} cosigners"
        case Issuer():
            return _issuer(entry)
        case Terminal():
            return _terminal(entry)
        case Recognise():
            return _recognition(entry)
        case Rule():
            return f"rule {entry.name}, {len(entry.text)} bytes"
        case Snapshot():
            return f"a snapshot of the state after {entry.size} entries, {entry.length} bytes"
        case Blob():
            hints = "".join(f", {hint}" for hint in entry.hints or ())
            return f"file {entry.name}, {entry.length} bytes{hints}"
        case _:  # of a kind that this version does not know
            return f"an entry of kind {entry.kind}"


def _pass(entry: Pass, by_handle: Mapping[bytes, str]) -> str:
    who = by_handle.get(entry.handle, "somebody")
    zones = " ".join(_numbers(entry.zones))
    klass = HolderClass(entry.klass).name.lower()
    return f"pass of {who}: {klass}, zones {zones}, until {_day(entry.expires_at)}"


def _status(entry: Status, by_place: Places) -> str:
    changes = (
        f"{by_place.get((entry.uri, idx), 'a pass')}: {STATUSES[value]}"
        for idx, value in entry.changes
    )
    return ", ".join(changes)


def _issuer(entry: Issuer) -> str:
    rights = USUAL_RIGHTS if entry.rights is None else entry.rights
    may = ", ".join(words for right, words in RIGHTS.items() if rights & right) or "nothing"
    return f"issuer {entry.name}: may {may}, until {_day(entry.until)}"


def _terminal(entry: Terminal) -> str:
    if entry.key is None:
        return f"terminal {entry.name}: gone"
    at = ", ".join(entry.addresses or ()) or "no address"
    return f"terminal {entry.name} at gate {entry.gate}, {at}"


def _recognition(entry: Recognise) -> str:
    if entry.policy is None:
        return f"{entry.authority}: recognised no more"
    return f"{entry.authority}: recognised until {_day(entry.until or 0)}"


def _numbers(mask: int) -> Iterable[str]:
    return (str(number) for number in range(64) if mask >> number & 1)


def _day(at: int) -> str:
    return day_name(at // DAY)
