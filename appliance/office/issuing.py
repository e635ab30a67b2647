"""A line of a roll becomes a pass: the token, its entry in the ledger, its row in the book."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from appliance.office.residents import DURESS_CARRIER, Resident
from appliance.office.roll import DAY, Line
from appliance.office.sheet import Progress
from appliance.passes import token
from appliance.passes.token import Assurance, Pass
from ledger_sync import entries
from ledger_sync.entries import CARD
from ledger_sync.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Issuing:
    """By whom passes are made, for which site, from when on; `assurance` of those with a key, in
    the ledger `card` of those whose key is in a card, or asks for help. `bound` names the card
    that may show passes without a key (see passes.card)."""

    site: str
    issuer: SigningKey
    secret: bytes
    now: int
    assurance: Assurance
    card: int = CARD
    bound: bytes | None = None

    def passes(
        self,
        lines: Iterable[Line],
        places: Iterable[tuple[str, int]],
        made: list[Resident],
        progress: Progress | None = None,
    ) -> Iterator[entries.Pass]:
        """The entries of passes for these lines, at places drawn from `places` as they are needed;
        their rows go to `made`."""
        for line, place in zip(lines, places, strict=False):
            row, entry = self.pass_for(line, *place)
            made.append(row)
            yield entry
            if progress:
                progress(len(made))

    def pass_for(self, line: Line, uri: str, idx: int) -> tuple[Resident, entries.Pass]:
        """The row and the entry of a new pass at this place of a status list."""
        level = self.assurance if line.key else Assurance.BEARER
        subject = token.subject_of(self.secret, line.resident)
        until = line.until or self.now + line.days * DAY
        place = (uri, idx, int(line.klass), line.zones, int(level))
        bound = None if line.key else self.bound
        claims = Pass(self.site, subject, self.now, until, line.key, *place, bound)
        issued = token.issue(claims, self.issuer)
        handle = token.handle_of(issued)
        rights = (int(line.klass), line.zones, until, line.carrier)
        row = Resident(line.resident, handle, subject, uri, idx, *rights, issued)
        stated = self.card if line.carrier in ("card", DURESS_CARRIER) else int(level)
        terms = (*place[:-1], stated, self.now, until, line.key)
        return row, entries.Pass(handle, self.issuer.public.kid, subject, *terms)
