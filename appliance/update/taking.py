"""Updates that come by themselves: from a stick into the inbox, from the inbox into a slot.

Two steps, for a stick may be pulled as soon as its bundle is copied. The door is the one of
`yardpass update install`: RAUC's signature, newer, for boxes of this kind, the gate closed, from a
slot that is kept. Nobody is asked anything.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.update import outcome, stick
from appliance.update.agent import Agent, GateOpen
from appliance.update.bundle import Offered
from appliance.update.inbox import Inbox
from appliance.update.outcome import State
from ledger_sync.errors import Refused, Unavailable

STICK, LEDGER = "stick", "ledger"
TRIAL_SECONDS = 360  # how long a trial that runs now is waited for: its health check takes 300
_POLL_SECONDS = 5


class RunsHere(Exception):
    """Nothing is wrong: what was brought is what runs. Says so."""


@dataclass(frozen=True, slots=True)
class Taking:
    """Of one box. `progress` is told what is done, in words."""

    agent: Agent
    inbox: Inbox
    progress: Callable[[str], None] = print

    def from_stick(self, folder: Path) -> Offered | None:
        """Copies the newest bundle of the folder that this box may take; None where there is no
        bundle. Raises `RunsHere`, `Refused` for bundles that may not be taken, `Unavailable` for a
        stick that was pulled, a full disk; what waited before is gone then."""
        try:
            found = stick.bundles_in(folder)
            if not found:
                return None
            offered = self._copied(self._newest(found))
        except (Refused, Unavailable) as error:
            self.agent.note_refused("", STICK, str(error))
            raise
        self.agent.note_step(offered.version, STICK, State.WAITING)
        return offered

    def _newest(self, found: list[Path]) -> stick.Found:
        running, told = self.agent.box.version(), set[str]()

        def look(path: Path) -> Offered:
            told.add(self.agent.offered(path).version)
            return self.agent.acceptable(path)

        try:
            return stick.newest(found, look)
        except Refused:
            if running in told:
                raise RunsHere(f"{running} is on the stick and runs here") from None
            raise

    def _copied(self, chosen: stick.Found) -> Offered:
        version, last = chosen.offered.version, [-1]
        self.agent.note_step(version, STICK, State.COPYING)

        def told(done: int, total: int) -> None:
            tenth = 10 * done // total
            if tenth != last[0]:
                last[0] = tenth
                self.progress(f"copying {version}: {10 * tenth} %")

        copy = self.inbox.take(chosen.path, told)
        try:
            offered = self.agent.acceptable(copy)  # of the copy: a stick may change under a reader
        except (Refused, Unavailable):
            self.inbox.clear()
            raise
        return offered

    def install(self) -> Offered | None:
        """Writes what waits; None where nothing does. Waits for the end of a trial and for a
        closed gate, each so long. It waits on until its trial went well (`settle`), should the
        power go. Raises `GateOpen` and keeps it, or `Refused` or `Unavailable`, and it is gone."""
        if not self.inbox.is_full:
            return None
        last = self.agent.last()
        source = last.source if last else STICK
        self._await_kept()
        try:
            offered = self.agent.offered(self.inbox.bundle)
            if last and (last.state, last.version) == (State.WRITTEN, offered.version):
                return offered  # the power went before it was tried
            outcome.check_tries(last, offered.version)
            offered = self.agent.install(self.inbox.bundle, source)
        except GateOpen:
            raise
        except (Refused, Unavailable) as error:
            self.agent.note_refused("", source, str(error))
            self.inbox.clear()
            raise
        return offered

    def settle(self, why: str = "") -> None:
        """At a start: what became of a trial, or of what a power cut ended before it."""
        self.agent.settle(why)
        last = self.agent.last()
        if last is not None and last.state is State.KEPT:
            self.inbox.clear()

    def _await_kept(self) -> None:
        """On trial the other slot is the only one that is known to work."""
        for _ in range(TRIAL_SECONDS // _POLL_SECONDS):
            if self.agent.standing().is_committed:
                return
            time.sleep(_POLL_SECONDS)
