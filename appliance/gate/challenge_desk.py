"""Challenge mode as the terminal uses it: numbers on the ticks of this machine, each answer once.

Judges nothing by itself: what was answered before is a fact, by which the verdict is decided anew.
"""

import time
from collections.abc import Callable

from appliance.gate.challenge import Challenge
from appliance.gate.checker import Assessed
from appliance.passes import code as codes
from appliance.passes.code import Form
from appliance.policy.facts import Nonce
from appliance.policy.rules import decide
from appliance.policy.verdict import Colour

_CARDS = (Form.TAP, Form.CERTIFIED_TAP, Form.NUMBER)  # what they sign is asked by asking.py


class ChallengeDesk:
    """Owned by the terminal's thread. `ticks` are nanoseconds of a monotonic clock."""

    def __init__(
        self, challenge: Challenge, *, ticks: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._challenge = challenge
        self._ticks = ticks

    def nonces(self) -> tuple[bytes, ...]:
        """The numbers that a code may carry now."""
        return self._challenge.accepted(self._ticks())

    def shown(self) -> tuple[bytes, int]:
        """The text to be shown now, and the ticks at which another one is."""
        return self._challenge.shown(self._ticks()), self._challenge.changes_at()

    def take_printed(self, nonce: bytes, seconds: int) -> None:
        """A number on paper, good for so long from now."""
        self._challenge.take_printed(nonce, self._ticks(), seconds)

    def once(self, text: bytes, found: Assessed, now: int) -> Assessed:
        """`found`, or R-REPLAY if its holder has answered this number before: a gate without the
        time moves no marks (FORMAT.md 8.2), so nothing else would tell."""
        nonce = _answered(text, found)
        if nonce is None or found.mark is None or not self._challenge.is_used(nonce, *found.mark):
            return found
        facts = found.facts._replace(last_at=max(found.facts.last_at, found.facts.code_at))
        return found._replace(facts=facts, verdict=decide(facts, now))

    def count(self, text: bytes, found: Assessed) -> None:
        """Remembers an answer that is on record, unless it was red."""
        nonce = _answered(text, found)
        if nonce and found.mark and found.verdict.colour is not Colour.RED:
            self._challenge.use(nonce, *found.mark)


def _answered(text: bytes, found: Assessed) -> bytes | None:
    """The number of this gate that was answered by a proven code; None for anything else."""
    if found.facts.nonce != Nonce.RIGHT or found.facts.form in _CARDS:
        return None
    outer = codes.parse(text).outer
    return codes.claims_of(outer.payload).nonce if outer else None
