"""The memory of the gossip among 50 peers with a million checks; the pace of the simulator."""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from appliance.bench import daemon as daemons
from appliance.bench.gossip import check_of
from appliance.bench.measure import Row, row_of
from ledger_sync import certificate, frames, vector, wire
from ledger_sync import feed as feeds
from ledger_sync.batch import sealed_bundle
from ledger_sync.feed import BUNDLE, Feed, Opening
from ledger_sync.frames import Row as FeedRow
from ledger_sync.roster import Roster
from ledger_sync.shelf import MAX_ENTRIES, Shelf
from ledger_sync.sim import ground as earth
from ledger_sync.sim.ground import Box, Ground, ground
from ledger_sync.sim.ring import NOW
from ledger_sync.store import Store
from ledger_sync.tiles import bundle_of

PEERS = 50
CHECKS = 1_000_000
SEEDS = 1_000
TIMEOUT_SECONDS = 600
SETTLE_SECONDS = 5.0  # for what it does in quiet moments
Progress = Callable[[str], None]


def rows(progress: Progress) -> list[Row]:
    """The figures of many; three minutes."""
    progress(f"{PEERS} peers and {CHECKS:,} checks in memory")
    with tempfile.TemporaryDirectory(prefix="yardpass-bench-") as name:
        found = [_memory_row(Path(name))]
    progress(f"{SEEDS:,} simulated worlds")
    return [*found, *_simulator_rows()]


def _memory_row(folder: Path) -> Row:
    base = ground(PEERS + 1)
    _fill(folder / "store.db", base)
    found = asyncio.run(_measure(daemons.settle(folder, base.boxes[PEERS], base), base))
    name = f"sync process, {PEERS} peers, {CHECKS:,} checks: RSS"
    note = f"yardpass sync itself; {found['checks']:,} checks held"
    return row_of(name, [found["megabytes"]], unit="MB", at_most=80, aim=60, note=note)


def _simulator_rows() -> list[Row]:
    command = [str(Path(sys.executable).with_name("yardpass")), "simulate", "--json"]
    done = subprocess.run(  # noqa: S603 - as above
        [*command, "--seeds", str(SEEDS)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    found = json.loads(done.stdout)
    note = f"{found['records']:,} records, {found['crashes']:,} crashes, {found['forks']} forks"
    return [
        row_of(
            f"simulator: violations in {SEEDS:,} worlds",
            [float(found["violations"])],
            unit="violations",
            at_most=0,
            note=note,
        ),
        row_of(
            f"simulator: {SEEDS:,} worlds",
            [found["seconds"]],
            unit="s",
            aim=120,
            note="not gated: floor 120, missed where cores are shared",
        ),
    ]


# --- a store with a million checks of 50 terminals -----------------------------------------------


def _fill(path: Path, base: Ground) -> None:
    path.write_bytes(base.disk)
    with Store(path, synchronous="OFF") as store, store.transaction():
        for box in base.boxes[:PEERS]:
            _fill_feed(store, box, CHECKS // PEERS)


def _fill_feed(store: Store, box: Box, count: int) -> None:
    chance, incarnation = random.Random(box.name), box.name.encode().ljust(8, b".")  # noqa: S311 - filler
    origin = feeds.origin_of(earth.SITE, box.name, incarnation)
    opening = Opening(box.feed.public.raw, 0, b"", 0, "bench", 0).to_bytes()
    shelf, feed = Shelf(store), Feed(origin=origin, key=box.feed)
    held = shelf.put_feed(box.feed.public.kid, incarnation, 0, origin, b"", NOW)
    pairs = [(opening, b"")] + [check_of(NOW - count + at, chance) for at in range(count - 1)]
    for start in range(0, count - count % BUNDLE, BUNDLE):
        part = pairs[start : start + BUNDLE]
        for entry, _ in part:
            feed.append(entry)
        bundle, sealed = (
            bundle_of([one for one, _ in part]),
            sealed_bundle([one for _, one in part]),
        )
        row = (held.number * MAX_ENTRIES + start, bundle, sealed)
        store.db.execute("INSERT INTO feed_bundle VALUES (?, ?, ?)", row)
        shelf.put_head(held.number, feed.full_heads()[-1])


# --- the process that is measured ---------------------------------------------------------------


async def _measure(settings: Path, base: Ground) -> dict[str, float]:
    """The real daemon, 50 peers that hold what it holds, then what it takes of memory."""
    port = daemons.port_of(settings)
    with Store(settings.with_name("store.db")) as store:
        held = Roster(store, base.boxes[PEERS].feed.public.kid).feeds()
    daemon = await daemons.start(settings)
    try:
        async with AsyncExitStack() as stack:
            lines = asyncio.ensure_future(_arrivals(daemon))
            for peer in base.boxes[:PEERS]:
                await stack.enter_async_context(_talking(peer, port, base, held))
            await asyncio.wait_for(lines, TIMEOUT_SECONDS)
            await asyncio.sleep(SETTLE_SECONDS)
            status = Path(f"/proc/{daemon.pid}/status").read_text()
    finally:
        daemon.terminate()
        await daemon.wait()
    megabytes = int(status.partition("VmHWM:")[2].split()[0]) * 1_024 / 1e6
    checks = sum(row.size for rows in held.values() for row in rows)
    return {"megabytes": megabytes, "checks": checks}


async def _arrivals(daemon: asyncio.subprocess.Process) -> None:
    """Until the daemon has told that every peer is here."""
    assert daemon.stderr is not None
    count = 0
    while count < PEERS:
        line = await daemon.stderr.readline()
        if not line:
            raise RuntimeError("the measured process has ended")
        count += line.strip().endswith(b"is here")


@asynccontextmanager
async def _talking(
    box: Box, port: int, base: Ground, held: dict[bytes, list[FeedRow]]
) -> AsyncIterator[None]:
    """A peer that holds the same, says so, and listens."""
    own = certificate.make(box.name, box.link.seed)
    there = base.boxes[PEERS]
    der = certificate.make(there.name, there.link.seed)
    context = wire.context(server=False, der=own, seed=box.link.seed, peers=[der])
    reader, writer = await daemons.connected(port, context)
    rows, closed = vector.vector_of(held)
    kid = box.feed.public.kid
    writer.write(frames.Hello(kid, b"", rows, closed, (), ()).to_bytes())
    swallowing = asyncio.ensure_future(_swallow(reader))
    try:
        yield
    finally:
        swallowing.cancel()
        writer.close()


async def _swallow(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(1 << 16):
            pass
