"""A keyboard that only the kernel knows, by uinput: types what a reader would. Runs in a guest.

Linux, Documentation/input/uinput.rst; layout of <linux/uinput.h> on 64 bit.
"""

import fcntl
import os
import struct
import time
from pathlib import Path

_EV_SYN, _EV_KEY, _ENTER, _SHIFT = 0, 1, 28, 42
_SET_EVENTS, _SET_KEY, _SETUP, _CREATE = 0x40045564, 0x40045565, 0x405C5503, 0x5501
_GET_NAME = 0x8040552C  # of 64 bytes at most
_EVENT = struct.Struct("llHHi")
_DEVICE = struct.Struct("HHHH80sI")
_ROWS = {
    2: ("1234567890-=", "!@#$%^&*()_+"),
    16: ("qwertyuiop", "QWERTYUIOP"),
    30: ("asdfghjkl;", "ASDFGHJKL:"),
    44: ("zxcvbnm,./", "ZXCVBNM<>?"),
    57: (" ", " "),
}
"""Code of a row's first key -> what its keys type alone, and with shift."""
_BUS_USB, _VENDOR, _PRODUCT = 3, 0xFFFF, 0x35


def keys_of(text: str) -> list[tuple[int, bool]]:
    """The keys that type a text, Enter behind them: code, and whether shift is held. Raises
    `ValueError` for a character that no key has."""
    keys = {}
    for first, (plain, shifted) in _ROWS.items():
        for at, both in enumerate(zip(plain, shifted, strict=True)):
            keys[both[1]] = (first + at, True)
            keys[both[0]] = (first + at, False)
    missing = sorted(set(text) - set(keys))
    if missing:
        raise ValueError(f"no key for {missing[0]!r}")
    return [*(keys[one] for one in text), (_ENTER, False)]


class Keyboard:
    """One keyboard, there until the process ends."""

    def __init__(self, name: str) -> None:
        self._file = os.open("/dev/uinput", os.O_WRONLY | os.O_NONBLOCK)
        fcntl.ioctl(self._file, _SET_EVENTS, _EV_KEY)
        for code in range(1, 120):
            fcntl.ioctl(self._file, _SET_KEY, code)
        setup = _DEVICE.pack(_BUS_USB, _VENDOR, _PRODUCT, 1, name.encode(), 0)
        fcntl.ioctl(self._file, _SETUP, setup)
        fcntl.ioctl(self._file, _CREATE)

    def path(self) -> Path:
        """Its device file."""
        found = fcntl.ioctl(self._file, _GET_NAME, bytes(64)).rstrip(b"\0").decode()
        folder = Path("/sys/devices/virtual/input") / found
        return Path("/dev/input") / next(folder.glob("event*")).name

    def type(self, text: str, pause: float = 0.01) -> None:
        """Types a text and Enter, `pause` seconds from key to key: nobody's buffer is large."""
        for code, is_shifted in keys_of(text):
            pressed = [(_SHIFT, 1)] if is_shifted else []
            pressed += [(code, 1), (code, 0)]
            pressed += [(_SHIFT, 0)] if is_shifted else []
            events = [_EVENT.pack(0, 0, _EV_KEY, *one) for one in pressed]
            os.write(self._file, b"".join([*events, _EVENT.pack(0, 0, _EV_SYN, 0, 0)]))
            time.sleep(pause)
