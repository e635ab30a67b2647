"""libosdp, loaded: silent, and with random numbers that nobody foresees. Knows no line.

Its only importer. Two things are set right here that version 3.2.9 gets wrong for a gate:

- It draws its challenges from rand() of the C library, which nobody seeds: every process sends the
  same ones in the same order. OSDP derives the session keys from the shared key and the panel's
  challenge alone (SIA OSDP 2.2), so whoever recorded the wire once could play the
  reader's part at the next start, card reads included. `stir` fills the state of rand() anew.
- It writes to stderr what a stranger on the line makes it say. `load` turns that off.
"""

import ctypes
import os
from typing import Any, Final, Protocol

from hw.errors import Unavailable

_STATE_WORDS = 64
"""The largest state that initstate(3) knows: 63 words of it are the generator's."""
_state: Final = (ctypes.c_uint32 * _STATE_WORDS)()
"""The state of rand() from the first `stir` on; the C library keeps its address for good."""
_SILENT = -1
"""A log level below the lowest."""


class Channel(Protocol):
    """What libosdp calls to reach a wire. Nothing of it may raise."""

    id: int

    def read(self, max_bytes: int) -> bytes: ...
    def write(self, buf: bytes) -> int: ...
    def flush(self) -> None: ...


def load() -> Any:
    """The module `osdp_sys`. Raises `Unavailable` when libosdp is not installed."""
    try:
        import osdp_sys
    except ImportError as error:
        raise Unavailable(
            f"libosdp cannot be loaded ({error}); run pip install 'yardpass[osdp]'"
        ) from error
    osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)
    ctypes.CDLL(osdp_sys.__file__).osdp_logger_init(b"osdp", _SILENT, None)
    return osdp_sys


def stir() -> None:
    """Fill the state of rand() from the kernel's random numbers. Before each panel is made."""
    library = ctypes.CDLL(None)
    library.initstate.argtypes = (ctypes.c_uint, ctypes.c_void_p, ctypes.c_size_t)
    library.initstate.restype = ctypes.c_void_p
    library.initstate(1, _state, ctypes.sizeof(_state))
    word = ctypes.sizeof(ctypes.c_uint32)  # the first word says how the rest is laid out
    ctypes.memmove(ctypes.addressof(_state) + word, os.urandom(63 * word), 63 * word)


def device(address: int, channel: Channel, key: bytes | None, flags: int) -> dict[str, Any]:
    """How libosdp is told of one reader; the same for the panel and for the reader's role."""
    return {
        "name": f"reader {address}",
        "address": address,
        "flags": flags,
        "scbk": key,
        "channel": channel,
        "version": 1,
        "model": 1,
        "vendor_code": 0,
        "serial_number": 0,
        "firmware_version": 0,
    }
