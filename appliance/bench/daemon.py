"""The real `yardpass sync`, as the bench starts it: for a terminal of the simulated ground."""

import asyncio
import socket
import ssl
import sys
from contextlib import suppress
from pathlib import Path

from ledger_sync import certificate, keyfile
from ledger_sync.sim import ground as earth
from ledger_sync.sim.ground import Box, Ground

TIMEOUT_SECONDS = 600


def settle(folder: Path, box: Box, base: Ground) -> Path:
    """Makes `folder` that of a terminal, all but its store; where the settings are."""
    keyfile.write_key(folder / "terminal.key", box.feed)
    keyfile.write_key(folder / "link.key", box.link)
    keyfile.write_secret(folder / "site.secret", earth.SECRET)
    (folder / "link.crt").write_bytes(certificate.make(box.name, box.link.seed))
    (folder / "genesis.policy").write_bytes(base.ledgers[0][1][0])
    port = _free_port()
    text = f"""
[site]
origin = "{earth.ORIGIN}"
audience = "yp:{earth.SITE}"
[terminal]
name = "{box.name}"
gate = "north"
direction = "in"
zones = [0]
[files]
policy = "genesis.policy"
[sync]
listen = "127.0.0.1:{port}"
[camera]
driver = "files"
paths = ["none"]
[relay]
driver = "sim"
pulse_ms = 700
"""
    (folder / "site.toml").write_text(text)
    return folder / "site.toml"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def port_of(settings: Path) -> int:
    """Where the daemon of these settings listens."""
    return int(settings.read_text().partition("127.0.0.1:")[2].partition('"')[0])


async def start(settings: Path) -> asyncio.subprocess.Process:
    """Whoever starts it ends it; it tells on stderr who comes."""
    program = Path(sys.executable).with_name("yardpass")
    return await asyncio.create_subprocess_exec(
        program, "sync", "--settings", settings, stderr=asyncio.subprocess.PIPE
    )


async def connected(
    port: int, context: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, as soon as the daemon listens. Raises `TimeoutError`."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection(
                    "127.0.0.1", port, ssl=context, server_hostname="t"
                )
            await asyncio.sleep(0.05)
