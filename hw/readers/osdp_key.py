"""The key that a terminal shares with one OSDP reader (SCBK), as a file. Makes none.

    2b7e151628aed2a6abf7158809cf4f3c        32 digits, a line end, nothing else

The file is made by `yardpass osdp-install` only; its absence stops the start.
"""

import os
import re
import stat
from itertools import pairwise
from pathlib import Path

from hw.errors import Refused, Unavailable

KEY_BYTES = 16
"""Length of an SCBK: AES-128 (SIA OSDP 2.2)."""
_MAX_FILE = 64  # bytes read of a key file
_FORM = re.compile(rb"[0-9a-f]{32}\n?")
_STEP = "run: yardpass osdp-install"


def read_key(path: str) -> bytes:
    """The key in the file. Raises `Unavailable` when it is not there, and `Refused` when others
    may read it, when it is no key, or one that everybody knows."""
    if not path:
        raise Refused(f"no key file is given; {_STEP}", reason="R-SETTINGS")
    text = _private(Path(path))
    if not _FORM.fullmatch(text):
        raise Refused(
            f"{path} does not hold {KEY_BYTES} bytes in hexadecimal; {_STEP}", reason="R-SETTINGS"
        )
    key = bytes.fromhex(text.decode("ascii"))
    if is_weak(key):
        raise Refused(f"{path} holds a key that everybody knows; {_STEP}", reason="R-SETTINGS")
    return key


def text_of(key: bytes) -> bytes:
    """The content of a key file."""
    return key.hex().encode("ascii") + b"\n"


def is_weak(key: bytes) -> bool:
    """Whether each byte is the one before plus the same step: all zeros, all ones, 00 01 02...,
    and 30 31 32... 3F, which is the default key SCBK-D. Vendors ship such keys, and lists of them
    are tried first (Bishop Fox, "Badge of Shame", 2023)."""
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    return len(steps) == 1


def _private(path: Path) -> bytes:
    """What a regular file holds that only its owner may read; never waits for a pipe."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror}); {_STEP}") from error
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise Refused(f"{path} is no regular file; {_STEP}", reason="R-SETTINGS")
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Refused(
                f"{path} can be read by others; run: chmod 600 {path}", reason="R-SETTINGS"
            )
        return os.read(handle, _MAX_FILE)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror}); {_STEP}") from error
    finally:
        os.close(handle)
