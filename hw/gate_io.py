"""The relay on a GPIO pin, through gpiozero. Knows no verdict, no queue and no rate limit.

What this class does: the contact is off when made, off after each pulse however it ends, off at
`close` and at the exit of the interpreter (gpiozero's own exit hook only knows its default pin
factory, not one that was chosen by name). A SIGTERM handler may call `close` or raise.

What it cannot do: SIGTERM without a handler, SIGKILL, os._exit and a crash of the interpreter run
nothing, and Raspberry Pi kernels keep a pin driven after its process died. `close` makes the pin
an input, so from then on the outside decides. Therefore: an external pull-down (10 kOhm, active
high), `dtparam=strict_gpiod`, `gpio=N=op,dl`, and a relay process whose unit drives the pin low
when it stops.
"""

import atexit
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from hw.errors import Refused, Unavailable
from hw.ports import MAX_PULSE_MS

MIN_PIN, MAX_PIN = 9, 27
"""Pins (BCM numbers) a relay may sit on; 0 to 8 are pulled up from power-on on."""

FACTORIES = {
    "lgpio": "gpiozero.pins.lgpio:LGPIOFactory",
    "mock": "gpiozero.pins.mock:MockFactory",
}
"""Name of a way to reach pins -> its class. Never one for the other: a gate must not guess."""


@dataclass(frozen=True, slots=True)
class GpioRelayOptions:
    """Where the relay is wired, and through which library it is reached."""

    pin: int = field(default=17, metadata={"least": MIN_PIN, "most": MAX_PIN})  # BCM number
    active_high: bool = True  # False: on at a low level; lgpio may blink such a board at start
    factory: str = field(default="lgpio", metadata={"one_of": tuple(FACTORIES)})  # or "mock"


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


class GpioRelay:
    """The Relay port on one pin. One pulse at a time: a second caller waits for the first.

    `pin` is gpiozero's pin object; with the mock factory `pin.states` is its whole history.
    `wait` takes seconds; a given one replaces the pause that `close` can end.
    """

    def __init__(
        self,
        options: GpioRelayOptions | None = None,
        *,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        options = options or GpioRelayOptions()
        _check(options)
        self._pause = Pause()
        self._wait = wait or self._pause
        self._turn = threading.Lock()
        self._writing = threading.RLock()  # so that a handler may close amid a write
        self._closed = False
        factory = _factory(options.factory)
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

    def pulse(self, milliseconds: int) -> None:
        """Energise for `milliseconds`; `close` ends it early. Raises as the port says."""
        check_pulse(milliseconds)
        with self._turn:
            try:
                self._on()
                self._wait(milliseconds / 1000)
            finally:
                self._off()

    def close(self) -> None:
        with self._writing:
            if self._closed:
                return
            self._closed = True
            self._pause.wake()
            atexit.unregister(self.close)
            try:
                self._release()
            finally:
                with suppress(Exception):
                    self._device.close()

    def _on(self) -> None:
        with self._writing:
            if self._closed:
                raise Unavailable("the relay is closed; make a new one")
            try:
                self._device.on()
            except Exception as error:
                raise _lost("the relay cannot be switched on", error) from error

    def _off(self) -> None:
        with self._writing:
            if not self._closed:
                self._release()

    def _release(self) -> None:
        """Drive the pin to its off level; failing that make it an input, and say so."""
        try:
            self._device.off()
        except Exception as error:
            with suppress(Exception):
                self._device.close()
            raise _lost("the relay did not take its off level and may be on", error) from error


def check_pulse(milliseconds: int) -> None:
    """Raise `Refused` unless this is a length any relay driver accepts."""
    if type(milliseconds) is not int or not 1 <= milliseconds <= MAX_PULSE_MS:
        raise Refused(
            f"a pulse of {milliseconds!r} ms; give a whole number from 1 to {MAX_PULSE_MS}",
            reason="R-PULSE",
        )


def _check(options: GpioRelayOptions) -> None:
    if options.factory not in FACTORIES:
        raise Refused(
            f"pin factory {options.factory!r}; give one of {', '.join(FACTORIES)}",
            reason="R-SETTINGS",
        )
    if not MIN_PIN <= options.pin <= MAX_PIN:
        raise Refused(
            f"relay on GPIO {options.pin!r}; wire it to {MIN_PIN} to {MAX_PIN}, "
            "lower pins are pulled up at power-on",
            reason="R-SETTINGS",
        )


def _factory(name: str) -> Any:
    """A pin factory: lgpio's one for the whole process, a fresh board of mock pins each time."""
    try:
        return _shared(name) if name == "lgpio" else _made(name)
    except ImportError as error:
        raise Unavailable(
            f"{name} cannot be loaded ({error}); on the Pi run 'sudo apt install python3-lgpio' "
            "and make the venv with --system-site-packages"
        ) from error
    except Exception as error:
        raise _lost(f"{name} finds no pins", error) from error


def _made(name: str) -> Any:
    module, _, factory = FACTORIES[name].partition(":")
    return getattr(import_module(module), factory)()


_shared = cache(_made)
"""gpiozero keeps lgpio's pins for the whole process: a second factory would reset the first's."""


def _lost(what: str, error: Exception) -> Unavailable:
    return Unavailable(
        f"{what} ({type(error).__name__}: {error}); check that nothing else uses the pin, that "
        "the user is in group gpio, and the wiring"
    )
