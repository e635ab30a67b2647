"""Badges out of the events of a keyboard. Knows no device and no clock. (pure)

Key codes are those of <linux/input-event-codes.h>, a key press is `type 1, code 30, value 1` (a).
A reader types far faster than a hand, with the layout of a US keyboard, and ends with Enter.
"""

GAP_TICKS = 100_000_000
"""Longest time between two keys of one badge, in ns."""
IDLE_TICKS = 2_000_000_000
"""After this time without a key what was typed before is forgotten, in ns."""
MIN_BADGE, MAX_BADGE = 4, 1024
"""Characters of a badge."""

EV_SYN, EV_KEY = 0, 1
SYN_DROPPED = 3
PRESS, RELEASE = 1, 0
_ENTER = frozenset({28, 96})
_SHIFT = frozenset({42, 54})


def _row(first: int, plain: str, shifted: str) -> dict[int, tuple[str, str]]:
    return {first + at: pair for at, pair in enumerate(zip(plain, shifted, strict=True))}


_KEYS = {
    **_row(2, "1234567890-=", "!@#$%^&*()_+"),
    **_row(16, "qwertyuiop[]", "QWERTYUIOP{}"),
    **_row(30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    **_row(43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    **_row(55, "*", "*"),
    **_row(57, " ", " "),
    **_row(71, "789-456+1230.", "789-456+1230."),
    **_row(98, "/", "/"),
}
"""Code of a key -> what it types alone and with shift."""


class Keystrokes:
    """Collects key presses; a badge is a burst of them with no pause and no stray key.

    A line in which a pause was too long is spoilt up to its Enter, or to IDLE_TICKS of silence.
    """

    def __init__(self) -> None:
        self._typed: list[str] = []
        self._is_spoilt = False
        self._shifts: set[int] = set()
        self._last_ticks: int | None = None  # of the last key; None before the first

    def feed(self, kind: int, code: int, value: int, ticks: int) -> bytes:
        """The badge that this event ends, b"" if it ends none."""
        if kind == EV_SYN and code == SYN_DROPPED:  # the kernel threw events away
            self._is_spoilt = True
            self._shifts.clear()
        elif kind == EV_KEY and code in _SHIFT:
            self._shifts = self._shifts - {code} if value == RELEASE else self._shifts | {code}
        elif kind == EV_KEY and value == PRESS:
            return self._press(code, ticks)
        return b""

    def _press(self, code: int, ticks: int) -> bytes:
        self._mind_pause(ticks)
        if code in _ENTER:
            return self._end()
        if code in _KEYS and len(self._typed) < MAX_BADGE:
            self._typed.append(_KEYS[code][bool(self._shifts)])
        else:
            self._is_spoilt = True
        return b""

    def _mind_pause(self, ticks: int) -> None:
        pause = 0 if self._last_ticks is None else ticks - self._last_ticks
        self._last_ticks = ticks
        if not 0 <= pause < IDLE_TICKS:
            self._end()
        elif pause > GAP_TICKS and self._typed:
            self._is_spoilt = True

    def _end(self) -> bytes:
        badge, is_spoilt = "".join(self._typed).encode(), self._is_spoilt
        self._typed.clear()
        self._is_spoilt = False
        return b"" if is_spoilt or len(badge) < MIN_BADGE else badge
