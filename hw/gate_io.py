"""A GPIO output pin through gpiozero, for relayd alone. Knows no verdict, no pulse length.

What this class does: the pin is off when made, off at `close` and at the exit of the interpreter
(gpiozero's own exit hook only knows its default pin factory, not one that was chosen by name).

What it cannot do: SIGTERM without a handler, SIGKILL, os._exit and a crash of the interpreter run
nothing, and Raspberry Pi kernels keep a pin driven after its process died. `close` makes the pin
an input, so from then on the outside decides. Therefore: an external pull-down (10 kOhm, active
high), `dtparam=strict_gpiod`, `gpio=N=op,dl`, and a unit whose ExecStopPost drives the pin low.
"""

import atexit
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from hw.errors import Refused, Unavailable

MIN_PIN, MAX_PIN = 9, 27
"""Pins (BCM numbers) a relay may sit on; 0 to 8 are pulled up from power-on on."""

FACTORIES = {
    "lgpio": "gpiozero.pins.lgpio:LGPIOFactory",
    "mock": "gpiozero.pins.mock:MockFactory",
    "file": "hw.sim.pins:FileFactory",
}
"""Name of a way to reach pins -> its class. Never one for the other: a gate must not guess."""


@dataclass(frozen=True, slots=True)
class PinOptions:
    """Where the relay is wired, and through which library it is reached."""

    pin: int = 17  # BCM number, MIN_PIN to MAX_PIN
    active_high: bool = True  # False: on at a low level; lgpio may blink such a board at start
    factory: str = "lgpio"  # one of FACTORIES
    pins_file: str = ""  # where the factory "file" keeps its levels


class Pause:
    """A wait of some seconds that `wake` ends, also from a signal handler of the same thread.

    A SimpleQueue, because its `put` is reentrant; setting an Event is not.
    """

    def __init__(self) -> None:
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()

    def __call__(self, seconds: float) -> None:
        with suppress(queue.Empty):
            self._woken.get(timeout=seconds)

    def wake(self) -> None:
        self._woken.put(None)


class OutputPin:
    """One pin that is on or off. Off when made, off when closed; any thread may switch it.

    `pin` is gpiozero's pin object; with the mock factory `pin.states` is its whole history.
    `on` and `off` raise `Unavailable` when the pin does not obey. A pin that does not take its off
    level becomes an input, so that the outside resistor decides.
    """

    def __init__(self, options: PinOptions | None = None) -> None:
        options = options or PinOptions()
        _check(options)
        self._writing = threading.RLock()  # so that a handler may close amid a write
        self._closed = False
        factory = _factory(options)
        self._own_factory: Any = None if options.factory == "lgpio" else factory
        try:
            from gpiozero import OutputDevice

            self._device: Any = OutputDevice(
                options.pin,
                active_high=options.active_high,
                initial_value=False,
                pin_factory=factory,
            )
        except Exception as error:  # gpiozero and lgpio have no common root
            raise _lost(f"GPIO {options.pin} cannot be set up", error) from error
        self.pin: Any = self._device.pin
        atexit.register(self.close)

    def on(self) -> None:
        with self._writing:
            if self._closed:
                raise Unavailable("the pin is closed; start the relay process again")
            try:
                self._device.on()
            except Exception as error:
                raise _lost("the relay cannot be switched on", error) from error

    def off(self) -> None:
        with self._writing:
            if not self._closed:
                self._release()

    def close(self) -> None:
        with self._writing:
            if self._closed:
                return
            self._closed = True
            atexit.unregister(self.close)
            try:
                self._release()
            finally:
                for owned in filter(None, (self._device, self._own_factory)):
                    with suppress(Exception):
                        owned.close()

    def _release(self) -> None:
        """Drive the pin to its off level; failing that make it an input, and say so."""
        try:
            self._device.off()
        except Exception as error:
            with suppress(Exception):
                self._device.close()
            raise _lost("the relay did not take its off level and may be on", error) from error


def load(options: PinOptions) -> None:
    """Loads what making such a pin needs, without touching it. Raises `Unavailable`."""
    _check(options)
    try:
        import_module("gpiozero")
        _class_of(options.factory)
    except ImportError as error:
        raise _missing(options.factory, error) from error


def check_pulse(milliseconds: int) -> None:
    """Raise `Refused` unless this is a length any relay driver accepts."""
    from hw.ports import MAX_PULSE_MS  # brings numpy, which who only drives a pin low must not pay

    if type(milliseconds) is not int or not 1 <= milliseconds <= MAX_PULSE_MS:
        raise Refused(
            f"a pulse of {milliseconds!r} ms; give a whole number from 1 to {MAX_PULSE_MS}",
            reason="R-PULSE",
        )


def _check(options: PinOptions) -> None:
    if options.factory not in FACTORIES:
        raise Refused(
            f"pin factory {options.factory!r}; give one of {', '.join(FACTORIES)}",
            reason="R-SETTINGS",
        )
    if (options.factory == "file") != bool(options.pins_file):
        raise Refused(
            f"pin factory {options.factory!r} with pins_file {options.pins_file!r}; "
            "the factory 'file' needs one, the others have none",
            reason="R-SETTINGS",
        )
    if not MIN_PIN <= options.pin <= MAX_PIN:
        raise Refused(
            f"relay on GPIO {options.pin!r}; wire it to {MIN_PIN} to {MAX_PIN}, "
            "lower pins are pulled up at power-on",
            reason="R-SETTINGS",
        )


def _factory(options: PinOptions) -> Any:
    """A pin factory: lgpio's one for the whole process, a fresh board of mock pins each time."""
    name = options.factory
    try:
        if name == "file":
            return _class_of(name)(options.pins_file)
        return _shared(name) if name == "lgpio" else _class_of(name)()
    except ImportError as error:
        raise _missing(name, error) from error
    except Exception as error:
        raise _lost(f"{name} finds no pins", error) from error


def _class_of(name: str) -> Any:
    module, _, factory = FACTORIES[name].partition(":")
    return getattr(import_module(module), factory)


@cache
def _shared(name: str) -> Any:
    """gpiozero keeps lgpio's pins for the whole process: a second factory would reset them."""
    return _class_of(name)()


def _missing(name: str, error: ImportError) -> Unavailable:
    return Unavailable(
        f"{name} cannot be loaded ({error}); on the Pi run 'sudo apt install python3-lgpio' "
        "and make the venv with --system-site-packages"
    )


def _lost(what: str, error: Exception) -> Unavailable:
    return Unavailable(
        f"{what} ({type(error).__name__}: {error}); check that nothing else uses the pin, that "
        "the user is in group gpio, and the wiring"
    )
