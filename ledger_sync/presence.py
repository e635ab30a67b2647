"""Who is inside a zone, as far as the marks of holders tell: how many, and who.

Reads only, a scan of all marks: for quiet moments, not for a check. FORMAT.md section 8.7.
"""

from dataclasses import dataclass

from ledger_sync.places import key_of, last_in
from ledger_sync.store import Store

__all__ = ["HORIZON", "Inside", "Presence", "last_in"]

HORIZON = 86_400  # seconds: who went in longer ago and was not seen since probably left unseen
_MOVES = """
SELECT holder, json_extract(places, ?1) AS move FROM holder_mark
WHERE instr(places, ?2) AND json_valid(places)"""
_INSIDE = f"""
SELECT count(*) FILTER (WHERE move >= ?3), count(*) FILTER (WHERE move < ?3)
FROM ({_MOVES}) WHERE move % 2 = 0"""  # noqa: S608 - our own text
_PEOPLE = f"""
SELECT holder, move / 2 FROM ({_MOVES}) WHERE move % 2 = 0 ORDER BY move DESC, holder"""  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class Inside:
    """How many went into a zone and were not seen on the way out: within `HORIZON`, and before."""

    count: int
    unsure: int


class Presence:
    """The people in the zones of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def inside(self, zone: int, now: int) -> Inside:
        """How many are inside at `now`."""
        row = self._store.row(_INSIDE, *_key(zone), (now - HORIZON) * 2)
        return Inside(*row) if row else Inside(0, 0)

    def people(self, zone: int) -> list[tuple[int, int]]:
        """(holder, when they went in) of all who are inside, the newest first: a muster list."""
        return [(holder, at) for holder, at in self._store.rows(_PEOPLE, *_key(zone))]


def _key(zone: int) -> tuple[str, str]:
    """The path of a zone in the places of a holder, and how it is spelt there."""
    return f"$.z{zone}", key_of(zone)
