"""Whether a box is well enough to keep the slot that it was started from.

Four things, each a sentence when it fails: the data partition takes a write, the services run, the
relay's process answers, and a code that nobody issued is read, judged and refused.
"""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

from appliance.update.programs import Run
from ledger_sync.errors import Unavailable

UNITS = ("yardpass-relay.service", "yardpass-gate.service", "yardpass-sync.service")
YARDPASS = "/usr/bin/yardpass"
FULL = "disk full:"
"""How the sentence begins whose fault no system is: the next one has the same data partition."""
SELF_TEST = "YP1:THIS IS NO PASS"
SITE = Path("/var/lib/yardpass")


def faults(run: Run, *, data: Path, site: Path = SITE) -> Iterator[str]:
    """What is wrong, nothing for a box that is well. A box that is not yet a terminal has no
    services, and only its data partition is looked at."""
    yield from disk_faults(data)
    if not (site / "site.toml").exists():
        return
    for unit in UNITS:
        yield from _answered(run, ["/usr/bin/systemctl", "is-active", "--quiet", unit], unit)
    state = [YARDPASS, "relay", "--state", "--settings", str(site / "site.toml")]
    yield from _answered(run, state, "relay's socket")
    yield from _decision(run, data, site)


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


def _answered(run: Run, command: list[str], what: str) -> Iterator[str]:
    try:
        run(command)
    except Unavailable as error:
        yield f"{what}: {error}"


def _decision(run: Run, data: Path, site: Path) -> Iterator[str]:
    """A refusal is the right answer, and `yardpass check` exits with 1 for it."""
    file = data / ".self-test"
    try:
        file.write_text(SELF_TEST, encoding="utf-8")
        command = f"{YARDPASS} check --json --site {site} {file}; [ $? = 1 ]"
        told = json.loads(run(["/bin/sh", "-c", command]))
        one = told["checks"][0]
    except (OSError, ValueError, LookupError, TypeError) as error:
        yield f"decision: no verdict on the self-test ({error})"
        return
    if one.get("verdict") != "RED":
        yield f"decision: the self-test was judged {one.get('verdict')} instead of RED"
