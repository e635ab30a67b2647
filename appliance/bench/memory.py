"""How much memory a gate process holds after a thousand checks: a real one, measured from inside.

Run as a module it is that process: `python -m appliance.bench.memory SITE-FOLDER TEXTS-FILE`.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from appliance.bench.measure import Row

CHECKS = 1_000
TIMEOUT_SECONDS = 120


def rows(progress: Callable[[str], None]) -> list[Row]:
    """Resident set of a gate process in MB (10^6 bytes) after `CHECKS` checks."""
    from appliance.demo.compound import START, Compound
    from hw.sim import album, photos

    progress(f"memory of a gate process after {CHECKS:,} checks")
    with tempfile.TemporaryDirectory(prefix="yardpass-bench-") as name:
        folder = Path(name)
        with Compound(folder) as yard:
            phone = yard.phone("Lin")
            yard.open()
            site = yard.stations["north"].settings.store.parent
        texts = [phone.reference(START + second) for second in range(CHECKS)]
        (folder / "texts").write_bytes(b"\n".join(texts[1:]))
        shown = photos.photo_of(texts[0].decode(), photos.Condition.PLAIN, seed=3)
        album.save(shown, site / "pictures" / "1.png")
        megabytes = _measured(site, folder)
    return [
        Row(
            "gate process: RSS after 1,000 checks",
            megabytes,
            megabytes,
            megabytes,
            unit="MB",
            at_most=120,
            aim=80,
        )
    ]


def _measured(site: Path, folder: Path) -> float:
    command = [sys.executable, "-P", "-m", __name__, str(site), str(folder)]
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the measured gate process failed: {done.stderr[-500:]}")
    return float(done.stdout)


def work(site: Path, folder: Path) -> float:
    """Runs a gate through its thousand checks, one of them from a picture; its RSS in MB."""
    from appliance.gate import assembly, devices
    from appliance.settings import FILE_NAME, load
    from appliance.version import BUILD_TIME
    from ledger_sync.clock import Reading

    settings = load(site / FILE_NAME)
    moments = iter(range(BUILD_TIME + 8 * 3_600, BUILD_TIME + 10 * 3_600))
    with (
        devices.open_eye(settings) as eye,
        assembly.open_terminal(
            settings,
            clock=lambda: Reading(next(moments), True, 1, True),
            incarnation=os.urandom(8),
        ) as terminal,
    ):
        texts = [sighting.payload for sighting in eye.sightings() if sighting]
        texts += (folder / "texts").read_bytes().split(b"\n")
        outcomes = [terminal.present(text) for text in texts]
        assert sum(outcome.is_opened for outcome in outcomes) == CHECKS
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.stdout.write(f"{work(Path(sys.argv[1]), Path(sys.argv[2]))}\n")
