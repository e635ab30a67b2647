"""Discovery: terminals announce themselves on the local network (DNS-SD over mDNS, RFC 6763).

A hint and no more: it adds an address to a terminal that the ledger names, and who answers there
must have that terminal's key. Optional: `pip install 'yardpass[discover]'`.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ledger_sync.errors import Refused

if TYPE_CHECKING:
    from zeroconf import ServiceInfo

KIND = "_yardpass._tcp.local."
RESOLVE_MS = 2_000
MAX_NAME = 32  # characters of a terminal's name, as the settings allow it

_log = logging.getLogger("yardpass.sync")


class Discovery:
    """Announces one terminal and tells of others: `found(name, address)`."""

    def __init__(self, origin: str, name: str, found: Callable[[str, str], None]) -> None:
        """`origin` is of the ledger: terminals of another compound are not told of."""
        self._site = hashlib.sha256(origin.encode()).hexdigest()[:16]
        self._name = name
        self._found = found
        self._tasks: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def running(self, port: int) -> AsyncIterator[None]:
        """Announces and listens until the block ends. Raises `Refused` (R-SETTINGS) without the
        library; a network that cannot be announced on is one line in the log."""
        zeroconf = library()
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

        try:
            network = AsyncZeroconf()
            await network.async_register_service(self.announcement(port))
        except (OSError, zeroconf.Error) as error:
            _log.warning("terminals on the network are not looked for: %s", error)
            yield
            return
        browser = AsyncServiceBrowser(network.zeroconf, KIND, handlers=[self._changed])
        try:
            yield
        finally:
            await browser.async_cancel()
            await network.async_close()

    def announcement(self, port: int) -> "ServiceInfo":
        """What others see of this terminal: its name, its port, a hash of its ledger's origin."""
        told = {"site": self._site, "name": self._name}
        name = f"{self._name}-{self._site}.{KIND}"
        info: ServiceInfo = library().ServiceInfo(
            KIND, name, port=port, properties=told, server=f"{self._name}-{self._site}.local."
        )
        return info

    def _changed(self, zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
        """The browser's side: somebody came, changed or went."""
        task = asyncio.ensure_future(self._resolve(zeroconf, name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resolve(self, zeroconf: Any, name: str) -> None:
        from zeroconf.asyncio import AsyncServiceInfo

        info = AsyncServiceInfo(KIND, name)
        if await info.async_request(zeroconf, RESOLVE_MS):
            self.heard(info)

    def heard(self, info: "ServiceInfo") -> None:
        """Somebody announced something; only a terminal of this ledger is told of."""
        told = {key: value or b"" for key, value in info.properties.items()}
        name = told.get(b"name", b"")[:MAX_NAME].decode("ascii", "replace")
        if told.get(b"site") != self._site.encode() or name == self._name or not info.port:
            return
        for address in info.parsed_addresses():
            self._found(
                name, f"[{address}]:{info.port}" if ":" in address else f"{address}:{info.port}"
            )


def library() -> Any:
    """The zeroconf package. Raises `Refused` (R-SETTINGS) where it is not installed."""
    try:
        import zeroconf
    except ImportError:
        step = "pip install 'yardpass[discover]', or set discover = false in [sync]"
        raise Refused(f"discovery needs zeroconf; {step}", reason="R-SETTINGS") from None
    return zeroconf
