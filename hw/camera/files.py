"""Picture files, and frames made by a generator, seen as a camera. Knows no device and no code.

A picture is untrusted: it may come from a phone, a stick or a mail. So the header is looked at
before a pixel is decoded, every size has a cap, and whatever the decoder does, the caller sees
`Refused` (the picture is wrong) or `Unavailable` (it is not there) and nothing else.
"""

import contextlib
import io
import os
import stat
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from hw.errors import Refused, Unavailable
from hw.ports import Frame, Luma

MAX_PIXELS = 25_000_000
"""Largest picture, in pixels. Phones make 24.5 million (5712 x 4284) by default."""
MAX_SIDE = 20_000
"""Longest side of a picture, in pixels."""
MAX_FILE_BYTES = 32 * 1024 * 1024
"""Largest picture file, in bytes."""
MAX_JPEG_SCANS = 64
"""Most scans of one JPEG file. Usual are 1 or 10; each costs a pass over the whole picture."""
MAX_FILES = 10_000
"""Most pictures one camera of files walks through."""

FORMATS = ("PNG", "JPEG", "PPM", "WEBP", "BMP")
"""Names of Pillow's decoders that may be used; PPM covers PBM, PGM and PNM."""
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".pbm", ".pgm", ".ppm", ".pnm", ".webp", ".bmp"})
"""What a file in a folder must end with to count as a picture."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ACCEPTED = "PNG, JPEG, PGM, PNM, WebP or BMP"


@dataclass(frozen=True, slots=True)
class FilesOptions:
    """What the files camera shows, in this order; a folder stands for its pictures by name."""

    paths: tuple[str, ...] = ()  # picture files and folders
    repeat: bool = False  # begin again after the last picture


class FilesCamera:
    """Shows each picture once, or for ever with `repeat`. Its position outlives an iterator.

    A picture that is wrong raises `Refused`, and asking again goes on behind it. One that is
    missing raises `Unavailable`, again and again, until it is there. A frame stays valid.
    """

    live = False

    def __init__(
        self, options: FilesOptions, *, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._paths = _expanded(options.paths)
        self._repeat = options.repeat
        self._clock = clock
        self._at = 0
        self._closed = False

    def frames(self) -> Iterator[Frame]:
        return iter(self._next, None)

    def close(self) -> None:
        self._closed = True

    def _next(self) -> Frame | None:
        if self._at == len(self._paths) and self._repeat:
            self._at = 0
        if self._closed or self._at == len(self._paths):
            return None
        path = self._paths[self._at]
        data = _content(path)
        self._at += 1
        return Frame(luma_of(data, str(path)), self._clock())


class FrameCamera:
    """Frames that something else makes, as a camera: a scene, a recording, a test.

    What the maker raises comes through; an `Unavailable` is raised again on each later ask.
    """

    live = False

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._made = iter(frames)
        self._gone: Unavailable | None = None
        self._closed = False

    def frames(self) -> Iterator[Frame]:
        return iter(self._next, None)

    def close(self) -> None:
        self._closed = True
        finish = getattr(self._made, "close", None)
        if finish is not None:
            finish()

    def _next(self) -> Frame | None:
        if self._closed:
            return None
        if self._gone is not None:
            raise Unavailable(str(self._gone)) from self._gone
        try:
            return next(self._made, None)
        except Unavailable as error:
            self._gone = error
            raise


def picture(path: str | os.PathLike[str]) -> Frame:
    """The picture in the file `path`, taken now. Raises as the module says."""
    return Frame(luma_of(_content(Path(path)), os.fspath(path)), time.monotonic_ns())


def luma_of(data: bytes, name: str, *, formats: tuple[str, ...] = FORMATS) -> Luma:
    """The luma plane of a picture held in `data`, upright, transparency on white.

    `name` is what messages call it. Raises `Refused` and nothing else.
    """
    if not data:
        raise Refused(f"{name!r} is empty; take the picture again")
    if data[:2] == b"\xff\xd8" and (scans := data.count(b"\xff\xda")) > MAX_JPEG_SCANS:
        raise Refused(
            f"{name!r} has {scans} JPEG scans, at most {MAX_JPEG_SCANS}; save it as a plain JPEG"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is either capped or harmless
            with Image.open(io.BytesIO(data), formats=formats) as image:
                _check_size(image.size, name)
                return _upright_luma(image, name)
    except Refused:
        raise
    except UnidentifiedImageError as error:
        raise Refused(f"{name!r} is not a picture; give a {_ACCEPTED} file") from error
    except Image.DecompressionBombError as error:
        raise Refused(
            f"{name!r} has more than {MAX_PIXELS} pixels; make it smaller ({error})"
        ) from error
    except Exception as error:  # Pillow's decoders raise no closed set of errors
        raise Refused(
            f"{name!r} cannot be decoded ({type(error).__name__}: {error}); "
            "copy it again or take the picture again"
        ) from error


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if max(size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise Refused(
            f"{name!r} is {width} x {height} pixels, at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS} in all; make it smaller"
        )


def _upright_luma(image: Image.Image, name: str) -> Luma:
    if image.mode == "RGB":
        image.draft("L", image.size)  # a JPEG then hands out its own luma plane, nothing converted
    grey = _grey(image, name)
    with contextlib.suppress(Exception):  # a damaged EXIF block does not damage the picture
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
        grey = grey if turn is None else grey.transpose(turn)
    return np.asarray(grey, dtype=np.uint8)


def _grey(image: Image.Image, name: str) -> Image.Image:
    """`image` in mode L. Deep greys keep their upper 8 bits, transparent pixels become white."""
    if image.mode == "F":
        raise Refused(f"{name!r} holds floating-point pixels; save it with 8 bits a channel")
    if image.mode.startswith("I"):
        deep = np.asarray(image) >> 8
        return Image.fromarray(np.clip(deep, 0, 255).astype(np.uint8))
    if image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info:
        full = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("L", full.size, 255)
        return Image.composite(full.convert("L"), white, full.getchannel("A"))
    return image.convert("L")


def _expanded(paths: tuple[str, ...]) -> list[Path]:
    found: list[Path] = []
    for name in paths:
        found += _pictures_in(Path(name))
        if len(found) > MAX_FILES:
            raise Refused(f"{name!r} makes more than {MAX_FILES} pictures; split the folder")
    if not found:
        raise Refused(f"no picture in {list(paths)!r}; name {_ACCEPTED} files or a folder of them")
    return found


def _pictures_in(path: Path) -> list[Path]:
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            return [path]
        return sorted(
            entry
            for entry in path.iterdir()
            if entry.suffix.lower() in SUFFIXES and not entry.name.startswith(".")
        )
    except OSError as error:
        raise Unavailable(f"{str(path)!r}: {error.strerror}; check the path") from error
    except ValueError as error:
        raise Refused(f"{str(path)!r} is no path ({error}); check the name") from error


def _content(path: Path) -> bytes:
    """What the regular file `path` holds, at most MAX_FILE_BYTES."""
    try:
        with open(path, "rb", opener=_open_regular) as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unavailable(f"{str(path)!r}: {error.strerror or error}; check the path") from error
    except Refused:
        raise
    except ValueError as error:
        raise Refused(f"{str(path)!r} is no path ({error}); check the name") from error
    if len(data) > MAX_FILE_BYTES:
        raise Refused(f"{str(path)!r} is over {MAX_FILE_BYTES} bytes; make the picture smaller")
    return data


def _open_regular(path: str, flags: int) -> int:
    """An opener that touches regular files only: a pipe would block, a device would act."""
    _check_regular(os.stat(path), path)  # noqa: PTH116 - an opener is handed a string
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        _check_regular(os.fstat(descriptor), path)  # the name may point elsewhere by now
    except Refused:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(found: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, socket or device"
        raise Refused(f"{path!r} is {kind}, not a file; give a {_ACCEPTED} file")
    if found.st_size > MAX_FILE_BYTES:
        raise Refused(
            f"{path!r} is {found.st_size} bytes, at most {MAX_FILE_BYTES}; "
            "make the picture smaller"
        )
