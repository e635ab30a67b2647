"""A socket that a daemon takes packets at: one daemon a socket, for user and group only.

Knows no message and no pin.
"""

import fcntl
import os
import socket
from pathlib import Path

from appliance.gate.left_socket import take_away
from hw.errors import Unavailable
from hw.relay_line import MAX_PATH

BACKLOG = 16  # clients that may wait to be taken


class Listener:
    """The socket that clients connect to, for user and group only (0660).

    A lock file beside it, which the kernel lets go with its process, keeps two daemons apart. With
    the lock, a socket that nobody answers is left from a dead process and is taken away; one that
    somebody answers is not ours and stays. Raises `Unavailable`.
    """

    def __init__(
        self,
        path: Path,
        *,
        owner: str = "yardpass relay",
        shorten: str = "relay.socket",
        is_open: bool = True,
    ) -> None:
        """`owner` is the command that listens here, `shorten` what makes the path shorter. One
        that is not open refuses who connects, until `open`."""
        self._path = path
        self._owner = owner
        if len(os.fsencode(path)) > MAX_PATH:
            raise Unavailable(f"{path} is longer than {MAX_PATH} bytes; give a shorter {shorten}")
        try:
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        kind = socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK
        self.socket = socket.socket(socket.AF_UNIX, kind)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            take_away(path, socket.SOCK_SEQPACKET)
            mask = os.umask(0o117)  # from the first moment on nobody else can connect
            try:
                self.socket.bind(str(path))
            finally:
                os.umask(mask)
            if is_open:
                self.open()
        except OSError as error:
            self._let_go()
            raise self._unusable(error) from error

    def open(self) -> None:
        """From now on clients can connect."""
        self.socket.listen(BACKLOG)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        self._let_go()

    def _let_go(self) -> None:
        self.socket.close()
        os.close(self._lock)

    def _unusable(self, error: OSError) -> Unavailable:
        what = f"{self._path} cannot be listened at ({error.strerror or error})"
        return Unavailable(f"{what}; is another {self._owner} running? see its folder's rights")
