"""`yardpass gate`: one terminal at work until it is stopped."""

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

import click

from appliance.commands.qr_lines import screen
from appliance.commands.settings_option import settings_option
from appliance.credentials import handed
from appliance.gate.assembly import open_gate, system_clock
from appliance.gate.duty import open_senses, serve
from appliance.gate.loop import Stop
from appliance.gate.notify import Beat, told
from appliance.gate.reserve import Reserve
from appliance.gate.signboard import Signboard
from appliance.settings import Settings, load
from ledger_sync.feed import INCARNATION_BYTES

_log = logging.getLogger("yardpass.gate")
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""Signals that end the gate in order: each would kill it in the middle of a pulse."""


@click.command()
@settings_option
def gate(path: Path) -> None:
    """Watch camera, card readers and the gate itself; judge, record, open; do what a guard signs
    at the console.

    Every check and every alarm is one line on stderr. While the time is not known, a terminal on
    stdout shows the number that codes must answer (yardpass challenge). SIGTERM, SIGHUP or Ctrl-C
    ends it with the relay released.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    settings = handed(load(path), os.environ)
    stop = Stop()

    def stopping(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and a shell's & ask for
            signal.signal(number, stopping)
    with told(os.environ) as beat:
        _run(settings, stop, beat)


def _run(settings: Settings, stop: Stop, beat: Beat) -> None:
    incarnation = os.urandom(INCARNATION_BYTES)
    reserve = Reserve(settings.store.parent)
    if reserve.give_up():
        _log.warning("the disk is full: what the gate kept for its start is used; free disk space")
    with (
        open_gate(settings, clock=system_clock(), incarnation=incarnation) as (terminal, desk),
        screen() as show,
        Signboard(terminal, settings.store.parent, show=show) as board,
    ):
        reserve.keep()
        senses = open_senses(settings, terminal)

        def at_rest() -> None:
            board.look()
            # Ready is who could have decided. At one that hangs systemd starts the process again:
            # nothing else helps.
            if not senses.is_hung() and senses.is_settled():
                beat()

        try:
            serve(senses, terminal, stop, also=at_rest, desk=desk)
        finally:
            senses.close()
