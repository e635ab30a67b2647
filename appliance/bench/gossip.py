"""What catching up costs: a log taken in over TLS, verified and durable, beside a bare copy.

Run as a module it measures once: `python -m appliance.bench.gossip FOLDER RUN CHECKS`.
"""

import asyncio
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from appliance.bench.daemon import connected, port_of, settle, start
from appliance.bench.measure import Row, row_of
from ledger_sync import masks
from ledger_sync.checklog import CheckLog
from ledger_sync.feed import NO_ZONE, Check
from ledger_sync.shelf import MAX_ENTRIES
from ledger_sync.sim import ground as earth
from ledger_sync.sim.ground import ground
from ledger_sync.sim.ring import NOW, Ring, Terminal, running, until

CHECKS = 100_000
DELTA = 1_000
DELTAS = 5  # of each the quickest counts, on both sides: others on the machine can only delay
HOLDERS = 2_000  # people who come again and again
DAYS = 3 * 86_400  # how long ago the log that is caught up with begins
RUNS = 3
TERMINALS = 5
PIECE = 1 << 18
TIMEOUT_SECONDS = 600
PLAIN = {"OPENSSL_ia32cap": "~0x200000200000000:~0x20000000", "OPENSSL_armcap": "1"}
"""Keeps OpenSSL from the AES, PCLMULQDQ and SHA instructions of an Intel or AMD processor
(OPENSSL_ia32cap(3)), and from all but NEON of an Arm one: a Raspberry Pi 4 has no more."""
Progress = Callable[[str], None]


def rows(progress: Progress) -> list[Row]:
    """The figures of catching up; a minute."""
    progress(f"catching up with {CHECKS:,} checks")
    with tempfile.TemporaryDirectory(prefix="yardpass-bench-") as name:
        return _catch_up_rows(Path(name))


def record(terminal: Terminal, count: int, seed: int) -> bytes:
    """Fills the terminal's feed with checks of the last days; their bytes, as they are sent."""
    gate, chance = terminal.gate, random.Random(seed)  # noqa: S311 - filler, no secret
    key, sent, rows = masks.day_key(earth.SECRET, NOW - DAYS), bytearray(), []
    feed, number = gate.feed, gate.number
    for at in range(NOW - DAYS, NOW - DAYS + count):
        sealed, digest = chance.randbytes(64), chance.randbytes(16)
        holder = chance.randrange(HOLDERS)
        entry = _entry(at, holder, digest, sealed, key, chance)
        rows.append((number * MAX_ENTRIES + feed.size, entry, sealed, holder, at, 0, at, NO_ZONE))
        feed.append(entry)
        sent += entry + sealed
    with terminal.disk.store.transaction():
        marks = "(?, ?, ?, ?, ?, ?, ?, ?)"
        terminal.disk.store.db.executemany(f"INSERT INTO feed_entry VALUES {marks}", rows)  # noqa: S608 - no outside text
    CheckLog(terminal.disk.store).save_heads(number, feed.full_heads())
    place = (gate.kid, bytes.fromhex(feed.origin.rpartition("/")[2]))
    terminal.truth.entries[place] += [b""] * count
    return bytes(sent)


def check_of(at: int, chance: random.Random) -> tuple[bytes, bytes]:
    """A check as it stands in a feed, and what is sealed beside it."""
    key = masks.day_key(earth.SECRET, at)
    sealed, digest = chance.randbytes(64), chance.randbytes(16)
    return _entry(at, chance.randrange(HOLDERS), digest, sealed, key, chance), sealed


def _entry(
    at: int, holder: int, digest: bytes, sealed: bytes, key: bytes, chance: random.Random
) -> bytes:
    return Check(
        *(0, 0, 0, 1, NO_ZONE, at, at * 1_000 << 16, 1, 10),
        chance.randbytes(16),
        digest,
        masks.masked(holder, key, digest),
        at,
        0,
        hashlib.sha256(sealed).digest(),
        "north",
        (),
        chance.randbytes(119),
    ).to_bytes()


def terminals(folder: Path, count: int) -> list[Terminal]:
    """So many terminals of one ledger, each with a store in `folder`."""
    return [Terminal(number, TERMINALS + 1, folder / str(number)) for number in range(count)]


# --- catching up ---------------------------------------------------------------------------------


def _catch_up_rows(folder: Path) -> list[Row]:
    """A new terminal takes in what another recorded, and a bare copy of the same bytes beside."""
    raw, plain, hashed, copied, delta = [], [], [], [], []
    for run in range(RUNS):
        found = asyncio.run(_catch_up(folder / str(run), run, CHECKS))
        raw.append(found["gossip"] / found["raw"])
        plain.append(_plain_ratio(folder / f"plain {run}", run))
        hashed.append(found["hashes"] / found["raw"])
        copies = _rsync(folder / f"rsync {run}", found["bytes"])
        if copies:
            alone = asyncio.run(_catch_up_from_daemon(folder / f"daemon {run}", run))
            copied.append(alone / copies[0])
            delta.append(found["delta"] / copies[1])
    apart = "each end a process; not gated: floor 4, missed on some machines"
    name = f"anti-entropy of {CHECKS:,} checks / "
    made = [
        row_of(
            name + "raw TLS copy of the same bytes",
            raw,
            aim=2.5,
            note="not gated: floor 5, missed where the processor has AES and SHA instructions",
        ),
        row_of(
            name + "raw TLS copy, both without AES and SHA instructions",
            plain,
            at_most=5,
            aim=2.5,
        ),
        row_of(f"SHA-256 of {CHECKS:,} checks and of their tree / raw TLS copy", hashed),
    ]
    if not copied:
        note = "skipped: rsync 3.2.4 or newer is not here"
        return [*made, row_of(name + "rsync --fsync", [0.0], note=note)]
    return [
        *made,
        row_of(name + "rsync --fsync", copied, aim=2, note=apart),
        row_of(
            f"delta of {DELTA:,} checks with its handshake / rsync delta",
            delta,
            at_most=0.25,
            aim=0.06,
        ),
    ]


def _plain_ratio(folder: Path, run: int) -> float:
    """The first figure as on a board whose processor has no instructions for AES and SHA, where
    encryption is several times as slow and Python is not."""
    command = [sys.executable, "-P", "-m", __name__, str(folder), str(run), str(CHECKS)]
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        command,
        env=os.environ | PLAIN,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the measured process failed: {done.stderr[-500:]}")
    return float(done.stdout)


async def _catch_up(folder: Path, run: int, count: int) -> dict[str, float]:
    one, other = terminals(folder, 2)
    sent = record(one, count, run)
    async with running([one, other]) as ring:
        began = time.perf_counter()
        await ring.introduce(through_proxies=False)
        await until(ring.is_equal)
        gossip = time.perf_counter() - began
        raw = await _raw_copy(one, other, sent)
        delta = min([await _delta(ring, DELTAS * run + number) for number in range(DELTAS)])
    found = {"gossip": gossip, "raw": raw, "delta": delta, "bytes": float(len(sent))}
    return found | {"hashes": _hash_seconds(len(sent) // count, count)}


def _hash_seconds(size: int, count: int) -> float:
    """Seconds for the hashes alone, one call each: no verification can be had for less."""
    data, sha256, began = os.urandom(size + 1), hashlib.sha256, time.perf_counter()
    for _ in range(count):
        sha256(data).digest()
    for _ in range(count):
        sha256(data[:65]).digest()
    return time.perf_counter() - began


async def _catch_up_from_daemon(folder: Path, run: int) -> float:
    """As `_catch_up`, but the sender is a process of its own, as rsync's is."""
    one, other = terminals(folder, 2)
    record(one, CHECKS, run)
    CheckLog(one.disk.store).sign_off(one.box.feed)  # as its next start would
    whole = {place: len(found) for place, found in one.truth.entries.items()}
    one.close()
    settings = settle(folder / "0", one.box, ground(TERMINALS + 1))
    daemon = await start(settings)
    try:
        port = port_of(settings)
        _, writer = await connected(port, other.exchanger.client_context)
        writer.transport.abort()
        async with running([other]):
            began = time.perf_counter()
            other.exchanger.hint(one.name, f"127.0.0.1:{port}")
            await until(lambda: whole.items() <= other.held().items())
            return time.perf_counter() - began
    finally:
        daemon.terminate()
        await daemon.wait()


async def _delta(ring: Ring, run: int) -> float:
    """Seconds from the moment one of them may call to the moment both hold the rest."""
    one = ring.terminals[0]
    for terminal in ring.terminals:
        terminal.exchanger.hold(True)
    await until(lambda: not any(t.exchanger.gossip.talks for t in ring.terminals))
    record(one, DELTA, 100 + run)
    one.ring()
    began = time.perf_counter()
    for terminal in ring.terminals:
        terminal.exchanger.hold(False)
    await until(ring.is_equal)
    return time.perf_counter() - began


async def _raw_copy(one: Terminal, other: Terminal, data: bytes) -> float:
    """Seconds for the same bytes over the same TLS, unread."""
    done, left = asyncio.Event(), len(data)

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        while piece := await reader.read(PIECE):
            left -= len(piece)
        done.set()
        writer.close()

    server = await asyncio.start_server(
        swallow, "127.0.0.1", 0, ssl=other.exchanger.server_context, limit=PIECE
    )
    port = server.sockets[0].getsockname()[1]
    began = time.perf_counter()
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=one.exchanger.client_context, server_hostname="t"
    )
    for at in range(0, len(data), PIECE):
        writer.write(data[at : at + PIECE])
        await writer.drain()
    writer.close()
    await done.wait()
    seconds = time.perf_counter() - began
    server.close()
    assert left == 0
    return seconds


def _rsync(folder: Path, size: float) -> tuple[float, float] | None:
    """Seconds for a copy of so many bytes, and for what is added to them at the quickest; None
    without rsync."""
    if shutil.which("rsync") is None:
        return None
    source, target = folder / "source", folder / "target"
    source.mkdir(parents=True)
    data = os.urandom(int(size))
    command = ["rsync", "-a", "--fsync", "--no-whole-file", f"{source}/", f"{target}/"]
    seconds = []
    more = int(size) * DELTA // CHECKS
    for size_of_more in (0, *[more] * DELTAS):
        data += os.urandom(size_of_more)
        (source / "feed").write_bytes(data)
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own words
        seconds.append(time.perf_counter() - began)
        if done.returncode:
            return None
    return seconds[0], min(seconds[1:])


def _once(folder: Path, run: int, count: int) -> float:
    found = asyncio.run(_catch_up(folder, run, count))
    return found["gossip"] / found["raw"]


if __name__ == "__main__":
    sys.stdout.write(f"{_once(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))}\n")
