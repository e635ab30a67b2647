"""Where published ledger files are read from: a web server or a folder, such as a USB stick.

    checkpoint    tile/entries/000.p/12    blob/9f86d081...

Nothing read here is trusted; it is verified elsewhere. What a source can do is bounded: bytes by
`most`, seconds on the web by web.py. A disk that hangs keeps its own time.
"""

import enum
import errno
import io
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from typing import NamedTuple, Protocol

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.web import PORTS, Address, Web, address_of

PIECE = 65_536  # bytes asked of http.client at once: it holds every chunk of them, however small
_PATH = re.compile(r"(?!.*\.\.)[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_DATE = r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT"
_TAG = re.compile(rf'((?:W/)?"[!#-~]{{0,200}}")?\n({_DATE})?')
_UNPLUGGED = (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN)
_STEPS = {
    **dict.fromkeys(_UNPLUGGED, "plug the stick in or mount the folder again"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "let this user read it"),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), "plug the stick in or give another folder"),
}


class Found(NamedTuple):
    """Content, and the opaque tag that asks next time whether it changed ("": there is none)."""

    data: bytes
    tag: str


class Absence(enum.Enum):
    """Why there is no content, when nothing is wrong."""

    MISSING = enum.auto()
    UNCHANGED = enum.auto()


class Source(Protocol):
    """A place that published files are read from."""

    where: str
    """For messages, without credentials."""

    received: int
    """Bytes of content got so far, of failed reads too."""

    def get(self, path: str, *, most: int, tag: str = "") -> Found | Absence:
        """The file at `path`, of at most `most` bytes; UNCHANGED if it is still what `tag`, given
        by this source for this path, came with.

        Raises `Refused` (R-LEDGER) if it is too long or not of a kind that is read,
        `Unavailable` with the next step if it cannot be read now.
        """
        ...


def source_of(text: str) -> Source:
    """The source a user names: an http or https address, or a folder.

    Raises `Refused` (R-SETTINGS) for anything else; the message never holds a password.
    """
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() in PORTS:
        return HttpSource(text)
    if scheme or "://" in text or not text or not text.isprintable():
        step = "give http://..., https://... or a folder, one with a colon as ./a:b"
        raise Refused(f"this is no source of a ledger; {step}", reason="R-SETTINGS")
    return FolderSource(Path(text))


def _refused(message: str) -> Refused:
    return Refused(message, reason="R-LEDGER")


def _check_path(path: str) -> None:
    if not _PATH.fullmatch(path):
        raise _refused(f"{path!r} is no path of a published ledger")


class FolderSource:
    """A folder, wherever it is mounted. Links are followed as long as they stay inside it.

    Who can exchange files during a `get` can get round that; what is read is verified anyway.
    """

    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self.received = 0

    def get(self, path: str, *, most: int, tag: str = "") -> Found | Absence:
        """See `Source`."""
        _check_path(path)
        name = f"{self.where}/{path}"
        with _translated(self.where):
            root = os.path.realpath(self.where, strict=True)
            os.close(os.open(root, os.O_RDONLY | os.O_DIRECTORY))
        with _translated(name):
            try:
                file = _opened(root, path, name)
            except (FileNotFoundError, NotADirectoryError):
                return Absence.MISSING
            with file:
                return self._read(file, name, most, tag)

    def _read(self, file: io.BufferedReader, name: str, most: int, tag: str) -> Found | Absence:
        status = os.fstat(file.fileno())
        _check_regular(status, name)
        now = f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"
        if now == tag:
            return Absence.UNCHANGED
        data = file.read(most + 1) if status.st_size <= most else b""
        self.received += len(data)
        if max(len(data), status.st_size) > most:
            raise _refused(f"{name} is longer than {most} bytes")
        return Found(data, now)


def _opened(root: str, path: str, name: str) -> io.BufferedReader:
    """The file, looked at before it is opened: opening may set a device to work, or wait."""
    real = os.path.realpath(Path(root, path), strict=True)
    if not Path(real).is_relative_to(root):
        raise _refused(f"{name} is a link out of the folder; put the file itself there")
    _check_regular(os.lstat(real), name)
    return os.fdopen(os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _check_regular(status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _refused(f"{name} is no regular file; publish the ledger anew")


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _refused(f"{name} is a link in a circle; put the file itself there") from error
        step = _STEPS.get(error.errno or 0, "check the folder")
        raise Unavailable(f"{name} cannot be read ({error.strerror}); {step}") from error


class HttpSource:
    """A web server. Each `get` makes a connection of its own and follows up to 3 redirects.

    `timeout_seconds` bounds each wait for the server, `total_seconds` a whole `get`. A user and
    password in `url` are sent as Basic authorization, its query with every path; both stay out
    of messages. Raises `Refused` (R-SETTINGS) if `url` is no http or https address.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = 10,
        total_seconds: float = 60,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = _base_of(url)
        self.where = str(self._base).rstrip("/")
        self.received = 0
        self._web = Web(timeout_seconds=timeout_seconds, total_seconds=total_seconds, ticks=ticks)

    def get(self, path: str, *, most: int, tag: str = "") -> Found | Absence:
        """See `Source`."""
        _check_path(path)
        head = _conditions(tag)
        asked = {"Accept-Encoding": "identity", **head}
        with self._web.answer(self._base.below(path), asked) as (address, response):
            match response.status:
                case 200:
                    return Found(self._content(response, address, most), _tag_of(response))
                case 304 if head:
                    return Absence.UNCHANGED
                case 404 | 410:
                    return Absence.MISSING
                case status:
                    raise _unwilling(address, status)

    def _content(self, response: HTTPResponse, address: Address, most: int) -> bytes:
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding not in {"", "identity"}:
            raise _refused(f"{address} is compressed; let the server send files as they are")
        data = bytearray()
        is_long = (response.length or 0) > most
        while not is_long and (piece := response.read(min(PIECE, most + 1 - len(data)))):
            data += piece
            self.received += len(piece)
            is_long = len(data) > most
        if is_long:
            raise _refused(f"{address} is longer than {most} bytes")
        if response.length:  # what is missing of the announced length
            raise IncompleteRead(bytes(data), response.length)
        return bytes(data)


def _base_of(url: str) -> Address:
    with suppress(ValueError):
        base = address_of(url)
        if "@" not in base.path:  # what follows a slash in a password, and would be shown
            return base
    step = "write it like https://host/folder, in ASCII and with %2F for a slash in a password"
    raise Refused(f"the source is no web address; {step}", reason="R-SETTINGS")


def _conditions(tag: str) -> dict[str, str]:
    """The headers that ask whether the file is still that of `tag`; none for a tag not of ours."""
    match = _TAG.fullmatch(tag)
    etag, date = match.groups() if match else (None, None)
    head = {"If-None-Match": etag, "If-Modified-Since": date}
    return {name: value for name, value in head.items() if value}


def _tag_of(response: HTTPResponse) -> str:
    """None for a file changed in the very second it was sent: by that date, and by an ETag made
    of it, one could not see that it changed once more (RFC 9110 section 8.8.2.2)."""
    date = response.headers.get("Last-Modified", "")
    tag = f"{response.headers.get('ETag', '')}\n{date}"
    is_settled = not date or date != response.headers.get("Date")
    return tag if is_settled and tag != "\n" and _TAG.fullmatch(tag) else ""


def _unwilling(address: Address, status: int) -> Unavailable:
    if status in {401, 403}:
        step = "check the user and password in its address"
    else:
        step = "try again later" if status == 429 or status >= 500 else "check the address"
    return Unavailable(f"{address} answers with status {status}; {step}")
