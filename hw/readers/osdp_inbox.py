"""What a reader has told and nobody has taken yet. Bounded; knows no device."""

import threading
from collections import deque

from hw.ports import CardRead, Health

MAX_EVENTS = 64
"""Events kept. When full the oldest card goes; nobody waits at the gate for that one any more."""
_LOOK_S = 60.0
"""Longest wait at a time, in seconds."""


class Inbox:
    """Filled by one thread, emptied by others, ended by anybody."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: deque[CardRead | Health] = deque()
        self._is_closed = False

    def put(self, event: CardRead | Health) -> None:
        with self._changed:
            if len(self._events) >= MAX_EVENTS:
                self._make_room()
            self._events.append(event)
            self._changed.notify()

    def take(self) -> CardRead | Health | None:
        """The oldest event, waited for; None once closed."""
        with self._changed:
            while not self._is_closed and not self._events:
                self._changed.wait(_LOOK_S)
            return None if self._is_closed else self._events.popleft()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._events.clear()
            self._changed.notify_all()

    def _make_room(self) -> None:
        """Drop the oldest card; if there is none, the oldest going and coming back."""
        cards = (event for event in self._events if isinstance(event, CardRead))
        oldest = next(cards, None)
        if oldest is not None:
            self._events.remove(oldest)
        else:
            self._events.popleft()
            self._events.popleft()
