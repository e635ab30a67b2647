"""Wiring: the devices that the settings name. A wrong setting stops the start, a device that is
missing is a state.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from appliance.gate.late import LateIndicator, LateSensors
from appliance.outfit import Driver
from appliance.settings import Settings
from hw import drivers
from hw.decoder import DecoderChild
from hw.errors import Refused
from hw.eye import Eye
from hw.ports import Camera, DoorSensors, Indicator, Reader, Relay


def relay(settings: Settings) -> Relay:
    """The way to what moves the gate."""
    return cast(Relay, drivers.make("relay", settings.relay.name, settings.relay.options))


def indicators(settings: Settings) -> list[Indicator]:
    """Lamps and sounds."""
    return [LateIndicator(partial(_lamp, one)) for one in settings.outfit.indicators]


def _lamp(one: Driver) -> Indicator:
    return cast(Indicator, drivers.make("indicator", one.name, one.options))


def open_readers(settings: Settings) -> list[Reader]:
    """The card readers of the settings, none opened half: a wrong one stops the start."""
    with ExitStack() as stack:
        made = []
        for one in settings.outfit.readers:
            reader = cast(Reader, drivers.make("reader", one.name, _placed(one, settings.folder)))
            stack.callback(reader.close)
            made.append(reader)
        stack.pop_all()
    return made


def open_sensors(settings: Settings) -> DoorSensors | None:
    """The inputs of the gate, None where none is wired."""
    one = settings.outfit.sensors
    if one is None:
        return None
    return LateSensors(lambda: cast(DoorSensors, drivers.make("sensors", one.name, one.options)))


def _placed(one: Driver, folder: Path) -> dict[str, Any]:
    """The options of a driver; the file of its key is beside the settings."""
    options = dict(one.options)
    if isinstance(options.get("key"), str):
        options["key"] = str(folder / options["key"])
    return options


@contextmanager
def open_eye(settings: Settings) -> Iterator[Eye]:
    """The camera of the settings behind the sandboxed decoder."""
    decoder = DecoderChild(settings.engines, deadline_seconds=settings.deadline_ms / 1_000)
    with ExitStack() as stack:
        stack.callback(decoder.close)
        eye = Eye(open_camera(settings), decoder)
        stack.callback(eye.close)
        yield eye


def open_camera(settings: Settings) -> Camera:
    """The camera of the settings. Files that are not there are a wrong setting."""
    camera = settings.camera
    assert camera is not None  # nobody opens an eye without a camera
    options = dict(camera.options)
    if camera.name == "files" and "paths" in options:
        options["paths"] = [str(settings.folder / path) for path in options["paths"]]
        for path in options["paths"]:
            if not Path(path).exists():
                why = os.strerror(errno.ENOENT)
                raise Refused(f"{path!r}: {why}; check the path", reason="R-SETTINGS")
    return cast(Camera, drivers.make("camera", camera.name, options))
