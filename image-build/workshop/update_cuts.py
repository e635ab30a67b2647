"""Cuts the power of a box at random moments of an update: as it is written, tried and kept.

One guest's whole update is recorded, every write and flush of its card, then replayed up to each
cut, see journal.py. What the box then starts, and whether that is whole, is torn_card.py's.
"""

import mmap
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from appliance.update import autoboot
from ledger_sync.errors import Refused, Unavailable
from workshop import blockdev, journal
from workshop.board import Board
from workshop.host import copied
from workshop.journal import ACK_BYTES, Event, Replay
from workshop.layout import Part, parts_of
from workshop.torn_card import Next, Slots, TornCard

PHASES = ("writing", "trial", "keeping")


class Recording(NamedTuple):
    """A card before an update, and what the update did to it, start by start. Each card has one
    block more, which is the firmware's flag."""

    before: Path
    starts: Sequence[Sequence[Event]]

    @property
    def events(self) -> list[Event]:
        """All of it. The firmware takes its flag at each start."""
        size = self.before.stat().st_size - ACK_BYTES
        taken = Event(size, bytes(ACK_BYTES))
        found = list(self.starts[0])
        for later in self.starts[1:]:
            found += [taken, *later]
        return found


class Moment(NamedTuple):
    """One cut: behind so many events, in which phase, what the box starts, what is wrong, and
    whether it shall be seen to."""

    number: int
    phase: str
    next: Next | None
    faults: tuple[str, ...]
    is_started: bool = False

    @property
    def sentence(self) -> str:
        started = f"slot {self.next.slot} is started" if self.next else "nothing is started"
        return f"cut at event {self.number}, {self.phase}: {'; '.join(self.faults) or started}"


class Recorder:
    """A card whose starts are recorded one by one. Needs nbdkit and its Python plugin."""

    def __init__(self, image: Path, folder: Path) -> None:
        """`image` becomes the card, with a block more for the flag."""
        self.image = image
        self._folder = folder
        with image.open("ab") as file:
            file.write(bytes(ACK_BYTES))
        self.before = copied(image, folder / "before.img")
        self._starts = list[Path]()

    @contextmanager
    def start(self, flag: Path) -> Iterator[dict[str, str]]:
        """Places of the disks for one boot; afterwards `flag` is what the guest left of it."""
        socket = self._folder / "nbd"
        self._starts.append(self._folder / f"journal-{len(self._starts)}")
        with blockdev.served(self.image, self._starts[-1], socket):
            base = "nbd+unix:///{}?socket=" + str(socket)
            yield {"card": base.format("card"), "tryboot": base.format("beside")}
        with self.image.open("r+b") as file:
            file.seek(-ACK_BYTES, 2)
            flag.write_bytes(file.read())
            file.seek(-ACK_BYTES, 2)
            file.write(bytes(ACK_BYTES))

    def close(self) -> None:
        """The card is a card again."""
        with self.image.open("r+b") as file:
            file.truncate(self.image.stat().st_size - ACK_BYTES)

    def recording(self) -> Recording:
        return Recording(self.before, [events_in(one) for one in self._starts])


def events_in(journal_file: Path) -> list[Event]:
    """Their data stay in the file."""
    with journal_file.open("rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return journal.events_of(view)


def phases_of(board: Board, events: Sequence[Event], starts: Sequence[int]) -> list[range]:
    """The moments, as numbers of events before them, of `PHASES` (pure): from the first block of
    the other slot on; from the start of the trial on; from the first sector of autoboot.txt's
    partition on that was written in the trial. `starts` are the numbers of events before each
    start. Raises `Unavailable` for a recording without one of them."""
    parts = {part.name: part for part in parts_of(board)}
    trial = starts[1]
    slot = ("system_b", "boot_b")
    written = [n for n, one in enumerate(events[:trial]) if _is_in(one, parts, slot)]
    chosen = ("bootconfig", "counter")
    kept = [n for n in range(trial, len(events)) if _is_in(events[n], parts, chosen)]
    if not written or not kept:
        raise Unavailable("the recording holds no update that was written, tried and kept")
    return [
        range(written[0] + 1, trial),
        range(trial, kept[0] + 1),
        range(kept[0] + 1, min(kept[-1] + 3, len(events) + 1)),
    ]


def evenly(count: int, wanted: int) -> set[int]:
    """`wanted` of `count` numbers, one in the middle of each equal part (pure).

    >>> sorted(evenly(20, 3))
    [3, 10, 16]
    """
    some = min(wanted, count)
    return {(2 * one + 1) * count // (2 * some) for one in range(some)}


def _is_in(event: Event, parts: dict[str, Part], names: Sequence[str]) -> bool:
    found = (parts[name] for name in names)
    return event.data is not None and any(
        part.at <= event.at < part.at + (part.size_mib << 20) for part in found
    )


def kept_from(events: Sequence[Event]) -> int:
    """How many events there were when the new slot was kept for sure: its autoboot.txt is flushed
    (pure)."""
    written = len(events)
    for number, event in enumerate(events):
        if event.data is None and number > written:
            return number + 1
        if event.data is not None and autoboot.text_of("b") in bytes(event.data[:512]):
            written = min(written, number)
    raise Unavailable("the recording keeps no slot")


class Cuts:
    """The cuts of one recording. `look` sees each torn card while it is one."""

    def __init__(
        self, board: Board, recording: Recording, slots: Slots, folder: Path, seed: int
    ) -> None:
        self._board = board
        self._recording = recording
        self._slots = slots
        self._folder = folder
        self._seed = seed

    def judged(
        self,
        count: int,
        *,
        is_lying: bool = False,
        boots: int = 0,
        look: Callable[[Moment, Path], None] = lambda *_: None,
    ) -> Iterator[Moment]:
        """`count` cuts in their order, of which `boots` shall be started."""
        chance = random.Random(self._seed)  # noqa: S311 - no secret
        events = self._recording.events
        starts = [0, len(self._recording.starts[0])]
        phases = phases_of(self._board, events, starts)
        image = copied(self._recording.before, self._folder / "torn.img")
        with image.open("r+b") as file, mmap.mmap(file.fileno(), 0) as disk:
            replay = Replay(disk, events, is_lying=is_lying)
            card = TornCard(self._board, image, disk, self._slots, self._folder)
            started = evenly(count, boots)
            for one, (number, phase) in enumerate(journal.spread(phases, count, chance)):
                replay.go_to(number)
                with replay.cut(chance):
                    moment = _judged(card, number, PHASES[phase], replay.beside)
                    moment = self._in_time(moment, events)._replace(is_started=one in started)
                    disk.flush()
                    look(moment, image)
                yield moment

    def _in_time(self, moment: Moment, events: Sequence[Event]) -> Moment:
        """The slot before until it is chosen, the new one when that is flushed."""
        wanted = {"a"} if moment.phase != PHASES[2] else {"a", "b"}
        if moment.number >= kept_from(events):
            wanted = {"b"}
        if moment.next and moment.next.slot not in wanted:
            late = f"starts slot {moment.next.slot} and not {' or '.join(sorted(wanted))}"
            return moment._replace(faults=(*moment.faults, late))
        return moment


def _judged(card: TornCard, number: int, phase: str, flag: bytes) -> Moment:
    faults = tuple(card.faults(flag))
    try:
        started = card.next(b"")  # a power cut takes the flag
    except (Refused, Unavailable):
        started = None
    return Moment(number, phase, started, faults)
