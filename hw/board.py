"""Single pins of the board as inputs and lamps, through gpiozero. Knows no door and no signal.

Not for the relay: its pin belongs to a process of its own. All pins of one process share one lgpio
factory, for gpiozero keeps its pins for the whole process and a second factory would reset them.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

from hw.errors import Refused, Unavailable

NOT_WIRED = 0
MIN_PIN, MAX_PIN = 2, 27
"""Pins (BCM numbers) of the 40-pin header; 0 and 1 belong to the boards' identity chips."""
PULLED_UP = (2, 3)
"""Pins with a resistor to 3.3 V on the board: they cannot be pulled any other way."""

PULLS = {"up": "up", "down": "down", "none": "floating"}
"""How an option calls a pull -> how gpiozero does."""
ACTIVE = {"high": True, "low": False}

FACTORIES = {
    "lgpio": "gpiozero.pins.lgpio:LGPIOFactory",
    "mock": "gpiozero.pins.mock:MockFactory",
}
"""Name of a way to reach pins -> its class. Never one for the other: a gate must not guess."""


class InputPin:
    """One input. `tell` hears each edge as the level it led to, from a thread of the library."""

    def __init__(
        self, number: int, *, pull: str, active: str, factory: Any, tell: Callable[[bool], None]
    ) -> None:
        self._is_active_high = ACTIVE[active]
        self._tell = tell
        try:
            from gpiozero import GPIODevice

            self._device: Any = GPIODevice(number, pin_factory=factory)
            self.pin: Any = self._device.pin
            self.pin.input_with_pull(PULLS[pull])
            self.pin.edges = "both"
            self.pin.when_changed = self._changed  # held weakly by gpiozero
        except Exception as error:  # gpiozero and lgpio have no common root
            self.close()
            raise lost(f"GPIO {number} cannot be read", error) from error

    def is_active(self) -> bool:
        try:
            return bool(self.pin.state) is self._is_active_high
        except Exception as error:
            raise lost("an input cannot be read", error) from error

    def close(self) -> None:
        with suppress(Exception):  # a board that is gone has nothing left to release
            self.pin.when_changed = None
        with suppress(Exception):
            self._device.close()

    def _changed(self, _ticks: object, state: int) -> None:
        self._tell(bool(state) is self._is_active_high)


class LampPin:
    """One output that is on or off: off when made, off when closed.

    `pin` is gpiozero's pin object; with the mock factory `pin.states` is its whole history.
    """

    def __init__(self, number: int, *, active: str, factory: Any) -> None:
        try:
            from gpiozero import OutputDevice

            self._device: Any = OutputDevice(
                number, active_high=ACTIVE[active], initial_value=False, pin_factory=factory
            )
        except Exception as error:
            raise lost(f"GPIO {number} cannot be set up", error) from error
        self.pin: Any = self._device.pin

    def write(self, is_on: bool) -> None:
        try:
            self._device.value = is_on
        except Exception as error:
            raise lost("a lamp or buzzer cannot be switched", error) from error

    def close(self) -> None:
        """Off, then an input: from then on the outside decides."""
        with suppress(Exception):
            self._device.off()
        with suppress(Exception):
            self._device.close()


def faults_of(pins: dict[str, int]) -> list[str]:
    """What is wrong with these pins, by the names of their options; 0 is not wired."""
    faults = [
        f"{name} = {pin!r}; give a GPIO from {MIN_PIN} to {MAX_PIN}, or 0 for not wired"
        for name, pin in pins.items()
        if pin != NOT_WIRED and not MIN_PIN <= pin <= MAX_PIN
    ]
    wired = [pin for pin in pins.values() if pin != NOT_WIRED]
    for pin in sorted({pin for pin in wired if wired.count(pin) > 1}):
        names = " and ".join(name for name, one in pins.items() if one == pin)
        faults.append(f"{names} are both on GPIO {pin}; give each its own")
    return faults


def factory_of(name: str) -> Any:
    """A pin factory: lgpio's one for the whole process, a fresh board of mock pins each time."""
    if name not in FACTORIES:
        raise Refused(
            f"pin factory {name!r}; give one of {', '.join(FACTORIES)}", reason="R-SETTINGS"
        )
    try:
        return _shared(name) if name == "lgpio" else _made(name)
    except ImportError as error:
        raise Unavailable(
            f"{name} cannot be loaded ({error}); on the Pi run 'sudo apt install python3-lgpio' "
            "and make the venv with --system-site-packages"
        ) from error
    except Exception as error:
        raise lost(f"{name} finds no pins", error) from error


def lost(what: str, error: Exception) -> Unavailable:
    """The error for a pin that does not obey."""
    return Unavailable(
        f"{what} ({type(error).__name__}: {error}); check that nothing else uses the pin, that "
        "the user is in group gpio, and the wiring"
    )


def _made(name: str) -> Any:
    module, _, factory = FACTORIES[name].partition(":")
    return getattr(import_module(module), factory)()


_shared = cache(_made)
