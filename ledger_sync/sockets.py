"""TCP sockets as the links use them: one that listens, one that has reached somebody."""

import asyncio
import socket
from collections.abc import Callable

from ledger_sync.errors import Unavailable

WAITING = 64  # calls the kernel holds before they are answered
PAUSE_SECONDS = 1.0  # before calls are taken again when there was no descriptor for one
TURNS = 4  # of the loop; asyncio ends an aborted TLS connection within two


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes calls. Raises `Unavailable` with the next step if it cannot be had."""
    server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, port))
        server.listen(WAITING)
        server.setblocking(False)
    except OSError as error:
        server.close()
        what = f"{host}:{port} cannot be listened at ({error.strerror})"
        raise Unavailable(f"{what}; change [sync] listen") from error
    return server


class Listener:
    """Hands every call to `taken` as it comes, a socket that does not block; `failed` is told when
    there are no descriptors for more, and it is tried again in a second.

    In a callback of the loop, not in a task: one that is cancelled between a call and its hearing
    leaves it behind, open. Opened with `with`, in a running loop.
    """

    def __init__(
        self,
        host: str,
        port: int,
        taken: Callable[[socket.socket], None],
        failed: Callable[[OSError], None],
    ) -> None:
        """Raises `Unavailable` with the next step if the address cannot be listened at."""
        self._server = listening(host, port)
        self._taken = taken
        self._failed = failed

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def __enter__(self) -> "Listener":
        self._watch()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._server)
        self._server.close()

    def _watch(self) -> None:
        if self._server.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._server, self._accept)

    def _accept(self) -> None:
        try:
            sock, _ = self._server.accept()
        except BlockingIOError:  # it hung up meanwhile
            return
        except OSError as error:  # out of descriptors: others must end first
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._server)
            loop.call_later(PAUSE_SECONDS, self._watch)
            self._failed(error)
            return
        sock.setblocking(False)
        self._taken(sock)


async def reached(host: str, port: int, *, seconds: float) -> socket.socket:
    """A connected socket, within `seconds`. Raises `OSError` or `TimeoutError`."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, place)
        except BaseException:
            sock.close()
            raise
    return sock


async def let_go() -> None:
    """Waits until the connections that were just aborted are closed: asyncio does it in the next
    turns of the loop, and not at all if the loop ends before."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
