"""What a guard looks up in a terminal's store: visitors, who is inside, a code, whose a check was.

Reads only.
"""

from collections.abc import Iterator

from appliance.console.effects import Denied, Inside
from appliance.console.seen import Seen, seen_act, seen_of
from appliance.console.shift import LONGEST_SECONDS, Shift, began_at, shift_of
from appliance.gate.checker import Checker
from appliance.gate.overstays import visits
from appliance.gate.terminal import Clock
from appliance.gate.visitors import Visitor, visitors
from appliance.passes.code import MAX_TEXT, Form
from appliance.passes.token import HolderClass
from appliance.policy.facts import Gate
from appliance.policy.verdict import Verdict
from appliance.version import BUILD_TIME
from ledger_sync import masks
from ledger_sync.acts import Acts, guards
from ledger_sync.clock import believed, floor_of, grade_of
from ledger_sync.feed import ZONES
from ledger_sync.keys import PublicKey
from ledger_sync.presence import Presence
from ledger_sync.recent import recent
from ledger_sync.replica import Replica
from ledger_sync.shelf import Shelf
from ledger_sync.software import made_by
from ledger_sync.state import LIST_SIZE

MAX_PEOPLE = 500  # of a zone on one list
_INVITES = (Form.VISITOR, Form.BEARER_INVITE)
_PASSES = "SELECT handle, slot FROM pass"
_LISTS = "SELECT id, uri FROM status_list"
_DENIED = """
SELECT p.handle, d.until FROM denial d JOIN pass p ON p.slot = d.slot WHERE d.until > ?
ORDER BY d.until DESC LIMIT 500"""
_BLOCKED = "SELECT credential, until FROM block WHERE until > ? ORDER BY until DESC LIMIT 500"


class Looking:
    """Of one terminal; `clock` reads the time as the gate does."""

    def __init__(
        self,
        replica: Replica,
        gate: Gate,
        secret: bytes,
        clock: Clock,
        *,
        build_time: int = BUILD_TIME,
    ) -> None:
        self._clock = clock
        self._build_time = build_time
        self._replica = replica
        self._gate = gate
        self._secret = secret

    def visitors(self, now: int) -> list[Visitor]:
        """Who came within two days. Raises `Unavailable`."""
        return visitors(self._replica.store, self._secret, now)

    def inside(self, now: int) -> tuple[Inside, ...]:
        """Who is inside, zone by zone, where anybody is. Raises `Unavailable`."""
        return tuple(self._inside(Presence(self._replica.store), now))

    def _inside(self, counted: Presence, now: int) -> Iterator[Inside]:
        for zone in range(ZONES):
            found = counted.inside(zone, now)
            if found.count or found.unsure:
                people = counted.people(zone)[:MAX_PEOPLE]
                named = tuple((_hex(holder), at) for holder, at in people)
                yield Inside(zone, found.count, found.unsure, named)

    def shift(self, terminal: str, now: int) -> Shift:
        """What all gates logged since the last handover at this terminal, at most of a day, from
        their logs. Raises `Unavailable`."""
        seen = sorted(self._seen(now - LONGEST_SECONDS), key=lambda one: one.order)
        since = began_at(seen, terminal, now)
        return shift_of(seen, self.visitors(now), since)

    def _seen(self, since: int) -> Iterator[Seen]:
        shelf, acts = Shelf(self._replica.store), Acts(self._replica.store, self._secret)
        for held in shelf.feeds():
            name, maker = held.origin.split("/")[-2], made_by(shelf, held.number)
            for entry, sealed in recent(shelf, held, since):
                done = acts.done(name, entry, sealed)
                seen = seen_act(done) if done else seen_of(name, entry, maker)
                if seen is not None and seen.at >= since:
                    yield seen

    def is_guard(self, key: PublicKey, now: int) -> bool:
        """Whether the ledger lets this key act now. Raises `Unavailable`."""
        at = self.believed(now)
        found = [one for one in guards(self._replica.store) if one.key == key]
        return any(one.since <= at <= one.until for one in found)

    def believed(self, now: int) -> int:
        """The time by which acts are signed and done (FORMAT.md 9.1). Raises `Unavailable`."""
        held, build = self._replica.ledger(), self._build_time
        floor = floor_of(stored=held.floor, quorum_time=held.quorum_time, build_time=build)
        return believed(now, floor)

    def denied_now(self, now: int) -> list[Denied]:
        """Who is denied or blocked at `now`, who longest first. Raises `Unavailable`."""
        key, store = masks.day_key(self._secret, now), self._replica.store
        found = [
            Denied(masks.pseudonym(key, _raw(handle)).hex(), False, until)
            for handle, until in store.rows(_DENIED, now)
        ]
        found += [Denied(_hex(one), True, until) for one, until in store.rows(_BLOCKED, now)]
        return sorted(found, key=lambda one: (-one.until, one.name))

    def judged(self, text: str, now: int) -> tuple[Verdict, str, int, str]:
        """What this gate would say of a code now, of what class its pass is, until when it holds,
        and the name of the invite. Raises `Unavailable`, `Refused`."""
        checker = Checker(self._replica, self._gate, build_time=self._build_time)
        grade = grade_of(self._clock(), checker.floor)
        found = checker.assess(text.encode(errors="replace")[: MAX_TEXT + 1], now, grade=grade)
        facts = found.facts
        is_proven = bool(facts.marks) and not facts.refused
        is_visitor = is_proven and facts.form in _INVITES
        holder = HolderClass(facts.klass).name.lower() if is_proven else ""
        until = facts.invite.ends_at if is_visitor else facts.expires_at
        return found.verdict, holder, until, found.credential.hex() if is_visitor else ""

    def denied(self, pseudonym: bytes, at: int) -> tuple[list[tuple[str, int]], list[int]] | None:
        """The place in a status list, or the visitor, that a deny note names for whoever had this
        pseudonym on the day of `at`; None if nobody here did. Goes through all passes."""
        key, store = masks.day_key(self._secret, at), self._replica.store
        for handle, slot in store.rows(_PASSES):
            if masks.pseudonym(key, _raw(handle)) == pseudonym:
                lists = dict(store.rows(_LISTS))
                return [(str(lists[slot // LIST_SIZE]), slot % LIST_SIZE)], []
        for check, holder in visits(store, self._secret, at):
            if check.pseudonym == pseudonym:
                return [], [holder]
        return None


def _raw(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


def _hex(number: int) -> str:
    return _raw(number).hex()
