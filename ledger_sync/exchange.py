"""One conversation between two terminals: what may be said when, and what is still to be said.

Bytes in, messages out; knows no socket and no store, so any of both can carry it: TLS, a stick,
the memory of a simulator. FORMAT.md section 8.6.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from ledger_sync import frames
from ledger_sync.errors import Refused
from ledger_sync.feed import BUNDLE
from ledger_sync.frame_reader import FrameReader
from ledger_sync.frames import Message, WantFile

ALLOWANCE = 400.0  # units that a peer may cost at once
REFILL = 40.0  # units a second that come back
_COSTS = {
    frames.Hello: 4.0,
    frames.Deny: 4.0,
    frames.Evidence: 8.0,
    frames.WantFile: 0.5,
    frames.WantRows: 4.0,
    frames.WantFeed: 20.0,
    frames.Ack: 0.1,
    frames.Done: 0.5,
    frames.File: 0.0,
    frames.Parts: 0.0,  # by what becomes of it, see inbox.py
}
"""What one message costs its sender: about a millisecond of work here a unit."""
ROWS_A_UNIT = 1_000  # rows of a HELLO that cost one unit more
ROOT_UNITS = 40.0  # the most that a root at an earlier size costs it
HASHES_A_UNIT = 1_000  # entries of such a root that cost one unit
MAX_ASKED = 64  # files asked for and not answered yet
TELLINGS = (16.0, 4.0)  # urgent notes and evidence at once, and a second: less than they may cost
QUESTIONS = (8.0, 1.0)  # WANTs of rows and feeds at once, and a second
_REMEMBERED = 1 << 16  # things of one kind that a conversation remembers


class Bucket:
    """An allowance of units that comes back with time."""

    def __init__(self, most: float, a_second: float, ticks: float) -> None:
        self._most = most
        self._rate = a_second
        self._left = most
        self._ticks = ticks

    def take(self, units: float, ticks: float) -> bool:
        """Whether so many units were left; they are not, after this."""
        self._left = min(self._most, self._left + self._rate * max(0.0, ticks - self._ticks))
        self._ticks = max(ticks, self._ticks)
        if units > self._left:
            return False
        self._left -= units
        return True


class Patience:
    """Repeats what changed nothing later each time: after `first` seconds, then twice that, up
    to `longest`. Remembers the last `most` things."""

    def __init__(self, first: float, longest: float, most: int = _REMEMBERED) -> None:
        self._first = first
        self._longest = longest
        self._most = most
        self._known: dict[Hashable, tuple[object, float, float]] = {}

    def may(self, what: Hashable, ticks: float, state: object = None) -> bool:
        """Whether it is time for `what`; at once if it stood in another `state` before."""
        known = self._known.get(what)
        if known is None or known[0] != state:
            self._known[what] = (state, ticks + self._first, self._first)
            if len(self._known) > self._most:
                del self._known[next(iter(self._known))]
            return True
        _, due, pause = known
        if ticks < due:
            return False
        pause = min(self._longest, 2 * pause)
        self._known[what] = (state, ticks + pause, pause)
        return True

    def forget(self, what: Hashable) -> None:
        """It was not done after all."""
        self._known.pop(what, None)

    def __len__(self) -> int:
        return len(self._known)


class Range(NamedTuple):
    """Entries to send of the feed of this local number."""

    number: int
    start: int
    stop: int


class Session:
    """What is known of the other side, and what it was promised. Owned by one thread.

    `peer` is the kid of the terminal at the other end, as TLS (or the stick's own HELLO) told.
    """

    def __init__(self, peer: bytes, ticks: float) -> None:
        self.peer = peer
        self.was_greeted = False  # it said HELLO
        self.hello_at = float("-inf")  # ticks at which it was last said HELLO to
        self.given = 0  # batches of it that were new here
        self.files: deque[WantFile] = deque()  # what it asked for and was not given yet
        self.asked: set[str] = set()  # paths of ledger files it was asked for
        self.resend = Patience(5.0, 600.0)  # the same entries of a feed
        self.catch_up = Patience(1.0, 30.0)  # HELLOs because it holds more
        self.acked: dict[int, int] = {}  # number of a feed of its own -> size it was told of
        self._ticks = ticks
        self._marks: frozenset[bytes] = frozenset()  # of urgent notes and evidence it holds
        self._told = Patience(30.0, 3_600.0)
        self._asks = Patience(10.0, 600.0)
        self._allowance = Bucket(ALLOWANCE, REFILL, ticks)
        self._tellings = Bucket(*TELLINGS, ticks)
        self._questions = Bucket(*QUESTIONS, ticks)
        self._reader = FrameReader()
        self._queue: dict[int, Range] = {}
        self._promised: dict[int, int] = {}
        self._owes_done = False

    def hear(self, data: bytes, ticks: float) -> Iterator[Message]:
        """The messages in what came. Raises `Refused` (R-LEDGER) for what no terminal says: the
        conversation is over then.

        `ticks` are seconds of a monotonic clock; a peer that costs too much is refused.
        """
        self._ticks = max(ticks, self._ticks)
        for message in self._reader.feed(data):
            self._check(message)
            yield message

    @property
    def held(self) -> int:
        """Bytes of an unfinished frame."""
        return self._reader.held

    def _check(self, message: Message) -> None:
        self.charge(_COSTS[type(message)])
        if not (self.was_greeted or isinstance(message, frames.Hello)):
            raise _refused("it did not begin with HELLO")
        match message:
            case frames.Hello():
                self._greet(message)
            case frames.File(path):
                if path not in self.asked:
                    raise _refused(f"nobody asked it for {path!r}")
                self.asked.discard(path)
            case WantFile():
                if len(self.files) >= MAX_ASKED:
                    raise _refused(f"it asks for more than {MAX_ASKED} files at once")
                self.files.append(message)
            case _:
                pass

    def _greet(self, hello: frames.Hello) -> None:
        if hello.kid != self.peer:
            raise _refused("it speaks for another terminal")
        self.charge((len(hello.rows) + len(hello.closed)) / ROWS_A_UNIT)
        self.was_greeted = True
        self._marks = frozenset((*hello.denials, *hello.evidence))

    def charge(self, units: float) -> None:
        """Takes from what the other side may cost. Raises `Refused` when nothing is left."""
        if not self._allowance.take(units, self._ticks):
            raise _refused("it asks for more than its share")

    def charge_hashes(self, count: int) -> None:
        """What a root over so many entries costs it."""
        self.charge(min(ROOT_UNITS, count / HASHES_A_UNIT))

    # --- what to send ----------------------------------------------------------------------------

    def offer(self, number: int, start: int, stop: int) -> None:
        """Promises entries of a feed, behind those that were promised already."""
        begin = max(start, self._promised.get(number, 0))
        if begin < stop:
            queued = self._queue.get(number)
            if queued and queued.stop == begin:
                begin = queued.start
            self._queue[number] = Range(number, begin, stop)
            self._promised[number] = stop
            self._owes_done = True

    def rewind(self, number: int, size: int) -> None:
        """It has no more than this of a feed: what was promised beyond it counts no more."""
        self._queue.pop(number, None)
        self._promised[number] = size

    def has(self, number: int, size: int) -> None:
        """That it has this much of a feed: it sent that itself, or said so."""
        self._promised[number] = max(size, self._promised.get(number, 0))
        queued = self._queue.get(number)
        if queued and queued.start < size:
            if queued.stop <= size:
                del self._queue[number]
            else:
                self._queue[number] = queued._replace(start=size)

    def next_range(self) -> Range | None:
        """The next entries to send, of one bundle; None when there is nothing to send."""
        first = next(iter(self._queue.values()), None)
        if first is None:
            return None
        stop = min(first.stop, (first.start // BUNDLE + 1) * BUNDLE)
        if stop == first.stop:
            del self._queue[first.number]
        else:
            self._queue[first.number] = first._replace(start=stop)
        return first._replace(stop=stop)

    @property
    def is_sending(self) -> bool:
        return bool(self._queue or self.files)

    def is_done(self) -> bool:
        """Whether all promises were kept since this was asked last: DONE is due."""
        if self._queue or not self._owes_done:
            return False
        self._owes_done = False
        return True

    # --- what to say and to ask ------------------------------------------------------------------

    def may_tell(self, mark: bytes, ticks: float) -> bool:
        """Whether to tell it of the urgent note, or the evidence, with this mark now."""
        if mark in self._marks or not self._told.may(mark, ticks):
            return False
        if self._tellings.take(1, ticks):
            return True
        self._told.forget(mark)
        return False

    def may_want(self, what: Hashable, ticks: float) -> bool:
        """Whether to ask it for these rows, or this feed, now."""
        if not self._asks.may(what, ticks):
            return False
        if self._questions.take(1, ticks):
            return True
        self._asks.forget(what)
        return False

    def may_ask(self, path: str) -> bool:
        """Whether this file may be asked for now; notes that it was."""
        if path in self.asked or len(self.asked) >= MAX_ASKED:
            return False
        self.asked.add(path)
        return True


def _refused(why: str) -> Refused:
    return Refused(why, reason="R-LEDGER")
