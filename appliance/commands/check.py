"""`yardpass check`: judge codes from pictures or texts, as a gate would; nothing opens."""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from appliance.gate import telling, words
from appliance.gate.assembly import open_replica, system_clock
from appliance.gate.checker import Assessed, Checker
from appliance.passes.code import MAX_TEXT, Form
from appliance.policy.reasons import Reason
from appliance.policy.verdict import Action
from appliance.settings import FILE_NAME, Settings, load
from appliance.version import BUILD_TIME, software
from hw.camera.files import picture
from hw.decoder import DecoderChild
from hw.errors import Refused as HardwareRefused
from hw.errors import Unavailable as HardwareUnavailable
from ledger_sync.clock import Grade, grade_of
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.files import read_bounded
from ledger_sync.replica import Replica

AT_HELP = """Judge as of this time, ISO 8601 such as 2026-11-22T08:00:00Z; `now` trusts the clock
of this machine, which a gate does only if it is synchronised or kept by a clock chip."""
DEADLINE_SECONDS = 20.0  # nobody waits at a gate; the largest pictures take seconds
TEXT_SUFFIXES = (".txt", "")
_INVITES = (Form.VISITOR, Form.BEARER_INVITE)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--site", type=click.Path(path_type=Path), help="Folder of a terminal (site.toml).")
@click.option("--at", "moment", help=AT_HELP)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def check(files: tuple[Path, ...], site: Path | None, moment: str | None, as_json: bool) -> None:
    """Judge the code in each FILE: a picture (PNG, JPEG, ...) or a text file; - is stdin.

    Nothing is opened and nothing is recorded. Exits 0 only if every file would open the gate. A
    file that cannot be used is told, and the others are judged all the same.
    """
    folder = site or Path(os.environ.get("YARDPASS_SITE", "."))
    settings = load(folder / FILE_NAME)
    now, grade = _time(moment)
    with open_replica(settings) as replica:
        checker = Checker(replica, settings.gate, build_time=BUILD_TIME)
        if grade is None:
            grade = grade_of(system_clock()(), checker.floor)
        found = [_judge(file, checker, replica, settings, now, grade) for file in files]
    if as_json:
        click.echo(json.dumps({"checks": found}, ensure_ascii=False, indent=1))
    else:
        for one in found:
            click.echo(one["line"], err="fault" in one)
    sys.exit(0 if all(one["action"] == Action.OPEN.name for one in found) else 1)


def _time(moment: str | None) -> tuple[int, Grade | None]:
    if moment is None:
        return int(time.time()), None
    if moment == "now":
        return int(time.time()), Grade.GOOD
    try:
        stated = datetime.fromisoformat(moment)
    except ValueError:
        raise click.UsageError(f"--at {moment!r} is not an ISO 8601 time") from None
    if stated.tzinfo is None:
        stated = stated.replace(tzinfo=UTC)
    return int(stated.timestamp()), Grade.GOOD


def _judge(
    file: Path,
    checker: Checker,
    replica: Replica,
    settings: Settings,
    now: int,
    grade: Grade,
) -> dict[str, Any]:
    name = click.format_filename(file)
    unjudged = {"file": name, "verdict": None, "action": None}
    try:
        payloads = _payloads(file, settings)
    except (Refused, Unavailable, HardwareRefused, HardwareUnavailable) as error:
        return {**unjudged, "fault": str(error), "line": f"yardpass: {error}"}
    if not payloads:
        advice = "no code found; try a sharper, larger or brighter picture"
        return {**unjudged, "line": f"{name}: {advice}"}
    assessed = _foremost([checker.assess(payload, now, grade=grade) for payload in payloads])
    heard_at = checker.ledger.quorum_time
    made = software()
    found = words.document(assessed.verdict, assessed.facts, now, heard_at=heard_at, software=made)
    said = telling.sentence(replica, checker.rule.zone, assessed, now)
    found["sentence"] = said
    if assessed.facts.form in _INVITES and not assessed.facts.refused:
        found["visitor"] = assessed.credential.hex()  # what `office deny --visitor` takes
    why = " ".join((*assessed.verdict.reasons, said))
    line = f"{name}: {words.headline(assessed.verdict)} {why}  by {made}"
    return {"file": name, **found, "line": line}


def _foremost(found: list[Assessed]) -> Assessed:
    """The verdict on the first code that is one of ours, if any is: posters are in view too."""
    ours = [one for one in found if Reason.FOREIGN not in one.verdict.reasons]
    return (ours or found)[0]


def _payloads(file: Path, settings: Settings) -> list[bytes]:
    if str(file) == "-":
        return [sys.stdin.buffer.read(MAX_TEXT + 1).strip()]
    if file.suffix.lower() in TEXT_SUFFIXES:
        return [read_bounded(file, MAX_TEXT, hint="give an existing file").strip()]
    luma = picture(file).luma
    with DecoderChild(settings.engines, deadline_seconds=DEADLINE_SECONDS) as decoder:
        return decoder.read(luma)
