"""The file that keeps what became of the last update, on the data partition, for all to read."""

from pathlib import Path

from appliance.update.outcome import Outcome, outcome_of
from ledger_sync import files
from ledger_sync.errors import Refused, Unavailable

NAME = "update.json"
MAX_FILE = 8_192  # bytes


def read(folder: Path) -> Outcome | None:
    """The last outcome on this data partition; None for none."""
    try:
        return outcome_of(files.read_bounded(folder / NAME, MAX_FILE, hint=""))
    except (Refused, Unavailable):
        return None


def write(folder: Path, outcome: Outcome) -> None:
    """Raises `Unavailable`."""
    files.replace(folder / NAME, outcome.to_bytes())
