"""The scan path against its floors: what is read, and what a picture costs.

The picture set is fixed before it is measured: every condition of the simulated camera, the same
number of seeds each, payloads of three lengths. Its amounts range from easy to hopeless, so that
zxing-cpp reads about as much of it as of the public collections. The looks of `hw.codes` were
chosen on other seeds. Ratios only; knows nothing of passes.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from appliance.bench import crossing
from appliance.bench.measure import Row, interleaved_ratio, least_ns, row_of, with_process
from hw.codes import Effort, Scanner, Zbar, Zxing
from hw.decoder import DecoderChild
from hw.motion import IDLE_TURN, MotionGate
from hw.ports import Frame, Luma
from hw.sim.photos import Condition, empty_scene, photo_of

THIRDS = 3
SEEDS_A_THIRD = 4
FIRST_SEED = 1000
"""Pictures of each condition: three groups, whose ratios show the spread."""

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
PAYLOAD_CHARACTERS = (44, 124, 236)
"""QR versions 3, 6 and 9 with ECC M; a code by reference is the middle one."""

IDLE_SCENES = 8
CODE_PICTURES = 30
LOOKS_A_PICTURE = 40
CHILD_FLOOR, CHILD_OVER_BARE = 1.15, 0.1  # the latter above what two bare processes cost
DEADLINE_SECONDS = 30.0
"""No picture is to be lost while it is measured, also on a slow board."""

Progress = Callable[[str], None]


def rows(progress: Progress) -> list[Row]:
    """All figures of the scan path, half a minute on a PC. `progress` gets a line a step."""
    return [*_gate_rows(progress), *_child_rows(progress), *_rate_rows(progress)]


def _gate_rows(progress: Progress) -> list[Row]:
    """Each frame through the gate, then through zxing-cpp; and both as the eye does it."""
    progress("scan: idle frames")
    scenes = [
        [Frame(empty_scene(seed=seed, frame_number=number), 0) for number in range(IDLE_TURN)]
        for seed in range(IDLE_SCENES)
    ]
    first, gate = Zxing(), MotionGate()

    def both(frame: Frame) -> tuple[Callable[[], object], Callable[[], object]]:
        return lambda: gate.wants(frame), lambda: first.look(frame.luma)

    alone = interleaved_ratio([both(frame) for scene in scenes for frame in scene])
    return [
        row_of(
            "idle frame through the gate / zxing-cpp on that frame",
            alone,
            at_most=0.10,
            aim=0.03,
        ),
        _still_row(scenes[0] * IDLE_SCENES),
    ]


def _still_row(frames: list[Frame]) -> Row:
    """What a scene costs in which nothing moves for a while."""
    first, gate = Zxing(), MotionGate()

    def through_the_gate() -> None:
        for frame in frames:
            if gate.wants(frame):
                first.look(frame.luma)

    def every_frame() -> None:
        for frame in frames:
            first.look(frame.luma)

    return row_of(
        "still scene through gate and zxing-cpp / zxing-cpp on every frame",
        interleaved_ratio([(through_the_gate, every_frame)]),
        note=f"one frame in {IDLE_TURN} is looked at even when nothing moves",
    )


def _child_rows(progress: Progress) -> list[Row]:
    """The same picture in this process and in the child, at the least effort.

    What is compared is CPU time of both processes together, on one core: the child's clock is read
    from here (CPUCLOCK_SCHED of its process). Copying, messages and wake-ups count; time in which
    neither runs does not. Of a few looks at a picture the cheapest stands, on both sides.
    """
    progress("scan: decoding in a child")
    texts = _payloads(1)
    readable = [
        photo_of(next(texts), condition, seed=FIRST_SEED - 1 - number)
        for number in range(CODE_PICTURES // 3)
        for condition in (Condition.PLAIN, Condition.ROTATED, Condition.PHONE)
    ]
    empty = [empty_scene(seed=seed) for seed in range(CODE_PICTURES)]
    scanner = Scanner()
    with DecoderChild(deadline_seconds=DEADLINE_SECONDS) as child, _one_core(child):
        with_code = _child_ratio(child, scanner, readable)
        without = _child_ratio(child, scanner, empty)
    bare = crossing.ratio()
    floor = max(CHILD_FLOOR, bare + CHILD_OVER_BARE)
    return [
        row_of(
            "decode through the child / in process",
            with_code,
            at_most=round(floor, 3),
            aim=1.06,
            note=f"two bare processes that hand a picture over: {bare:.3f}",
        ),
        row_of(
            "empty frame through the child / in process",
            without,
            note="the shortest look there is, so the price of the child weighs most",
        ),
    ]


def _child_ratio(child: DecoderChild, scanner: Scanner, planes: list[Luma]) -> list[float]:
    both_ns = with_process(child.pid or 0)

    def through(decoder: DecoderChild | Scanner, plane: Luma) -> Callable[[], object]:
        return lambda: decoder.read(plane, Effort.QUICK)

    pairs = [(through(child, plane), through(scanner, plane)) for plane in planes]
    return interleaved_ratio(pairs, clock=lambda work: least_ns(work, both_ns, LOOKS_A_PICTURE))


@contextmanager
def _one_core(child: DecoderChild) -> Iterator[None]:
    """This thread and the child on one core, so that neither runs while the other is timed."""
    allowed = os.sched_getaffinity(0)
    core = {max(allowed)}
    os.sched_setaffinity(0, core)
    os.sched_setaffinity(child.pid or 0, core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


Tally = Counter[tuple[str, Condition]]
"""Pictures read, by contender and condition."""


def _rate_rows(progress: Progress) -> list[Row]:
    """Pictures whose payload was read, by each contender, on the same set."""
    groups = [_read_group(third, progress) for third in range(THIRDS)]
    facts = {"note": f"{THIRDS * SEEDS_A_THIRD * len(Condition)} pictures, spread over thirds"}
    return [
        _row_of_rates(
            "decode rate of the cascade / zxing-cpp alone",
            [_read_by("cascade", group) / _read_by("zxing", group) for group in groups],
            _read_by("cascade", *groups) / _read_by("zxing", *groups),
            {"at_least": 1.05, "aim": 1.10, **facts},
        ),
        _row_of_rates(
            "decode rate of zbar alone / plain pyzbar",
            [_read_by("zbar alone", group) / _read_by("pyzbar", group) for group in groups],
            _read_by("zbar alone", *groups) / _read_by("pyzbar", *groups),
            {"at_least": 1.15, "aim": 1.25, **facts},
        ),
        *(_share_on_grids(contender, groups) for contender in ("pyzbar", "zbar alone")),
    ]


def _read_by(contender: str, *groups: Tally) -> int:
    return sum(group[contender, condition] for group in groups for condition in Condition)


def _row_of_rates(name: str, thirds: list[float], whole: float, facts: dict[str, object]) -> Row:
    return replace(row_of(name, thirds, **facts), value=whole)


def _share_on_grids(contender: str, groups: list[Tally]) -> Row:
    shares = [group[contender, Condition.GRID] / SEEDS_A_THIRD for group in groups]
    name = f"screens whose pixels the camera resolves, read by {contender}"
    return _row_of_rates(name, shares, sum(shares) / THIRDS, {"unit": "share"})


def _read_group(third: int, progress: Progress) -> Tally:
    contenders: dict[str, Callable[[Luma], list[bytes]]] = {
        "zxing": Zxing().look,
        "cascade": Scanner().read,
        "pyzbar": Zbar().look,
        "zbar alone": Scanner(("zbar",)).read,
    }
    tally: Tally = Counter()
    texts = _payloads(third)
    for condition in Condition:
        progress(f"scan: decode rate, {third + 1} of {THIRDS}, {condition}")
        for number in range(SEEDS_A_THIRD):
            text = next(texts)
            plane = photo_of(text, condition, seed=FIRST_SEED + third * SEEDS_A_THIRD + number)
            for name, read in contenders.items():
                tally[name, condition] += text.encode() in read(plane)
    return tally


def _payloads(seed: int) -> Iterator[str]:
    """Texts as a code holds them, of the three lengths in turn, without end."""
    chance = random.Random(seed)  # noqa: S311 - a picture, not a secret
    while True:
        for length in PAYLOAD_CHARACTERS:
            yield "YP1:" + "".join(chance.choices(LETTERS, k=length))
