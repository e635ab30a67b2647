"""Boots an image in QEMU, in software, and listens to its console.

The image has no door for tests: what a test wants to run comes as a unit on the kernel's command
line, as anybody could give it who holds the card.
"""

import base64
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger_sync.errors import Unavailable
from workshop.board import Board
from workshop.firmware import Firmware, Start
from workshop.machine import Machine, twin

MAX_SECONDS = 900  # a slow machine with another guest beside needs 250 for what others do in 60
STARTS = 3  # of a guest whose emulator fails
_BREAKPOINT = re.compile(r"^\[ +[0-9]\.[0-9]+\] Oops: int3: ")
_COLOURS = re.compile(r"\x1b\[[0-9;?!]*[a-zA-Z]|\x1b\]\d+[^\x07\\]*(?:\x07|\x1b\\)|\r")
_UNIT = """\
[Unit]
After={after}
[Service]
Type=oneshot
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
ExecStart=/bin/sh -c '{entry}'
"""
# Nobody attacks an emulated processor, which takes a tenth longer with what keeps a real one safe.
_WORDS = "systemd.show_status=0 mitigations=off"
_ENTRY = "mkdir -p /run/stick; mount -r LABEL=stick /run/stick; exec sh /run/stick/do"


@dataclass(slots=True)
class Heard:
    """What one boot said on its console, and how it ended."""

    start: Start
    lines: list[str] = field(default_factory=list)
    seconds: float = 0.0
    is_cut: bool = False

    def said(self, pattern: str) -> list[str]:
        """The lines that the pattern is found in."""
        return [line for line in self.lines if re.search(pattern, line)]


@dataclass(frozen=True, slots=True)
class Guest:
    """An image and what is plugged in: a stick, and the firmware's flag."""

    board: Board
    firmware: Firmware
    stick: Path | None = None
    extra: Sequence[str] = ()
    console: Path = Path("/dev/null")
    """Where all that guests say is written as it comes."""
    after: str = "basic.target"
    """What the stick's script waits for."""
    machine: Machine | None = None
    """None: that of the board's twin."""
    entry: str = ""
    """What the shell of a guest without a stick runs."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where QEMU finds the disks `card` and `tryboot`, if not in the firmware's files."""

    def boot(
        self,
        *,
        words: str = "",
        cut_at: str = "",
        until: str = "",
        is_kept: bool = True,
        max_seconds: float = MAX_SECONDS,
    ) -> Heard:
        """One boot until the guest resets or goes off, or a line matches `until`; at a line that
        matches `cut_at` it is killed. Without `is_kept` nothing is written to the image. A guest
        that the emulator has failed is started again. Raises `Unavailable` if it takes longer than
        `max_seconds`."""
        start = self.firmware.start()
        command = self._command(start, words, is_kept)
        for _ in range(STARTS):
            heard = Heard(start)
            self._run(command, heard, cut_at, until, max_seconds)
            if not is_emulators_fault(heard.lines):
                break
        return heard

    def _run(
        self, command: list[str], heard: Heard, cut_at: str, until: str, max_seconds: float
    ) -> None:
        began = time.monotonic()
        with subprocess.Popen(  # noqa: S603 - our own words
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as running:
            late = threading.Timer(max_seconds, running.kill)
            late.start()
            try:
                self._listen(running, heard, cut_at, until)
            finally:
                late.cancel()
                running.kill()
        heard.seconds = time.monotonic() - began
        if heard.seconds >= max_seconds:
            tail = "\n".join(heard.lines[-40:])
            raise Unavailable(f"the guest did not end in {max_seconds:.0f} s; it said:\n{tail}")

    def _command(self, start: Start, words: str, is_kept: bool) -> list[str]:
        snapshot = "" if is_kept else ",snapshot=on"
        cmdline = f"{start.cmdline} {_WORDS} {words}"
        machine = self.machine or twin(self.board.arch)
        entry = _ENTRY if self.stick else self.entry
        if entry:
            cmdline += " " + unit_words("do", _UNIT.format(after=self.after, entry=entry))
        command = [*machine.words, *self.extra]
        command += ["-kernel", str(start.kernel), "-initrd", str(start.initrd), "-append", cmdline]
        for name, file in (("card", self.firmware.image), ("tryboot", self.firmware.flag)):
            options = snapshot if name == "card" else ""
            command += machine.disk(self.places.get(name, file), name, options)
        if self.stick:
            command += machine.disk(self.stick, "stick", ",readonly=on")
        return command

    def _listen(
        self, running: subprocess.Popen[bytes], heard: Heard, cut_at: str, until: str
    ) -> None:
        assert running.stdout is not None
        with self.console.open("a", encoding="utf-8", buffering=1) as console:
            for raw in running.stdout:
                line = _COLOURS.sub("", raw.decode(errors="replace")).rstrip()
                heard.lines.append(line)
                console.write(f"{line}\n")
                if cut_at and re.search(cut_at, line):
                    heard.is_cut = True
                    return
                if until and re.search(until, line):
                    return


def is_emulators_fault(lines: Sequence[str]) -> bool:
    """Whether the kernel died, in its first ten seconds, of a breakpoint that it had taken out of
    its code again: QEMU's threads may still run the code as it was (seen with 7.2 and Linux 7.3).
    """
    return any(_BREAKPOINT.search(line) for line in lines)


def unit_words(name: str, text: str) -> str:
    """A unit that is started once, for the kernel's command line."""
    packed = base64.b64encode(text.encode()).decode()
    given = f"systemd.set_credential_binary=systemd.extra-unit.{name}.service:{packed}"
    return f"{given} systemd.wants={name}.service"
