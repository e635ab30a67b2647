"""A bad cable between two TCP ends: it can be cut, slow, or break lines now and then.

python -m ledger_sync.sim.proxy 0.0.0.0:7471 127.0.0.1:7461 --delay 0.05 --loss 0.01
"""

import argparse
import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from ledger_sync.wire import address_of

PIECE = 1 << 16


class Proxy:
    """A way to `target()`; `delay_seconds` for each piece, `loss` is the share of pieces at which
    a line breaks: what TCP makes of packets that are lost for long."""

    def __init__(
        self,
        target: Callable[[], tuple[str, int]],
        *,
        delay_seconds: float = 0.0,
        loss: float = 0.0,
    ) -> None:
        self._target = target
        self._delay = delay_seconds
        self._loss = loss
        self._chance = random.Random(1)  # noqa: S311 - a bad cable, no secret
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.is_cut = False

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not self.is_cut:
                far = await asyncio.open_connection(*self._target())
                await asyncio.gather(self._copy(reader, far[1]), self._copy(far[0], writer))
        except OSError:
            pass  # nobody is there
        finally:
            writer.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while data := await reader.read(PIECE):
                if self._delay:
                    await asyncio.sleep(self._delay)
                if self._chance.random() < self._loss:
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # cut
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    def cut(self) -> None:
        """Nobody gets through any more, and lines break."""
        self.is_cut = True
        for writer in list(self._writers):
            writer.transport.abort()

    def heal(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        if self._server:
            self._server.close()
        self.cut()


async def _run(listen: str, target: str, delay: float, loss: float) -> None:
    far = address_of(target)
    await Proxy(lambda: far, delay_seconds=delay, loss=loss).open(*address_of(listen))
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("listen")
    parser.add_argument("target")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds for each piece")
    parser.add_argument(
        "--loss", type=float, default=0.0, help="share of pieces that break a line"
    )
    given = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(given.listen, given.target, given.delay, given.loss))


if __name__ == "__main__":
    main()
