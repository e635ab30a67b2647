"""How often a committed slot was started and not found well: one sector of its own (pure).

    YPBOOTS1 a 2

The initrd counts before it hands over, the health check sets it back. At three the initrd takes
the other slot: a slot that was well once may be damaged later, and the firmware does not know.
image-build/initrd/init reads and writes the same line.
"""

from typing import NamedTuple

SECTOR = 512
LIMIT = 3
_MAGIC = "YPBOOTS1"


class Counter(NamedTuple):
    """So many starts of `slot` since it was last found well."""

    slot: str
    starts: int

    def to_bytes(self) -> bytes:
        return f"{_MAGIC} {self.slot} {self.starts}\n".encode().ljust(SECTOR, b"\0")


NOTHING = Counter("none", 0)


def counter_of(sector: bytes) -> Counter:
    """What stands in the sector; `NOTHING` for one that was never written, or is not ours."""
    words = sector.rstrip(b"\0").split(b"\n")[0].split(b" ")
    if len(words) != 3 or words[0] != _MAGIC.encode() or words[1] not in (b"a", b"b"):
        return NOTHING
    if not words[2].isdigit() or len(words[2]) > 2:
        return NOTHING
    return Counter(words[1].decode(), int(words[2]))
