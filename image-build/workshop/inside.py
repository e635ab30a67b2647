"""What is seen of a guest from inside, as root: its services, what they say, the relay's line.

Runs from the stick, as hardware_day.py does.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from workshop import line_history
from workshop.line_history import Change, High

RELAY_PIN = 17
LIMIT_SECONDS = 240.0  # for anything to happen; the guest is slow
GATE = "yardpass-gate"
HISTORY = Path("/run/line")
NAP_SECONDS = 0.02


class Wrong(Exception):
    """What was looked for is not so."""


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def output_of(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    return done.stdout.strip()


def wait(
    what: str, look: Callable[[], bool], seconds: float = LIMIT_SECONDS, *, every: float = 1.0
) -> None:
    """Until it is so. Each look may cost the guest a new process. Raises `Wrong`."""
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)


def shown(unit: str, name: str) -> str:
    return output_of("systemctl", "show", "-P", name, unit)


def pid_of(unit: str) -> int:
    return int(shown(unit, "MainPID") or 0)


def said(unit: str) -> list[str]:
    """All its lines of this start, oldest first."""
    return output_of("journalctl", "-b", "-q", "-o", "cat", "--no-pager", "-u", unit).splitlines()


def await_line(unit: str, words: tuple[str, ...], since: int, what: str) -> str:
    """A line that holds one of these words, behind the first `since`. Raises `Wrong`."""
    found: list[str] = []

    def look() -> bool:
        found[:] = [line for line in said(unit)[since:] if any(word in line for word in words)]
        return bool(found)

    wait(what, look)
    return found[0]


def decided(since: int, *words: str) -> str:
    """What the gate decided behind the first `since` lines."""
    colours = words or ("GREEN", "YELLOW", "RED", "GREY")
    return await_line(GATE, colours, since, f"the gate to decide {'/'.join(colours)}")


# --- the line


def line_of(pin: int) -> Path:
    return next(Path("/sys/devices/platform").glob(f"gpio-sim.0/gpiochip*/sim_gpio{pin}"))


def changes() -> list[Change]:
    whole, _, _ = HISTORY.read_text().rpartition("\n")
    return [line_history.change_of(line) for line in whole.splitlines()]


def highs_since(moment: int) -> list[High]:
    return [one for one in line_history.highs(changes()) if one.began >= moment]


class Canary(threading.Thread):
    """How late this machine wakes who sleeps, which nobody in it can do anything about."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.late_ms = 0.0
        self._is_over = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self.join()

    def run(self) -> None:
        while not self._is_over:
            began = time.monotonic()
            time.sleep(NAP_SECONDS)
            late = time.monotonic() - began - NAP_SECONDS
            self.late_ms = max(self.late_ms, 1_000 * late)


def is_high() -> bool:
    return bool(changes()[-1].level)


def watched() -> None:
    """In a process of its own, which looks at the line and does nothing else."""
    words = [sys.executable, "-m", "workshop.line_history"]
    subprocess.Popen([*words, str(line_of(RELAY_PIN) / "value"), str(HISTORY), "0.002"])  # noqa: S603 - our own words
    wait("the line to be looked at", lambda: HISTORY.exists() and bool(HISTORY.read_text()))
