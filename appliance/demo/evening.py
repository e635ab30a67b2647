"""The end of the demo on a terminal: its compound's north gate goes on, and so does its clock,
while whoever watches sits at the guard's console."""

import time
from collections.abc import Callable
from functools import partial

from appliance.demo.compound import Compound
from appliance.demo.watch import NightGate, Passers
from appliance.settings import Settings
from ledger_sync.clock import Reading

EVERY_SECONDS = 7.0  # between two people at the gate


def play(yard: Compound, sit: Callable[[Settings, Callable[[], int]], None]) -> None:
    """Lets people come to the north gate while `sit` shows its console, by the demo's clock."""
    settings = yard.stations["north"].settings
    yard.close("north")
    begun, ticks = yard.clock.now + 60, time.monotonic()

    def now() -> int:
        return begun + int(time.monotonic() - ticks)

    def read() -> Reading:
        return Reading(now(), synchronised=True, error_seconds=1, has_chip=True)

    codes = [partial(_shown, code, now) for code in yard.passers]
    with NightGate(settings, read) as gate, Passers(gate, codes, every_seconds=EVERY_SECONDS):
        sit(settings, now)


def _shown(code: Callable[[int], bytes], now: Callable[[], int]) -> bytes:
    return code(now())
