"""The gate process, asked once over its socket how the gate is: for who looks, and for who may
change nothing of a box while people pass."""

import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from appliance.gate.console_socket import path_beside
from appliance.gate.door import State
from appliance.gate.remote import ASK, MAX_ANSWER, TRY, Answer, answer_of
from appliance.gate.remote import State as Condition
from ledger_sync.errors import Refused, Unavailable

ANSWER_SECONDS = 3.0
_SHUT = frozenset({"", *(one.value for one in (State.UNSEEN, State.CLOSED, State.SETTLING))})
"""How a door is that nobody stands in, or of which nobody knows."""


def answered(path: Path | str, packet: Callable[[], bytes], seconds: float) -> Answer | Condition:
    """What a gate answers at its socket; `packet` makes what it is sent, once it listens. Raises
    `OSError` if it does not answer in time, `Refused` for no answer of a gate."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as line:
        line.settimeout(seconds)
        line.connect(str(path))
        line.send(packet())
        return answer_of(line.recv(MAX_ANSWER))


def condition_at(store: Path, seconds: float = ANSWER_SECONDS) -> Condition:
    """How the gate of this store says it is. Raises `Unavailable` if none answers in time."""
    found = _asked(store, ASK, seconds)
    if not isinstance(found, Condition):
        raise Unavailable("the gate's process does not say how it is")
    return found


def check_judges(store: Path, seconds: float = ANSWER_SECONDS) -> None:
    """Raises `Unavailable` unless the gate of this store refuses a code that nobody issued."""
    found = _asked(store, TRY, seconds)
    if not isinstance(found, Answer):
        raise Unavailable("the gate's process does not say how it judges")
    if not found.is_done:
        raise Unavailable(found.detail or f"the gate's process says {found.why}")


def stands_open(store: Path) -> bool:
    """Whether the gate's contact says that it stands open, or somebody may open it now. No process
    at work opens nothing and sees nothing: then no."""
    try:
        return is_open(condition_at(store))
    except Unavailable:
        return False


def _asked(store: Path, packet: bytes, seconds: float) -> Answer | Condition:
    try:
        return answered(path_beside(store), lambda: packet, seconds)
    except (OSError, Refused) as error:
        raise Unavailable(f"the gate's process does not answer ({error})") from error


def is_open(found: Condition) -> bool:
    """Whether a gate that is so stands open, or may be opened now."""
    return found.door not in _SHUT
