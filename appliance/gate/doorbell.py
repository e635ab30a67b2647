"""The doorbell between the gate and the gossip: a head a message, over a Unix datagram socket.

The gate rings and never waits: who is not at home misses nothing, for the next head covers what
was not heard. A head proves itself by its signature, so nobody gains by ringing.
"""

import socket
from contextlib import suppress
from pathlib import Path

from appliance.gate.left_socket import take_away
from ledger_sync.errors import Unavailable

NAME = "sync.sock"  # beside the store
MAX_MESSAGE = 4_096  # bytes; a head has about 300


class Doorbell:
    """The gate's side: tells a head, drops it when nobody listens or the other is busy."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def ring(self, head: str) -> None:
        with suppress(OSError):
            self._socket.sendto(head.encode(), self._path)

    def close(self) -> None:
        self._socket.close()


def listen(path: Path) -> socket.socket:
    """The other side, readable by this user and group alone. Raises `Unavailable` if somebody
    listens there already, or the folder does not allow it."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        take_away(path, socket.SOCK_DGRAM)
        made.bind(str(path))
        path.chmod(0o660)
    except OSError as error:
        made.close()
        what = f"{path} cannot be listened at ({error.strerror or error})"
        raise Unavailable(f"{what}; is another yardpass sync running here?") from error
    return made


def is_answered(path: Path) -> bool:
    """Whether somebody listens there: `yardpass sync` is at work."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
