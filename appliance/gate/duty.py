"""The duty of the gate process: what the senses tell goes to the terminal, one after the other.

The one loop that acts. A reader or an input that fails is a state, not an end: one line when it
goes, one when it is back.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from appliance.gate import words
from appliance.gate.console_socket import Asked, ConsoleSocket, path_beside
from appliance.gate.devices import open_readers, open_sensors
from appliance.gate.guard_desk import GuardDesk
from appliance.gate.loop import Stop, watch
from appliance.gate.senses import Ended, Lost, Sense, Senses
from appliance.gate.terminal import Outcome, Terminal
from appliance.settings import Settings
from appliance.version import software
from hw.errors import Refused, Unavailable
from hw.eye import Sighting
from hw.ports import CardRead, Health, Level

REST_SECONDS = 0.2  # without anything told, before the terminal rests
CAMERA, INPUTS, CONSOLES = "camera", "inputs", "consoles"
READ_NOBODY = frozenset({INPUTS, CONSOLES})  # without another sense the gate has nothing to do

_log = logging.getLogger("yardpass.gate")
_SOFTWARE = software()


class _Seen:
    """What the camera's loop tells, on its way to the gate's thread."""

    def __init__(self, senses: Senses) -> None:
        self._senses = senses

    def see(self, text: bytes, ticks: int) -> Outcome | None:
        self._senses.tell(Sighting(text, ticks))
        return None

    def rest(self) -> None:
        """The gate's thread rests by itself; it is told that this one lives."""
        self._senses.turned()

    def health(self, fault: str) -> None:
        self._senses.tell(Health(CAMERA, time.monotonic_ns(), fault))


def open_senses(settings: Settings, terminal: Terminal) -> Senses:
    """All that the settings name, at work, or looked for where it is missing. A wrong setting
    stops the start."""
    with ExitStack() as stack:
        readers = open_readers(settings)
        for reader in readers:
            stack.callback(reader.close)
        sensors = open_sensors(settings)
        if sensors is not None:
            stack.callback(sensors.close)
        stack.pop_all()
    senses = Senses()
    _listen(senses, settings)
    for number, reader in enumerate(readers, start=1):
        senses.add_reader(f"reader {number}", reader, terminal.ask)
    if sensors is not None:
        senses.add_sensors(sensors)
    if settings.camera is not None:
        stop = Stop()

        def looked() -> Iterator[Sense]:
            seen = _Seen(senses)
            try:
                watch(settings, seen, stop, tell=seen.health)
            finally:
                senses.ended()
            return iter(())

        senses.turned()
        senses.add(CAMERA, looked, stop.set)
    return senses


def _listen(senses: Senses, settings: Settings) -> None:
    """Where consoles ask; a gate without it goes on, and its console says that it is gone."""
    try:
        senses.add_consoles(ConsoleSocket(path_beside(settings.store)))
    except Unavailable as error:
        _log.error("no console can ask this gate: %s", error)


def _nothing() -> None:
    """Nothing else is due."""


def serve(
    senses: Senses,
    terminal: Terminal,
    stop: Stop,
    *,
    also: Callable[[], None] = _nothing,
    desk: GuardDesk | None = None,
) -> None:
    """Works until `stop` is set, or until everything that reads people is used up; `also` is
    done whenever the terminal rests, `desk` answers consoles.

    Raises what the camera raises if its settings are wrong, and what the last of them failed with.
    """
    reading = set(senses.names) - READ_NOBODY
    while reading and not stop.is_set():
        sense = senses.next(_wait(terminal))
        if isinstance(sense, Ended):
            reading.discard(sense.name)
            _ended(sense, terminal, is_last=not reading)
            if desk is not None and sense.error is not None:
                desk.health(sense.name, str(sense.error))
        elif sense is not None:
            take(sense, terminal, desk)
        terminal.tick()
        terminal.rest()
        if desk is not None:
            desk.rest()
            terminal.trouble(desk.is_troubled())
        also()


def _wait(terminal: Terminal) -> float:
    due = terminal.next_due()
    if due is None:
        return REST_SECONDS
    return min(REST_SECONDS, due / 1_000 - time.monotonic())


def take(sense: Sense, terminal: Terminal, desk: GuardDesk | None = None) -> None:
    """One thing that happened, to the terminal; what consoles ask, to the desk."""
    match sense:
        case Sighting(payload, ticks):
            _say(terminal.see(payload, ticks), desk)
        case CardRead():
            _say(terminal.meet(sense), desk)
        case Level():
            terminal.seen(sense)
        case Asked(packet, answer) if desk is not None:
            answer(desk.answer(packet))
        case Health() | Lost():
            _heard(sense, terminal, desk)
        case _:
            pass  # an end is the loop's affair


def _heard(sense: Health | Lost, terminal: Terminal, desk: GuardDesk | None) -> None:
    """How a device is: one line when it goes, one when it is back; the camera's loop has its own
    lines."""
    device, fault = (INPUTS, sense.why) if isinstance(sense, Lost) else (sense.device, sense.fault)
    if desk is not None:
        desk.health(device, fault)
    if isinstance(sense, Lost):
        _log.error("the inputs of the gate are gone: %s", fault)
        terminal.inputs_lost()
    elif device != CAMERA:
        (_log.error if fault else _log.info)("%s: %s", device, fault or "is here")


def _say(outcome: Outcome | None, desk: GuardDesk | None) -> None:
    if outcome is not None:
        _log.info("%s", words.line(outcome, software=_SOFTWARE))
        if desk is not None:
            desk.recorded("" if outcome.is_recorded else outcome.fault)


def _ended(end: Ended, terminal: Terminal, *, is_last: bool) -> None:
    """A camera whose settings are wrong stops the gate, and so does the last sense that reads
    people if it fails: whoever keeps the process starts it again. Any other does not."""
    if end.name == INPUTS:
        terminal.inputs_lost()
    if end.error is None:
        return
    if is_last or (end.name == CAMERA and isinstance(end.error, Unavailable | Refused)):
        raise end.error
    _log.error("%s has failed (%s: %s)", end.name, type(end.error).__name__, end.error)
