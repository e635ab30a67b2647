"""The second part of the demo: terminals that talk, one that is cut off, one that is destroyed.

Real links (mutual TLS on loopback) between the three terminals, each of which decides alone. Each
act says what must have come of it.
"""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from appliance.demo.compound import Compound, Phone, Station
from appliance.gate.exchange import exchanger_of
from appliance.policy.reasons import Reason
from appliance.policy.verdict import Colour
from ledger_sync.exchanger import Exchanger
from ledger_sync.feed import at_of
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.uses import Uses

TOGETHER_SECONDS = 60.0  # real ones, for terminals to hold the same
POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happened, and what came of it in words."""

    title: str
    gate: str
    ends: str
    ok: bool

    def as_json(self) -> dict[str, Any]:
        return {"act": self.title, "gate": self.gate, "ends": self.ends, "ok": self.ok}


def play(yard: Compound, told: Callable[[Act], None]) -> list[Act]:
    """Plays all acts, after the scenes."""
    acts: list[Act] = []
    sam = yard.commuter
    assert sam is not None

    def tell(title: str, gate: str, ends: str, ok: bool) -> None:
        acts.append(Act(title, gate, ends, ok))
        told(acts[-1])

    everybody = set(yard.stations)
    ok = together(yard, everybody)
    tell("The terminals exchange what they recorded", "all", _held(yard, everybody), ok)
    code = _show(yard, sam, "north", tell, "A resident who may pass at two gates", Colour.GREEN)
    ok = together(yard, everybody)
    _again(yard, code, tell, "Her code, photographed and shown at the other gate", Reason.REPLAY)
    code = _show(yard, sam, "north", tell, "The cable to the garage is cut; she comes again", None)
    _again(yard, code, tell, "The photograph at the garage, which has not heard of it", None)
    ok = together(yard, everybody - {"garage"})
    tell("The other two go on exchanging", "all", _held(yard, everybody - {"garage"}), ok)
    ok = together(yard, everybody)
    conflicts = _conflicts(yard)
    found = {station: len(there) for station, there in conflicts.items()}
    ends = f"1 code was used twice: {next(iter(conflicts['north']), 'not reported')}"
    tell("The cable is mended: each terminal reports it, once", "all", ends, ok and _ones(found))
    _destroy(yard, sam, tell)
    return acts


Tell = Callable[[str, str, str, bool], None]


def _ones(found: dict[str, int]) -> bool:
    return set(found.values()) == {1}


def _show(
    yard: Compound, who: Phone, gate: str, tell: Tell, title: str, colour: Colour | None
) -> bytes:
    """Somebody shows a fresh code; the code."""
    yard.clock.now += 20
    code = who.reference(yard.clock.now)
    outcome = yard.stations[gate].terminal.present(code)
    ok = outcome.verdict.colour is (colour or Colour.GREEN) and outcome.is_opened
    tell(title, gate, _ends(outcome.verdict.colour.name, outcome.verdict.reasons), ok)
    return code


def _again(yard: Compound, code: bytes, tell: Tell, title: str, reason: Reason | None) -> None:
    """The same code at the garage, a few seconds later."""
    yard.clock.now += 5
    station = yard.stations["garage"]
    station.terminal.rest()
    verdict = station.terminal.present(code).verdict
    ok = verdict.reasons == ((reason,) if reason else ())
    tell(title, "garage", _ends(verdict.colour.name, verdict.reasons), ok)


def _ends(colour: str, reasons: tuple[str, ...]) -> str:
    return " ".join((colour, *reasons))


def _destroy(yard: Compound, sam: Phone, tell: Tell) -> None:
    """The terminal at the exit writes on while nobody hears it, and is lost with its card."""
    yard.clock.now += 20
    station = yard.stations["exit"]
    for _ in range(2):
        yard.clock.now += 20
        station.terminal.present(sam.reference(yard.clock.now))
    origin, whole = _own(station)
    yard.close("exit")
    shutil.rmtree(station.settings.folder)
    left = set(yard.stations)
    ok = together(yard, left)
    with Store(yard.stations["north"].settings.store) as store:
        entries = Shelf(store).entries(origin)
    last = max(map(at_of, entries), default=0)
    lost = whole - len(entries)
    ends = (
        f"{len(entries)} entries of {origin.split('/')[-2]} are at its peers, signed by its key; "
        f"known up to {_clock(last)}, what it recorded after that is lost ({lost} here)"
    )
    tell("The terminal at the exit burns down", "exit", ends, ok and lost == 2 and bool(entries))


def _clock(at: int) -> str:
    return f"{at % 86_400 // 3_600:02}:{at % 3_600 // 60:02}:{at % 60:02}"


def _own(station: Station) -> tuple[str, int]:
    """The feed a terminal writes now: its origin and size."""
    with Store(station.settings.store) as store:
        held = Shelf(store).newest_own()
        assert held is not None
        return held.origin, len(Shelf(store).bodies(held.number))


def _held(yard: Compound, names: set[str]) -> str:
    sizes = [sum(_sizes(yard.stations[name]).values()) for name in sorted(names)]
    feeds = len(_sizes(yard.stations["north"]))
    return f"{sizes[0]} entries of {feeds} feeds at each of {len(sizes)} terminals"


def _sizes(station: Station) -> dict[str, int]:
    with Store(station.settings.store) as store:
        shelf = Shelf(store)
        return {held.origin: len(shelf.bodies(held.number)) for held in shelf.feeds()}


def _conflicts(yard: Compound) -> dict[str, list[str]]:
    """What each terminal says of codes that counted at two places."""
    found = {}
    for name, station in yard.stations.items():
        with Store(station.settings.store) as store:
            found[name] = [
                f"{_short(one.first)} check {one.first_seq} and"
                f" {_short(one.second)} check {one.second_seq}"
                for one in Uses(store).conflicts()
            ]
    return found


def _short(origin: str) -> str:
    return origin.split("/")[-2]


def together(yard: Compound, names: set[str]) -> bool:
    """Lets these terminals talk until they hold the same; whether they came to that."""
    return asyncio.run(_together([yard.stations[name] for name in sorted(names)], yard))


async def _together(stations: list[Station], yard: Compound) -> bool:
    stop = asyncio.Event()
    with ExitStack() as stack:
        made = []
        for station in stations:
            store = stack.enter_context(Store(station.settings.store))
            exchanger = exchanger_of(station.settings, store, now=lambda: yard.clock.now)
            exchanger.gossip.own_changed()
            exchanger.gossip.rang(station.terminal.head())
            made.append(exchanger)
        running = [asyncio.ensure_future(one.run("127.0.0.1:0", stop)) for one in made]
        try:
            async with asyncio.timeout(TOGETHER_SECONDS):
                await _until(lambda: all(one.port for one in made))
                _introduce(made)
                await _until(lambda: _is_equal(made))
        except TimeoutError:
            return False
        finally:
            stop.set()
            await asyncio.gather(*running)
            for one in made:
                one.gossip.settle_all()
    return True


def _introduce(made: list[Exchanger]) -> None:
    for one in made:
        for other in made:
            if one is not other:
                one.hint(other.name, f"127.0.0.1:{other.port}")


def _is_equal(made: list[Exchanger]) -> bool:
    rows = [{tuple(row) for held in one.gossip.feeds().values() for row in held} for one in made]
    return all(one == rows[0] for one in rows)


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(POLL_SECONDS)
