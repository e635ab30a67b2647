"""The network of a simulated world: one link for each pair of boxes, in order while it is up."""

import random
from collections import deque

ROOM = 1 << 18  # bytes on their way in one direction before a sender waits


class Wire:
    """One direction of a link: what was sent and has not arrived."""

    def __init__(self) -> None:
        self.queue: deque[bytes] = deque()
        self.is_cut = False  # sends into nothing, as a one-way fault does

    def send(self, data: bytes) -> None:
        if not self.is_cut:
            self.queue.append(data)

    def has_room(self) -> bool:
        return sum(map(len, self.queue)) < ROOM


class Cable:
    """A link between two boxes, by name."""

    def __init__(self, one: str, other: str) -> None:
        self.ends = (one, other)
        self.wires: dict[str, Wire] = {}  # by the name of the sender
        self.is_up = False
        self.is_severed = False  # by a partition: stays down
        self.is_disturbed = False  # what arrives need not be what was sent

    def other(self, name: str) -> str:
        return self.ends[1] if name == self.ends[0] else self.ends[0]

    def connect(self) -> None:
        self.wires = {name: Wire() for name in self.ends}
        self.is_up = True
        self.is_disturbed = False

    def take(self, sender: str) -> bytes | None:
        """The next thing that arrives from this end."""
        queue = self.wires[sender].queue if self.is_up else deque()
        return queue.popleft() if queue else None

    def disturb(self, sender: str, chance: random.Random) -> None:
        """What a bad wire under no TLS would do: repeats, swaps or cuts short."""
        queue = self.wires[sender].queue if self.is_up else deque()
        if not queue:
            return
        self.is_disturbed = True
        kind = chance.randrange(3)
        if kind == 0:
            queue.appendleft(queue[0])
        elif kind == 1 and len(queue) > 1:
            queue.rotate(1)
        else:
            queue[0] = queue[0][: chance.randrange(len(queue[0]) or 1)]
