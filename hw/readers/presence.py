"""Whether what is held to a reader was there already. Knows no card and no clock. (pure)"""

MAX_HELD = 8
"""Cards that are remembered as held at once."""


class Presence:
    """For readers that look again and again: a card is gone when `misses` looks miss it.

    One miss is not enough: a card at the edge of the field answers now and then.
    """

    def __init__(self, misses: int) -> None:
        self._misses = misses
        self._held: dict[bytes, int] = {}  # card -> looks that missed it since

    def is_new(self, card: bytes) -> bool:
        """One look that found `card`, or b"" for nobody; whether it was not there before."""
        held = {one: missed + 1 for one, missed in self._held.items() if missed + 1 < self._misses}
        is_new = bool(card) and card not in self._held
        held.pop(card, None)
        if card:
            held[card] = 0
        self._held = dict(list(held.items())[-MAX_HELD:])
        return is_new


class Repeats:
    """For readers that repeat what they see: the same within `ticks` is one presentation."""

    def __init__(self, ticks: int) -> None:
        self._ticks = ticks
        self._last = b""
        self._last_ticks = 0

    def is_new(self, what: bytes, ticks: int) -> bool:
        is_repeat = what == self._last and ticks - self._last_ticks < self._ticks
        self._last, self._last_ticks = what, ticks
        return not is_repeat
