"""Whether the ledger of a terminal names the key that it made: then the office has enrolled it,
and that has come here."""

from collections.abc import Callable

from appliance.gate.exchange import PUBLIC_KEY
from appliance.settings import Settings
from ledger_sync.errors import Unavailable
from ledger_sync.files import read_bounded
from ledger_sync.store import Store

LOOK_SECONDS = 2.0
MAX_PUBLIC = 128  # bytes of the file with the key


def is_enrolled(settings: Settings) -> bool:
    """Whether it does. Raises `Unavailable`."""
    own = read_bounded(settings.folder / PUBLIC_KEY, MAX_PUBLIC, hint="see yardpass doctor")
    with Store(settings.store) as store:
        row = store.row("SELECT key FROM terminal WHERE name = ?", settings.terminal)
    return row is not None and bytes(row[0]).hex().encode() == own.strip()


def wait(settings: Settings, pause: Callable[[float], bool]) -> bool:
    """Returns True once it is enrolled, False if `pause`, which waits for so many seconds, says
    that somebody does not want to wait. A store that cannot be read now may be later."""
    while True:
        try:
            if is_enrolled(settings):
                return True
        except Unavailable:
            pass
        if pause(LOOK_SECONDS):
            return False
