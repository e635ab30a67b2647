"""Lets a child fetch what the ledger names, from the process that has the network.

A child, for a download waits in ways that the loop of the exchange must not; it is in the same
sandbox, and goes with its parent. Asyncio, one thread.
"""

import asyncio
import contextlib
import logging
import sys
from pathlib import Path

from appliance.update import fetching
from appliance.update.box import Box
from ledger_sync.errors import Unavailable
from ledger_sync.store import Store

FIRST_SECONDS, AGAIN_SECONDS = 60.0, 600.0  # after the start, between two looks
_COMMAND = ("-c", "from appliance.cli import main; main()", "update", "fetch", "--settings")
_log = logging.getLogger("yardpass.sync")


async def fetch_for_ever(
    path: Path,
    folder: Path,
    store: Store,
    *,
    box: Box | None = None,
    pauses: tuple[float, float] = (FIRST_SECONDS, AGAIN_SECONDS),
) -> None:
    """Looks again and again whether the ledger names an update that this box wants and that is not
    here. `path` is the settings file, `folder` that of the store."""
    first, again = pauses
    await asyncio.sleep(first)
    while True:
        try:
            if _is_lacking(folder, store, box or Box()):
                await _fetch(path)
        except Unavailable as error:
            _log.warning("no update is fetched: %s", error)
        await asyncio.sleep(again)


def _is_lacking(folder: Path, store: Store, box: Box) -> bool:
    """Whether an update is wanted that is not here; what is not wanted goes."""
    update = fetching.wanted(store, box)
    fetching.clear(folder, but=update)
    return update is not None and not fetching.place(folder, update).exists()


async def _fetch(path: Path) -> None:
    """One try; what it says goes to the log of this process."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, *_COMMAND, str(path), stdin=asyncio.subprocess.DEVNULL, stdout=sys.stderr
    )
    try:
        await child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()


async def ended(task: "asyncio.Task[None]") -> None:
    """The task is cancelled, and its child gone."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
