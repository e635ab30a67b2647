"""TCP sockets as the links use them: one that listens, one that has reached somebody."""

import asyncio
import socket

from ledger_sync.errors import Unavailable

WAITING = 64  # calls the kernel holds before they are answered
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
