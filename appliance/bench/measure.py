"""Ratios that survive a noisy machine: candidate and reference, interleaved per item.

Only CPU time of this thread counts, so other processes disturb it little; no figure here is an
absolute promise. Knows nothing of what it measures.
"""

import os
import re
import statistics
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

RUNS = 3
Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of the bench: what was measured, its floor, and whether the floor holds.

    `value` is the median over runs, `low` and `high` its spread. `at_most` and `at_least` are the
    floor (one of them, or neither for a figure that is only reported).
    """

    name: str
    value: float
    low: float
    high: float
    unit: str = "ratio"
    at_most: float | None = None
    at_least: float | None = None
    aim: float | None = None
    note: str = ""

    @property
    def ok(self) -> bool:
        above = self.at_most is None or self.value <= self.at_most
        return above and (self.at_least is None or self.value >= self.at_least)

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "ok": self.ok}


def bound(work: Callable[[bytes], object], text: bytes) -> Work:
    """The work on this text."""
    return lambda: work(text)


def twice(work: Work) -> Work:
    return lambda: (work(), work())


def both(one: Work, other: Work) -> Work:
    return lambda: (one(), other())


def flush_of(handle: int) -> Work:
    """A page that is written to this file and flushed, as a commit does."""
    page = os.urandom(4096)

    def flush() -> None:
        os.pwrite(handle, page, 8_192)
        os.fdatasync(handle)

    return flush


def thread_ns(work: Callable[[], object]) -> int:
    """CPU nanoseconds that this thread spent in `work`."""
    before = time.thread_time_ns()
    work()
    return time.thread_time_ns() - before


def with_process(pid: int) -> Callable[[], int]:
    """A clock of the CPU nanoseconds of this thread and that process together."""
    theirs = (~pid << 3) | 2  # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)
    return lambda: time.thread_time_ns() + time.clock_gettime_ns(theirs)


def least_ns(work: Callable[[], object], now_ns: Callable[[], int], looks: int) -> int:
    """What the cheapest of so many times took."""
    times = [now_ns()]
    for _ in range(looks):
        work()
        times.append(now_ns())
    return min(after - before for before, after in pairwise(times))


def interleaved_ratio(
    pairs: Sequence[tuple[Callable[[], object], Callable[[], object]]],
    *,
    runs: int = RUNS,
    clock: Callable[[Callable[[], object]], int] = thread_ns,
    prepare: Callable[[], object] | None = None,
) -> list[float]:
    """Ratio of medians, candidate / reference, one value a run.

    `pairs` holds (candidate, reference) for each item. Each run walks all pairs and times both
    sides of a pair next to each other, so that drift of the machine hits both. `prepare` runs
    before every candidate, untimed: what the product does while nobody waits.
    """
    ratios = []
    for candidate, reference in pairs[: max(1, len(pairs) // 10)]:
        candidate()
        reference()
    for _ in range(runs):
        candidate_ns, reference_ns = [], []
        for candidate, reference in pairs:
            if prepare:
                prepare()
            candidate_ns.append(clock(candidate))
            reference_ns.append(clock(reference))
        ratios.append(statistics.median(candidate_ns) / statistics.median(reference_ns))
    return ratios


def piece_of_python() -> int:
    """A fixed piece of the work that decisions are made of beside the signature: expressions,
    tuples, tables, packed numbers. What it costs beside a verification tells the machine."""
    total = 0
    for _ in range(4):
        match = _SHAPE.fullmatch(_TOKEN)
        assert match is not None
        head, name, time_, rest = match.groups()
        fields = (len(head), name, int.from_bytes(time_, "big"), *_FIELDS)
        total += _TABLE[name] + len(_PACKED.pack(*fields[2:8])) + len(rest)
    return total


_TOKEN = bytes(range(1, 101))
_SHAPE = re.compile(rb"(.{20})(.{8})(.{4})([\x00-\xff]{1,80})", re.DOTALL)
_FIELDS = tuple(range(20))
_TABLE = {_TOKEN[20:28]: 7}
_PACKED = struct.Struct(">QIIQQI")


def as_where_set(ratios: Sequence[float], pieces: float, pieces_there: float) -> list[float]:
    """Ratios to verifications as they would be on the machine the floor was set on.

    What is above one is Python's work. `pieces` is what `piece_of_python` costs here in
    verifications, `pieces_there` what it did where the floor was set: machines differ in how well
    they run an interpreter beside libsodium's arithmetic, and so does one that others share.
    """
    return [1 + (ratio - 1) * pieces_there / pieces for ratio in ratios]


def row_of(name: str, ratios: Sequence[float], **facts: object) -> Row:
    """A `Row` from the ratios of several runs; `facts` are the other fields of `Row`."""
    return Row(name, statistics.median(ratios), min(ratios), max(ratios), **facts)  # type: ignore[arg-type]  # keyword fields pass through unchanged
