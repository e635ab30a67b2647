"""Whether a box is well enough to keep the slot that it was started from.

Four things, each a sentence when it fails: the data partition takes a write, the services run, the
relay's process answers, and the gate's process judges a code that nobody issued and refuses it.
"""

import errno
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from appliance.update.programs import Run
from ledger_sync.errors import Refused, Unavailable

UNITS = ("yardpass-relay.service", "yardpass-gate.service", "yardpass-sync.service")
FULL = "disk full:"
"""How the sentence begins whose fault no system is: the next one has the same data partition."""
SITE = Path("/var/lib/yardpass")

Ask = Callable[[Path], object]
"""Asks a process of the terminal with these settings; raises `Unavailable`, `Refused` if it does
not answer as it must."""


def faults(
    run: Run, ask_relay: Ask, ask_gate: Ask, *, data: Path, site: Path = SITE
) -> Iterator[str]:
    """What is wrong, nothing for a box that is well. A box that is not yet a terminal has no
    services, and only its data partition is looked at."""
    yield from disk_faults(data)
    settings = site / "site.toml"
    if not settings.exists():
        return
    for unit in UNITS:
        command = ["/usr/bin/systemctl", "is-active", "--quiet", unit]
        yield from _answered(partial(run, command), unit)
    yield from _answered(partial(ask_relay, settings), "relay")
    yield from _answered(partial(ask_gate, settings), "decision")


def disk_faults(data: Path) -> Iterator[str]:
    """What is wrong with the data partition."""
    probe = data / ".probe"
    try:
        with probe.open("wb") as file:
            file.write(b"well\n")
            file.flush()
            os.fsync(file.fileno())
        probe.unlink()
    except OSError as error:
        what = FULL if error.errno == errno.ENOSPC else "disk:"
        yield f"{what} {data} takes no write ({error.strerror}); see: yardpass doctor"


def _answered(ask: Callable[[], object], what: str) -> Iterator[str]:
    try:
        ask()
    except (Unavailable, Refused) as error:
        yield f"{what}: {error}"
