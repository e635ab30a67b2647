"""The visitors of the last two days: by the checks of their invites, and by what guards wrote.

For people, not for a decision. A visitor has no name here but what a guard typed.
"""

from collections.abc import Iterator
from typing import NamedTuple

from appliance.gate.overstays import LOOKED_BACK_SECONDS, invitation_of, visits
from ledger_sync.act import Kind
from ledger_sync.acts import Acts
from ledger_sync.store import Store

WALK_IN_SECONDS = 12 * 3_600  # after which somebody without an invite is asked for
IN, OUT = 0, 1
_WAYS = {Kind.IN: IN, Kind.OUT: OUT}


class Visitor(NamedTuple):
    """A visitor as last seen: `key` names the invite (16 hex digits) or was drawn for who had
    none; `name` is what a guard typed, the newest; `way` 0 in, 1 out, by `gate` at `at`;
    `ends_at` is when the invite ends, of who had none when they are asked for."""

    key: str
    name: str
    way: int
    gate: str
    at: int
    ends_at: int

    def is_overdue(self, now: int) -> bool:
        return self.way == IN and self.ends_at <= now


class _Move(NamedTuple):
    at: int
    way: int
    gate: str
    ends_at: int
    name: str


def visitors(store: Store, site_secret: bytes, now: int) -> list[Visitor]:
    """Who came within two days, the newest move first. Raises `Unavailable`."""
    moves: dict[str, list[_Move]] = {}
    for key, move in (*_shown(store, site_secret, now), *_written(store, site_secret, now)):
        moves.setdefault(key, []).append(move)
    found = [_visitor(key, sorted(several)) for key, several in moves.items()]
    return sorted(found, key=lambda one: (-one.at, one.key))


def _visitor(key: str, moves: list[_Move]) -> Visitor:
    last = moves[-1]
    name = next((move.name for move in reversed(moves) if move.name), "")
    ends_at = max(move.ends_at for move in moves)
    return Visitor(key, name, last.way, last.gate, last.at, ends_at or _first_in(moves))


def _first_in(moves: list[_Move]) -> int:
    """When somebody without an invite is asked for: some hours after the last way in."""
    ins = [move.at for move in moves if move.way == IN]
    return max(ins, default=0) + WALK_IN_SECONDS


def _shown(store: Store, secret: bytes, now: int) -> Iterator[tuple[str, _Move]]:
    for check, holder in visits(store, secret, now):
        invite = invitation_of(check)
        if invite is not None:
            key = holder.to_bytes(8, "big", signed=True).hex()
            yield key, _Move(check.at, check.way, check.gate, invite.ends_at, "")


def _written(store: Store, secret: bytes, now: int) -> Iterator[tuple[str, _Move]]:
    for done in Acts(store, secret).since(now - LOOKED_BACK_SECONDS):
        if done.act is not None and done.act.deed.kind in _WAYS:
            deed = done.act.deed
            yield deed.object, _Move(done.at, _WAYS[deed.kind], deed.terminal, 0, done.said)
