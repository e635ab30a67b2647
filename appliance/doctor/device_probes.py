"""Looks at camera, readers, relay and inputs through the drivers that the settings name. Judges
nothing, and moves nothing but in `click`."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from appliance.doctor.device_lines import CABLE, INPUTS, AtWork, Picture, RelayState
from appliance.doctor.lines import Fault, Missing, NotHad, fault_of
from appliance.gate import inquiry
from appliance.gate.devices import open_camera, open_readers, open_sensors
from appliance.outfit import Driver
from appliance.settings import Settings
from hw.errors import Refused, Unavailable
from hw.picture_quality import quality_of
from hw.ports import DoorSensors, Frame, Health, Level, Reader
from hw.relay_line import RelayLine, RelayLineOptions
from ledger_sync.errors import Unavailable as StoreUnavailable

FIRST_SECONDS = 10.0  # for a first picture, a first word of a reader
SETTLED = 5  # pictures until a camera's exposure has settled
LEVELS_SECONDS = 1.0
CLICK_MS = 300
JOURNAL = "look why with: journalctl -u yardpass-gate"
Found = TypeVar("Found")


def at_work(settings: Settings) -> AtWork | NotHad:
    """What the gate's process says, which has all devices while it runs."""
    try:
        told = inquiry.condition_at(settings.store)
    except StoreUnavailable as error:
        return fault_of(error, JOURNAL)
    sensors = settings.outfit.sensors
    levels: dict[str, bool] | Missing = Missing("the settings name no inputs")
    if sensors is not None:
        levels = {name: name in told.facts for name in _wired(sensors)}
        levels |= {"contact": inquiry.is_open(told)} if "contact" in levels else {}
    readers = len(settings.outfit.readers)
    return AtWork(settings.camera is not None, readers, dict(told.faults), levels, told.fault)


def decision(settings: Settings) -> NotHad | None:
    """What is wrong with how a gate at work judges; None if it refuses what it must."""
    try:
        inquiry.check_judges(settings.store)
    except StoreUnavailable as error:
        return fault_of(error, JOURNAL)
    return None


def _wired(sensors: Driver) -> list[str]:
    """The inputs that a driver of sensors is told of: by its pins, or by their names."""
    named = sensors.options.get("wired", INPUTS if sensors.name == "sim" else ())
    return [name for name in INPUTS if name in named or sensors.options.get(name)]


def camera(settings: Settings) -> Picture | NotHad:
    if settings.camera is None:
        return Missing("the settings name none")
    try:
        device = open_camera(settings)
    except (Refused, Unavailable) as error:
        return fault_of(error, CABLE)
    try:
        frame = within(FIRST_SECONDS, lambda: settled(device.frames()))
        return Picture(*quality_of(frame.luma)) if frame else Fault("no picture came", CABLE)
    except (Refused, Unavailable) as error:
        return fault_of(error, CABLE)
    finally:
        device.close()


def settled(frames: Iterator[Frame]) -> Frame | None:
    """One of the first pictures, the last if there are fewer. It is copied: a frame is good until
    the next is asked for."""
    found = None
    for number, frame in enumerate(frames, start=1):
        found = Frame(frame.luma.copy(), frame.ticks)
        if number >= SETTLED:
            break
    return found


def readers(settings: Settings) -> list[tuple[str, str | NotHad]]:
    """Each reader's part, and its name if it answers."""
    names = [one.name for one in settings.outfit.readers]
    parts = [f"reader {number}" for number in range(1, len(names) + 1)]
    if not names:
        return [("reader", Missing("the settings name none"))]
    try:
        opened = open_readers(settings)
    except (Refused, Unavailable) as error:
        return [("reader", fault_of(error, CABLE))]
    try:
        found = [_answer(one, name) for one, name in zip(opened, names, strict=True)]
        return list(zip(parts, found, strict=True))
    finally:
        for one in opened:
            one.close()


def _answer(reader: Reader, name: str) -> str | NotHad:
    """A reader's first event says how it is."""

    def first() -> Health | None:
        event = next(iter(reader.events(lambda: bytes(32))), None)
        return event if isinstance(event, Health) else None

    try:
        health = within(FIRST_SECONDS, first)
    except (Refused, Unavailable) as error:
        return fault_of(error, CABLE)
    if health is None:
        return Fault(f"{name} says nothing", CABLE)
    return fault_of(Unavailable(health.fault), CABLE) if health.fault else name


def relay(settings: Settings) -> RelayState | NotHad:
    """What relayd says; `Missing` for a relay of another driver."""
    if settings.relay.name != "relayd":
        return Missing("the settings say sim, which moves nothing")
    line = RelayLine(RelayLineOptions(str(settings.relay.options["socket"])))
    try:
        told = line.state()
        return RelayState(bool(told["on"]), int(told["left_ms"]), sum(told["refused"].values()))
    except (Refused, Unavailable) as error:
        return fault_of(
            error, "start yardpass relay; if it runs, look why with: journalctl -u yardpass-relay"
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return Fault("what answers is no relayd of this version", "start yardpass relay again")
    finally:
        line.close()


def click(settings: Settings) -> int | NotHad:
    """Switches the relay on for a moment: whatever is connected to it moves."""
    if settings.relay.name != "relayd":
        return Missing("the settings say sim: there is nothing to click")
    line = RelayLine(RelayLineOptions(str(settings.relay.options["socket"])))
    try:
        line.pulse(CLICK_MS)
    except (Refused, Unavailable) as error:
        return fault_of(
            error, "start yardpass relay; if it runs, look why with: journalctl -u yardpass-relay"
        )
    finally:
        line.close()
    return CLICK_MS


def inputs(settings: Settings) -> dict[str, bool] | NotHad:
    """Each wired input, and whether it is active."""
    try:
        sensors = open_sensors(settings)
    except (Refused, Unavailable) as error:
        return fault_of(error, CABLE)
    if sensors is None:
        return Missing("the settings name no inputs")
    try:
        return {one.sensor.value: one.is_active for one in _levels(sensors)}
    except (Refused, Unavailable) as error:
        return fault_of(error, CABLE)
    finally:
        sensors.close()


def _levels(sensors: DoorSensors) -> list[Level]:
    """What they tell in a moment: how they are."""
    timer = threading.Timer(LEVELS_SECONDS, sensors.close)
    timer.daemon = True
    timer.start()
    try:
        return list(sensors.levels())
    finally:
        timer.cancel()


def within(seconds: float, look: Callable[[], Found | None]) -> Found | None:
    """What `look` gives or raises; None if it takes longer: its thread is left behind, and ends
    with the process."""
    answers: queue.SimpleQueue[Found | Exception | None] = queue.SimpleQueue()

    def act() -> None:
        try:
            answers.put(look())
        except Exception as error:  # noqa: BLE001 - raised again, in the thread that asked
            answers.put(error)

    threading.Thread(target=act, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        return None
    if isinstance(answer, Exception):
        raise answer
    return answer
