"""A check as reports read it, and the name that the office's roll gives it. Pure.

A feed names nobody. Whoever has the site's secret and the roll makes the pseudonyms of a day
(FORMAT.md 8.2) and finds whose check it was; the auditor's key is not needed for that.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from appliance.policy.facts import GUESTS, UNINVITED, Invitation, glance_in, invitation_in
from appliance.policy.verdict import Action, Colour
from ledger_sync import feed, masks
from ledger_sync.errors import Refused


class Record(NamedTuple):
    """One presentation at a gate, in the words of `feed.Check`.

    `holder` is who came as 16 hex digits, the same at every gate and on every day, empty where the
    check does not count. `klass` is 0 where nothing could be proven, `heard_at` when the office
    had been heard last. `who` is a name of the roll, empty for whoever is not on it. `software` is
    what made the check, by the opening of its feed.
    """

    terminal: str
    gate: str
    at: int
    hlc: int
    way: int
    colour: Colour
    action: Action
    reasons: tuple[str, ...]
    klass: int
    is_guest: bool
    ends_at: int
    holder: str
    ledger_size: int
    heard_at: int
    pseudonym: bytes
    who: str = ""
    software: str = ""


def record_of(
    terminal: str, entry: bytes, site_secret: bytes, software: str = ""
) -> Record | None:
    """The check in an entry of the feed of this terminal, which this software made; None for
    another entry, one of a later version or of a broken terminal."""
    with suppress(Refused, ValueError):
        check = feed.check_of(entry)
        seen = glance_in(check.facts)
        use = feed.use_of(entry, site_secret)
        return Record(
            *(terminal, check.gate, check.at, check.hlc, check.way),
            *(Colour(check.colour), Action(check.action), check.reasons),
            *(seen.klass, seen.form in GUESTS, _invitation(check).ends_at),
            use.holder.to_bytes(8, "big", signed=True).hex() if use else "",
            *(check.ledger_size, seen.quorum_time, check.pseudonym),
            software=software,
        )
    return None


def _invitation(check: feed.Check) -> Invitation:
    return invitation_in(check.facts) or UNINVITED


def named(
    records: Iterable[Record], roll: Iterable[tuple[bytes, str]], site_secret: bytes
) -> list[Record]:
    """The records, each with the name that the roll (handle, resident) has for it."""
    records, people = list(records), list(roll)
    names = {}
    for day in {one.at // masks.DAY_SECONDS for one in records}:
        wanted = {one.pseudonym for one in records if one.at // masks.DAY_SECONDS == day}
        key = masks.day_key(site_secret, day * masks.DAY_SECONDS)
        for handle, resident in people:
            made = masks.pseudonym(key, handle)
            if made in wanted:
                names[day, made] = resident
    return [
        one._replace(who=names.get((one.at // masks.DAY_SECONDS, one.pseudonym), ""))
        for one in records
    ]
