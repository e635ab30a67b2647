"""Updates that come by themselves: from a stick into the inbox, from the inbox into a slot.

Two steps, for a stick may be pulled as soon as its bundle is copied. The door is the one of
`yardpass update install`: RAUC's signature, newer, for boxes of this kind, the gate closed, from a
slot that is kept. Nobody is asked anything.
"""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.update import outcome, stick
from appliance.update.agent import Agent, GateOpen
from appliance.update.bundle import Offered
from appliance.update.inbox import Inbox
from appliance.update.outcome import State
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.updates import Update

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

    def from_ledger(self, file: Path, update: Update) -> Offered:
        """Copies the file that was fetched of what the ledger names; it goes then. Raises
        `Refused` or `Unavailable` if it is another file or has no room, and if it may not be
        taken: then it is fetched once more, and not again."""
        agent = self.agent
        try:
            copy = self.inbox.take(file)
            if _hash(copy) != update.sha256:
                raise Refused("what was fetched is not the file that the ledger names")
            offered = self._as_named(copy, update)
        except (Refused, Unavailable) as error:
            self.inbox.clear()
            agent.note_refused(update.version, LEDGER, str(error))
            raise
        finally:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        agent.note_step(offered.version, LEDGER, State.WAITING)
        return offered

    def _as_named(self, copy: Path, update: Update) -> Offered:
        """RAUC decides, and the ledger must have told its version."""
        try:
            offered = self.agent.acceptable(copy)
            if offered.version != update.version:
                what = f"the ledger calls it {update.version}, it is {offered.version}"
                raise Refused(f"{what}; tell the office to publish it anew")
        except (Refused, Unavailable):
            self.agent.note(outcome.struck(self.agent.last(), update.version))
            raise
        return offered

    @property
    def source(self) -> str:
        """Where what waits came from."""
        last = self.agent.last()
        return last.source if last else STICK

    def install(self) -> Offered | None:
        """Writes what waits; None where nothing does. Waits for the end of a trial and for a
        closed gate, each so long. It waits on until its trial went well (`settle`), should the
        power go. Raises `GateOpen` and keeps it, or `Refused` or `Unavailable`, and it is gone."""
        if not self.inbox.is_full:
            return None
        self._await_kept()
        if not self.inbox.is_full:
            return None  # it was on trial itself, and is kept now
        last, source = self.agent.last(), self.source
        try:
            offered = self.agent.offered(self.inbox.bundle)
            if offered.version == self.agent.box.version():
                return None  # it runs; its health check says what becomes of it
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
        is_given_up = last is not None and last.tries.get(last.version, 0) >= outcome.MAX_TRIES
        if last is not None and (last.state is State.KEPT or is_given_up):
            self.inbox.clear()

    def _await_kept(self) -> None:
        """On trial the other slot is the only one that is known to work."""
        for _ in range(TRIAL_SECONDS // _POLL_SECONDS):
            if self.agent.standing().is_committed:
                return
            time.sleep(_POLL_SECONDS)


def _hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
