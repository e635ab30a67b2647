"""`yardpass gate`: one terminal at work until it is stopped."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import click

from appliance.gate.assembly import open_terminal, system_clock
from appliance.gate.loop import watch
from appliance.settings import FILE_NAME, load
from ledger_sync.feed import INCARNATION_BYTES


@click.command()
@click.option(
    "--settings",
    "path",
    type=click.Path(path_type=Path),
    default=FILE_NAME,
    show_default=True,
    help="Settings of the terminal.",
)
def gate(path: Path) -> None:
    """Watch the camera, judge what is shown, record it, open the gate.

    Every check is one line on stderr. SIGTERM or Ctrl-C ends it with the relay released.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    settings = load(path)
    stop = threading.Event()

    def stopping(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, stopping)
    signal.signal(signal.SIGINT, stopping)
    incarnation = os.urandom(INCARNATION_BYTES)
    with open_terminal(settings, clock=system_clock(), incarnation=incarnation) as terminal:
        watch(settings, terminal, stop)
