"""A console that has seen a lot rests, and does not grow: on a real store, with its real eyes."""

import asyncio
import gc
import time
from pathlib import Path

import pytest
from console_yard import POST
from diary import check
from stand import Stand
from test_console_view import GREEN

from appliance.console import catalogue
from appliance.console.app import Console, Wires
from appliance.console.desk import Desk
from appliance.console.survey import Post, Survey
from appliance.console.view import MAX_OF_ONE, View
from appliance.console.watch import Watch
from ledger_sync.replica import Replica
from ledger_sync.store import Store

pytestmark = pytest.mark.heavy
EVENTS = 10_000
IDLE_S = 4.0  # of a console that nothing happens to
LOOKS = 3  # of them: in the first it may still draw what came before
MOST_CPU = 0.05
FLAT_EVENTS, FLAT_BYTES = 100_000, 4 << 20


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


async def idle_share():
    """Of one core, over IDLE_S."""
    began, cpu = time.monotonic(), time.process_time()
    await asyncio.sleep(IDLE_S)
    return (time.process_time() - cpu) / (time.monotonic() - began)


def test_after_ten_thousand_events_an_idle_console_takes_under_a_twentieth_of_a_core(tmp_path):
    async def run():
        with Stand(tmp_path) as stand, Store(stand.compound.path) as store:
            replica = Replica(store)
            watch = Watch(store, b"secret")
            survey = Survey(replica, Post("n", tmp_path, b""), lambda: int(time.time()))
            desk = Desk(View("n"), catalogue.load().words, POST)
            wires = Wires(look=watch.look, survey=survey.look, now=lambda: int(time.time()))
            app = Console(desk, wires)
            async with app.run_test(size=(80, 25)) as pilot:
                for number in range(EVENTS):
                    stand.log.append(
                        stand.recorder.number, number + 1, check(hlc=number).to_bytes()
                    )
                    if number % 500 == 0:
                        app.tick()
                await pilot.pause()
                app.tick()
                kept = len(desk.view.kept)
                return kept, min([await idle_share() for _ in range(LOOKS)])

    kept, share = asyncio.run(run())

    assert kept == MAX_OF_ONE
    assert share < MOST_CPU


def test_a_hundred_thousand_events_take_no_more_memory_than_the_first_ten_thousand():
    async def run():
        batches = iter(
            [GREEN._replace(hlc=first + n, at=GREEN.at + first + n) for n in range(500)]
            for first in range(0, FLAT_EVENTS, 500)
        )
        wires = Wires(look=lambda: next(batches, []), survey=lambda: None, now=lambda: GREEN.at)
        app = Console(Desk(View("north-1"), catalogue.load().words, POST), wires)
        app._wires = wires._replace(survey=lambda: app._standing)
        async with app.run_test(size=(80, 25)) as pilot:
            sizes = []
            for number in range(FLAT_EVENTS // 500):
                app.tick()
                await pilot.pause()
                if number in (19, FLAT_EVENTS // 500 - 1):
                    gc.collect()
                    sizes.append(resident_bytes())
        return sizes

    first, last = asyncio.run(run())

    assert last - first < FLAT_BYTES
