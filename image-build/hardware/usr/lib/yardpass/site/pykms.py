"""Stands in for the library of the Pi's screen, which Picamera2 imports and a gate never uses."""

from types import SimpleNamespace


def __getattr__(name: str) -> object:
    """Whatever is asked for, down to `pykms.PixelFormat.RGB888`."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _Anything()


class _Anything(SimpleNamespace):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return name
