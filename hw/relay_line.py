"""The line to relayd, the only process that moves the relay pin, and the relay behind it.

One packet is one message (Unix SOCK_SEQPACKET), ASCII, one spelling for each:

    81234567 pulse 700 in      81234567 hold out      81234567 renew      (stamp, what, way)
    81234567 end               81234567 release       81234567 state
    granted 700                done                   refused gap <sentence>
    failed <sentence>          state <JSON>

Whom relayd does not take is told `refused peer <sentence>` or `failed full: <sentence>` before
any request, and is hung up on.

The stamp is the asker's monotonic clock in ms, one clock for all processes of a machine. A
process that hung, or was stopped, finds old requests in its socket when it goes on. relayd
refuses what is older than MAX_AGE_MS, and an asker waits longer than that for its answer: so
nobody's gate opens after they were told that it did not.
"""

import enum
import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hw.errors import Refused, Unavailable
from hw.gate_io import Pause, check_pulse

MAX_REQUEST = 64  # bytes
MAX_ANSWER = 1_024  # bytes
MAX_PATH = 107  # bytes of a Unix socket's name, unix(7)
MAX_AGE_MS = 1_000
"""Age at which a request to switch on is too old to be acted on."""
ANSWER_SECONDS = 1.5
"""How long an asker waits for an answer; longer than MAX_AGE_MS."""

REFUSED_PEER = "refused peer "
FULL = "failed full: "
"""How the answer begins that says why a connection was not taken; relayd hangs up behind it."""

_HINT = "look at 'systemctl status yardpass-relay', or start: yardpass relay"
_REQUEST = re.compile(
    rb"([0-9]{1,19}) (?:(pulse) ([0-9]{1,9}) (in|out)|(hold) (in|out)|(renew|end|release|state))"
)


class Verb(enum.Enum):
    """What can be asked of relayd."""

    PULSE = "pulse"
    HOLD = "hold"
    RENEW = "renew"
    END = "end"  # of this connection's pulse, before its time
    RELEASE = "release"  # of this connection's hold
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, such as `81234567 pulse 700 in`. `ms` is 0 but for a pulse."""

    stamp: int
    verb: Verb
    ms: int = 0
    way_out: bool = False

    def to_bytes(self) -> bytes:
        words = [str(self.stamp), self.verb.value]
        if self.verb is Verb.PULSE:
            words.append(str(self.ms))
        if self.verb in (Verb.PULSE, Verb.HOLD):
            words.append("out" if self.way_out else "in")
        return " ".join(words).encode()


def request_of(data: bytes) -> Request:
    """The request in one packet. Raises `Refused` for anything that `to_bytes` does not write."""
    found = _REQUEST.fullmatch(data) if len(data) <= MAX_REQUEST else None
    if found:
        stamp, pulse, ms, pulse_way, hold, hold_way, other = found.groups()
        verb = Verb((pulse or hold or other).decode())
        made = Request(int(stamp), verb, int(ms or 0), (pulse_way or hold_way) == b"out")
        if made.to_bytes() == data:
            return made
    raise Refused(f"{data[:MAX_REQUEST]!r} is no request to relayd", reason="R-PULSE")


def now_ms() -> int:
    """The clock of stamps and deadlines: monotonic, the same in every process of this machine."""
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class RelayLineOptions:
    """Where relayd listens, and whether this gate leads out, which rate and duty never block."""

    socket: str = "relay.sock"
    way_out: bool = False


class RelayLine:
    """The Relay port through relayd. One pulse at a time; connects when it is asked.

    `wait` takes seconds; a given one replaces the pause that `close` can end. A hold beside the
    port: `hold` switches on for a lease, and whoever needs it on calls `renew` from the very loop
    whose life it depends on, at least thrice a lease; a loop that hangs then lets the gate shut.
    """

    def __init__(
        self,
        options: RelayLineOptions | None = None,
        *,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._options = options or RelayLineOptions()
        if not 0 < len(self._options.socket.encode()) <= MAX_PATH:
            raise Refused(
                f"socket {self._options.socket[:60]!r}; give a path of 1 to {MAX_PATH} bytes",
                reason="R-SETTINGS",
            )
        self._pause = Pause()
        self._wait = wait or self._pause
        self._turn = threading.Lock()  # one pulse at a time
        self._pulsing = 0  # the thread that had the turn last; written with it
        self._talking = threading.Lock()  # one exchange at a time; guards the socket
        self._socket: socket.socket | None = None
        self._closed = False

    def pulse(self, milliseconds: int, *, way_out: bool = False) -> None:
        """Energise for `milliseconds`; `close` ends it early. Raises as the port says."""
        check_pulse(milliseconds)
        with self._turn:
            self._pulsing = threading.get_ident()
            granted = self._ask(Verb.PULSE, milliseconds, way_out=way_out)
            try:
                self._wait(granted / 1000)
            except BaseException:
                with suppress(Unavailable, Refused):
                    self._tell(Verb.END)
                raise
            self._tell(Verb.END)

    def hold(self, *, way_out: bool = False) -> float:
        """On until released; gives the seconds after which it ends unless renewed."""
        return self._ask(Verb.HOLD, way_out=way_out) / 1000

    def renew(self) -> float:
        """Another lease for a hold. Raises `Refused` if it has run out: then hold again."""
        return self._ask(Verb.RENEW) / 1000

    def release(self) -> None:
        """Gives the hold back; fine without one."""
        self._tell(Verb.RELEASE)

    def state(self) -> dict[str, Any]:
        """What relayd says of itself: see `Contact.state` in appliance/gate/contact.py."""
        try:
            told = json.loads(self._exchange(Verb.STATE, 0, "state"))
        except ValueError as error:
            raise self._gone(f"it answered no JSON ({error})") from error
        if not isinstance(told, dict):
            raise self._gone("it answered no state")
        return told

    def close(self) -> None:
        """Ends a pulse that runs, and the connection. A handler that interrupted the pulse returns
        at once, and the pulse ends behind it; anybody else returns when it has ended."""
        self._closed = True
        self._pause.wake()
        is_own = self._turn.locked() and self._pulsing == threading.get_ident()
        if not is_own and self._turn.acquire(timeout=2 * ANSWER_SECONDS):
            try:
                self._drop()
            finally:
                self._turn.release()

    def _ask(self, verb: Verb, ms: int = 0, *, way_out: bool = False) -> int:
        """Milliseconds that were granted. Raises as the port says."""
        if self._closed:
            raise Unavailable("the relay is closed; make a new one")
        told = self._exchange(verb, ms, "granted", way_out=way_out)
        if not told.isdigit() or len(told) > 6:
            raise self._gone(f"it granted {told[:20]!r}")
        return int(told)

    def _tell(self, verb: Verb) -> None:
        """Ends something, if there is still a connection; without one it has ended already, or
        ends in relayd by itself."""
        try:
            self._exchange(verb, 0, "done", connect=False)
        finally:
            if self._closed:
                self._drop()

    def _exchange(
        self, verb: Verb, ms: int, wanted: str, *, connect: bool = True, way_out: bool = False
    ) -> str:
        with self._talking:
            line = self._connected() if connect else self._socket
            if line is None:
                raise self._gone("it went away; what it did last is not known")
            request = Request(now_ms(), verb, ms, self._options.way_out or way_out)
            try:
                answer = self._answer(line, request.to_bytes())
            except BaseException:
                self._hang_up()  # a late answer must not be taken for that to the next request
                raise
            if answer.startswith((REFUSED_PEER, FULL)):
                self._hang_up()  # so does relayd, perhaps a moment later
        kind, _, rest = answer.partition(" ")
        if kind == wanted:
            return rest
        if kind == "refused":
            why, _, sentence = rest.partition(" ")
            raise Refused(f"relayd refused ({why}): {sentence}", reason="R-PULSE")
        raise self._gone(f"it said: {answer[:200]}")

    def _connected(self) -> socket.socket:
        """The connection, made anew if relayd was restarted. Called with the lock."""
        if self._socket is not None and not _is_quiet(self._socket):
            self._hang_up()
        if self._socket is None:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            made.settimeout(ANSWER_SECONDS)
            try:
                made.connect(self._options.socket)
            except OSError as error:
                made.close()
                raise self._gone(error.strerror or str(error)) from error
            self._socket = made
        return self._socket

    def _answer(self, line: socket.socket, request: bytes) -> str:
        try:
            with suppress(BrokenPipeError):  # it says why it hung up: then that is the answer
                line.send(request)
            data = _heard(line)
        except OSError as error:
            raise self._gone(f"no answer ({error.strerror or error})") from error
        if not 0 < len(data) <= MAX_ANSWER:
            raise self._gone("it hung up")
        return data.decode("ascii", "replace")

    def _drop(self) -> None:
        if self._talking.acquire(timeout=ANSWER_SECONDS):  # not for ever: a handler may be here
            try:
                self._hang_up()
            finally:
                self._talking.release()

    def _hang_up(self) -> None:
        line, self._socket = self._socket, None
        if line is not None:
            line.close()

    def _gone(self, why: str) -> Unavailable:
        return Unavailable(f"the relay process at {self._options.socket}: {why}; {_HINT}")


def _heard(line: socket.socket) -> bytes:
    """The next packet. Whoever hangs up on unread words resets the line, which is told first;
    what was said before that is still there."""
    try:
        return line.recv(MAX_ANSWER + 1)
    except ConnectionResetError:
        return line.recv(MAX_ANSWER + 1)


def _is_quiet(line: socket.socket) -> bool:
    """Whether nothing waits to be read: neither an end nor an answer that nobody asked for."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return not poll.poll(0)
