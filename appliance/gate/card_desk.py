"""Cards as the terminal takes them: one card to what is judged, recorded, and held against it.

Keeps what the gate asked, and how often wrong numbers were shown. Moves no relay.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from appliance.gate.asking import Asking
from appliance.gate.card_checker import CardChecker
from appliance.gate.checker import Assessed
from appliance.passes.code import Form
from appliance.passes.receipt import Receipt
from appliance.policy.reasons import Reason
from appliance.policy.tries import Tries, locked_seconds, wrong
from appliance.policy.verdict import Colour
from hw.ports import CardRead
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.tries import TriesLog

WRONG = frozenset({Reason.UNKNOWN, Reason.DOWNGRADE})
"""What a number is refused for that was guessed, or copied."""


@dataclass(frozen=True, slots=True)
class Presented:
    """One card before one reader. `text` stands for it in the log: what it signed, the code it
    carries, or random bytes, for a hash of a number would tell the number."""

    read: CardRead
    text: bytes
    is_asked: bool
    receipt: bytes


class CardDesk:
    """Owned by the terminal's thread; only `asking` may be asked by others."""

    def __init__(
        self,
        checker: CardChecker,
        tries: TriesLog,
        asking: Asking,
        *,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._checker = checker
        self._tries = tries
        self.asking = asking
        self._random = random
        self._uncounted: dict[bytes, Tries] = {}

    def take(self, read: CardRead) -> Presented:
        """A card as it was read: what was asked of it is answered now, and never again."""
        proof = read.proof
        if proof is None:
            return Presented(read, read.text or self._random(32), False, b"")
        asked = self.asking.take(proof.transaction)
        receipt = b""
        if asked is not None and len(proof.signature) == 64:
            kept = Receipt(asked.size, asked.counter, asked.random, proof.signature)
            receipt = kept.to_bytes()
        return Presented(read, proof.transaction, asked is not None, receipt)

    def assess(
        self, shown: Presented, now: int, grade: int, *, nonces: tuple[bytes, ...] = ()
    ) -> Assessed:
        """The verdict on it; `nonces` as in the checker. Raises `Unavailable` when the store
        cannot be read."""
        read = shown.read
        if self._checker.form_of(read) is Form.NUMBER and self._is_locked(read, now):
            return self._checker.refused(Form.NUMBER, Reason.TRIES, b"", now, grade)
        asked = shown.is_asked
        return self._checker.assess(read, now, grade=grade, is_asked=asked, nonces=nonces)

    def remember(self, shown: Presented, found: Assessed, now: int) -> None:
        """Counts a wrong number against the reader and against the number, durably as soon as the
        store takes it."""
        is_number = found.facts.form == Form.NUMBER
        if not is_number or found.verdict.colour is not Colour.RED:
            return
        if WRONG & set(found.verdict.reasons):
            for name in self._names(shown.read):
                self._uncounted[name] = wrong(self._tries_of(name), now)
            self.rest()

    def rest(self) -> None:
        """Keeps what could not be kept when it happened: the check it belongs to is on record."""
        for name, tries in list(self._uncounted.items()):
            try:
                self._tries.put(name, *tries)
            except Unavailable:
                return  # counted in memory until the store takes it
            del self._uncounted[name]

    def _tries_of(self, name: bytes) -> Tries:
        return self._uncounted.get(name) or Tries(*self._tries.get(name))

    def _is_locked(self, read: CardRead, now: int) -> bool:
        return any(locked_seconds(self._tries_of(name), now) for name in self._names(read))

    def _names(self, read: CardRead) -> list[bytes]:
        """Whom a wrong number is held against."""
        names = [b"reader " + read.reader.encode()]
        try:
            return [*names, b"number " + self._checker.handle_of(read)]
        except Refused:
            return names
