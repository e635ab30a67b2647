"""Which drivers there are: kind -> name -> class and options. Knows no settings file.

A name that is unknown and a driver that fails stop the start: nothing stands in for anything.
A driver's options are a frozen dataclass; a field's metadata may say `least` and `most`, or
`one_of`. New driver: its module, one line here, one parameter in tests/test_ports.py; for a
reader in tests/test_reader_port.py.
"""

import reprlib
from collections.abc import Mapping
from dataclasses import Field, fields
from importlib import import_module
from typing import Any, get_type_hints

from hw.errors import Refused, Unavailable

DRIVERS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "camera": {
        "files": ("hw.camera.files:FilesCamera", "hw.camera.files:FilesOptions"),
        "picamera2": (
            "hw.camera.picamera2:Picamera2Camera",
            "hw.camera.picamera2:Picamera2Options",
        ),
        "v4l2": ("hw.camera.v4l2:V4l2Camera", "hw.camera.v4l2:V4l2Options"),
    },
    "relay": {
        "relayd": ("hw.relay_line:RelayLine", "hw.relay_line:RelayLineOptions"),
        "sim": ("hw.sim.relay:SimRelay", "hw.sim.relay:SimRelayOptions"),
    },
    "reader": {
        "osdp": ("hw.readers.osdp:OsdpReader", "hw.readers.osdp:OsdpOptions"),
        "pcsc": ("hw.readers.pcsc:PcscReader", "hw.readers.pcsc:PcscOptions"),
        "pn532": ("hw.readers.pn532:Pn532Reader", "hw.readers.pn532:Pn532Options"),
        "serial_qr": (
            "hw.readers.serial_qr:SerialQrReader",
            "hw.readers.serial_qr:SerialQrOptions",
        ),
        "sim": ("hw.sim.reader:SimReader", "hw.sim.reader:SimReaderOptions"),
        "wedge": ("hw.readers.wedge:WedgeReader", "hw.readers.wedge:WedgeOptions"),
        "wiegand": ("hw.readers.wiegand:WiegandReader", "hw.readers.wiegand:WiegandOptions"),
    },
    "sensors": {
        "gpio": ("hw.sensors:GpioSensors", "hw.sensors:GpioSensorsOptions"),
        "sim": ("hw.sim.sensors:SimSensors", "hw.sim.sensors:SimSensorsOptions"),
    },
    "indicator": {
        "gpio": ("hw.indicators:GpioIndicator", "hw.indicators:GpioIndicatorOptions"),
        "sim": ("hw.sim.indicator:SimIndicator", "hw.sim.indicator:SimIndicatorOptions"),
        "sounds": ("hw.sounds:Sounds", "hw.sounds:SoundsOptions"),
    },
}

_WORDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple[str, ...]: "a list of texts",
}
"""Types an option may have, and how a message calls them."""


def names(kind: str) -> tuple[str, ...]:
    """Names of the drivers of a kind. Raises `Refused` for an unknown kind."""
    return tuple(_drivers(kind))


def options_of(kind: str, name: str) -> type[Any]:
    """The options dataclass of a driver. Raises `Refused` for an unknown kind or name, and
    `Unavailable` when its module cannot be loaded."""
    options: type[Any] = _load(_places(kind, name)[1])
    return options


def faults(kind: str, name: str, options: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with `options` for this driver, one sentence each; [] if nothing.

    An unknown kind or name is such a fault too. Raises `Unavailable` as `options_of` does.
    """
    try:
        known, hints = _fields(options_of(kind, name))
    except Refused as refused:
        return [str(refused)]
    found = []
    for option, value in options.items():
        if option not in known:
            accepted = ", ".join(known)
            found.append(f"{kind} {name} has no option {_shown(option)}; it has {accepted}")
        elif wanted := _mismatch(known[option], hints[option], value):
            found.append(f"{kind} {name}: {option} = {_shown(value)}; give {wanted}")
    return found


def make(kind: str, name: str, options: Mapping[str, Any]) -> object:
    """A driver, ready for use. Raises `Refused` (R-SETTINGS) naming every fault at once, and
    `Unavailable` when the driver or its device fails."""
    wrong = faults(kind, name, options)
    if wrong:
        raise Refused("; ".join(wrong), reason="R-SETTINGS")
    place, options_place = _places(kind, name)
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in options.items()}
    try:
        return _load(place)(_load(options_place)(**given))
    except (Refused, Unavailable):
        raise
    except Exception as error:
        raise Unavailable(
            f"{kind} {name} fails ({type(error).__name__}: {error}); check its cable and options"
        ) from error


def _drivers(kind: str) -> Mapping[str, tuple[str, str]]:
    if kind not in DRIVERS:
        raise Refused(
            f"no kind of driver {_shown(kind)}; there is {', '.join(DRIVERS)}", reason="R-SETTINGS"
        )
    return DRIVERS[kind]


def _places(kind: str, name: str) -> tuple[str, str]:
    known = _drivers(kind)
    if name not in known:
        raise Refused(
            f"no {kind} driver {_shown(name)}; there is {', '.join(known)}", reason="R-SETTINGS"
        )
    return known[name]


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise Unavailable(
            f"{module} cannot be loaded ({error}); install yardpass again"
        ) from error


def _fields(options: type[Any]) -> tuple[dict[str, Field[Any]], dict[str, Any]]:
    return {field.name: field for field in fields(options)}, get_type_hints(options)


def _mismatch(field: Field[Any], hint: Any, value: Any) -> str:
    """What should have been given instead of `value`; empty when it fits."""
    limits = field.metadata
    if not _fits(hint, value):
        return _WORDS[hint] + _range(limits)
    if "one_of" in limits and value not in limits["one_of"]:
        return "one of " + ", ".join(limits["one_of"])
    if "least" in limits and not limits["least"] <= value <= limits["most"]:
        return _WORDS[hint] + _range(limits)
    return ""


def _fits(hint: Any, value: Any) -> bool:
    if hint is float:
        return type(value) in {int, float}
    if hint == tuple[str, ...]:
        return isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
    return type(value) is hint  # so that true is not the number 1


def _range(limits: Mapping[str, Any]) -> str:
    return f" from {limits['least']} to {limits['most']}" if "least" in limits else ""


def _shown(value: object) -> str:
    return reprlib.repr(value)
