"""Looks at a box's two slots and its last update. Judges nothing."""

from configparser import ConfigParser, Error

from appliance.doctor.lines import Missing, NotHad, fault_of
from appliance.doctor.update_lines import Slots
from appliance.update import outcome_file
from appliance.update.autoboot import other
from appliance.update.box import Box
from appliance.update.outcome import Outcome
from ledger_sync import updates
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.replica import Replica

NO_BOX = "no box with two slots; a checkout is updated by git"
STEP = "look with: yardpass update status"
RAUC_FILE = "rauc/central.raucs"  # on the data partition: rauc's documentation, "Slot Status"
MAX_FILE = 65_536


def is_box(box: Box) -> bool:
    """Whether this machine has slots at all."""
    return box.choice.exists()


def slots(box: Box) -> Slots | NotHad:
    if not is_box(box):
        return Missing(NO_BOX)
    try:
        running = box.running()
        target = other(running)
        is_whole = not (box.data / f".slot-{target}-is-bad").exists()
        is_kept, starts = running == box.chosen(), box.starts()
        count = starts.starts if starts.slot == running else 0
        return Slots(running, box.version(), is_kept, target, is_whole, _holds(box, target), count)
    except (Refused, Unavailable) as error:
        return fault_of(error, STEP)


def update(box: Box) -> Outcome | NotHad | None:
    return outcome_file.read(box.data) if is_box(box) else Missing(NO_BOX)


def named(replica: Replica | NotHad, box: Box) -> str | NotHad:
    """The version that the ledger here names for boxes of this kind; empty for none."""
    if not is_box(box):
        return Missing(NO_BOX)
    if not isinstance(replica, Replica):
        return replica
    try:
        update = updates.named(replica.store, box.kind())
    except Unavailable as error:
        return fault_of(error, STEP)
    return update.version if update else ""


def _holds(box: Box, slot: str) -> str:
    """The version that RAUC wrote into a slot; empty if it does not say."""
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        with (box.data / RAUC_FILE).open(encoding="utf-8", errors="replace") as file:
            parser.read_string(file.read(MAX_FILE))
    except (OSError, Error):
        return ""
    number = {"a": 0, "b": 1}[slot]
    text = parser.get(f"slot.system.{number}", "bundle.version", fallback="")
    return "".join(one for one in text if one.isprintable())[:40]
