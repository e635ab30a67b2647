"""How the peers of a terminal are, as a file: the daemon writes it, console and people read it.

A peer that is silent is a state, not a fault: it is told once it has been away for a minute.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger_sync.errors import Unavailable
from ledger_sync.files import read_bounded
from ledger_sync.peers import Peer

NAME = "peers.json"  # beside the store
MAX_FILE = 1 << 20  # bytes; a peer has about 100
MODE = 0o640  # whatever the umask: the console may be another user of the folder's group
SILENT_SECONDS = 60  # a peer away for so long is one the guard is told of
SENTENCES = {
    "here": "peer {name}: here",
    "connecting": "peer {name}: connecting",
    "away": "peer {name}: silent for more than a minute",
    "misbehaved": "peer {name}: cut off, {fault}",
}


class PeersFile:
    """The daemon's side. Owned by one thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._before = ""

    def report(self, peers: Sequence[Peer], ticks: float) -> None:
        """Writes how they are at `ticks`, if that is news. Raises `Unavailable`."""
        found = [state_of(peer, ticks) for peer in peers]
        text = json.dumps(found, sort_keys=True)
        if text == self._before:
            return
        part = self._path.with_suffix(".part")
        whole = json.dumps({"at": int(time.time()), "peers": found}, indent=1)
        try:
            part.write_text(whole + "\n", encoding="utf-8")
            part.chmod(MODE)
            part.replace(self._path)
        except OSError as error:
            what = f"{self._path} cannot be written ({error.strerror or error})"
            raise Unavailable(f"{what}; free disk space or check its folder") from error
        self._before = text


def state_of(peer: Peer, ticks: float) -> dict[str, Any]:
    """A peer as it stands in the file."""
    away = "away" if ticks - peer.since > SILENT_SECONDS else "connecting"
    state = "here" if peer.is_up else "misbehaved" if peer.faults and peer.last_fault else away
    return {"name": peer.name, "state": state, "faults": peer.faults, "fault": peer.last_fault}


def read(folder: Path) -> list[dict[str, Any]]:
    """How the peers were when the daemon last wrote; none where it never did, or the file is
    damaged: the next report mends it."""
    path = folder / NAME
    try:
        found = json.loads(read_bounded(path, MAX_FILE, hint="run yardpass sync"))["peers"]
    except (Unavailable, ValueError, KeyError, TypeError, RecursionError):
        return []
    return [one for one in found if _is_state(one)] if isinstance(found, list) else []


def _is_state(one: object) -> bool:
    is_whole = isinstance(one, dict) and {"name", "state", "faults", "fault"} <= one.keys()
    if not is_whole or not isinstance(one, dict):
        return False
    texts = (one["name"], one["state"], one["fault"])
    return all(isinstance(text, str) for text in texts) and one["state"] in SENTENCES


def sentence(peer: dict[str, Any]) -> str:
    """`peer north-2: here`."""
    return SENTENCES[peer["state"]].format(name=peer["name"], fault=peer["fault"])
