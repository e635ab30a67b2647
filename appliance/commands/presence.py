"""`yardpass presence`: who is inside by the logs, how sure that is, which visitors are overdue."""

import json
from pathlib import Path
from typing import Any

import click

from appliance.commands import conflicts as conflicts_here
from appliance.commands.ledger_options import json_option, now, site_option
from appliance.gate import doorbell
from appliance.gate.assembly import open_replica
from appliance.gate.identity import HINT
from appliance.gate.overstays import Overstay, overstays
from appliance.gate.site_clock import site_zone
from appliance.gate.words import clock_of, plain
from appliance.policy.schedule import Zone
from appliance.settings import FILE_NAME, load
from ledger_sync import peers_file
from ledger_sync.feed import ZONES
from ledger_sync.keyfile import read_secret
from ledger_sync.presence import Presence
from ledger_sync.replica import Replica


@click.command()
@site_option
@json_option
def presence(site: Path, as_json: bool) -> None:
    """Count who is inside each zone by the logs of all terminals, name visitors who are overdue
    and checks that contradict each other.

    A count is of who was seen: who leaves behind somebody else stays inside, and those who came in
    more than a day ago are told apart. Exits 1 while a visitor is overdue.
    """
    settings = load(site / FILE_NAME)
    secret = read_secret(settings.site_secret, hint=HINT)
    at, folder = now(), settings.store.parent
    peers = peers_file.read(folder) if doorbell.is_answered(folder / doorbell.NAME) else None
    silent = None if peers is None else [one["name"] for one in peers if one["state"] != "here"]
    with open_replica(settings) as replica:
        zones = _zones(replica, at)
        late = overstays(replica.store, secret, at)
        conflicts = conflicts_here.told(replica.store)
        clock = site_zone(replica)
    if as_json:
        click.echo(json.dumps({
            "zones": zones,
            "overdue": [one._asdict() for one in late],
            "conflicts": [one._asdict() for one in conflicts],
            "silent": silent,
        }))  # fmt: skip
    else:
        for line in (*map(_counted, zones), *_unsure(silent), *_late(late, at, clock)):
            click.echo(line)
        for line in conflicts_here.sentences(conflicts):
            click.echo(line)
    if late:
        raise click.exceptions.Exit(1)


def _zones(replica: Replica, at: int) -> list[dict[str, int]]:
    """The zones in which somebody was seen."""
    counted = Presence(replica.store)
    found = []
    for zone in range(ZONES):
        inside = counted.inside(zone, at)
        if inside.count or inside.unsure:
            found.append({"zone": zone, "inside": inside.count, "unsure": inside.unsure})
    return found


def _counted(zone: dict[str, Any]) -> str:
    more = f", and {zone['unsure']} who came in more than a day ago" if zone["unsure"] else ""
    return f"zone {zone['zone']}: {zone['inside']} inside{more}"


def _unsure(silent: list[str] | None) -> list[str]:
    if silent is None:
        return ["yardpass sync is not running here: this is what this terminal alone has seen"]
    return [f"not heard now: {', '.join(silent)}; what they saw is missing"] if silent else []


def _late(late: list[Overstay], at: int, zone: Zone) -> list[str]:
    return [
        f"OVERDUE visitor {one.visitor}: in by {plain(one.gate)} "
        f"{clock_of(one.since, at, zone)}, until {clock_of(one.ended_at, at, zone)}"
        for one in late
    ]
