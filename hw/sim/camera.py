"""A camera made of pictures in memory. Records what was asked of it.

Keeps the `Camera` port's promises; knows nothing of what the pictures show.
"""

import threading
from collections.abc import Iterator, Sequence

from hw.ports import Frame, Luma

FRAME_TICKS = 33_333_333
"""Ticks between two pictures: 30 a second."""

WAIT_SECONDS = 60.0
"""Longest time a live camera without more pictures waits to be closed."""


class SimCamera:
    """Plays `pictures`, one after the other; an exception among them is raised in its place.

    A finite one ends after the last. A live one goes on without new pictures until it is closed.
    `history` lists what happened: "frames", "picture 0", "error 1", "close". `played` is set when
    a picture was asked for and none was left.
    """

    def __init__(
        self, pictures: Sequence[Luma | Exception], *, live: bool = False, first_ticks: int = 0
    ) -> None:
        self.live = live
        self.history: list[str] = []
        self.played = threading.Event()
        self._pictures = pictures
        self._first_ticks = first_ticks
        self._next = 0
        self._closed = threading.Event()

    def frames(self) -> Iterator[Frame]:
        self.history.append("frames")
        while self._next < len(self._pictures) and not self._closed.is_set():
            picture = self._pictures[self._next]
            if isinstance(picture, Exception):  # stays next: asking again raises it again
                self.history.append(f"error {self._next}")
                raise picture
            self.history.append(f"picture {self._next}")
            self._next += 1
            yield Frame(picture, self._first_ticks + (self._next - 1) * FRAME_TICKS)
        self.played.set()
        if self.live:
            self._closed.wait(WAIT_SECONDS)

    def close(self) -> None:
        self.history.append("close")
        self._closed.set()
