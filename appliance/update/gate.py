"""Whether the gate is open, as relayd tells it: nothing of a box is changed meanwhile."""

from pathlib import Path

from appliance import relay_settings
from hw.errors import Unavailable as HardwareUnavailable
from hw.relay_line import RelayLine, RelayLineOptions
from ledger_sync.errors import Refused, Unavailable


def is_open(settings: Path) -> bool:
    """Whether relayd drives the gate now; a relay that does not answer opens nothing."""
    try:
        line = RelayLine(RelayLineOptions(str(relay_settings.load(settings).socket)))
    except (Refused, Unavailable, HardwareUnavailable):
        return False
    try:
        return bool(line.state()["on"])
    except HardwareUnavailable:
        return False
    finally:
        line.close()
