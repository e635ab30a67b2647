"""Signals as sounds through `aplay`: the compound's own clips, or tones. Knows no lamp.

The player is a child process beside the gate: nothing waits for it, and it is killed when it takes
too long.
"""

import os
import shutil
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from hw.clips import clips_in
from hw.errors import Unavailable
from hw.patterns import PATTERNS
from hw.ports import Signal

GRACE_S = 2.0  # seconds on top of a clip, for the player to start and the device to drain
LONGEST_WAIT_S = 60.0
"""Seconds after which a resting thread looks whether it should end, as it is told to anyway."""
PAUSE_S = 0.4  # seconds between two rounds of a sound that repeats
CLOSE_S = 3.0  # seconds a closing driver waits for its thread


@dataclass(frozen=True, slots=True)
class SoundsOptions:
    """Which clips, through which player and device."""

    folder: str = ""  # of GREEN.wav, YELLOW.wav, RED.wav, GREY.wav, ALARM.wav; empty: tones
    language: str = ""  # its folder inside comes first: en, es, zh-Hans
    device: str = ""  # name of an ALSA device as `aplay -L` lists them; empty: the usual one
    command: str = "aplay"  # plays a WAV file from its standard input
    longest_ms: int = field(default=5_000, metadata={"least": 1_000, "most": 10_000})  # of a clip


class Sounds:
    """The Indicator port as sounds. One child process at a time; the newest signal ends the one
    that plays. A sound that failed is told by the next `show`, which tries again all the same."""

    def __init__(self, options: SoundsOptions | None = None) -> None:
        options = options or SoundsOptions()
        path = shutil.which(options.command)
        if path is None:
            raise Unavailable(
                f"no player {options.command!r} is installed; run 'sudo apt install alsa-utils'"
            )
        self._command = [path, "-q", *(["-D", options.device] if options.device else [])]
        self._clips = clips_in(options.folder, options.longest_ms, options.language)
        self._limit_s = options.longest_ms / 1_000 + GRACE_S
        self._changed = threading.Condition()
        self._signal = Signal.IDLE  # guarded by _changed, as all below
        self._number = 0  # counts what was shown
        self._played = 0  # the last number that was played to its end
        self._child: subprocess.Popen[bytes] | None = None
        self._fault = ""
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sounds", daemon=True)
        self._thread.start()

    def show(self, signal: Signal) -> None:
        with self._changed:
            if self._closed:
                raise Unavailable("the sounds are closed; make them new")
            self._signal = signal
            self._end()
            fault, self._fault = self._fault, ""
        if fault:
            raise Unavailable(fault)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._end()
        self._thread.join(CLOSE_S)

    def _end(self) -> None:
        """Whatever plays is over; called with the lock held."""
        self._number += 1
        if self._child is not None:
            self._child.kill()
        self._changed.notify_all()

    def wait_until_quiet(self, seconds: float) -> bool:
        """Waits until nothing plays any more; whether that came true in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._played == self._number, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._played == self._number and not self._closed:
                    repeats = PATTERNS[self._signal].beeps_repeat
                    self._changed.wait(PAUSE_S if repeats else LONGEST_WAIT_S)
                if self._closed:
                    return
                signal, number = self._signal, self._number
                is_due = number != self._played or PATTERNS[signal].beeps_repeat
            fault = self._play(signal, number) if is_due else ""
            with self._changed:
                self._child = None
                self._played = number
                if fault and number == self._number:
                    self._fault = f"a sound cannot be played ({fault}); try 'aplay -l' and device"
                self._changed.notify_all()

    def _play(self, signal: Signal, number: int) -> str:
        """Plays one clip to its end, its replacement or its time limit. What went wrong."""
        clip = self._clips.get(signal)
        if clip is None:
            return ""
        try:
            return self._ended(self._started(clip), number)
        except OSError as error:
            return str(error)

    def _started(self, clip: bytes) -> subprocess.Popen[bytes]:
        with os.fdopen(os.memfd_create("clip"), "w+b") as file:
            file.write(clip)
            file.seek(0)
            return subprocess.Popen(  # noqa: S603 - a command of the settings, without a shell
                self._command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def _ended(self, child: subprocess.Popen[bytes], number: int) -> str:
        """Waits for the child and reaps it. What went wrong, or nothing."""
        with self._changed:
            self._child = child
            if number != self._number:  # replaced while it was started
                child.kill()
        try:
            code = child.wait(self._limit_s)
        except subprocess.TimeoutExpired:
            child.kill()
            with suppress(subprocess.TimeoutExpired):  # the sound device holds it; let it be
                child.wait(GRACE_S)
            return f"it did not end within {self._limit_s} s"
        return f"{self._command[0]} ended with {code}" if code else ""
