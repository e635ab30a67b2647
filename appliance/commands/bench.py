"""`yardpass bench`: measures the floors and says which hold."""

import json
import sys

import click

from appliance.bench import memory, scan, verdicts
from appliance.bench.measure import Row


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def bench(as_json: bool) -> None:
    """Measure, on this machine and in one run, what the product promises as ratios.

    Takes about two minutes. Exits 0 only if every floor holds.
    """
    found: list[Row] = []
    for part in (verdicts.rows, memory.rows, scan.rows):
        found += part(lambda step: click.echo(f"... {step}", err=True))
    if as_json:
        click.echo(json.dumps({"rows": [row.as_json() for row in found]}, indent=1))
    else:
        for row in found:
            click.echo(_line(row))
    sys.exit(0 if all(row.ok for row in found) else 1)


def _line(row: Row) -> str:
    floor = ""
    if row.at_most is not None:
        floor = f"<= {row.at_most:g}"
    elif row.at_least is not None:
        floor = f">= {row.at_least:g}"
    aim = f"aim {row.aim:g}" if row.aim is not None else ""
    mark = "    " if not floor else "ok  " if row.ok else "FAIL"
    figure = f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
    return f"{mark} {row.name:<66} {figure:<26} {floor:<9} {aim:<9} {row.note}".rstrip()
