"""A grey picture to the payloads of the QR codes in it: two engines behind one door.

zxing-cpp looks first; where it sees nothing, zbar looks at smaller averages of the picture, in
which the pixel grid of a phone screen is gone. Knows no camera, no process and nothing of what a
payload means. The only importer of zxing-cpp and pyzbar.
"""

import ctypes
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hw.errors import Refused, Unavailable
from hw.ports import Luma

ENGINES = ("zxing", "zbar")

MAX_PAYLOAD_BYTES = 1_024
MAX_PAYLOADS = 256
MAX_PAYLOAD_BYTES_IN_ALL = 32 * 1024
"""What one picture may yield; the rest is dropped."""

MAX_SIDE_PX = 8192
MAX_PICTURE_PX = 16 * 1024 * 1024
"""Largest picture that is looked at: longer side, and area. A 12 MP still fits."""

MIN_SIDE_PX = 42
"""Smallest picture an engine is shown: two pixels for each of 21 modules."""

MAX_REWORKED_PX = 2 * 1024 * 1024
"""Larger pictures are neither doubled nor flattened: 1080p just fits."""

OLDEST_ZBAR = (0, 23, 92)
"""Older ones overflow on crafted codes (CVE-2023-40889, CVE-2023-40890)."""

FLATTEN_REACH_PX = 16
FLATTEN_MARGIN_LEVELS = 4
"""Neighbourhood of a pixel on each side, and how much darker than its mean is dark."""

ZBAR_CHARSETS = ("UTF-8", "SJIS", "BIG-5", "CP437", *(f"ISO8859-{n}" for n in range(1, 17)))
"""What zbar asks iconv for when a code holds more than ASCII."""

SAMPLE_ROWS = (
    *(0x1FD87F, 0x104341, 0x174B5D, 0x175A5D, 0x17495D, 0x104F41, 0x1FD57F),
    *(0x000B00, 0x05DF89, 0x0A98A1, 0x13C8A7, 0x0894B4, 0x04F560, 0x001A8F),
    *(0x1FC8DE, 0x105349, 0x175C55, 0x17496A, 0x1753A5, 0x10487A, 0x1FCB67),
)
"""A code of version 1 that says e9 74 e9, one row a number, dark modules set."""

ZBAR_MISSING = "run: sudo apt-get install --only-upgrade libzbar0 || sudo apt-get install libzbar0"


class Effort(IntEnum):
    """How hard to look. What a lower effort sees, a higher one sees too.

    QUICK: zxing alone (zbar at a quarter and half size where it is the only one). HALF: also zbar
    at those sizes, about ten times the cost on an empty frame. ALL: also zxing on the doubled
    picture, zbar at full size and on pictures with flattened light, about ninety times.
    """

    QUICK = 0
    HALF = 1
    ALL = 2


@dataclass(slots=True)
class Losses:
    """Pictures lost because a decoding process was late, wrong, dead or not yet back; and those
    processes started since the first."""

    late: int = 0
    malformed: int = 0
    crashed: int = 0
    skipped: int = 0
    respawned: int = 0

    @property
    def killed(self) -> int:
        return self.late + self.malformed


class Decoder(Protocol):
    """Reads codes. `read` returns distinct payloads of 1..1,024 bytes, in the order found.

    `y_plane` is uint8 [height, width]. Raises `Refused` for anything else, `Unavailable` when
    decoding cannot go on. `close` may be called twice.
    """

    @property
    def losses(self) -> Losses: ...
    def read(self, y_plane: Luma, effort: Effort = Effort.ALL) -> list[bytes]: ...
    def close(self) -> None: ...


def checked(y_plane: object) -> Luma:
    """`y_plane` itself if it is a picture we look at; a copy if its columns are not adjacent."""
    if not isinstance(y_plane, np.ndarray) or y_plane.dtype != np.uint8 or y_plane.ndim != 2:
        seen = getattr(y_plane, "dtype", type(y_plane).__name__), getattr(y_plane, "shape", "")
        raise Refused(f"a picture is uint8 [height, width]; this is {seen[0]} {seen[1]}")
    height, width = y_plane.shape
    if not 0 < height <= MAX_SIDE_PX or not 0 < width <= MAX_SIDE_PX:
        raise Refused(f"a picture side is 1..{MAX_SIDE_PX} pixels; this is {width}x{height}")
    if height * width > MAX_PICTURE_PX:
        raise Refused(f"a picture has at most {MAX_PICTURE_PX} pixels; this is {width}x{height}")
    rows_in_order = y_plane.strides[1] == 1 and y_plane.strides[0] >= width
    return y_plane if rows_in_order else np.ascontiguousarray(y_plane)


def bounded(payloads: Iterable[bytes]) -> list[bytes]:
    """The distinct ones of 1..1,024 bytes, in order, up to what one picture may yield."""
    kept: dict[bytes, None] = {}
    room = MAX_PAYLOAD_BYTES_IN_ALL
    for payload in payloads:
        if not 0 < len(payload) <= MAX_PAYLOAD_BYTES or payload in kept:
            continue
        room -= len(payload)
        if room < 0 or len(kept) == MAX_PAYLOADS:
            break
        kept[payload] = None
    return list(kept)


def halved(luma: Luma) -> Luma:
    """Half the size, each pixel the mean of four; an odd last row or column is left out."""
    height, width = luma.shape[0] & ~1, luma.shape[1] & ~1
    rows = luma[0:height:2, :width].astype(np.uint16) + luma[1:height:2, :width]
    return ((rows[:, 0::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)


def flattened(luma: Luma) -> Luma:
    """Black where a pixel is darker than its neighbourhood, else white: no shadow, no glare."""
    size, reach = 2 * FLATTEN_REACH_PX + 1, FLATTEN_REACH_PX
    padded = np.pad(luma, ((reach + 1, reach), (reach + 1, reach)), mode="edge")
    sums = padded.cumsum(0, dtype=np.uint32).cumsum(1, dtype=np.uint32)
    around = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    bright: NDArray[np.bool_] = (luma + np.uint32(FLATTEN_MARGIN_LEVELS)) * np.uint32(
        size * size
    ) >= around
    return np.where(bright, np.uint8(255), np.uint8(0))


class Zxing:
    """zxing-cpp with the options that were measured best: QR only, no inverted codes."""

    def __init__(self) -> None:
        try:
            import zxingcpp
        except ImportError as error:
            raise Unavailable(
                f"zxing-cpp cannot be loaded ({error}); run: pip install zxing-cpp"
            ) from error
        self._read = zxingcpp.read_barcodes
        self._formats: Any = zxingcpp.BarcodeFormat.QRCode  # its type differs between versions

    def look(self, luma: Luma) -> list[bytes]:
        found = self._read(luma, formats=self._formats, try_invert=False)
        return bounded(code.bytes for code in found)


class Zbar:
    """zbar through pyzbar's public `decode`. Payloads arrive as the text zbar made of them."""

    def __init__(self) -> None:
        try:
            from pyzbar import pyzbar, wrapper
        except ImportError as error:  # pyzbar looks the system library up when it is imported
            raise Unavailable(f"zbar cannot be loaded ({error}); {ZBAR_MISSING}") from error
        version = _zbar_version(wrapper.load_libzbar())
        if version < OLDEST_ZBAR:
            number = ".".join(map(str, version))
            raise Unavailable(f"libzbar {number} is unsafe for crafted codes; {ZBAR_MISSING}")
        self._decode: Callable[..., list[Any]] = pyzbar.decode
        self._symbols = [pyzbar.ZBarSymbol.QRCODE]

    def look(self, luma: Luma) -> list[bytes]:
        height, width = luma.shape
        found = self._decode((luma.tobytes(), width, height), symbols=self._symbols)
        return bounded(code.data for code in found if code.type == "QRCODE")

    def hold_charsets(self) -> None:
        """Loads, for good, what zbar would load each time: later no file can be opened."""
        libc = ctypes.CDLL(None)
        libc.iconv_open.restype = ctypes.c_void_p
        for name in ZBAR_CHARSETS:
            libc.iconv_open(b"UTF-8", name.encode())


Look = tuple[Callable[[Luma], list[bytes]], Luma]
"""An engine and the picture that it looks at."""


def _sample() -> Luma:
    """The sample code as a picture, eight pixels a module."""
    modules = np.array([[row >> bit & 1 for bit in range(20, -1, -1)] for row in SAMPLE_ROWS])
    light = np.pad(1 - modules, 4, constant_values=1).astype(np.uint8) * np.uint8(255)
    return light.repeat(8, axis=0).repeat(8, axis=1)


def _zbar_version(library: ctypes.CDLL) -> tuple[int, int, int]:
    """Asked with all three arguments; pyzbar's own binding leaves the third to chance."""
    major, minor, patch = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
    library.zbar_version(ctypes.byref(major), ctypes.byref(minor), ctypes.byref(patch))
    return major.value, minor.value, patch.value


def checked_engines(engines: Iterable[str]) -> tuple[str, ...]:
    """The names, if each is known and named once. Raises `Refused` with the accepted ones."""
    names = tuple(engines)
    for name in names:
        if name not in ENGINES:
            raise Refused(f"unknown decoding engine {name!r}; accepted: {', '.join(ENGINES)}")
    if not names or len(set(names)) < len(names):
        raise Refused(f"name each decoding engine once, of: {', '.join(ENGINES)}")
    return names


class Scanner:
    """The engines in this process. Without state: the same picture gives the same payloads.

    `engines` are the names of those that may look; zxing goes first where both may. The first
    look that finds something ends the search, and all its payloads are returned.
    """

    def __init__(self, engines: Iterable[str] = ENGINES) -> None:
        self.engines = checked_engines(engines)
        self.losses = Losses()  # none: this process is the one that would be lost
        self._zxing = Zxing() if "zxing" in self.engines else None
        self._zbar = Zbar() if "zbar" in self.engines else None

    def read(self, y_plane: Luma, effort: Effort = Effort.ALL) -> list[bytes]:
        """The distinct payloads of the codes in `y_plane`, uint8 [height, width]; often none."""
        for look, luma in self._looks(checked(y_plane), effort):
            if min(luma.shape) >= MIN_SIDE_PX and (payloads := look(luma)):
                return payloads
        return []

    def warm_up(self) -> None:
        """Makes every look once, with a code to find, so that nothing is loaded later."""
        if self._zbar:
            self._zbar.hold_charsets()
        for look, luma in self._looks(_sample(), Effort.ALL):
            look(luma)

    def close(self) -> None:
        """Nothing is held."""

    def _looks(self, luma: Luma, effort: Effort) -> Iterator[Look]:
        """What to try, by gain for its cost; a picture is made only when its turn comes."""
        half = None
        if self._zxing:
            yield self._zxing.look, luma
        if self._zbar and (effort >= Effort.HALF or not self._zxing):
            half = halved(luma)
            yield self._zbar.look, halved(half)
            yield self._zbar.look, half
        if effort < Effort.ALL:
            return
        if self._zxing and luma.size <= MAX_REWORKED_PX:
            yield self._zxing.look, luma.repeat(2, axis=0).repeat(2, axis=1)
        if self._zbar and half is not None:
            yield self._zbar.look, luma
            for plane in (half, luma):
                if plane.size <= MAX_REWORKED_PX and min(plane.shape) >= MIN_SIDE_PX:
                    yield self._zbar.look, flattened(plane)
