"""relayd: the only process that moves the relay pin. One loop serves a Unix socket.

Who may ask is told by the kernel (SO_PEERCRED), not by the message. Clients, messages and answers
are bounded; a client that does not read its answers is dropped. The loop looks at no time of day.
What may be switched is decided in pulse_law.py, what is switched in contact.py.
"""

import json
import logging
import os
import pwd
import selectors
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress

from appliance.gate import notify
from appliance.gate.contact import Contact
from appliance.gate.notify import Notify
from appliance.relay_settings import RelaydSettings
from hw.errors import Refused, Unavailable
from hw.relay_line import FULL, MAX_ANSWER, MAX_REQUEST, REFUSED_PEER, Verb, request_of
from ledger_sync.errors import Refused as FileRefused
from ledger_sync.errors import Unavailable as FileUnavailable

MAX_CLIENTS = 16
MAX_COMPLAINTS = 64  # log lines on refusals until one is granted; a flood must not fill the disk
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid; unix(7)

_log = logging.getLogger("yardpass.relay")


def users_of(names: Iterable[str | int]) -> frozenset[int]:
    """The uids that may ask: these, root, and the one this process runs as.

    Raises `Refused` (R-SETTINGS) for a name that this machine does not know.
    """
    found = {0, os.getuid()}
    for name in names:
        try:
            found.add(name if isinstance(name, int) else pwd.getpwnam(name).pw_uid)
        except KeyError:
            raise Refused(
                f"relayd.users: no user {name!r} on this machine; make it, or take it out",
                reason="R-SETTINGS",
            ) from None
    return frozenset(found)


class _Client:
    """One connection; also the owner of what it asks for."""

    def __init__(self, line: socket.socket, pid: int, uid: int) -> None:
        self.line = line
        self.uid = uid
        self.name = f"process {pid} of user {uid}"


class Relayd:
    """The loop. One thread runs it; `stop` and `reload` may be called from a signal handler.

    `told` gives the settings anew. Raises what loading them raises. `heir` says whether somebody
    drives the pin low if this process dies; see heir.py.
    """

    def __init__(
        self,
        listener: socket.socket,
        contact: Contact,
        users: frozenset[int],
        *,
        notify: Notify,
        told: Callable[[], RelaydSettings],
        heir: Callable[[], bool] = lambda: True,
    ) -> None:
        self._contact = contact
        contact.alarm = self.wake
        self._users = users
        self._notify = notify
        self._told = told
        self._has_heir = heir
        self._listener = listener
        self._clients: set[_Client] = set()
        self._complaints = 0
        self._stopping = self._reloading = False
        self._waker, self._wakes = socket.socketpair()
        self._waker.setblocking(False)
        self._wakes.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wakes, selectors.EVENT_READ, self._woken)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def stop(self) -> None:
        """Off at once; the loop ends."""
        self._stopping = True
        self._contact.stop()
        self.wake()

    def reload(self) -> None:
        """The settings are read anew, soon."""
        self._reloading = True
        self.wake()

    def wake(self) -> None:
        with suppress(OSError):  # it is awake already, or has ended
            self._waker.send(b"!")

    def waker(self) -> int:
        """The descriptor that `wake` writes to, for wakeup.py: a signal that comes just before the
        loop waits would not be heard until something else wakes it."""
        return self._waker.fileno()

    def run(self) -> None:
        """Serves until stopped. Raises `Unavailable` when the pin does not go off, or nobody
        guards it any more: then this process must end, and the next start drives it low."""
        self._notify.tell(notify.READY)
        try:
            while not self._stopping:
                self._check()
                self._serve(self._contact.tick())
        finally:
            self._notify.tell(notify.STOPPING)
            self._close()

    def _serve(self, left_ms: int | None) -> None:
        """Waits for news until the deadline at most, and answers every client once."""
        watched = self._notify.interval_ms or None
        waits = [ms / 1000 for ms in (left_ms, watched) if ms is not None]
        for key, _ in self._selector.select(min(waits, default=None)):
            key.data()
        if self._reloading:
            self._reloading = False
            self._read_settings()

    def _check(self) -> None:
        if self._contact.fault:
            raise Unavailable(self._contact.fault)
        if not self._contact.is_guarded() and not self._stopping:
            raise Unavailable("the guard of the pin has ended; start yardpass relay again")
        if not self._has_heir() and not self._stopping:
            raise Unavailable("the heir of the pin has ended; start yardpass relay again")
        self._notify.tell(notify.WATCHDOG)

    def _woken(self) -> None:
        with suppress(BlockingIOError):
            self._wakes.recv(4_096)

    def _accept(self) -> None:
        try:
            line, _ = self._listener.accept()
        except OSError as error:  # gone again, or no descriptor left
            self._complain("a client could not be taken: %s", error)
            return
        line.setblocking(False)
        peer = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(peer)
        client = _Client(line, pid, uid)
        why = ""
        if uid not in self._users:
            why = f"{REFUSED_PEER}user {uid} may not move this relay; see relayd.users"
        elif len(self._clients) >= MAX_CLIENTS:
            why = f"{FULL}{MAX_CLIENTS} clients are connected already; end one of them"
        if why:
            self._complain("%s: %s", client.name, why)
            self._answer(client, why)
            line.close()
            return
        self._clients.add(client)
        self._selector.register(line, selectors.EVENT_READ, _bound(self._hear, client))

    def _hear(self, client: _Client) -> None:
        try:
            data = client.line.recv(MAX_REQUEST + 1)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or not self._answer(client, self._said(client, data)):
            self._lose(client)

    def _said(self, client: _Client, data: bytes) -> str:
        try:
            request = request_of(data)
        except Refused as refused:
            self._complain("%s: %s", client.name, refused)
            return f"refused form {str(refused)!a}"
        if request.verb is Verb.STATE:
            return "state " + json.dumps(self._contact.state() | {"clients": len(self._clients)})
        answer = self._contact.asked(client, request)
        if not answer.startswith(("granted", "done")):
            self._complain("%s: %s", client.name, answer)
        elif request.verb in (Verb.PULSE, Verb.HOLD):
            self._complaints = 0
            _log.info("%s: %s %d, %s ms", client.name, request.verb.value, request.ms, answer)
        return answer

    def _answer(self, client: _Client, answer: str) -> bool:
        try:
            client.line.send(answer.encode("ascii", "backslashreplace")[:MAX_ANSWER])
        except OSError:
            return False
        return True

    def _lose(self, client: _Client) -> None:
        """What it held is off before anything else is done."""
        self._contact.lost(client)
        self._clients.discard(client)
        self._selector.unregister(client.line)
        client.line.close()

    def _read_settings(self) -> None:
        try:
            settings = self._told()
            users = users_of(settings.users)
        except (Refused, Unavailable, FileRefused, FileUnavailable) as error:
            _log.error("the settings were not read again, the old ones stay: %s", error)
            return
        self._users = users
        for client in [one for one in self._clients if one.uid not in users]:
            self._lose(client)
        self._contact.change(settings.limits)
        _log.info("limits and users were read again; a new pin or socket needs a restart")

    def _complain(self, text: str, *values: object) -> None:
        self._complaints += 1
        if self._complaints <= MAX_COMPLAINTS:
            _log.warning(text, *values)

    def _close(self) -> None:
        for client in list(self._clients):
            self._lose(client)
        self._selector.close()
        self._waker.close()
        self._wakes.close()


def _bound(heard: Callable[[_Client], None], client: _Client) -> Callable[[], None]:
    return lambda: heard(client)
