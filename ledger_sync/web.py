"""A question to a web server and its answer, within a deadline. Knows nothing of ledgers.

http.client of the stdlib, because urllib3 has no deadline for a whole answer either, and that is
most of what is here. No proxy is used and no http_proxy variable looked at; certificates are
OpenSSL's (SSL_CERT_FILE names one's own). The resolver keeps its own time: nothing here can
interrupt it.
"""

import base64
import errno
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import unquote, urljoin, urlsplit

from ledger_sync.errors import Refused, Unavailable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_REDIRECTS = 3
PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"[!-~]{1,2000}")
_HOST = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|[0-9a-f.]*:[0-9a-f:.]*")
_REDIRECTS = {301, 302, 303, 307, 308}
_STEPS: tuple[tuple[type[Exception], str], ...] = (  # the first that fits
    (socket.gaierror, "check the name and the DNS"),
    (ssl.SSLCertVerificationError, "check the server's certificate and this machine's clock"),
    (ssl.SSLError, "check that the server speaks TLS at this port"),
    (TimeoutError, "try again later or use another source"),
    (ConnectionError, "check that the server runs"),
    (OSError, "check the network"),
    (IncompleteRead, "try again"),
    (Exception, "check that a web server answers at this address"),
)


class Address(NamedTuple):
    """Of a web server or a file on it. Its `str` is fit for messages: no query, no credentials."""

    scheme: str
    host: str
    port: int
    path: str
    query: str  # with its question mark
    login: str  # what Authorization says

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def below(self, path: str) -> "Address":
        return self._replace(path=f"{self.path.rstrip('/')}/{path}")

    def redirected(self, location: str) -> "Address":
        """Where `location` leads; credentials go along to the same server only."""
        try:
            onward = address_of(location, base=str(self))
        except ValueError:
            raise _refused(f"{self} leads on to no web address; check the server") from None
        if self.scheme == "https" != onward.scheme:
            raise _refused(f"{self} leads on from https to http; check the server")
        return onward._replace(login=self.login if onward[:3] == self[:3] else "")


def address_of(url: str, *, base: str = "") -> Address:
    """Raises `ValueError`, without the text, for what is no http or https address."""
    if not _URL.fullmatch(url):
        raise ValueError("too long, or not visible ASCII")
    parts = urlsplit(urljoin(base, url))
    host = parts.hostname or ""
    if parts.scheme not in PORTS or not _HOST.fullmatch(host):
        raise ValueError("no scheme of ours, or no host")
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    words = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
    login = "" if words == b":" else f"Basic {base64.b64encode(words).decode()}"
    return Address(parts.scheme, host, port, parts.path, parts.query and f"?{parts.query}", login)


class Web:
    """Asks web servers. `timeout_seconds` bounds each wait, `total_seconds` a whole answer."""

    def __init__(
        self,
        *,
        timeout_seconds: float,
        total_seconds: float,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout, self._total, self._ticks = timeout_seconds, total_seconds, ticks

    @contextmanager
    def answer(
        self, address: Address, head: Mapping[str, str]
    ) -> Iterator[tuple[Address, HTTPResponse]]:
        """The answer to GET, to be read inside, and where it comes from after redirects.

        What goes wrong while it is read becomes `Unavailable` too, with the next step. Raises
        `Refused` for a redirect that is not followed.
        """
        first, left = address, self._seconds_left()
        for _ in range(1 + MAX_REDIRECTS):
            with _translated(address), self._asked(address, head, left) as response:
                location = response.headers.get("Location", "")
                if response.status not in _REDIRECTS or not location:
                    yield address, response
                    return
            address = address.redirected(location)
        raise _refused(f"{first} leads on more than {MAX_REDIRECTS} times; check the server")

    def _seconds_left(self) -> Callable[[], float]:
        """How long the next wait for this answer may be."""
        end = self._ticks() + self._total

        def left() -> float:
            rest = end - self._ticks()
            if rest <= 0:
                raise TimeoutError(errno.ETIMEDOUT, f"not done within {self._total:g} s")
            return min(self._timeout, rest)

        return left

    @contextmanager
    def _asked(
        self, address: Address, head: Mapping[str, str], left: Callable[[], float]
    ) -> Iterator[HTTPResponse]:
        head = {"Host": address.netloc, "User-Agent": "yardpass", "Connection": "close", **head}
        if address.login:
            head["Authorization"] = address.login
        target = f"{address.path or '/'}{address.query}"
        with _dialled(address, left) as plain, self._secured(plain, address, left) as line:
            connection = HTTPConnection(address.host)
            connection.sock = cast("socket.socket", _Line(line, left))  # as much as it uses of one
            connection.request("GET", target, headers=head)
            with connection.getresponse() as response:
                yield response

    def _secured(
        self, plain: socket.socket, address: Address, left: Callable[[], float]
    ) -> socket.socket:
        if address.scheme == "http":
            return plain
        plain.settimeout(left())  # bounds the handshake as a whole
        return self._tls.wrap_socket(plain, server_hostname=address.host)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


class _Line(io.RawIOBase):
    """What http.client uses of a socket, which stays open for who opened it. No wait is longer
    than `left` says."""

    def __init__(self, line: socket.socket, left: Callable[[], float]) -> None:
        self._line, self._left = line, left

    def sendall(self, data: bytes) -> None:
        self._line.settimeout(self._left())
        self._line.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._line.settimeout(self._left())
        return self._line.recv_into(buffer)

    def readall(self) -> bytes:
        raise HTTPException("a chunk of -1 bytes makes http.client read without end")

    def close(self) -> None:
        pass


def _dialled(address: Address, left: Callable[[], float]) -> socket.socket:
    """A connection to the first machine of this name that answers; they share the deadline."""
    failure = OSError(errno.EADDRNOTAVAIL, "no address")
    for *_, found in socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM):
        try:
            return socket.create_connection((str(found[0]), int(found[1])), timeout=left())
        except OSError as error:
            failure = error
    raise failure


@contextmanager
def _translated(address: Address) -> Iterator[None]:
    try:
        yield
    except (Refused, Unavailable):
        raise
    except (OSError, HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or f"{error!r:.80}"
        step = next(step for kind, step in _STEPS if isinstance(error, kind))
        raise Unavailable(f"{address} cannot be read ({why}); {step}") from error


def _refused(message: str) -> Refused:
    return Refused(message, reason="R-LEDGER")
