"""`yardpass simulate`: worlds of terminals under faults, each from its seed, on all cores."""

import gc
import json
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache, partial
from multiprocessing import resource_tracker

import click

from appliance.commands.bars import progress_bar
from ledger_sync import keys, note
from ledger_sync.sim.ground import ground
from ledger_sync.sim.world import Report, live

MAX_NODES = 16
SUMS = ("forks", "clones", "conflicts", "crashes", "records", "lost")


@click.command()
@click.option(
    "--seeds", type=click.IntRange(1), required=True, help="How many worlds to live through."
)
@click.option(
    "--nodes", type=click.IntRange(3, MAX_NODES), default=6, show_default=True,
    help="Terminals of a world; the last one is malicious.",
)  # fmt: skip
@click.option(
    "--steps", type=click.IntRange(1), default=400, show_default=True,
    help="What happens in a world before it heals.",
)  # fmt: skip
@click.option(
    "--start", type=click.IntRange(0), default=0, show_default=True, help="The first seed."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def simulate(seeds: int, nodes: int, steps: int, start: int, as_json: bool) -> None:
    """Let terminals gossip under partitions, crashes, full disks, wrong clocks and a traitor.

    The same seed is the same world everywhere. Exits 1 if any promise was broken, and says how to
    see it again.
    """
    began = time.monotonic()
    reports = []
    with progress_bar("Living", seeds) as done:
        for report in _lived(range(start, start + seeds), nodes=nodes, steps=steps):
            reports.append(report)
            done(len(reports))
    reports.sort(key=lambda report: report.seed)
    seconds = time.monotonic() - began
    broken = [report for report in reports if report.violations]
    if as_json:
        click.echo(json.dumps(_document(reports, seconds)))
    else:
        _print(reports, seconds)
    for report in broken:
        again = f"--start {report.seed} --seeds 1 --nodes {nodes} --steps {steps}"
        for sentence in report.violations[:3]:
            click.echo(f"seed {report.seed}: {sentence}", err=True)
        click.echo(f"again: yardpass simulate {again}", err=True)
    sys.exit(1 if broken else 0)


def _lived(seeds: range, *, nodes: int, steps: int) -> Iterator[Report]:
    """The reports of these worlds, as they end. One process a core; an interruption ends all."""
    work = partial(_live, nodes=nodes, steps=steps)
    count = min(len(seeds), len(os.sched_getaffinity(0)))
    if count == 1:
        _prepare(nodes)
        yield from map(work, seeds)
        return
    context = multiprocessing.get_context("spawn")
    with _held_back() as heard:
        pool = context.Pool(count, initializer=_prepare_child, initargs=(nodes,))
    with pool:
        if heard:
            raise KeyboardInterrupt
        yield from pool.imap_unordered(work, seeds, chunksize=4)


@contextmanager
def _held_back() -> Iterator[list[int]]:
    """Holds interruptions back while children start, and for good in them: the parent hears them
    and ends its children. The list says what came. A mask alone does not do: a signal to all
    goes to any thread that has none, such as one of a library's, and Python tells the main thread.
    """
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        resource_tracker.ensure_running()  # its start would unblock the signal again
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield heard
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, before)


def _prepare_child(nodes: int) -> None:
    _prepare(nodes)
    # All terminals look at the same signatures: each is computed once. What does not hold is
    # remembered as such.
    setattr(note, "verify_ed25519", lru_cache(maxsize=8_192)(keys.verify_ed25519))  # noqa: B010 - a process of our own
    gc.freeze()
    gc.set_threshold(50_000)


def _prepare(nodes: int) -> None:
    log = logging.getLogger("yardpass.sync")
    log.disabled = True
    command = click.get_current_context(silent=True)
    if command is not None:  # in this process, not in a child: others may want the log again
        command.call_on_close(lambda: setattr(log, "disabled", False))
    ground(nodes)


def _live(seed: int, *, nodes: int, steps: int) -> Report:
    return live(seed, count=nodes, steps=steps)


def _document(reports: list[Report], seconds: float) -> dict[str, object]:
    sums = {name: sum(getattr(report, name) for report in reports) for name in SUMS}
    broken = [asdict(report) for report in reports if report.violations]
    rate = round(len(reports) / seconds, 2)
    return {
        "seeds": len(reports),
        "seconds": round(seconds, 1),
        "seeds_per_second": rate,
        "violations": sum(len(report.violations) for report in reports),
        **sums,
        "broken": broken,
    }


def _print(reports: list[Report], seconds: float) -> None:
    found = _document(reports, seconds)
    click.echo(f"{found['seeds']} worlds, {found['seeds_per_second']} a second")
    click.echo(f"violations {found['violations']}")
    click.echo(", ".join(f"{name} {found[name]}" for name in SUMS))
