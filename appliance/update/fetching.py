"""Updates that the ledger names: which one this box wants, and getting its file.

The file comes to the folder of the store, written by whoever has a network (`yardpass sync`); what
has no network and may install it takes a copy of its own. Its hash is the ledger's, its signature
RAUC's, which is the one that is trusted.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from appliance.update import outcome_file
from appliance.update.box import Box
from appliance.update.outcome import UNDER_WAY, Outcome, check_tries
from appliance.update.slots import check_newer
from ledger_sync.download import Download, Wanted
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.store import Store
from ledger_sync.updates import Update, named

PATTERNS = ("update-*.raucb", ".update-*.raucb.part")  # beside the store
Progress = Callable[[int, int], None]


def is_wanted(update: Update | None, running: str, last: Outcome | None) -> bool:
    """Whether this box should have it: newer than what runs, not under way, not one that was tried
    or looked at and did not work."""
    if update is None:
        return False
    if last is not None and last.state in UNDER_WAY and last.version == update.version:
        return False
    with suppress(Refused):
        check_newer(running, update.version)
        check_tries(last, update.version)
        return True
    return False


def wanted(store: Store, box: Box) -> Update | None:
    """The update that the ledger names for this box, if it is wanted; None for none, and on a
    machine that is no box. Raises `Unavailable` for a damaged store."""
    try:
        kind, running = box.kind(), box.version()
    except Unavailable:
        return None
    update = named(store, kind)
    return update if is_wanted(update, running, outcome_file.read(box.data)) else None


def place(folder: Path, update: Update) -> Path:
    """Where its file is once all of it has come, named by its hash."""
    return folder / f"update-{update.sha256.hex()[:16]}.raucb"


def fetch(folder: Path, update: Update, progress: Progress) -> Path:
    """Gets the file, going on where it stopped; what has come of others goes. Raises `Refused`,
    `Unavailable`."""
    target = place(folder, update)
    clear(folder, but=update)
    file = Wanted(update.sha256, update.length, update.path)
    return Download(target, file).run(update.places, progress)


def clear(folder: Path, *, but: Update | None = None) -> None:
    """What has come of updates that are not wanted goes: one at most is kept."""
    name = place(folder, but).name if but else ""
    for path in (path for pattern in PATTERNS for path in folder.glob(pattern)):
        if path.name not in (name, f".{name}.part"):
            with suppress(OSError):
                path.unlink(missing_ok=True)
