"""A gate that works by itself while somebody sits at its console: the end of the demo.

The gate's own loop and desk, on mock devices: who comes is told by `show`, what its inputs say by
`sensors`.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from appliance.gate.assembly import open_gate
from appliance.gate.console_socket import ConsoleSocket, path_beside
from appliance.gate.duty import serve
from appliance.gate.loop import Stop
from appliance.gate.senses import Sense, Senses
from appliance.gate.terminal import Clock
from appliance.settings import Settings
from hw.eye import Sighting
from hw.sim.relay import SimRelay
from hw.sim.sensors import SimSensors

JOIN_SECONDS = 20.0  # for the gate to end in order
LOOK_SECONDS = 0.2  # between two looks whether it should end


class NightGate:
    """One gate in a thread of its own; opened with `with`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        door = replace(settings.outfit.door, has_contact=True)
        self._settings = replace(settings, outfit=replace(settings.outfit, door=door))
        self._clock = clock
        self.relay, self.sensors = SimRelay(), SimSensors()
        self._people: queue.Queue[bytes] = queue.Queue()
        self._stop = Stop()
        self._is_open = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)

    def __enter__(self) -> "NightGate":
        self._thread.start()
        self._is_open.wait(JOIN_SECONDS)
        if self._fault is not None:
            raise self._fault
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(JOIN_SECONDS)
        if self._fault is not None:
            raise self._fault

    def show(self, code: bytes) -> None:
        """Somebody holds a code before the camera."""
        self._people.put(code)

    def _run(self) -> None:
        try:
            with open_gate(
                self._settings, clock=self._clock, incarnation=os.urandom(8), relay=self.relay
            ) as (terminal, desk):
                senses = Senses()
                senses.add("camera", self._seen, lambda: None)
                senses.add_sensors(self.sensors)
                senses.add_consoles(ConsoleSocket(path_beside(self._settings.store)))
                self._is_open.set()
                try:
                    serve(senses, terminal, self._stop, desk=desk)
                finally:
                    senses.close()
        except BaseException as error:  # noqa: BLE001 - told to whoever opened it
            self._fault = error
            self._is_open.set()

    def _seen(self) -> Iterator[Sense]:
        while not self._stop.is_set():
            try:
                code = self._people.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue
            yield Sighting(code, time.monotonic_ns())


class Passers:
    """People who come to a gate every few seconds until it is closed; opened with `with`."""

    def __init__(
        self, gate: NightGate, codes: Sequence[Callable[[], bytes]], *, every_seconds: float
    ) -> None:
        self._gate = gate
        self._codes = codes
        self._every = every_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._come, name="passers", daemon=True)

    def __enter__(self) -> "Passers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(JOIN_SECONDS)

    def _come(self) -> None:
        number = 0
        while not self._ended.wait(self._every):
            self._gate.show(self._codes[number % len(self._codes)]())
            number += 1
