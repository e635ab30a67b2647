"""The numbers a gate asks people's codes to carry, and who has answered which.

Pure: ticks (nanoseconds of a monotonic clock) and randomness come in, so no clock that jumps can
make a number live longer. FORMAT.md section 4.12.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.passes import challenge_text
from appliance.passes.code import NONCE_BYTES

SECOND_NS = 1_000_000_000
SHOWN_NS = 30 * SECOND_NS  # a number is shown for this long, then the next one is
GOOD_NS = 60 * SECOND_NS  # answers are taken for this long from its first being shown
MAX_ANSWERS = 100_000  # holders remembered a number; one that more have answered is given up


@dataclass(slots=True)
class _Number:
    """`answers`: holder -> time of the newest code by which this holder answered it."""

    nonce: bytes
    made: int  # ticks
    until: int  # ticks; the first at which no answer is taken
    is_printed: bool
    answers: dict[int, int] = field(default_factory=dict)


class Challenge:
    """The number that is shown, the one before it, and at most one that was printed.

    What is not in here is not known: a new process knows no number of the one before it. Owned
    by one thread.
    """

    def __init__(self, audience: str, random: Callable[[int], bytes]) -> None:
        """`audience` is `<site>/<gate>`; `random` gives so many bytes that nobody can guess."""
        self._audience = audience
        self._random = random
        self._shown: list[_Number] = []  # oldest first
        self._printed: _Number | None = None

    def shown(self, ticks: int) -> bytes:
        """The text to be shown now; a new number when the last one has had its time."""
        if not self._shown or ticks - self._shown[-1].made >= SHOWN_NS:
            self._shown = [one for one in self._shown if ticks < one.until]
            nonce = self._random(NONCE_BYTES)
            self._shown.append(_Number(nonce, ticks, ticks + GOOD_NS, is_printed=False))
        return challenge_text.to_text(self._audience, self._shown[-1].nonce)

    def changes_at(self) -> int:
        """The ticks at which the next number is shown; 0 if none is shown yet."""
        return self._shown[-1].made + SHOWN_NS if self._shown else 0

    def take_printed(self, nonce: bytes, ticks: int, seconds: int) -> None:
        """A number on paper, to be taken from now on for so long; the one before it is not."""
        until = ticks + seconds * SECOND_NS
        self._printed = _Number(nonce, ticks, until, is_printed=True)

    def accepted(self, ticks: int) -> tuple[bytes, ...]:
        """The numbers of which a code may carry one now."""
        return tuple(one.nonce for one in self._numbers() if ticks < one.until)

    def is_used(self, nonce: bytes, holder: int, code_at: int) -> bool:
        """Whether this holder may not answer this number by a code of this time (any more).

        A number on the screen is answered once. One on paper serves for hours, so there each code
        counts once: its time must be above that of the last.
        """
        number = self._number(nonce)
        if number is None:
            return True
        last = number.answers.get(holder)
        return last is not None and not (number.is_printed and code_at > last)

    def use(self, nonce: bytes, holder: int, code_at: int) -> None:
        """This holder has answered this number by a code of this time."""
        number = self._number(nonce)
        if number is None:
            return
        number.answers[holder] = code_at
        if len(number.answers) > MAX_ANSWERS:
            number.until = number.made  # rather than forget who has answered

    def _number(self, nonce: bytes) -> _Number | None:
        return next((one for one in self._numbers() if one.nonce == nonce), None)

    def _numbers(self) -> list[_Number]:
        return self._shown if self._printed is None else [*self._shown, self._printed]
