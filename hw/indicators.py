"""Lamps and a buzzer on GPIO pins. What a signal looks like stands in `patterns.py`."""

import atexit
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from hw.board import ACTIVE, FACTORIES, MAX_PIN, MIN_PIN, NOT_WIRED, LampPin, factory_of, faults_of
from hw.errors import Refused, Unavailable
from hw.patterns import Part, Parts
from hw.player import Player
from hw.ports import Indicator, Signal

_PIN = {"least": MIN_PIN, "most": MAX_PIN}
_ACTIVE = {"one_of": tuple(ACTIVE)}


@dataclass(frozen=True, slots=True)
class GpioIndicatorOptions:
    """Where lamps and buzzer are wired (BCM number), and the level that switches them on.

    All three lamps must be wired: without one, a signal would be told by less than is promised.
    """

    green: int = field(default=5, metadata=_PIN)
    yellow: int = field(default=6, metadata=_PIN)
    red: int = field(default=13, metadata=_PIN)
    buzzer: int = field(default=19, metadata={"least": NOT_WIRED, "most": MAX_PIN})  # 0: none
    lamps_active: str = field(default="high", metadata=_ACTIVE)
    buzzer_active: str = field(default="high", metadata=_ACTIVE)
    factory: str = field(default="lgpio", metadata={"one_of": tuple(FACTORIES)})  # or "mock"


class GpioIndicator:
    """The Indicator port on pins. `pins` holds gpiozero's pin objects, to be read by tests."""

    def __init__(
        self,
        options: GpioIndicatorOptions | None = None,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        options = options or GpioIndicatorOptions()
        wired = _wired(options)
        self._closing = threading.Lock()
        self._closed = False
        self._lamps: dict[Part, LampPin] = {}
        factory = factory_of(options.factory)
        try:
            for part, pin in wired.items():
                is_buzzer = part is Part.BUZZER
                active = options.buzzer_active if is_buzzer else options.lamps_active
                self._lamps[part] = LampPin(pin, active=active, factory=factory)
        except BaseException:
            self._off()
            raise
        self._shown: Parts = frozenset()  # owned by the player
        self._player = Player(self._write, clock)
        atexit.register(self.close)

    @property
    def pins(self) -> Mapping[Part, Any]:
        return {part: lamp.pin for part, lamp in self._lamps.items()}

    def show(self, signal: Signal) -> None:
        if self._closed:
            raise Unavailable("the indicator is closed; make a new one")
        self._player.show(signal)

    def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
            atexit.unregister(self.close)
            self._player.close()
            self._off()

    def _write(self, parts: Parts) -> None:
        """Switches what differs, off before on: no other signal flashes up between two."""
        for group in (self._shown - parts, parts - self._shown):
            for part in sorted(group & self._lamps.keys(), key=lambda part: part.value):
                self._lamps[part].write(part in parts)
                self._shown ^= {part}

    def _off(self) -> None:
        for lamp in self._lamps.values():
            lamp.close()


class Together:
    """Several indicators as one, such as lamps and sounds. One that fails keeps no other from
    showing; what failed is raised afterwards."""

    def __init__(self, *indicators: Indicator) -> None:
        self._indicators = indicators

    def show(self, signal: Signal) -> None:
        faults = []
        for one in self._indicators:
            try:
                one.show(signal)
            except Unavailable as error:
                faults.append(str(error))
        if faults:
            raise Unavailable("; ".join(faults))

    def close(self) -> None:
        with ExitStack() as stack:  # each is closed whatever the others do
            for one in self._indicators:
                stack.callback(one.close)


def _wired(options: GpioIndicatorOptions) -> dict[Part, int]:
    """Part -> pin of every wired one. Raises `Refused` naming every fault."""
    pins = {part.value: getattr(options, part.value) for part in Part}
    faults = faults_of(pins)
    faults += [
        f"{name} = 0; wire all three lamps, or choose another indicator"
        for name in ("green", "yellow", "red")
        if pins[name] == NOT_WIRED
    ]
    for name in ("lamps_active", "buzzer_active"):
        value = getattr(options, name)
        if value not in ACTIVE:
            faults.append(f"{name} = {value!r}; give one of {', '.join(ACTIVE)}")
    if faults:
        raise Refused("; ".join(faults), reason="R-SETTINGS")
    return {part: pins[part.value] for part in Part if pins[part.value] != NOT_WIRED}
