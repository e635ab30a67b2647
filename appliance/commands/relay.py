"""`yardpass relay`: the process that owns the relay pin, and two questions about it."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from appliance import relay_settings
from appliance.commands.settings_option import settings_option
from appliance.relay_settings import RelaydSettings
from hw import gate_io
from hw.gate_io import OutputPin


@click.command()
@settings_option
@click.option("--drive-low", is_flag=True, help="Switch the relay off and end; for ExecStopPost.")
@click.option("--state", is_flag=True, help="Ask the running process how it is.")
def relay(path: Path, drive_low: bool, state: bool) -> None:
    """Own the relay pin: open it for those who may ask, for as long as they may.

    The gate asks over a Unix socket. SIGTERM or Ctrl-C ends it with the relay off; SIGHUP reads
    limits and users again. Nothing but a request ever switches the relay on.
    """
    if drive_low and state:
        raise click.UsageError("--drive-low and --state are two things; give one of them")
    if drive_low:
        _drive_low(relay_settings.load(path))
    elif state:
        _show(relay_settings.load(path))
    else:
        _run(path)


def _drive_low(settings: RelaydSettings) -> None:
    OutputPin(settings.pin).close()


def _show(settings: RelaydSettings) -> None:
    from hw.relay_line import RelayLine, RelayLineOptions

    line = RelayLine(RelayLineOptions(str(settings.socket)))
    try:
        told = line.state()
    finally:
        line.close()
    contact = f"on for {told['left_ms']} ms more" if told["on"] else "off"
    click.echo(f"relay {contact}; up {told['up_ms'] // 1000} s; {told['clients']} clients")
    for what in ("granted", "refused", "limits"):
        values = ", ".join(f"{name} {value}" for name, value in told[what].items())
        click.echo(f"{what}: {values or 'nothing'}")


def _wanted(told: Callable[[], RelaydSettings]) -> tuple[RelaydSettings, frozenset[int]]:
    from appliance.gate.relayd import users_of

    settings = told()
    return settings, users_of(settings.users)


def _run(path: Path) -> None:
    from appliance.gate.contact import Contact
    from appliance.gate.heir import Heir
    from appliance.gate.late_start import LateStart
    from appliance.gate.listener import Listener
    from appliance.gate.notify import Beat, Notify
    from appliance.gate.relayd import Relayd
    from appliance.gate.wakeup import woken_by_signals

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    told = partial(relay_settings.load, path)
    with ExitStack() as stack:
        line = Notify(os.environ)
        stack.callback(line.close)
        start = LateStart(Beat(line), is_patient=line.is_heard)
        settings, users = start.of(partial(_wanted, told))
        listener = start.of(partial(Listener, settings.socket, is_open=False))
        stack.callback(listener.close)
        start.of(partial(gate_io.load, settings.pin))
        heir = stack.enter_context(Heir(partial(_drive_low, settings)))  # before pin and threads
        pin = start.of(partial(OutputPin, settings.pin))
        stack.callback(pin.close)
        listener.open()
        contact = Contact(pin, settings.limits)
        stack.callback(contact.close)
        daemon = Relayd(
            listener.socket, contact, users, notify=line, told=told, heir=heir.is_alive
        )
        # Until here a signal ends the process, and systemd starts it with what is asked for now.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, lambda *_: daemon.stop())
        signal.signal(signal.SIGHUP, lambda *_: daemon.reload())
        signal.signal(signal.SIGCHLD, lambda *_: daemon.wake())  # the heir has ended
        stack.enter_context(woken_by_signals(daemon.waker()))
        daemon.run()
