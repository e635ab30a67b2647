"""Cuts the power of a terminal at work, hundreds of times, and looks at what is left each time.

One run of the product's own store is recorded, then replayed up to each cut, see journal.py.
Killing a process or an emulator is no power cut: the kernel keeps what was never flushed.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import click

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fsck import findings
from ledger_sync.replica import Replica
from ledger_sync.sim import ground as earth
from ledger_sync.sim.ground import ground
from ledger_sync.store import Store
from workshop import blockdev, journal
from workshop.journal import Cut
from workshop.workload import STORE, TERMINALS, Ack, chained, own_entries

DISK_MIB = 32
CHECKS = 300
_TIMEOUT_SECONDS = 300


class Outcome(NamedTuple):
    """What one cut left: `sound`, `lost` (so many acknowledged entries) or `corrupt`, and why."""

    kind: str
    lost: int = 0
    why: str = ""


class Result(NamedTuple):
    """All cuts of one recording."""

    synchronous: str
    counts: Counter[str]
    worst_lost: int
    first_fault: str
    events: int
    seconds: float

    def as_json(self) -> dict[str, object]:
        counts = {kind: self.counts[kind] for kind in ("sound", "lost", "corrupt")}
        found = self._asdict() | {"cuts": self.counts.total(), "seconds": round(self.seconds, 1)}
        return {**found, "counts": counts}


def record(folder: Path, *, checks: int, synchronous: str) -> tuple[bytes, list[journal.Event]]:
    """The disk before the work, and what the work did to it."""
    base, written = folder / "base.img", folder / "journal"
    blockdev.make_ext4(base, DISK_MIB)
    with blockdev.recorded(base, written, folder) as disk:
        command = [sys.executable, "-m", "workshop.workload", str(disk.folder), str(disk.device)]
        options = [str(disk.ack_offset), "--checks", str(checks), "--synchronous", synchronous]
        subprocess.run(  # noqa: S603 - our own words
            [*command, *options],
            check=True,
            timeout=_TIMEOUT_SECONDS,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
    return base.read_bytes(), journal.events_of(written.read_bytes())


def judged(cut: Cut, folder: Path) -> Outcome:
    """Recovers the filesystem, then the store, as the next start does; looks at all of it."""
    tree = folder / "cut"
    tree.mkdir(exist_ok=True)
    try:
        with blockdev.mounted_copy(cut.image, folder, tree):
            return _store_judged(tree / STORE, Ack.from_bytes(cut.acknowledged))
    except (Refused, Unavailable) as error:
        return Outcome("corrupt", why=str(error))


def _store_judged(path: Path, ack: Ack) -> Outcome:
    with Store(path) as store:
        found = findings(store, ground(TERMINALS).pinned, site_secret=earth.SECRET)
        entries, size = own_entries(store), Replica(store).ledger().size
    if found:
        return Outcome("corrupt", why=found[0])
    lost = ack.entries - len(entries)
    if lost > 0 or size < ack.ledger:
        return Outcome("lost", max(lost, 0), f"{lost} entries, ledger at {size} of {ack.ledger}")
    if chained(entries[: ack.entries]) != ack.digest:
        return Outcome("corrupt", why="an acknowledged entry has other bytes")
    return Outcome("sound")


def cut(synchronous: str, *, cuts: int, checks: int, seed: int) -> Result:
    """Records once with this setting of SQLite, and cuts the power `cuts` times."""
    began, counts, worst, fault = time.monotonic(), Counter[str](), 0, ""
    with tempfile.TemporaryDirectory(prefix="yardpass-cuts-", dir=_memory()) as name:
        folder = Path(name)
        base, events = record(folder, checks=checks, synchronous=synchronous)
        chance = random.Random(seed)  # noqa: S311 - no secret
        moments = journal.cuts(base, events, cuts, chance)
        label = f"{synchronous}: cutting"
        with click.progressbar(moments, length=cuts, label=label, file=sys.stderr) as bar:
            for one in bar:
                kind, lost, why = judged(one, folder)
                counts[kind] += 1
                worst, fault = max(worst, lost), fault or why
    return Result(synchronous, counts, worst, fault, len(events), time.monotonic() - began)


def _memory() -> str | None:
    """A folder in memory if there is one: a card's worth of writes for each cut."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a private folder inside


@click.command()
@click.option("--cuts", default=600, type=click.IntRange(min=1), help="Torn cuts with FULL.")
@click.option("--control", default=60, type=click.IntRange(min=0), help="Cuts with NORMAL.")
@click.option("--checks", default=CHECKS, type=click.IntRange(min=1), help="Checks to record.")
@click.option("--seed", default=1, help="Chooses moments and sectors.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def main(cuts: int, control: int, checks: int, seed: int, as_json: bool) -> None:
    """Cut a terminal's power; exit 1 if an acknowledged check is lost or anything is corrupt.

    The store is the product's, on ext4 with commit=5. As a control the same is done with SQLite's
    synchronous=NORMAL, which must lose checks: a rig that finds nothing there finds nothing.
    """
    _check_here()
    results = [cut("FULL", cuts=cuts, checks=checks, seed=seed)]
    if control:
        results.append(cut("NORMAL", cuts=control, checks=checks, seed=seed))
    is_good = verdict(results)
    if as_json:
        click.echo(json.dumps({"ok": is_good, "runs": [one.as_json() for one in results]}))
    else:
        for one in results:
            click.echo(sentence(one))
        click.echo("the power cuts are survived" if is_good else "NOT SURVIVED, or nothing shown")
    sys.exit(0 if is_good else 1)


def verdict(results: list[Result]) -> bool:
    """With FULL nothing may happen, with NORMAL something must."""
    return all(
        (one.counts.total() == one.counts["sound"]) == (one.synchronous == "FULL")
        for one in results
    )


def sentence(one: Result) -> str:
    lost, corrupt = one.counts["lost"], one.counts["corrupt"]
    first = f"; first: {one.first_fault}" if one.first_fault else ""
    return (
        f"synchronous={one.synchronous}: {one.counts.total()} cuts in {one.events} events,"
        f" {one.counts['sound']} sound, {lost} lost acknowledged checks"
        f" (at most {one.worst_lost}), {corrupt} corrupt, {one.seconds:.0f} s{first}"
    )


def _check_here() -> None:
    absent = blockdev.missing()
    if absent:
        packages = "apt-get install nbdkit nbdkit-plugin-python libnbd-bin e2fsprogs mount"
        raise click.ClickException(f"missing here: {' '.join(absent)}; {packages}")
    if os.geteuid():
        raise click.ClickException("a filesystem is mounted, which needs root: use sudo")


def run() -> None:
    try:
        main()
    except Unavailable as error:
        raise SystemExit(f"power-cuts: {error}") from error


if __name__ == "__main__":
    run()
