"""`yardpass sync`: keeps a terminal in step with its peers until it is stopped."""

import asyncio
import logging
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import click

from appliance.commands.settings_option import settings_option
from appliance.credentials import handed
from appliance.gate import doorbell
from appliance.gate.exchange import exchanger_of
from appliance.gate.notify import Beat, told
from appliance.settings import Settings, load
from appliance.update.fetcher import ended, fetch_for_ever
from ledger_sync.discovery import Discovery
from ledger_sync.peers_file import PeersFile
from ledger_sync.store import Store
from ledger_sync.wire import address_of


@click.command()
@settings_option
def sync(path: Path) -> None:
    """Exchange checks, ledger, denials and orders with the other terminals.

    Whoever comes, goes or misbehaves is one line on stderr; how the peers are stands in
    peers.json beside the store. SIGTERM or Ctrl-C ends it.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    settings = handed(load(path, has_devices=False), os.environ)
    with Store(settings.store) as store, told(os.environ) as beat:
        bell = doorbell.listen(settings.store.parent / doorbell.NAME)
        try:
            asyncio.run(_run(path, settings, store, bell, beat))
        finally:
            bell.close()
            (settings.store.parent / doorbell.NAME).unlink(missing_ok=True)


async def _run(
    path: Path, settings: Settings, store: Store, bell: socket.socket, beat: Beat
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    made = exchanger_of(settings, store, ring=bell, report=PeersFile(settings.store.parent).report)
    async with AsyncExitStack() as stack:
        if settings.discover:
            found = Discovery(settings.origin, settings.terminal, made.hint)
            port = address_of(settings.listen)[1] if settings.listen else 0
            await stack.enter_async_context(found.running(port))
        if settings.update.is_automatic:
            fetching = asyncio.create_task(fetch_for_ever(path, settings.store.parent, store))
            stack.push_async_callback(ended, fetching)
        await made.run(settings.listen, stop, beat)
