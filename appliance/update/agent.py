"""The verbs of an update, each a short list of steps. Which may be taken is said in slots.py."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from appliance.update import gate, health, outcome, outcome_file, programs, slots
from appliance.update.autoboot import other
from appliance.update.box import Box
from appliance.update.bundle import Offered, offered_of
from appliance.update.outcome import Outcome, State
from appliance.update.programs import Run
from appliance.update.slots import Standing
from ledger_sync.errors import Refused, Unavailable

CLOSED_SECONDS = 120  # how long an open gate is waited for
HEALTH_SECONDS = 300.0  # from the start of the check until a trial has failed
_POLL_SECONDS = 5.0
_RESET = "factory-reset"  # a file that the next start obeys, see yardpass-places.service
_WIPED_BYTES = 1 << 20  # of a slot that nobody shall go back to: its superblock is in it

IsOpen = Callable[[], bool]


class GateOpen(Unavailable):
    """Nothing is wrong but that the gate did not close."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Acts on one box. `is_open` says whether people may pass now: nothing is changed then.
    `ask_gate` and `ask_relay` are what its health check asks."""

    box: Box
    run: Run
    is_open: IsOpen
    ask_gate: health.Ask
    ask_relay: health.Ask = gate.condition
    now: Callable[[], int] = field(default=lambda: int(time.time()))
    wait_seconds: int = CLOSED_SECONDS

    def standing(self) -> Standing:
        """Raises `Unavailable` on a machine that is no box."""
        return Standing(self.box.running(), self.box.chosen(), self.box.is_on_trial())

    def offered(self, bundle: Path) -> Offered:
        """What a bundle brings, after RAUC has verified who signed it. Raises `Unavailable` for
        another key, `Refused`."""
        if not bundle.is_file():
            raise Unavailable(f"no bundle at {bundle}")
        try:
            told = self.run(["/usr/bin/rauc", "info", "--output-format=json", str(bundle)])
        except Unavailable as error:
            why = str(error).strip().splitlines()[-1]
            step = "write it anew, or take one that the maker of this box has signed"
            raise Unavailable(f"no bundle for this box ({why}); {step}") from error
        return offered_of(told)

    def acceptable(self, bundle: Path) -> Offered:
        """What a bundle brings that this box may take by itself. Raises as `offered`, and
        `Refused` for another kind of box, what is not newer, what was tried and did not work."""
        offered = self.offered(bundle)
        slots.check_kind(self.box.kind(), offered.compatible)
        slots.check_newer(self.box.version(), offered.version)
        outcome.check_tries(self.last(), offered.version)
        return offered

    def install(self, bundle: Path, source: str = "hand") -> Offered:
        """Writes a bundle to the slot that does not run. Raises `Refused` for what is not newer,
        `Unavailable` for another key, a changed byte, an open gate, a data partition that takes no
        write, with which no trial would be found well. The slot that runs stays."""
        version = ""
        try:
            offered = self.offered(bundle)
            version = offered.version
            slots.check_kind(self.box.kind(), offered.compatible)
            slots.check_install(self.standing(), self.box.version(), version)
            for fault in health.disk_faults(self.box.data):
                raise Unavailable(f"nothing is installed: {fault}")
            self._await_closed()
            self.note_step(version, source, State.WRITING)
            self._mark(other(self.box.running()), is_bad=True)
            programs.install(str(bundle))
            self._mark(other(self.box.running()), is_bad=False)
        except GateOpen:
            self.note_step(version, source, State.WAITING)
            raise
        except (Refused, Unavailable) as error:
            self.note_refused(version, source, str(error))
            raise
        self.note_step(version, source, State.WRITTEN)
        return offered

    def last(self) -> Outcome | None:
        """What became of the last update; None for none."""
        return outcome_file.read(self.box.data)

    def note(self, made: Outcome | None) -> None:
        """Keeps it for the screen and the doctor, as far as the disk takes it."""
        with suppress(Refused, Unavailable):
            if made is not None:
                outcome_file.write(self.box.data, made)

    def note_refused(self, version: str, source: str, why: str) -> None:
        """That something was refused, unless another update is under way."""
        self.note(outcome.refused(self.last(), version, source, why, now=self.now()))

    def note_step(self, version: str, source: str, state: State) -> None:
        """That an update of this version is at this step."""
        self.note(outcome.begun(self.last(), version, source, state, now=self.now()))

    def try_other(self) -> None:
        """Restarts into the other slot, once, when the gate is closed. Raises `Refused` for a slot
        that was written half."""
        target = other(self.box.running())
        if self._is_bad(target):
            raise Refused(f"slot {target} is not whole; install an update")
        self._await_closed()
        last = self.last()
        if last is not None and last.state is State.WRITTEN:
            self.note(outcome.tried(last))
        programs.restart(is_trial=True)

    def validate(self) -> str:
        """The slot that runs is kept from now on; its name."""
        slot = self.box.running()
        self.box.choose(slot)
        self.box.set_starts(self.box.starts()._replace(slot=slot, starts=0))
        self.settle()
        return slot

    def settle(self, why: str = "") -> None:
        """Keeps what became of a trial: that it is well, or `why` not; and of what a power cut
        ended before it."""
        last = self.last()
        if last is not None:
            self.note(outcome.settled(last, self.box.version(), why))

    def revert(self) -> str:
        """Goes back to the other slot, now and from now on. Raises `Refused` where it is not
        known to work."""
        standing = self.standing()
        slots.check_revert(standing, is_prevented=self._is_bad(standing.target))
        self._await_closed()
        self.box.choose(standing.target)
        programs.restart(is_trial=False)
        return standing.target

    def prevent_revert(self) -> str:
        """Empties the other slot, so that nobody goes back to what was mended; its name."""
        standing = self.standing()
        slots.check_revert(standing, is_prevented=False)
        self._mark(standing.target, is_bad=True)
        for name in ("system", "boot"):
            _wipe(self.box.slots / f"{name}_{standing.target}")
        return standing.target

    def factory_reset(self) -> None:
        """Everything that is this box's own goes at the next start, its log with it."""
        self._await_closed()
        _write(self.box.data / _RESET, b"by yardpass update factory-reset\n")
        programs.restart(is_trial=False)

    def heed_given_up(self) -> str:
        """What the initrd did is kept for the screen and the doctor, and the slot that it gave up
        not gone back to. What there is to say; empty for nothing."""
        found = self.box.starts()
        if found.given_up in ("", self.box.running()):
            return ""
        self._mark(found.given_up, is_bad=True)
        made = outcome.given_up(self.last(), found.given_up, now=self.now())
        self.note(made)
        self.box.set_starts(found._replace(given_up=""))
        return made.sentence

    def check(self, clock: Callable[[], float] = time.monotonic) -> list[str]:
        """Waits until the box is well, at most `HEALTH_SECONDS` on a trial; what is wrong.

        A data partition that takes no write does not mend itself. A slot that is kept is asked
        for that alone: a reader that broke is no reason to start another slot.
        """
        found = list(health.disk_faults(self.box.data))
        if found or not self.box.is_on_trial():
            return found
        end = clock() + HEALTH_SECONDS
        while True:
            asks = (self.ask_relay, self.ask_gate)
            found = list(health.faults(self.run, *asks, data=self.box.data))
            if not found or clock() > end:
                return found
            time.sleep(_POLL_SECONDS)

    def end_trial(self) -> None:
        """Restarts into the slot before, when the gate is closed, however long that takes: what
        holds it open may be a fire."""
        while self.is_open():
            time.sleep(1)
        programs.restart(is_trial=False)

    def _await_closed(self) -> None:
        for _ in range(self.wait_seconds):
            if not self.is_open():
                return
            time.sleep(1)
        raise GateOpen("the gate is open; nothing is changed until it is closed")

    def _mark(self, slot: str, *, is_bad: bool) -> None:
        """Remembers that a slot holds nothing whole."""
        path = self.box.data / f".slot-{slot}-is-bad"
        if is_bad:
            _write(path, b"")
        else:
            path.unlink(missing_ok=True)

    def _is_bad(self, slot: str) -> bool:
        return (self.box.data / f".slot-{slot}-is-bad").exists()

    # What RAUC asks of a boot loader, in its words: bootloader=custom in system.conf.

    def backend(self, words: tuple[str, ...]) -> Iterator[str]:
        """Answers RAUC. An install changes nothing here: the trial is asked for by `try_other`."""
        match words:
            case ("get-primary",):
                yield self.box.chosen().upper()
            case ("get-current",):
                yield self.box.running().upper()
            case ("get-state", slot):
                yield "bad" if self._is_bad(_slot(slot)) else "good"
            case ("set-state", slot, "bad"):
                self._mark(_slot(slot), is_bad=True)
            case ("set-state", slot, "good"):
                self._mark(_slot(slot), is_bad=False)
            case ("set-primary", slot):
                _slot(slot)
            case _:
                raise Refused(f"RAUC asks {' '.join(words)!r}, which is not known here")


def _slot(word: str) -> str:
    slot = word.lower()
    if slot not in ("a", "b"):
        raise Refused(f"{word!r} is no slot; there are A and B")
    return slot


def _write(path: Path, data: bytes) -> None:
    try:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}") from error


def _wipe(device: Path) -> None:
    try:
        with device.open("r+b") as file:
            file.write(bytes(_WIPED_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(f"cannot empty {device}: {error.strerror}") from error
