"""When an OSDP reader counts as gone, and when it is asked anew. Knows no line. (pure)

libosdp 3.2.9 stops asking for 300 s after one spoilt frame and notices a cut cable after 8 s. So
the line itself is watched: a reader is well while its secure channel is up and it was heard.
"""

import enum
from dataclasses import dataclass

SECOND = 1_000_000_000
"""Ticks of a second."""
SILENT_NS = 2 * SECOND
"""Time without a byte after which a channel that is up does not count."""
GONE_NS = 2 * SECOND
"""Time without being well after which a reader is told to be gone: spoilt frames cost less."""
IDLE_NS = SECOND // 2
"""Time without a byte sent after which libosdp counts as having given up."""
LEAST_TRY_NS = SECOND
"""Time between two tries of a reader that does not answer."""
MOST_TRY_NS = 5 * SECOND
"""Longest time that one try may take."""


class Told(enum.Enum):
    """What the watcher of a reader has said of it, in this order each time."""

    NOTHING = "nothing"
    GONE = "gone"
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Line:
    """What is seen of a line: is its channel up, when was a byte heard, when was one sent."""

    is_secure: bool
    heard: int  # ticks
    sent: int  # ticks


class Watch:
    """Decides from what is seen. `told` is what was said last."""

    def __init__(self, now: int) -> None:
        self.told = Told.NOTHING
        self._well_until = now
        self._tried = now

    def opened(self, now: int) -> None:
        """A try begins: of a line that was just opened, or of one that was asked anew."""
        self._tried = now

    def lost(self) -> bool:
        """The line itself is gone. Whether that is to be told."""
        return self._tell(Told.GONE)

    def is_changed(self, now: int, line: Line) -> bool:
        """Whether the reader went or came back: `told` says which."""
        if self._is_well(now, line):
            self._well_until = now
            return self._tell(Told.WELL)
        return now - self._well_until >= GONE_NS and self._tell(Told.GONE)

    def is_stuck(self, now: int, line: Line) -> bool:
        """Whether the reader is to be asked anew."""
        if self._is_well(now, line):
            return False
        tried = now - self._tried
        if line.is_secure or tried >= MOST_TRY_NS:
            return tried >= LEAST_TRY_NS
        return tried >= LEAST_TRY_NS and now - line.sent >= IDLE_NS

    def _is_well(self, now: int, line: Line) -> bool:
        return line.is_secure and now - line.heard < SILENT_NS

    def _tell(self, told: Told) -> bool:
        is_news = self.told is not told
        self.told = told
        return is_news
