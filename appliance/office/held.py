"""What residents hold already: a roll that is imported again must not enrol them again."""

from collections.abc import Iterator
from typing import NamedTuple

from appliance.office.residents import Residents
from appliance.office.roll import Line
from appliance.passes import token
from ledger_sync.cose import open1


class Held(NamedTuple):
    """The passes in force: (resident, raw key), or (resident, carrier) of one without a key.

    `newest` is the last row of the book it was read from: whether the book has changed since.
    """

    passes: frozenset[tuple[str, bytes | str]]
    newest: int

    @classmethod
    def in_book(cls, residents: Residents, *, now: int) -> "Held":
        """One read of the whole book, for rolls of any length."""
        return cls(frozenset(_passes(residents, now)), residents.newest())

    def has(self, line: Line) -> bool:
        """Whether who stands on this line holds such a pass."""
        return (line.resident, line.key.raw if line.key else line.carrier) in self.passes


def _passes(residents: Residents, now: int) -> Iterator[tuple[str, bytes | str]]:
    for resident, carrier, issued in residents.holdings(now=now):
        has_key = issued and carrier != "print"
        key = token.claims_of(open1(issued).payload).key if has_key else None
        yield resident, key.raw if key else carrier
