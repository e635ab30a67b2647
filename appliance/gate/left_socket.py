"""The name of a Unix socket that a dead process left behind."""

import socket
from pathlib import Path

PATIENCE_SECONDS = 1.0  # a listener whose queue is full answers no sooner, and is alive


def take_away(path: Path, kind: socket.SocketKind) -> None:
    """Removes the socket at `path` if nobody answers there. One that is answered stays, and so
    does what is no socket; binding then says so. Raises `OSError` if it cannot be asked."""
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.settimeout(PATIENCE_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            if path.is_socket():
                path.unlink()
        except FileNotFoundError:
            return
