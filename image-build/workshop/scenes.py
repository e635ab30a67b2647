"""What is done to a box that takes updates, and what it must do then.

Each scene raises `Unavailable` with the console if it ends as it must not. That the kept slot runs
after a scene is shown by the next start of it, which is the next scene's or the last one.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appliance.update import autoboot, counter
from ledger_sync.errors import Unavailable
from workshop import answers, asked, bad_slots, published, torn_card
from workshop.firmware import Firmware, make_box_stick, make_stick
from workshop.guest import Guest, Heard
from workshop.host import YARDPASS, copied, run
from workshop.journal import ACK_BYTES
from workshop.layout import part_of
from workshop.ota_run import END, NEWER, TELL, Day, expect, tail
from workshop.update_cuts import PHASES, Cuts, Moment, Recorder, Recording

SPOILT_MIB = 1  # of a slot's filesystem: its superblock is in it
CONTROL = 4  # cuts of a card that lies about flushes
NAMES = (
    *("refusals", "full", *bad_slots.NAMES),
    *("cuts", "good", "ledger", "stick", "damaged", "verbs"),
)
Scene = Callable[[], None]


@dataclass
class Scenes:
    """The scenes of one day, by name. `cuts` and `boots` are how many cards are torn, and how many
    of them are started. Short: of the bad systems only the first is installed by the box, beside
    a good system that lies there already; the others are put onto its card, and one start
    afterwards shows for all that the kept slot runs.
    """

    day: Day
    cuts: int = 20
    boots: int = 3
    is_short: bool = False
    is_updated: bool = field(default=False, init=False)
    has_installed: bool = field(default=False, init=False)

    def all(self) -> Mapping[str, Scene]:
        bad = {name: lambda name=name: self.bad(name) for name in bad_slots.NAMES}
        return {
            "refusals": self.refusals,
            "full": self.full,
            **bad,
            "cuts": self.torn,
            "good": self.good,
            "ledger": self.ledger,
            "stick": self.stick,
            "damaged": self.damaged,
            "verbs": self.verbs,
        }

    def due(self, names: Sequence[str], seconds: float) -> Iterator[tuple[str, Scene]]:
        """The scenes of these names, of which none begins after so many seconds but the first."""
        known, end = self.all(), time.monotonic() + seconds
        for name in names:
            if name == names[0] or time.monotonic() < end:
                yield name, known[name]
            else:
                self.day.say(f"{name}: left out, there is no time for it")

    def refusals(self) -> None:
        """Another's key, an older version, a changed bit, half a bundle, an open gate: each
        refused by its reason."""
        names = ("stranger", "older", "tampered", "truncated")
        script = "".join(asked.REFUSED.format(name, "") for name in names)
        script += asked.AT_WORK + asked.HELD + asked.REFUSED.format("good", "--wait 2")
        self._seen(script + asked.LET_GO, answers.REFUSALS)

    def full(self) -> None:
        """A data partition that is full to its last block, while a pass is shown to the gate."""
        script = asked.SHOWN + asked.FULL + asked.REFUSED.format("good", "") + asked.FREED
        self._seen(script, answers.FULL)

    def _seen(self, script: str, wanted: Mapping[str, str]) -> None:
        self._expect(self.day.home(script + TELL + END), wanted)

    def _expect(self, heard: Heard, wanted: Mapping[str, str]) -> None:
        for pattern, what in wanted.items():
            expect(heard, pattern, what)

    def bad(self, name: str) -> None:
        """A bad system is tried once; then the slot before is started again."""
        if self.is_short and self.has_installed:
            self.day.put("b", self.day.boot_of(name))
        else:
            self._install(name)
        tried = self.day.trial(asked.STAY)
        ends = bad_slots.slots()[name].ends
        if ends:
            expect(tried, ends, "it ends by itself")
        elif tried.said("reboot: |Rebooting in"):
            raise Unavailable(f"not the watchdog has ended it:\n{tail(tried)}")
        self._ends_on_a()

    def _install(self, name: str) -> None:
        script = asked.INSTALL.format(name)
        if not self._is_whole() and self.is_short:
            self.day.lay("system_b", self.day.newer)
        elif not self._is_whole():
            script = "yardpass update install --no-restart good 2>&1\n" + script
        self.day.home(script)
        self.has_installed = True

    def _is_whole(self) -> bool:
        """Whether the other slot holds the good bundle's system, to which a bad bundle brings a
        boot partition."""
        part = part_of(self.day.board, "system_b")
        file = self.day.newer
        with self.day.image.open("rb") as image, file.open("rb") as system:
            image.seek(part.at)
            return image.read(file.stat().st_size) == system.read()

    def _ends_on_a(self) -> None:
        """By what the firmware reads: the trial has changed nothing that it is told."""
        start = self.day.firmware.start()
        if (start.partition, start.is_trial) != (2, False):
            raise Unavailable(f"partition {start.partition} is started after a bad trial")

    def torn(self) -> None:
        """The power goes at random moments of an update: see update_cuts.py."""
        recording = self._recorded()
        cuts = Cuts(self.day.board, recording, self.slots(), self.day.folder, self.day.seed)
        bad, phases = list[str](), dict.fromkeys(PHASES, 0)
        for number, moment in enumerate(cuts.judged(self.cuts, boots=self.boots, look=self._look)):
            phases[moment.phase] += 1
            self.day.say(f"{number + 1}: {moment.sentence}")
            bad += [moment.sentence] if moment.faults else []
        if bad:
            raise Unavailable("a cut left no box that works:\n" + "\n".join(bad))
        spread = ", ".join(f"{number} {phase}" for phase, number in phases.items())
        self.day.say(f"{self.cuts} cuts ({spread}): each starts a whole slot")
        self._control(cuts)

    def _look(self, moment: Moment, image: Path) -> None:
        """Some of the torn cards are started: the box runs that slot, and is well."""
        if not moment.is_started or moment.next is None:
            return
        folder = self.day.folder / "started"
        folder.mkdir(exist_ok=True)
        card = copied(image, folder / "card.img")
        os.truncate(card, card.stat().st_size - ACK_BYTES)
        firmware = Firmware(self.day.board, card, folder)  # whose flag the power cut took
        files = folder / "stick"
        files.mkdir(exist_ok=True)
        (files / "do").write_text(
            asked.AT_WORK + asked.SEEN + asked.WELL + TELL + asked.FSCK + END, encoding="utf-8"
        )
        stick = folder / "stick.img"
        make_stick(files, stick, 4)
        heard = Guest(self.day.board, firmware, stick, console=self.day.console).boot()
        self.day.expect_running(heard, moment.next.slot)
        expect(heard, "store.db: sound", "what was recorded is sound")
        self.day.say(f"started the card cut at event {moment.number}: {heard.seconds:.0f} s")

    def _control(self, cuts: Cuts) -> None:
        """A card that keeps nothing when it is told to flush must be found out."""
        found = [one.sentence for one in cuts.judged(CONTROL, is_lying=True) if one.faults]
        if not found:
            raise Unavailable("a card that lies about flushes is not found out: the rig is blind")
        self.day.say(f"a card that lies, {len(found)} of {CONTROL} cuts not sound: {found[-1]}")

    def good(self) -> None:
        """A good system is tried, found well and kept; a cold start stays with it; then back."""
        if not self.is_updated:
            self.day.home(asked.INSTALL.format("good"))
            self._kept(self.day.trial(asked.WELL + TELL + END))
        self._back()

    def _back(self) -> None:
        self.day.home("yardpass update revert\n")
        self.day.kept = "a"

    def ledger(self) -> None:
        """The office names an update in the ledger, which the box takes from a stick; it fetches
        the bundle by its network, and installs, tries and keeps it when nobody has come for a
        minute. Then back."""
        if not self._is_whole():
            self.day.lay("system_b", self.day.newer)
        self.day.plugged = self.day.folder / "plugged.img"
        make_box_stick(self.day.plugged, {"ledger.yardpass": self._named()})
        self.day.network = published.nic(self.day.desk / "public")
        self.day.home(asked.AUTOMATIC + asked.FETCHED + asked.QUIET + asked.STAY)
        self.day.plugged, self.day.network = None, ()
        heard = self.day.trial(asked.WELL + TELL + END)
        self._kept(heard)
        expect(heard, rf'"version": "{NEWER}", "source": "ledger", "state": "kept"', "it is kept")
        self._back()

    def _named(self) -> Path:
        """The ledger in one file, published with the update in it."""
        desk, bundle = self.day.desk, self.day.folder / "bundles" / "light"
        for words in (
            ("office", "update", bundle, "public", "--url", published.URL),
            ("office", "publish", "ledger.yardpass"),
        ):
            run(YARDPASS, *words, cwd=desk)
        return desk / "ledger.yardpass"

    def stick(self) -> None:
        """A stick with a bundle is put in: the box copies, installs, tries and keeps it, and says
        so on the stick. Nobody types anything. The bundle brings a boot partition to the good
        system: the whole one has no room beside the spare of a card as small as the twin's."""
        if not self._is_whole():
            self.day.lay("system_b", self.day.newer)
        self.day.plugged = stick = self.day.folder / "plugged.img"
        make_box_stick(stick, {"update/yardpass.raucb": self.day.folder / "bundles" / "light"})
        self.day.home(asked.STAY)
        told = _told_on(stick)
        if "is written; the box restarts to try it" not in told:
            raise Unavailable(f"the stick says {told!r}")
        heard = self.day.trial(asked.WELL + asked.TAKEN + TELL + END)
        self._kept(heard)
        self.day.plugged = None
        expect(heard, rf'"version": "{NEWER}", "source": "stick", "state": "kept"', "it is kept")
        if f"{NEWER} is on the stick and runs here" not in _told_on(stick):
            raise Unavailable(f"the stick says {_told_on(stick)!r}")

    def damaged(self) -> None:
        """The kept slot is damaged: after three starts the initrd takes the other one, which tells
        it."""
        if not self.is_updated:
            self.day.home("yardpass update install --no-restart good 2>&1\n" + END)
        broken, other = self.day.kept, autoboot.other(self.day.kept)
        part = part_of(self.day.board, f"system_{broken}")
        with self.day.image.open("r+b") as file:
            file.seek(part.at)
            file.write(bytes(SPOILT_MIB << 20))
        for _ in range(counter.LIMIT):
            heard = self.day.boot(END)
            expect(heard, f"system_{broken} cannot be mounted", "a damaged slot says so")
        expect(self.day.boot(END), "the other one is taken", "the damaged slot is given up")
        self.day.kept = other
        heard = self.day.home(asked.WELL + asked.DOCTOR + END)
        expect(heard, f"doctor: WARN +slots .*slot {broken} holds nothing whole", "it is told")
        expect(heard, f"doctor: WARN +update .*slot {broken} .* given up for", "and why")

    def verbs(self) -> None:
        """What a technician may type: keep this slot, empty the other one, and begin anew. The box
        is no terminal after it."""
        self._expect(self.day.home(asked.VERBS), answers.VERBS)
        self._expect(self.day.home(asked.BEGUN_ANEW + END), answers.NEW)

    def slots(self) -> torn_card.Slots:
        """What whole slots hold: a as it was built, b as the good bundle brings it."""
        build, good = self.day.build, self.day.boot_of("good")
        system = torn_card.whole_of(build / "system.erofs")
        return {
            "system_a": system,
            "boot_a": torn_card.whole_of(build / "boot.vfat"),
            "system_b": torn_card.whole_of(self.day.newer),
            "boot_b": torn_card.whole_of(good),
        }

    def _recorded(self) -> Recording:
        """A good update with every write of it: written, tried, kept."""
        self.day.spoil("b")
        recorder = Recorder(self.day.image, self.day.folder)
        with recorder.start(self.day.firmware.flag) as places:
            heard = self.day.boot(TELL + asked.INSTALL.format("good"), places)
        self.day.expect_running(heard, "a")
        with recorder.start(self.day.firmware.flag) as places:
            tried = self.day.trial(asked.WELL + TELL + END, places)
        self._kept(tried)
        recorder.close()
        return recorder.recording()

    def _kept(self, tried: Heard) -> None:
        self.day.expect_running(tried, "b")
        self.day.kept, self.is_updated = "b", True


def _told_on(stick: Path) -> str:
    """What a box has left on its stick."""
    return run("mtype", "-i", stick, "::update/OUTCOME.txt")
