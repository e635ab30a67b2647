"""Whether the gate is open, as relayd tells it: nothing of a box is changed meanwhile."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from appliance import relay_settings
from hw.errors import Unavailable as HardwareUnavailable
from hw.relay_line import RelayLine, RelayLineOptions
from ledger_sync.errors import Refused, Unavailable


def is_open(settings: Path) -> bool:
    """Whether relayd drives the gate now; a relay that does not answer opens nothing."""
    try:
        return bool(condition(settings)["on"])
    except (Refused, Unavailable):
        return False


def condition(settings: Path) -> Mapping[str, object]:
    """How relayd says it is. Raises `Unavailable` if it does not answer, `Refused` for settings
    that cannot be read."""
    socket = relay_settings.load(settings).socket
    try:
        with closing(RelayLine(RelayLineOptions(str(socket)))) as line:
            return line.state()
    except HardwareUnavailable as error:
        raise Unavailable(str(error)) from error
