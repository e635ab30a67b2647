"""How often a committed slot was started and not found well: one sector of its own (pure).

    YPBOOTS1 a 2
    GIVENUP none

The initrd counts before it hands over, the health check sets it back. At three the initrd takes
the other slot: a slot that was well once may be damaged later, and the firmware does not know.
Which one it gave up stands there until the box has heard of it. image-build/initrd/boots reads and
writes the same lines.
"""

from typing import NamedTuple

SECTOR = 512
LIMIT = 3
_MAGIC, _GIVEN_UP = "YPBOOTS1", "GIVENUP"
_SLOTS = ("a", "b")


class Counter(NamedTuple):
    """So many starts of `slot` since it was last found well; the slot that was given up, empty for
    none."""

    slot: str
    starts: int
    given_up: str = ""

    def to_bytes(self) -> bytes:
        lines = f"{_MAGIC} {self.slot} {self.starts}\n{_GIVEN_UP} {self.given_up or 'none'}\n"
        return lines.encode().ljust(SECTOR, b"\0")


NOTHING = Counter("none", 0)


def counter_of(sector: bytes) -> Counter:
    """What stands in the sector; `NOTHING` for one that was never written, or is not ours."""
    lines = sector.rstrip(b"\0").decode("ascii", "replace").split("\n")
    words, more = lines[0].split(" "), "".join(lines[1:2]).split(" ")
    if len(words) != 3 or words[0] != _MAGIC:
        return NOTHING
    given_up = more[1] if more[0] == _GIVEN_UP and more[1:] in ([one] for one in _SLOTS) else ""
    if words[1] not in _SLOTS or not words[2].isdecimal() or len(words[2]) > 2:
        return NOTHING._replace(given_up=given_up)
    return Counter(words[1], int(words[2]), given_up)
