"""The inputs of a gate on GPIO pins: door contact, exit button, tamper switch, fire panel.

Knows no door and does not debounce: levels are told as they come. By default every input has a
pull-up and a contact to ground, and all but the exit button are active when that contact opens: a
cut wire then counts as an open gate, an open box or a fire, never as all being well.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hw.board import (
    ACTIVE,
    FACTORIES,
    MAX_PIN,
    NOT_WIRED,
    PULLED_UP,
    PULLS,
    InputPin,
    factory_of,
    faults_of,
)
from hw.errors import Refused
from hw.level_queue import LevelQueue
from hw.ports import Level, Sensor

_PIN = {"least": NOT_WIRED, "most": MAX_PIN}
_PULL = {"one_of": tuple(PULLS)}
_ACTIVE = {"one_of": tuple(ACTIVE)}


@dataclass(frozen=True, slots=True)
class GpioSensorsOptions:
    """Where each input is wired (BCM number, 0: not wired), its pull, its level when active."""

    contact: int = field(default=NOT_WIRED, metadata=_PIN)
    contact_pull: str = field(default="up", metadata=_PULL)
    contact_active: str = field(default="high", metadata=_ACTIVE)  # closed to ground when shut
    exit: int = field(default=NOT_WIRED, metadata=_PIN)
    exit_pull: str = field(default="up", metadata=_PULL)
    exit_active: str = field(default="low", metadata=_ACTIVE)  # closed to ground when pressed
    tamper: int = field(default=NOT_WIRED, metadata=_PIN)
    tamper_pull: str = field(default="up", metadata=_PULL)
    tamper_active: str = field(default="high", metadata=_ACTIVE)
    fire: int = field(default=NOT_WIRED, metadata=_PIN)
    fire_pull: str = field(default="up", metadata=_PULL)
    fire_active: str = field(default="high", metadata=_ACTIVE)
    factory: str = field(default="lgpio", metadata={"one_of": tuple(FACTORIES)})  # or "mock"


class GpioSensors:
    """The DoorSensors port on pins. `pins` holds gpiozero's pin objects, to be read by tests."""

    def __init__(
        self,
        options: GpioSensorsOptions | None = None,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        options = options or GpioSensorsOptions()
        _check(options)
        self._queue = LevelQueue(self._look, clock)
        self._inputs: dict[Sensor, InputPin] = {}
        factory = factory_of(options.factory)
        try:
            for sensor in Sensor:
                if getattr(options, sensor.value) != NOT_WIRED:
                    self._inputs[sensor] = self._wired(sensor, options, factory)
        except BaseException:
            self.close()
            raise

    @property
    def pins(self) -> Mapping[Sensor, Any]:
        return {sensor: one.pin for sensor, one in self._inputs.items()}

    def levels(self) -> Iterator[Level]:
        return self._queue.levels()

    def close(self) -> None:
        self._queue.close()
        for one in self._inputs.values():
            one.close()

    def _look(self) -> Mapping[Sensor, bool]:
        return {sensor: one.is_active() for sensor, one in self._inputs.items()}

    def _wired(self, sensor: Sensor, options: GpioSensorsOptions, factory: Any) -> InputPin:
        name, queue = sensor.value, self._queue
        return InputPin(
            getattr(options, name),
            pull=getattr(options, f"{name}_pull"),
            active=getattr(options, f"{name}_active"),
            factory=factory,
            tell=lambda is_active: queue.put(sensor, is_active),
        )


def _check(options: GpioSensorsOptions) -> None:
    pins = {sensor.value: getattr(options, sensor.value) for sensor in Sensor}
    faults = faults_of(pins)
    for name, pin in pins.items():
        for kind, accepted in (("pull", PULLS), ("active", ACTIVE)):
            value = getattr(options, f"{name}_{kind}")
            if value not in accepted:
                faults.append(f"{name}_{kind} = {value!r}; give one of {', '.join(accepted)}")
        if pin in PULLED_UP and getattr(options, f"{name}_pull") != "up":
            faults.append(f"{name} = {pin} is pulled up on the board; give {name}_pull = 'up'")
    if not any(pins.values()):
        faults.append(f"no input is wired; give the pin of one of {', '.join(pins)}")
    if faults:
        raise Refused("; ".join(faults), reason="R-SETTINGS")
