"""Wrong tries: how long a reader, or a card's number, is not listened to after guessing. Pure.

Only bare numbers can be guessed; whoever shows a code or proves a key is never held up.
"""

from typing import NamedTuple

FREE = 5  # wrong tries that cost nothing (2N: five, then 30 s)
FIRST_SECONDS = 30  # after them; doubled with each
LONGEST_SECONDS = 900
FORGIVEN_SECONDS = 3_600  # without a wrong try, and all are forgotten


class Tries(NamedTuple):
    """How many were wrong, and when the last one was (Unix seconds)."""

    times: int = 0
    at: int = 0


def wrong(tries: Tries, now: int) -> Tries:
    """After one more that was wrong."""
    is_old = now - tries.at > FORGIVEN_SECONDS
    return Tries(1 if is_old else tries.times + 1, now)


def locked_seconds(tries: Tries, now: int) -> int:
    """How long it is not listened to from now on, 0 for not at all. A clock that was set back
    does not shorten it, nor lengthen it beyond `LONGEST_SECONDS`."""
    if tries.times < FREE:
        return 0
    pause = min(LONGEST_SECONDS, FIRST_SECONDS << min(tries.times - FREE, 10))
    return max(0, min(tries.at + pause - now, LONGEST_SECONDS))
