"""The examination: every part is looked at in turn, and its line told as soon as it is known.

The wiring of probes and judgements; it decides nothing. A part that cannot be looked at has a line
all the same.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from appliance.doctor import (
    device_lines,
    device_probes,
    machine_lines,
    machine_probes,
    site_lines,
    site_probes,
    update_lines,
    update_probes,
)
from appliance.doctor.lines import Line, fault_of
from appliance.gate.assembly import system_clock
from appliance.provision import refusal
from appliance.settings import Settings, load
from appliance.update.box import Box
from appliance.version import BUILD_TIME
from ledger_sync.errors import Refused, Unavailable

MEND = "mend the settings and ask again"


def examine(
    path: Path, *, click: bool = False, handed: Callable[[Settings], Settings] = lambda one: one
) -> Iterator[Line]:
    """All lines. `click`: the relay is switched on for a moment, whatever is connected to it."""
    try:
        settings = handed(load(path))
    except (Refused, Unavailable) as error:
        yield site_lines.settings(fault_of(error, MEND))
        if not path.exists():
            yield site_lines.first_boot(refusal.remembered(path.parent))
        yield machine_lines.clock(machine_probes.clock(system_clock()(), BUILD_TIME))
        yield from _machine(Path())
        return
    yield site_lines.settings(str(path))
    yield from _site(settings)
    yield from _devices(settings)
    if click:
        yield device_lines.click(device_probes.click(settings))
    yield from _machine(settings.store.parent)
    with site_probes.opened(settings) as replica:
        rules, named = settings.update, update_probes.named(replica, Box())
    yield update_lines.automatic(rules.is_automatic, rules.quiet_minutes, named)


def _site(settings: Settings) -> Iterator[Line]:
    reading = system_clock()()
    with site_probes.opened(settings) as replica:
        yield site_lines.identity(site_probes.identity(replica, settings))
        yield site_lines.ledger(site_probes.ledger(replica, reading))
        floor = site_probes.floor(replica)
    yield site_lines.peers(site_probes.peers(settings))
    yield machine_lines.clock(machine_probes.clock(reading, floor))
    yield machine_lines.chip(reading.has_chip)


def _devices(settings: Settings) -> Iterator[Line]:
    if machine_probes.is_gate_at_work():
        yield device_lines.decision(device_probes.decision(settings))
        yield from device_lines.at_work(device_probes.at_work(settings))
    else:
        yield device_lines.camera(device_probes.camera(settings))
        for part, found in device_probes.readers(settings):
            yield device_lines.reader(part, found)
        yield from device_lines.inputs(device_probes.inputs(settings))
    if settings.relay.name == "relayd":
        yield device_lines.relay(device_probes.relay(settings))
    else:
        yield device_lines.simulated_relay()


def _machine(folder: Path) -> Iterator[Line]:
    yield machine_lines.disk(machine_probes.disk(folder))
    yield machine_lines.space(machine_probes.space(folder))
    yield machine_lines.commits(machine_probes.commits(folder))
    yield machine_lines.heat(machine_probes.heat())
    yield machine_lines.power(machine_probes.power())
    yield machine_lines.watchdog(machine_probes.watchdog())
    for name in machine_probes.UNITS:
        yield machine_lines.unit(machine_probes.unit(name), name)
    yield machine_lines.failed(machine_probes.failed())
    yield machine_lines.versions(machine_probes.versions())
    yield from _update(Box())


def _update(box: Box) -> Iterator[Line]:
    yield update_lines.slots(update_probes.slots(box))
    yield update_lines.update(update_probes.update(box))
