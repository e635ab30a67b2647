"""What `yardpass ledger status` says of checks that contradict each other."""

import time
from typing import NamedTuple

from appliance.gate.words import plain
from appliance.version import shown
from ledger_sync.moves import Moves
from ledger_sync.shelf import Shelf
from ledger_sync.software import makers_of
from ledger_sync.store import Store
from ledger_sync.uses import Uses

MAX_TOLD = 20  # sentences on a screen; programs are told all
_SAYS = {
    "code": "one code counted twice",
    "passback": "one person went in twice and not out between",
    "quota": "more entries than the credential is good for",
}


class Told(NamedTuple):
    """A conflict of whatever kind: the feeds, numbers and software of both checks."""

    kind: str
    first: str
    first_seq: int
    second: str
    second_seq: int
    found_at: int
    first_software: str = ""
    second_software: str = ""

    @property
    def sentence(self) -> str:
        first, second = (origin.split("/")[-2] for origin in (self.first, self.second))
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(self.found_at))
        places = f"{first} check {self.first_seq}{_by(self.first_software)}"
        places += f" and {second} check {self.second_seq}{_by(self.second_software)}"
        return f"{_SAYS[self.kind]}: {places}, found {when} UTC"


def told(store: Store) -> list[Told]:
    """All conflicts that a store knows of, the oldest first."""
    codes = [Told("code", *one) for one in Uses(store).conflicts()]
    people = [Told(*one) for one in Moves(store).conflicts()]
    pairs = [*codes, *people]
    made = makers_of(Shelf(store), (name for one in pairs for name in (one.first, one.second)))
    found = [
        one._replace(
            first_software=made.get(one.first, ""), second_software=made.get(one.second, "")
        )
        for one in pairs
    ]
    return sorted(found, key=lambda one: (one.found_at, one))


def _by(software: str) -> str:
    return f" (by {plain(shown(software))})" if software else ""


def sentences(conflicts: list[Told]) -> list[str]:
    """The newest of them for people, and how many more there are."""
    newest = [one.sentence for one in conflicts[-MAX_TOLD:]]
    more = len(conflicts) - len(newest)
    return [f"{more} earlier conflicts, see --json", *newest] if more else newest
