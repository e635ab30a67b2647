"""What happens between terminals: a check on its way, an outage healed, a denial spread, a crowd.

All over real TLS on loopback, durable at the receiver as in the product.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from appliance.bench.gossip import DELTA, TERMINALS, terminals
from appliance.bench.measure import Row, row_of
from ledger_sync.denials import Denials
from ledger_sync.replica import Replica
from ledger_sync.sim import ground as earth
from ledger_sync.sim.ring import NOW, Terminal, running, until
from ledger_sync.store import Store

PUSHES = 400
HEALS = 100
DENIALS = 20
Progress = Callable[[str], None]


def rows(progress: Progress) -> list[Row]:
    """The figures between terminals; about three minutes."""
    found: list[Row] = []
    for what, part in (
        ("checks on their way", _push_rows),
        (f"{HEALS} outages healed", _heal_rows),
        ("denials on their way", _deny_rows),
        ("bytes written for a check", _wal_rows),
    ):
        progress(what)
        with tempfile.TemporaryDirectory(prefix="yardpass-bench-") as name:
            found += part(Path(name))
    return found


# --- a check on its way --------------------------------------------------------------------------


def _push_rows(folder: Path) -> list[Row]:
    found = sorted(asyncio.run(_pushes(folder)))
    name = "append at one terminal -> durable at a peer: p99"
    late = found[int(len(found) * 0.99)]
    typical = f"median {statistics.median(found):.2f} ms, {len(found)} checks"
    return [row_of(name, [late], unit="ms", at_most=10, aim=2, note=typical)]


async def _pushes(folder: Path) -> list[float]:
    """Milliseconds from before the append to the peer's acknowledgement, which follows its
    commit."""
    one, other = terminals(folder, 2)
    found = []
    async with running([one, other]) as ring:
        await ring.introduce(through_proxies=False)
        await until(ring.is_equal)
        heard = asyncio.Event()
        one.exchanger.gossip.on_acknowledged = heard.set
        for code in range(PUSHES):
            heard.clear()
            began = time.perf_counter()
            one.check(code)
            await asyncio.wait_for(heard.wait(), 10)
            found.append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(0.002)
    return found


def _heal_rows(folder: Path) -> list[Row]:
    found = sorted(asyncio.run(_heals(folder)))
    name = f"heal after a partition, {TERMINALS} terminals: slowest of {HEALS}"
    note = f"median {statistics.median(found):.2f} s; all records everywhere each time"
    return [row_of(name, [found[-1]], unit="s", at_most=3, aim=1, note=note)]


async def _heals(folder: Path) -> list[float]:
    chance, found = random.Random(5), []  # noqa: S311 - filler
    async with running(terminals(folder, TERMINALS)) as ring:
        await ring.introduce()
        await until(ring.is_equal)
        names = [terminal.name for terminal in ring.terminals]
        for run in range(HEALS):
            group = set(chance.sample(names, chance.randrange(1, TERMINALS)))
            ring.cut(group)
            for number, terminal in enumerate(ring.terminals):
                terminal.check(run * TERMINALS + number)
            await asyncio.sleep(0.05)
            ring.heal()
            began = time.perf_counter()
            await until(ring.is_equal)
            found.append(time.perf_counter() - began)
            await until(ring.is_met)
    return found


def _deny_rows(folder: Path) -> list[Row]:
    found = sorted(asyncio.run(_denials(folder)))
    name = "deny note at one terminal -> refused at all others: p99"
    note = f"median {statistics.median(found):.2f} s, {len(found)} notes"
    return [row_of(name, [found[int(len(found) * 0.99)]], unit="s", at_most=2, aim=0.5, note=note)]


async def _denials(folder: Path) -> list[float]:
    found = []
    async with running(terminals(folder, TERMINALS)) as ring:
        await ring.introduce(through_proxies=False)
        await until(ring.is_equal)
        first, *others = ring.terminals
        ground = first.gate.ground
        for index in range(DENIALS):
            note = ground.denial(index, NOW)
            trust = Replica(first.disk.store).history.trust(ground.pinned)
            began = time.perf_counter()
            Denials(first.disk.store).add(note, trust=trust, now=NOW)  # another process's
            await until(lambda index=index: all(_is_denied(one, index) for one in others))  # type: ignore[misc]  # bound now
            found.append(time.perf_counter() - began)
    return found


def _is_denied(terminal: Terminal, index: int) -> bool:
    return Replica(terminal.disk.store).standing(earth.LIST, index, None).status > 3


# --- what is written -----------------------------------------------------------------------------


def _wal_rows(folder: Path) -> list[Row]:
    """Bytes of the write-ahead log for each check, as the gate records it."""
    (terminal,) = terminals(folder, 1)
    path = folder / "0" / "store.db"
    with Store(path) as watcher:  # keeps the log from being cut when the gate closes
        terminal.disk.store.db.execute("PRAGMA wal_autocheckpoint = 0")
        watcher.row("SELECT 1")
        wal = path.with_name("store.db-wal")
        before = wal.stat().st_size if wal.exists() else 0
        for code in range(DELTA):
            terminal.gate.check(terminal.truth, code)
        written = wal.stat().st_size - before
    terminal.close()
    name = "write-ahead log for a check of 200 bytes"
    return [row_of(name, [written / DELTA / 1e3], unit="kB", at_most=12, aim=10)]
